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
	// CopyNs maps a size in bytes to the time in which the kernel copies that
	// much to user space in one read, the system call left out.
	CopyNs map[string]float64 `json:"copy_ns"`
}

// Fault says what about f is impossible, so that nothing can be held against it;
// "" if nothing is, or nothing was measured. A host that was disturbed while the
// floor was measured leaves such figures.
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

// Bounds of a floor that can be. They are wide: a busy host scatters the figures of
// an honest one.
const (
	floorSlack = 0.75 // a copy of more bytes takes at least this share of one of fewer
	mostCalls  = 20   // a copy of a small packet takes at most that many system calls' time
	smallCopy  = 1500 // bytes
)

// Hook tells how the observer looked into the kernel, and why so.
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
	Kind   string `json:"kind"` // kprobe, kretprobe, fentry, fexit, tracepoint
	Target string `json:"target"`
}

// Host is the machine as far as it is part of a number.
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
	// Sysctl holds settings of the host, and those that each network namespace has
	// for itself as a new one has them: in such namespaces trials run.
	Sysctl      map[string]string `json:"sysctl"`
	MemoryBytes uint64            `json:"memory_bytes"`
	// Boot is random and new at each boot: runs that have it in common met the
	// same machine. "" where it is not known.
	Boot string `json:"boot,omitempty"`
	// Outer is the machine that a guest of `tunbench vm` or `tunbench kernels` ran
	// on, nil for any other run: under emulation CPU names QEMU's own.
	Outer *Outer `json:"outer,omitempty"`
	// CPUQuotas are those of this process's cgroup and of the cgroups above it, as
	// far as it can see them; empty where there is none.
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
