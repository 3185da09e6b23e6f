// Package host reads the facts about the machine that a measurement depends on:
// kernel, CPUs, settings, load, and the cost of a bare system call.
//
// A fact that cannot be read is left empty; nothing is guessed.
package host

import (
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"tunbench/reports/record"
)

// sysctls are the settings that affect a packet on its way to the reader.
var sysctls = []string{
	"kernel.bpf_stats_enabled",
	"kernel.numa_balancing",
	"kernel.sched_autogroup_enabled",
	"kernel.sched_rt_runtime_us",
	"kernel.timer_migration",
	"kernel.unprivileged_bpf_disabled",
	"net.core.bpf_jit_enable",
	"net.core.bpf_jit_harden",
	"net.core.busy_poll",
	"net.core.busy_read",
	"net.core.default_qdisc",
	"net.core.dev_weight",
	"net.core.devconf_inherit_init_net",
	"net.core.gro_normal_batch",
	"net.core.high_order_alloc_disable",
	"net.core.netdev_budget",
	"net.core.netdev_budget_usecs",
	"net.core.netdev_max_backlog",
	"net.core.netdev_tstamp_prequeue",
	"net.core.optmem_max",
	"net.core.rmem_default",
	"net.core.rmem_max",
	"net.core.rps_sock_flow_entries",
	"net.core.skb_defer_max",
	"net.core.wmem_default",
	"net.core.wmem_max",
	"net.ipv4.tcp_mem",
	"net.ipv4.udp_mem",
}

// OuterEnv is the environment variable that describes to a guest the machine it
// runs on: a record.Outer in JSON.
const OuterEnv = "TUNBENCH_OUTER_HOST"

// Read reads this machine. It cannot fail: what it cannot read is empty.
func Read() record.Host {
	var u unix.Utsname
	_ = unix.Uname(&u) // fails only for a bad pointer
	h := read(os.DirFS("/"), uname{
		release: unix.ByteSliceToString(u.Release[:]),
		version: unix.ByteSliceToString(u.Version[:]),
		machine: unix.ByteSliceToString(u.Machine[:]),
	}, hypervisor())
	h.Outer = outer(os.Getenv(OuterEnv))
	return h
}

// outer reads the value of OuterEnv; nil outside of a guest.
func outer(text string) *record.Outer {
	var o record.Outer
	if text == "" || json.Unmarshal([]byte(text), &o) != nil {
		return nil
	}
	return &o
}

// ForGuest describes this machine to a guest, as an entry of its environment.
func ForGuest() string {
	h := Read()
	// Strings and a number: this cannot fail.
	text, _ := json.Marshal(record.Outer{Kernel: h.Kernel, CPU: h.CPU, CPUs: h.CPUs, Virt: h.Virt})
	return OuterEnv + "=" + string(text)
}

type uname struct{ release, version, machine string }

// read is Read of any root folder.
func read(root fs.FS, u uname, hv cpuid) record.Host {
	info := text(root, "proc/cpuinfo")
	return record.Host{
		Kernel:        u.release,
		KernelVersion: u.version,
		Arch:          u.machine,
		CPU:           cpuModel(info),
		CPUs:          cpusOnline(root, info),
		SMT:           smt(root),
		Virt:          virt(root, hv),
		Clocksource:   text(root, "sys/devices/system/clocksource/clocksource0/current_clocksource"),
		Cmdline:       text(root, "proc/cmdline"),
		Governor:      governor(root),
		Mitigations:   mitigations(root),
		Config:        config(root, u.release),
		Sysctl:        readNames(root, sysctls),
		MemoryBytes:   memory(text(root, "proc/meminfo"), "MemTotal"),
		Boot:          text(root, "proc/sys/kernel/random/boot_id"),
		CPUQuotas:     readBandwidth(root).quotas(),
		Netfilter:     netfilterModules(root),
	}
}

