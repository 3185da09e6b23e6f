package record

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// Floor is what the bare system calls cost on this host in this run.
type Floor struct {
	SyscallNs float64 `json:"syscall_ns"`
	// CopyNs maps a size in bytes to the time in which the kernel copies that many
	// bytes to user space in one read, without the system call.
	CopyNs map[string]float64 `json:"copy_ns"`
}

// Fault says what about f is impossible, so that f cannot be compared with anything;
// "" if nothing is, or f was not measured. Impossible figures come from a host that was
// disturbed while the floor was measured.
func (f Floor) Fault() string {
	type copied struct {
		size uint64
		ns   float64
	}
	var list []copied
	for size, ns := range f.CopyNs {
		if n, err := strconv.ParseUint(size, 10, 64); err == nil {
			list = append(list, copied{n, ns})
		}
	}
	slices.SortFunc(list, func(a, b copied) int { return cmp.Compare(a.size, b.size) })
	for i, c := range list {
		switch {
		case !(c.ns > 0):
			return fmt.Sprintf("a copy of %d bytes took %.0f ns", c.size, c.ns)
		case c.size <= smallCopy && f.SyscallNs > 0 && c.ns > mostCalls*f.SyscallNs:
			return fmt.Sprintf("a copy of %d bytes took %.0f ns, a bare system call %.0f ns", c.size, c.ns, f.SyscallNs)
		case i > 0 && c.ns < floorSlack*list[i-1].ns:
			return fmt.Sprintf("a copy of %d bytes took %.0f ns, one of %d bytes %.0f ns", list[i-1].size, list[i-1].ns, c.size, c.ns)
		}
	}
	return ""
}

// Bounds of a possible floor. They are wide, since the figures of a busy host scatter.
const (
	floorSlack = 0.75 // a larger copy takes at least this share of the time of a smaller one
	mostCalls  = 20   // a small copy takes at most the time of that many system calls
	smallCopy  = 1500 // bytes
)

// Hook says how the observer was attached to the kernel, and why in that way.
type Hook struct {
	Requested  string       `json:"requested"`
	Used       string       `json:"used"`
	PassedOver []PassedOver `json:"passed_over"`
	Programs   []Program    `json:"programs"`
}

// PassedOver is a hook that was not used, and why.
type PassedOver struct {
	Hook   string `json:"hook"`
	Reason string `json:"reason"`
}

// Program is one BPF program of the observer.
type Program struct {
	Name   string `json:"name"`
	Kind   string `json:"kind"` // kprobe, fentry, tracepoint; in older files also kretprobe, fexit
	Target string `json:"target"`
}

// Host is what describes the machine, as far as figures depend on it.
type Host struct {
	Kernel        string            `json:"kernel"`         // uname -r
	KernelVersion string            `json:"kernel_version"` // uname -v
	Arch          string            `json:"arch"`
	CPU           string            `json:"cpu"`
	CPUs          int               `json:"cpus"` // online
	SMT           string            `json:"smt"`  // "on", "off", "notsupported" or ""
	Virt          string            `json:"virt"` // "none", "kvm", "tcg" ...
	Clocksource   string            `json:"clocksource"`
	Cmdline       string            `json:"cmdline"`
	Governor      string            `json:"governor"` // "" where there is no cpufreq
	Mitigations   map[string]string `json:"mitigations"`
	Config        map[string]string `json:"config"` // the CONFIG_ options that bear on TUN/TAP
	// Sysctl holds settings of the host. Settings that each network namespace has for
	// itself are those of a new namespace, since trials run in new namespaces.
	Sysctl      map[string]string `json:"sysctl"`
	MemoryBytes uint64            `json:"memory_bytes"`
	// Boot is random and new at each boot: runs with the same Boot ran on the same
	// machine. "" where it is not known.
	Boot string `json:"boot,omitempty"`
	// Outer is the machine that a guest of `tunbench vm` or `tunbench kernels` ran
	// on, nil for any other run. Under emulation, Host.CPU is QEMU's own CPU model.
	Outer *Outer `json:"outer,omitempty"`
	// CPUQuotas are the quotas of this process's cgroup and of the cgroups above it,
	// as far as the process can see them; empty where there are none.
	CPUQuotas []CPUQuota `json:"cpu_quotas,omitempty"`
	// Netfilter names the modules of netfilter that were loaded.
	Netfilter []string `json:"netfilter,omitempty"`
}

// Outer is the machine that a guest ran on.
type Outer struct {
	Kernel string `json:"kernel"` // uname -r
	CPU    string `json:"cpu"`
	CPUs   int    `json:"cpus"` // online
	Virt   string `json:"virt"` // as of Host
}

// CPUQuota is a limit on the CPU time of a cgroup (CFS bandwidth).
type CPUQuota struct {
	Cgroup   string `json:"cgroup"`   // its folder
	QuotaNs  int64  `json:"quota_ns"` // CPU time in each period, of all CPUs together
	PeriodNs int64  `json:"period_ns"`
}

// CPUs is the quota as a number of CPUs.
func (q CPUQuota) CPUs() float64 { return float64(q.QuotaNs) / float64(q.PeriodNs) }
