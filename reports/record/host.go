package record

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