// text returns the content of a file without leading and trailing space, "" if
// it cannot be read.
func text(root fs.FS, name string) string {
	b, err := fs.ReadFile(root, name)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// field cuts a line of /proc/cpuinfo or /proc/meminfo at its colon.
func field(line string) (key, value string) {
	key, value, _ = strings.Cut(line, ":")
	return strings.TrimSpace(key), strings.Join(strings.Fields(value), " ")
}

// armCores maps the part numbers of Arm's own server and board cores
// (implementer 0x41) to their names, from arch/arm64/include/asm/cputype.h.
var armCores = map[string]string{
	"0xd03": "Cortex-A53", "0xd05": "Cortex-A55", "0xd07": "Cortex-A57", "0xd08": "Cortex-A72",
	"0xd09": "Cortex-A73", "0xd0a": "Cortex-A75", "0xd0b": "Cortex-A76", "0xd0c": "Neoverse-N1",
	"0xd0d": "Cortex-A77", "0xd40": "Neoverse-V1", "0xd41": "Cortex-A78", "0xd44": "Cortex-X1",
	"0xd46": "Cortex-A510", "0xd47": "Cortex-A710", "0xd48": "Cortex-X2", "0xd49": "Neoverse-N2",
	"0xd4d": "Cortex-A715", "0xd4e": "Cortex-X3", "0xd4f": "Neoverse-V2", "0xd80": "Cortex-A520",
	"0xd81": "Cortex-A720", "0xd82": "Cortex-X4", "0xd84": "Neoverse-V3", "0xd8e": "Neoverse-N3",
}

// cpuModel names the CPU from /proc/cpuinfo; different cores in one machine
// are joined by " + " in the order in which they come.
func cpuModel(info string) string {
	var models []string
	add := func(m string) {
		for _, have := range models {
			if have == m {
				return
			}
		}
		if m != "" {
			models = append(models, m)
		}
	}
	var implementer string
	for line := range strings.Lines(info) {
		switch key, value := field(line); key {
		case "model name", "cpu model", "uarch": // x86 and others; MIPS; RISC-V
			add(value)
		case "cpu": // POWER
			add(value)
		case "CPU implementer":
			implementer = value
		case "CPU part":
			name := armCores[value]
			switch {
			case implementer == "0x00" && value == "0x051": // the letter Q
				name = emulated
			case name == "" || implementer != "0x41":
				name = "implementer " + implementer + " part " + value
			}
			add(name)
		}
	}
	return strings.Join(models, " + ")
}

func cpusOnline(root fs.FS, info string) int {
	if cpus, err := parseList(text(root, "sys/devices/system/cpu/online")); err == nil && len(cpus) > 0 {
		return len(cpus)
	}
	n := 0
	for line := range strings.Lines(info) {
		if key, _ := field(line); key == "processor" {
			n++
		}
	}
	return n
}

// smt prefers whether threads are active to whether they are allowed: a machine
// without sibling threads may still say that they are allowed.
func smt(root fs.FS) string {
	control := text(root, "sys/devices/system/cpu/smt/control")
	if control == "notsupported" {
		return control
	}
	switch text(root, "sys/devices/system/cpu/smt/active") {
	case "1":
		return "on"
	case "0":
		return "off"
	}
	switch control {
	case "on":
		return "on"
	case "off", "forceoff":
		return "off"
	}
	return ""
}

// governor returns the governors of the CPUs, each once, joined by commas.
func governor(root fs.FS) string {
	var all []string
	seen := map[string]bool{}
	for _, cpu := range cpuDirs(root) {
		g := text(root, path.Join(cpu, "cpufreq/scaling_governor"))
		if g != "" && !seen[g] {
			seen[g] = true
			all = append(all, g)
		}
	}
	return strings.Join(all, ",")
}

// cpuDirs lists the folders of the CPUs in sysfs, including those that are off
// line.
func cpuDirs(root fs.FS) []string {
	dirs, _ := fs.Glob(root, "sys/devices/system/cpu/cpu[0-9]*") // the pattern is good
	return dirs
}

func mitigations(root fs.FS) map[string]string {
	const dir = "sys/devices/system/cpu/vulnerabilities"
	m := map[string]string{}
	entries, err := fs.ReadDir(root, dir)
	if err != nil {
		return m
	}
	for _, e := range entries {
		if v := text(root, path.Join(dir, e.Name())); v != "" {
			m[e.Name()] = v
		}
	}
	return m
}

// readNames reads settings by name; those that do not exist are left out.
func readNames(root fs.FS, names []string) map[string]string {
	m := map[string]string{}
	for _, name := range names {
		if v := text(root, "proc/sys/"+strings.ReplaceAll(name, ".", "/")); v != "" {
			m[name] = v
		}
	}
	return m
}

// MemoryAvailable is how many bytes programs may use without swapping; 0 if the kernel
// does not say.
func MemoryAvailable() int64 {
	return int64(memory(text(os.DirFS("/"), "proc/meminfo"), "MemAvailable"))
}

// memory returns a figure of /proc/meminfo in bytes, 0 if it is not there.
func memory(meminfo, name string) uint64 {
	for line := range strings.Lines(meminfo) {
		key, value := field(line)
		if key != name {
			continue
		}
		kib, err := strconv.ParseUint(strings.TrimSuffix(value, " kB"), 10, 54)
		if err != nil {
			return 0
		}
		return kib << 10
	}
	return 0
}
