package host

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/reports/record"
)

// Spoiler is something that can spoil a measurement on this host, and its
// present state.
type Spoiler struct {
	Name   string // short and stable: "load", "governor" ...
	Detail string // what was seen
	Advice string // what to do about it; "" unless Bad
	Bad    bool   // it would spoil a measurement
}

// sampleTime is how long Spoilers watches the CPUs: 20 ticks of each.
const sampleTime = 200 * time.Millisecond

// maxForeign is the share of the CPU time that other programs may use.
const maxForeign = 0.05

// Spoilers reads the settings of the host and, for a fifth of a second, its
// load. What cannot be read is not in the list. Look and Stat observe what
// changes later.
func Spoilers() []Spoiler {
	root := os.DirFS("/")
	before := look(root)
	time.Sleep(sampleTime)
	after := look(root)
	after.timer = timerResolution()
	return judge(Read(), before, after)
}

// snapshot is the state at one moment of what changes while a host runs.
type snapshot struct {
	stat  Stat          // no CPU in it: not readable
	own   time.Duration // CPU time of this process
	load  string        // of the last minute
	turbo string        // "1" if clocks may rise above the base, "0" if not
	// cgroups reports that the cgroup of this process could be read.
	cgroups bool
	// timer is how fine the timers of the kernel are; 0: not known.
	timer time.Duration
}

func look(root fs.FS) snapshot {
	var s snapshot
	s.stat, _ = parseStat([]byte(text(root, "proc/stat")))
	s.own = OwnTime()
	s.cgroups = readBandwidth(root).known
	s.load, _, _ = strings.Cut(text(root, "proc/loadavg"), " ")
	s.turbo = text(root, "sys/devices/system/cpu/cpufreq/boost")
	switch text(root, "sys/devices/system/cpu/intel_pstate/no_turbo") {
	case "0":
		s.turbo = "1"
	case "1":
		s.turbo = "0"
	}
	return s
}

// timerResolution is how fine the timers of the kernel are: 1 ns where they are
// high-resolution timers, a tick where they are not (hrtimer_resolution of
// kernel/time/hrtimer.c); 0 if it cannot be read.
func timerResolution() time.Duration {
	var ts unix.Timespec
	if unix.ClockGetres(unix.CLOCK_MONOTONIC, &ts) != nil {
		return 0
	}
	return time.Duration(ts.Nano())
}

// OwnTime is the CPU time that all threads of this process have used.
func OwnTime() time.Duration {
	var ru unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &ru) != nil {
		return 0
	}
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// steadyClocks are the clock sources that are read without leaving the guest
// or asking a slow chip.
var steadyClocks = []string{"tsc", "kvm-clock", "arch_sys_counter", "hyperv_clocksource_tsc_page", "riscv_clocksource"}

// coarse are timers that expire at ticks, of which there are at most 1000 a second.
const coarse = time.Millisecond

// slowKernels are options that make a kernel several times slower.
var slowKernels = []string{
	"CONFIG_KASAN", "CONFIG_KCSAN", "CONFIG_LOCKDEP", "CONFIG_PROVE_LOCKING",
	"CONFIG_DEBUG_KMEMLEAK", "CONFIG_DEBUG_LOCK_ALLOC", "CONFIG_SLUB_DEBUG_ON",
}

// quotaAdvice is the advice for a process under a CPU quota.
const quotaAdvice = "take it away (docker run without --cpus, a pod without limits.cpu, a unit without CPUQuota=), or measure outside of that cgroup: " +
	"a trial in which it runs out is invalid"

// spoilers is the list of Spoilers while it is made.
type spoilers []Spoiler

// add appends a spoiler; the advice is kept only if it is bad.
func (l *spoilers) add(name string, bad bool, advice, format string, args ...any) {
	if !bad {
		advice = ""
	}
	*l = append(*l, Spoiler{Name: name, Detail: fmt.Sprintf(format, args...), Advice: advice, Bad: bad})
}

