package profile

import (
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tunbench/bpf"
)

const kallsyms = `ffffffff81000000 T _stext
ffffffff81000000 T startup_64
ffffffff81000100 t first.isra.0
ffffffff81000200 T __softirqentry_text_start
ffffffff81000200 T __do_softirq
ffffffff81000400 T __softirqentry_text_end
ffffffff81000500 d data
ffffffff81000600 T __pfx_second
ffffffff81000610 T second
ffffffffc0001000 t tun_net_xmit	[tun]
ffffffffc0001100 t tun_do_read	[tun]
ffffffffc0002000 t bpf_prog_6deef7357e7b4530_x	[bpf]
ffffffffc0003000 t wg_xmit	[wireguard]
ffffffffc0003100 t wg_packet_send	[wireguard]
ffffffffc0004000 t after	[other]
`

func TestKernelSymbols(t *testing.T) {
	k, err := readKernelSymbols(strings.NewReader(kallsyms))
	if err != nil {
		t.Fatal(err)
	}
	programs := []bpf.ProgramCode{{Name: "bpf_prog_x", Begin: 0xffffffffc0001180, End: 0xffffffffc00011c0}}
	for address, want := range map[uint64]Frame{
		0xffffffff81000000: {"startup_64", "vmlinux"}, // plainer than _stext
		0xffffffff81000010: {"startup_64", "vmlinux"},
		0xffffffff81000150: {"first", "vmlinux"},
		0xffffffff81000201: {"__do_softirq", "vmlinux"},
		0xffffffff81000605: {"__softirqentry_text_end", "vmlinux"}, // padding has no name of its own
		0xffffffff81000612: {"second", "vmlinux"},
		0xffffffffc0001050: {"tun_net_xmit", "tun"},
		0xffffffffc0001180: {"bpf_prog_x", "bpf"}, // between functions of a module
		0xffffffffc00011bf: {"bpf_prog_x", "bpf"},
		0xffffffffc00011c0: {"tun_do_read", "tun"},
		0x1000:             {"[unknown]", "vmlinux"},
	} {
		if got := kernelName(address, programs, k); got != want {
			t.Errorf("%x: %v, want %v", address, got, want)
		}
	}
	want := []bpf.CodeRange{
		{Begin: 0xffffffff81000200, End: 0xffffffff81000400},
		{Begin: 0xffffffffc0003000, End: 0xffffffffc0004000, Worker: true},
	}
	if !slices.Equal(k.code, want) {
		t.Errorf("code %+v, want %+v", k.code, want)
	}
}

func TestHiddenSymbols(t *testing.T) {
	hidden := strings.NewReader("0000000000000000 T _stext\n0000000000000000 T __do_softirq\n")
	if _, err := readKernelSymbols(hidden); !errors.Is(err, errHidden) || !strings.Contains(err.Error(), "kernel.kptr_restrict is ") {
		t.Errorf("%v", err)
	}
	if _, err := readKernelSymbols(strings.NewReader("ffffffff81000000 T _stext\n")); err == nil || !strings.Contains(err.Error(), "handle_softirqs") {
		t.Errorf("without a function that handles softirqs: %v", err)
	}
}

func TestLoaded(t *testing.T) {
	const modules = "tun 65536 2 vhost_net, Live 0xffffffffc0001000\n"
	id := "one"
	of := func(modules string) string {
		return loaded(modules, func(path string) ([]byte, error) {
			if path != "/sys/module/tun/notes/.note.gnu.build-id" {
				return nil, errors.New(path)
			}
			return []byte(id), nil
		})
	}
	before := of(modules)
	if of(strings.Replace(modules, " 2 ", " 3 ", 1)) != before {
		t.Error("another number of users is another module")
	}
	if of(strings.Replace(modules, "1000", "2000", 1)) == before {
		t.Error("a module that was loaded elsewhere is the same")
	}
	if id = "two"; of(modules) == before {
		t.Error("another build at the same address is the same")
	}
}

