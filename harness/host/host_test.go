package host

import (
	"bytes"
	"compress/gzip"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/record"
)

// tree makes a root folder of files.
func tree(files map[string]string) fstest.MapFS {
	m := fstest.MapFS{}
	for name, content := range files {
		m[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return m
}

func gzipped(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const intelInfo = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 106\nmodel name\t: Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz\nflags\t\t: fpu hypervisor\n\n" +
	"processor\t: 1\nvendor_id\t: GenuineIntel\nmodel\t\t: 106\nmodel name\t: Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz\n\n"

func TestCPUModel(t *testing.T) {
	for _, c := range []struct{ name, info, want string }{
		{"intel", intelInfo, "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz"},
		{"amd, spaces", "processor : 0\nmodel name\t: AMD EPYC 7B13   64-Core Processor  \n", "AMD EPYC 7B13 64-Core Processor"},
		{"neoverse", "processor\t: 0\nCPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x3\nCPU part\t: 0xd0c\n\nprocessor\t: 1\nCPU implementer\t: 0x41\nCPU part\t: 0xd0c\n", "Neoverse-N1"},
		{"big and little", "CPU implementer : 0x41\nCPU part : 0xd05\n\nCPU implementer : 0x41\nCPU part : 0xd0b\n\nCPU implementer : 0x41\nCPU part : 0xd05\n", "Cortex-A55 + Cortex-A76"},
		{"another maker with a part of the same number", "CPU implementer : 0x61\nCPU part : 0xd0c\n", "implementer 0x61 part 0xd0c"},
		{"emulated by QEMU", "CPU implementer\t: 0x00\nCPU architecture: 8\nCPU part\t: 0x051\nCPU revision\t: 0\n", "QEMU max"},
		{"power", "processor\t: 0\ncpu\t\t: POWER9 (architected), altivec supported\n", "POWER9 (architected), altivec supported"},
		{"risc-v", "processor\t: 0\nhart\t\t: 1\nisa\t\t: rv64imafdc\nuarch\t\t: sifive,u74-mc\n", "sifive,u74-mc"},
		{"empty", "", ""},
	} {
		if got := cpuModel(c.info); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestSMT(t *testing.T) {
	const dir = "sys/devices/system/cpu/smt/"
	for _, c := range []struct{ control, active, want string }{
		{"on\n", "1\n", "on"},
		{"on\n", "0\n", "off"}, // allowed, but there are no siblings
		{"off\n", "0\n", "off"},
		{"forceoff\n", "", "off"},
		{"notsupported\n", "0\n", "notsupported"},
		{"notimplemented\n", "0\n", "off"},
		{"notimplemented\n", "", ""},
		{"on\n", "", "on"},
		{"", "1\n", "on"},
		{"", "", ""},
	} {
		files := map[string]string{}
		if c.control != "" {
			files[dir+"control"] = c.control
		}
		if c.active != "" {
			files[dir+"active"] = c.active
		}
		if got := smt(tree(files)); got != c.want {
			t.Errorf("control %q, active %q: %q, want %q", c.control, c.active, got, c.want)
		}
	}
}

func TestVirt(t *testing.T) {
	const dmi = "sys/class/dmi/id/"
	sign := func(s ...string) cpuid { return cpuid{known: true, guest: true, signatures: s} }
	for _, c := range []struct {
		name  string
		hv    cpuid
		files map[string]string
		want  string
	}{
		{"bare metal", cpuid{known: true}, map[string]string{dmi + "sys_vendor": "Dell Inc."}, "none"},
		{"xen dom0", cpuid{known: true}, map[string]string{"sys/hypervisor/type": "xen\n"}, "xen"},
		{"firecracker has no DMI", sign("KVMKVMKVM", ""), nil, "kvm"},
		{"qemu without kvm", sign("TCGTCGTCGTCG", ""), map[string]string{dmi + "sys_vendor": "QEMU"}, "tcg"},
		{"vmware", sign("VMwareVMware", ""), nil, "vmware"},
		{"hyper-v", sign("Microsoft Hv", ""), nil, "microsoft"},
		{"kvm dressed as hyper-v", sign("Microsoft Hv", "KVMKVMKVM"), nil, "kvm"},
		{"xen", sign("XenVMMXenVMM", "garbage"), nil, "xen"},
		{"a name of its own", sign("SomethingNew", ""), nil, "other"},
		{"arm64, nothing to read", cpuid{}, nil, ""},
		{"arm64 server", cpuid{}, map[string]string{dmi + "sys_vendor": "HPE\n", dmi + "product_name": "ProLiant RL300\n"}, "none"},
		{"arm64 board", cpuid{}, map[string]string{"proc/device-tree/compatible": "raspberrypi,5-model-b\x00brcm,bcm2712\x00"}, "none"},
		{"arm64 qemu", cpuid{}, map[string]string{dmi + "sys_vendor": "QEMU\n"}, "qemu"},
		{"arm64 qemu without kvm", cpuid{}, map[string]string{"proc/cpuinfo": "CPU implementer\t: 0x00\nCPU part\t: 0x051\n", "proc/device-tree/compatible": "linux,dummy-virt\x00"}, "tcg"},
		{"arm64 qemu with kvm", cpuid{}, map[string]string{"proc/cpuinfo": "CPU implementer\t: 0x41\nCPU part\t: 0xd0c\n", "proc/device-tree/compatible": "linux,dummy-virt\x00"}, "qemu"},
		{"arm64 firecracker", cpuid{}, map[string]string{"proc/device-tree/compatible": "linux,dummy-virt\x00"}, "qemu"},
		{"arm64 kvm", cpuid{}, map[string]string{"proc/device-tree/hypervisor/compatible": "linux,kvm\x00"}, "kvm"},
		{"graviton", cpuid{}, map[string]string{dmi + "sys_vendor": "Amazon EC2\n", dmi + "product_name": "c7g.large\n"}, "amazon"},
		{"graviton metal", cpuid{}, map[string]string{dmi + "sys_vendor": "Amazon EC2\n", dmi + "product_name": "c7g.metal\n"}, "none"},
		{"arm64 hyper-v", cpuid{}, map[string]string{dmi + "sys_vendor": "Microsoft Corporation\n", dmi + "product_name": "Virtual Machine\n"}, "microsoft"},
		{"arm64 surface", cpuid{}, map[string]string{dmi + "sys_vendor": "Microsoft Corporation\n", dmi + "product_name": "Surface Pro X\n"}, "none"},
	} {
		if got := virt(tree(c.files), c.hv); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

const someConfig = `#
# Linux/x86 6.12.0 Kernel Configuration
#
CONFIG_CC_VERSION_TEXT="gcc (Debian) 12"
CONFIG_TUN=m
# CONFIG_TAP is not set
CONFIG_HZ_250=y
CONFIG_HZ=250
CONFIG_PREEMPT_DYNAMIC=y
# CONFIG_PREEMPT_RT is not set
CONFIG_NET_SCH_FQ_CODEL=m
CONFIG_MITIGATION_RETPOLINE=y
CONFIG_KPROBES=y
CONFIG_KPROBES_ON_FTRACE=y
`

func TestConfig(t *testing.T) {
	want := map[string]string{
		"CONFIG_TUN": "m", "CONFIG_TAP": "n", "CONFIG_HZ": "250", "CONFIG_PREEMPT_DYNAMIC": "y",
		"CONFIG_NET_SCH_FQ_CODEL": "m", "CONFIG_MITIGATION_RETPOLINE": "y", "CONFIG_KPROBES": "y",
	}
	for _, o := range options {
		if _, ok := want[o]; !ok {
			want[o] = "n"
		}
	}
	none := map[string]string{}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  map[string]string
	}{
		{"in proc", map[string]string{"proc/config.gz": gzipped(t, someConfig), "boot/config-6.12": "CONFIG_TUN=n\n"}, want},
		{"in boot", map[string]string{"boot/config-6.12": someConfig}, want},
		{"beside the modules", map[string]string{"lib/modules/6.12/config": someConfig}, want},
		{"of another kernel", map[string]string{"boot/config-6.1": someConfig}, none},
		{"broken, then good", map[string]string{"proc/config.gz": "not gzip", "boot/config-6.12": someConfig}, want},
		{"cut short, then good", map[string]string{"proc/config.gz": gzipped(t, someConfig)[:80], "boot/config-6.12": someConfig}, want},
		{"no option in it", map[string]string{"boot/config-6.12": "# nothing\n"}, none},
		{"nowhere", nil, none},
	} {
		if diff := cmp.Diff(c.want, config(tree(c.files), "6.12")); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestReadOf(t *testing.T) {
	const cpu = "sys/devices/system/cpu/"
	u := uname{"6.12.1", "#1 SMP", "x86_64"}
	got := read(tree(map[string]string{
		"proc/cpuinfo":                        intelInfo,
		cpu + "online":                        "0-1,3\n",
		cpu + "cpu0/cpufreq/scaling_governor": "powersave\n",
		cpu + "cpu1/cpufreq/scaling_governor": "performance\n",
		cpu + "cpu3/cpufreq/scaling_governor": "powersave\n",
		cpu + "cpufreq/boost":                 "1\n",
		cpu + "vulnerabilities/meltdown":      "Mitigation: PTI\n",
		"sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n",
		"proc/cmdline":                        "quiet mitigations=auto\n",
		"proc/meminfo":                        "MemTotal:       24684092 kB\nMemFree: 1 kB\n",
		"proc/sys/net/core/default_qdisc":     "fq_codel\n",
		"proc/sys/kernel/bpf_stats_enabled":   "0\n",
		"proc/sys/kernel/unrelated_and_large": "x",
	}), u, cpuid{known: true})
	want := record.Host{
		Kernel: "6.12.1", KernelVersion: "#1 SMP", Arch: "x86_64",
		CPU: "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", CPUs: 3, Virt: "none",
		Clocksource: "tsc", Cmdline: "quiet mitigations=auto", Governor: "powersave,performance",
		Mitigations: map[string]string{"meltdown": "Mitigation: PTI"}, Config: map[string]string{},
		Sysctl:      map[string]string{"net.core.default_qdisc": "fq_codel", "kernel.bpf_stats_enabled": "0"},
		MemoryBytes: 24684092 << 10,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	empty := record.Host{
		Kernel: "6.12.1", KernelVersion: "#1 SMP", Arch: "x86_64",
		Mitigations: map[string]string{}, Config: map[string]string{}, Sysctl: map[string]string{},
	}
	if diff := cmp.Diff(empty, read(tree(nil), u, cpuid{})); diff != "" {
		t.Errorf("nothing can be read: %s", diff)
	}
}

func TestMemory(t *testing.T) {
	for s, want := range map[string]uint64{
		"MemTotal: 16 kB\n":                    16384,
		"MemFree: 1 kB\nMemTotal:\t2 kB":       2048,
		"MemTotal: many kB":                    0,
		"MemTotal: 99999999999999999999999 kB": 0,
		"":                                     0,
	} {
		if got := memory(s, "MemTotal"); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}

// This machine: what every Linux has must be there.
func TestRead(t *testing.T) {
	h := Read()
	if h.Kernel == "" || h.KernelVersion == "" || h.Arch == "" || h.CPUs < 1 || h.MemoryBytes < 1<<20 {
		t.Errorf("%+v", h)
	}
	if strings.ContainsAny(h.CPU+h.Clocksource+h.Cmdline, "\n\x00") {
		t.Errorf("a fact is not one line: %+v", h)
	}
	t.Logf("%s, %s, %d CPUs, smt %q, virt %q, clock %q, governor %q, %d options, %d sysctls, %d mitigations",
		h.Kernel, h.CPU, h.CPUs, h.SMT, h.Virt, h.Clocksource, h.Governor, len(h.Config), len(h.Sysctl), len(h.Mitigations))
	if v, err := os.ReadFile("/proc/cpuinfo"); err == nil && h.Arch == "x86_64" {
		if guest := strings.Contains(string(v), " hypervisor"); guest == (h.Virt == "none") {
			t.Errorf("virt %q, but the flag in /proc/cpuinfo is %v", h.Virt, guest)
		}
	}
}

func FuzzConfig(f *testing.F) {
	f.Add(someConfig)
	f.Add("CONFIG_=\n=\nCONFIG_TUN")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := parseConfig(strings.NewReader(s))
		if err != nil {
			return
		}
		for k := range m {
			if !bears(k) {
				t.Errorf("%q does not bear on anything", k)
			}
		}
		if len(m) > 0 && len(m) < len(options) {
			t.Errorf("%d options, at least %d must be told", len(m), len(options))
		}
	})
}

// A guest names the machine that it runs on, as that told it, and no other run
// names one.
func TestOuter(t *testing.T) {
	t.Setenv(OuterEnv, "")
	here := Read()
	if here.Outer != nil {
		t.Errorf("no guest: %+v", here.Outer)
	}
	name, value, _ := strings.Cut(ForGuest(), "=")
	t.Setenv(name, value)
	want := &record.Outer{Kernel: here.Kernel, CPU: here.CPU, CPUs: here.CPUs, Virt: here.Virt}
	if d := cmp.Diff(want, Read().Outer); d != "" || here.CPU == "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	t.Setenv(OuterEnv, "{torn")
	if got := Read().Outer; got != nil {
		t.Errorf("torn: %+v", got)
	}
}

func TestInitialUserNamespace(t *testing.T) {
	for text, want := range map[string]bool{
		"         0          0 4294967295\n": true, "": true, // a kernel without user namespaces
		"         0       1000          1\n":                                   false,
		"         0     100000      65536\n":                                   false,
		"         0          0 4294967294\n4294967294 4294967294          1\n": false,
	} {
		if got := initialUserNamespace(tree(map[string]string{"proc/self/uid_map": text})); got != want {
			t.Errorf("%q: %t, want %t", text, got, want)
		}
	}
}