func judge(h record.Host, before, after snapshot) []Spoiler {
	var l spoilers
	if h.CPUs > 0 {
		l.add("cpus", h.CPUs < 2, "use a machine with at least 2 CPUs: sender and reader take turns on one",
			"%d online", h.CPUs)
	}
	l.addLoad(before, after)
	l.addQuotas(h, after.cgroups)
	if h.Governor != "" {
		l.add("governor", h.Governor != "performance", "cpupower frequency-set -g performance", "%s", h.Governor)
	}
	if after.turbo != "" {
		l.add("turbo", after.turbo == "1", "turn it off, so that the clock does not depend on heat and on other cores: "+
			"write 1 to /sys/devices/system/cpu/intel_pstate/no_turbo or 0 to /sys/devices/system/cpu/cpufreq/boost",
			"%s", map[bool]string{true: "on", false: "off"}[after.turbo == "1"])
	}
	if h.SMT != "" {
		l.add("smt", h.SMT == "on", "write off to /sys/devices/system/cpu/smt/control, or keep the other threads of the cores in --cpus idle",
			"%s", h.SMT)
	}
	if h.Clocksource != "" {
		l.add("clocksource", !slices.Contains(steadyClocks, h.Clocksource), "boot with clocksource=tsc if the CPU's is stable: reading this one is slow",
			"%s", h.Clocksource)
	}
	if after.timer > 0 {
		l.add("timers", after.timer >= coarse, "boot without highres=off, and with a clock source that permits high-resolution timers (tsc=reliable if the CPU's is stable): "+
			"links that delay packets, open loops and pauses wait for the next tick",
			"they expire to within %v", after.timer)
	}
	switch h.Virt {
	case "":
	case "none":
		l.add("virtualization", false, "", "none")
	case "tcg":
		l.add("virtualization", true, "count instructions under --icount instead of time: every instruction is emulated", "tcg")
	default:
		l.add("virtualization", true, "compare only arms that were interleaved on this host: neighbours and nesting cannot be seen from inside",
			"a guest of %s", h.Virt)
	}
	l.addKernel(h)
	return l
}

// addLoad adds how much of the CPU time other programs used.
func (l *spoilers) addLoad(before, after snapshot) {
	t := before.stat.Until(after.stat, nil)
	if t.Total() == 0 {
		return
	}
	foreign := float64(max(t.Busy()-(after.own-before.own), 0)) / float64(t.Total())
	detail := fmt.Sprintf("other programs used %.0f %% of the CPU time", 100*foreign)
	if after.load != "" {
		detail += ", load average " + after.load
	}
	l.add("load", foreign > maxForeign, "stop what else runs, or wait until it has finished", "%s", detail)
}

// addQuotas adds the CPU quotas of this process, or that there are none if
// cgroups can be read.
func (l *spoilers) addQuotas(h record.Host, cgroups bool) {
	var quotas []string
	binds := false
	for _, q := range h.CPUQuotas {
		// Tasks cannot use more than all CPUs.
		binds = binds || h.CPUs == 0 || q.CPUs() < float64(h.CPUs)
		quotas = append(quotas, fmt.Sprintf("cgroup %s may use %v of CPU time every %v: %.3g CPUs",
			q.Cgroup, time.Duration(q.QuotaNs), time.Duration(q.PeriodNs), q.CPUs()))
	}
	switch {
	case len(quotas) > 0:
		l.add("cpu-quota", binds, quotaAdvice, "%s", strings.Join(quotas, "; "))
	case cgroups:
		l.add("cpu-quota", false, "", "none on the cgroup of this process or on one above it that can be seen")
	}
}

// addKernel adds settings and options of the kernel.
func (l *spoilers) addKernel(h record.Host) {
	if v, ok := h.Sysctl["kernel.bpf_stats_enabled"]; ok {
		l.add("bpf-stats", v != "0", "sysctl kernel.bpf_stats_enabled=0: it adds two clock reads to each run of each BPF program", "kernel.bpf_stats_enabled=%s", v)
	}
	if v, ok := h.Sysctl["net.core.bpf_jit_enable"]; ok {
		l.add("bpf-jit", v == "0", "sysctl net.core.bpf_jit_enable=1: the observer is interpreted", "net.core.bpf_jit_enable=%s", v)
	}
	if len(h.Config) == 0 {
		return
	}
	var slow []string
	for _, o := range slowKernels {
		if h.Config[o] == "y" {
			slow = append(slow, o)
		}
	}
	detail := "no debugging option that slows the kernel down"
	if len(slow) > 0 {
		detail = strings.Join(slow, ", ")
	}
	l.add("debug-kernel", len(slow) > 0, "boot a kernel without it", "%s", detail)
}