func TestPlainName(t *testing.T) {
	for name, want := range map[string]string{
		"tun_net_xmit": "tun_net_xmit", "tun_get_user.constprop.0": "tun_get_user", "f.isra.0.cold": "f", "g.part.3": "g", "h.llvm.1234": "h",
	} {
		if got := plainName(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestParseMapping(t *testing.T) {
	m, ok := parseMapping("55d0a1c00000-55d0a1d00000 r-xp 00002000 08:01 123 /usr/sbin/open vpn\n")
	if want := (mapping{begin: 0x55d0a1c00000, end: 0x55d0a1d00000, offset: 0x2000, path: "/usr/sbin/open vpn"}); !ok || m != want {
		t.Errorf("%+v, %v", m, ok)
	}
	for _, line := range []string{"55d0a1c00000-55d0a1d00000 r--p 00002000 08:01 123 /usr/sbin/openvpn", "x-y r-xp 0 0 0 /a", "", "55d0a1c00000-55d0a1d00000 r-xp 00000000 00:00 0"} {
		if m, ok := parseMapping(line); ok {
			t.Errorf("%q: %+v", line, m)
		}
	}
}

// here is a function of this program.
//
//go:noinline
func here() {}

func TestOwnNames(t *testing.T) {
	pc := uint64(reflect.ValueOf(here).Pointer())
	if got := ownNames(pc, false); !slices.Equal(got, []string{"tunbench/harness/profile.here"}) {
		t.Errorf("%q", got)
	}
	if got := ownNames(1, false); got != nil {
		t.Errorf("%q of no function", got)
	}
}

// What this process and others run outside their programs is named by its mapping: a sender
// that waits for its schedule spends its time in the clocks of the vDSO.
func TestVDSO(t *testing.T) {
	own := os.Getpid()
	p, err := readProcess(own)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(p.mappings, func(m mapping) bool { return m.path == "[vdso]" })
	if i < 0 {
		t.Skip("this kernel maps no vDSO")
	}
	n := namer{own: own, processes: map[int]process{own: p, own + 1: p}, objects: map[string]object{}}
	for pid, address := range map[int]uint64{own: p.mappings[i].begin + 0x800, own + 1: p.mappings[i].begin + 0x800} {
		if got := n.user(pid, address, false); !slices.Equal(got, []Frame{{"[vdso]", "[vdso]"}}) {
			t.Errorf("process %d: %+v", pid-own, got)
		}
	}
	if got := n.user(own, 1, false); !slices.Equal(got, []Frame{{"[unknown]", ""}}) {
		t.Errorf("no mapping: %+v", got)
	}
	if got := n.user(own, uint64(reflect.ValueOf(here).Pointer()), false); len(got) != 1 || got[0].Of != "tunbench" {
		t.Errorf("a function: %+v", got)
	}
}

// TestObject names functions of a program of Go that has no symbol table, and of a shared
// one.
func TestObject(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	list := goFunctions(f)
	f.Close()
	pc := uint64(reflect.ValueOf(here).Pointer())
	if got, ok := list.find(pc); !ok || got.name != "tunbench/harness/profile.here" || got.begin != pc {
		t.Errorf("%+v of %d functions", got, len(list))
	}
	o := readObject(path, "/usr/bin/"+"test")
	segment := o.segments[0]
	m := mapping{begin: segment.Vaddr, end: segment.Vaddr + segment.Filesz, offset: segment.Off}
	if got := o.at(m, pc); got != "tunbench/harness/profile.here" {
		t.Errorf("%s", got)
	}
	if got := readObject("/proc/self/status", "/proc/self/status").at(mapping{}, 1); got != "[status]" {
		t.Errorf("a file without functions: %s", got)
	}
}

func TestDescendants(t *testing.T) {
	sleep := exec.Command("sleep", "60")
	if err := sleep.Start(); err != nil {
		t.Skipf("cannot start sleep: %v", err)
	}
	defer func() {
		_ = sleep.Process.Kill()
		_ = sleep.Wait()
	}()
	if list := descendants(os.Getpid()); !slices.Contains(list, sleep.Process.Pid) {
		t.Errorf("%v, without %d", list, sleep.Process.Pid)
	}
	p, err := readProcess(sleep.Process.Pid)
	if err != nil || len(p.mappings) == 0 {
		t.Fatalf("%+v, %v", p, err)
	}
	if m, ok := p.at(p.mappings[0].begin); !ok || m != p.mappings[0] {
		t.Errorf("%+v", m)
	}
	if m, ok := p.at(1); ok {
		t.Errorf("%+v at address 1", m)
	}
}
