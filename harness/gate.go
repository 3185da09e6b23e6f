package harness

import (
	"fmt"
	"math"
	"strings"
	"time"

	"tunbench/harness/host"
	"tunbench/reports/record"
)

const (
	// stealLimit is the share of stolen CPU time above which a trial is invalid.
	stealLimit = 0.01
	// foreignLimit is the share of the time of the workers' CPUs that other
	// programs may use.
	foreignLimit = 0.05
	// pressureLimit is the share of the measured time in which some task waited
	// for a CPU. Where workers fill all CPUs, the other threads of this process
	// wait for theirs: 2 to 6 % of the time on two CPUs with nothing else to do.
	pressureLimit = 0.10
	// frequencyLimit is by how much a CPU may change its frequency.
	frequencyLimit = 0.10
	// clockLimit is by how much CLOCK_MONOTONIC may be slewed: the kernel's own
	// discipline keeps within 500 ppm (MAXFREQ of include/linux/timex.h), and a
	// daemon that steers by the length of the tick may go far beyond.
	clockLimit = 0.001
	// suspendLimit is the time that CLOCK_BOOTTIME may gain on CLOCK_MONOTONIC,
	// which it does only while the machine is suspended.
	suspendLimit = time.Millisecond
	// wallLimit is the step of the wall clock that is worth a note.
	wallLimit = time.Second
)

// conditions is what the host did during the measured time.
type conditions struct {
	all     host.CPUTimes // of all CPUs
	pinned  host.CPUTimes // of those of the workers
	cpus    int           // of the workers
	workers int           // that share those CPUs
	own     time.Duration // CPU time of our threads on those CPUs; below 0: not known
	// measured is the time over which all, pinned and own were added up, in that
	// many stretches.
	measured  time.Duration
	stretches int
	seen      host.Delta // from the first stretch to the last
}

// Names of gates that doctor shows in a way of their own.
const (
	gateForeignLoad = "foreign load"
	gateFrequency   = "frequency"
	gateQuota       = "quota"
)

// verdict of a gate.
type verdict int

const (
	unknown verdict = iota
	passed
	failed
)

// gate is one condition that a measurement needs of its host, and how it stood.
type gate struct {
	name    string // as doctor shows it
	flag    string // of a trial that failed it
	verdict verdict
	detail  string // with figures
}

// gates judges all conditions.
func (c conditions) gates() []gate {
	return []gate{c.steal(), c.foreignLoad(), c.pressure(), c.frequency(), c.throttling(), c.quota(), c.clock()}
}

func (g gate) judge(bad bool, format string, args ...any) gate {
	g.verdict = passed
	if bad {
		g.verdict = failed
	}
	g.detail = fmt.Sprintf(format, args...)
	return g
}

// unclear leaves a gate unknown, and says why.
func (g gate) unclear(format string, args ...any) gate {
	g.detail = fmt.Sprintf(format, args...)
	return g
}

func (c conditions) steal() gate {
	g := gate{name: "steal", flag: record.FlagSteal}
	if c.all.Total() == 0 {
		return g.unclear("no time passed by /proc/stat")
	}
	share := float64(c.all.Steal) / float64(c.all.Total())
	return g.judge(share > stealLimit, "%.1f %% of the CPU time was stolen%s", 100*share, coarse(c.all.Steal))
}

// coarse tells that a time rests on few ticks.
func coarse(t time.Duration) string {
	const few = 5
	switch n := t / host.Tick; {
	case n == 1:
		return fmt.Sprintf(" (1 tick of %d ms)", host.Tick.Milliseconds())
	case 1 < n && n <= few:
		return fmt.Sprintf(" (%d ticks of %d ms)", n, host.Tick.Milliseconds())
	}
	return ""
}

// foreignLoad compares what the CPUs of the workers did outside of interrupts
// with what the workers did. The time of a thread is exact; that of a CPU is
// counted by looking at each tick who runs, and so is a sample: of a CPU that
// is busy for a share p of n ticks it is wrong by sqrt(n p (1-p)) ticks, one
// sigma. Three of them, and two ticks a CPU at the ends of each stretch, are
// allowed on top of the limit's share, so that a reader which sleeps half of
// the time is not taken for somebody else.
func (c conditions) foreignLoad() gate {
	g := gate{name: gateForeignLoad, flag: record.FlagForeignLoad}
	total := time.Duration(c.cpus) * c.measured
	switch {
	case c.own < 0:
		return g.unclear("the CPU time of the workers is not known")
	case total <= 0 || c.pinned.Total() == 0:
		return g.unclear("no time passed by /proc/stat")
	}
	foreign := max(0, c.pinned.User+c.pinned.Nice+c.pinned.System-c.own)
	share := float64(foreign) / float64(total)
	blur := sampling(c.own, total, c.cpus*c.stretches)
	return g.judge(share > foreignLimit && foreign > blur,
		"other programs used %.1f %% of the time of the workers' %d CPUs: %v, of which %v may be an error of the ticks",
		100*share, c.cpus, foreign.Round(time.Millisecond), blur.Round(time.Millisecond))
}

// sampling is by how much the busy time of CPUs, counted in ticks, may be wrong,
// if they are busy for that much of their total time. It is right for ticks of
// 10 ms, the longest that Linux has, and too cautious for shorter ones.
func sampling(busy, total time.Duration, ends int) time.Duration {
	p := min(1, float64(busy)/float64(total))
	sigma := math.Sqrt(float64(total) / float64(host.Tick) * p * (1 - p))
	return time.Duration((3*sigma + 2*math.Sqrt(float64(ends))) * float64(host.Tick))
}

func (c conditions) pressure() gate {
	g := gate{name: "pressure", flag: record.FlagPressure}
	switch {
	case c.seen.Elapsed <= 0 || c.seen.Pressure < 0:
		return g.unclear("this kernel has no /proc/pressure/cpu: it needs CONFIG_PSI, and psi=1 where that is off by default")
	case c.workers > c.cpus:
		return g.unclear("the workers wait for each other's CPU")
	}
	share := float64(c.seen.Pressure) / float64(c.seen.Elapsed)
	return g.judge(share > pressureLimit, "tasks waited for a CPU during %.1f %% of the time", 100*share)
}

func (c conditions) frequency() gate {
	g := gate{name: gateFrequency, flag: record.FlagThrottled}
	if c.seen.FreqFrom == 0 {
		return g.unclear("the frequency of the CPUs cannot be read")
	}
	return g.judge(c.seen.FreqChange() > frequencyLimit, "CPU %d went from %d to %d MHz",
		c.seen.FreqCPU, c.seen.FreqFrom/1000, c.seen.FreqTo/1000)
}

func (c conditions) throttling() gate {
	g := gate{name: "throttling", flag: record.FlagThrottled}
	if c.seen.Stretches == 0 || c.seen.Throttles < 0 {
		return g.unclear("this host does not tell whether heat slowed its CPUs down")
	}
	return g.judge(c.seen.Throttles > 0, "heat slowed the workers' CPUs down %s", record.Plural(c.seen.Throttles, "time", "times"))
}

// quota holds that no cgroup of ours used up its CPU time: all workers then stand
// still until its period is over, and a rate is that of the quota.
func (c conditions) quota() gate {
	g := gate{name: gateQuota, flag: record.FlagCPUQuota}
	switch d := c.seen; {
	case d.Stretches == 0 || d.QuotaPeriods < 0:
		return g.unclear("no cgroup of this process can be read, so a CPU quota would not be seen")
	case d.QuotaPeriods > 0:
		return g.judge(true, "the CPU quota of cgroup %s ran out in %d periods, and tasks stood still for %v, added over CPUs",
			d.QuotaCgroup, d.QuotaPeriods, d.QuotaTime.Round(time.Millisecond))
	case d.QuotaTime > 0:
		return g.judge(true, "a CPU quota of a cgroup above those that can be seen from here ran out, and tasks stood still for %v, added over CPUs",
			d.QuotaTime.Round(time.Millisecond))
	}
	return g.judge(false, "no CPU quota ran out")
}

// clock compares the clocks of the kernel with each other. A fault of the
// counter below all of them moves them together and is not seen, unless the
// kernel's own watchdog takes another one.
func (c conditions) clock() gate {
	g := gate{name: "clock", flag: record.FlagClockStep}
	d := c.seen
	if d.Elapsed <= 0 {
		return g.unclear("the clocks cannot be read")
	}
	var bad []string
	if limit := time.Duration(clockLimit*float64(d.Elapsed)) + d.Blur; abs(d.Raw) > limit {
		bad = append(bad, fmt.Sprintf("the clock was slewed by %v in %v", (-d.Raw).Round(time.Microsecond), d.Elapsed.Round(time.Millisecond)))
	}
	if abs(d.Boot) > suspendLimit+d.Blur {
		bad = append(bad, fmt.Sprintf("the machine was suspended for %v", d.Boot.Round(time.Millisecond)))
	}
	if d.SourceFrom != "" {
		bad = append(bad, fmt.Sprintf("the kernel changed its clock source from %s to %s", d.SourceFrom, d.SourceTo))
	}
	if len(bad) > 0 {
		return g.judge(true, "%s", strings.Join(bad, "; "))
	}
	return g.judge(false, "the kernel's clocks agree to %v in %v", (abs(d.Raw) + d.Blur).Round(time.Microsecond), d.Elapsed.Round(time.Millisecond))
}

// wallStep tells of a wall clock that was set. No figure uses it, only the
// stamps of records do.
func (c conditions) wallStep() string {
	if abs(c.seen.Wall) <= wallLimit+c.seen.Blur {
		return ""
	}
	return fmt.Sprintf("the wall clock was set by %+.1f s during the measured time, which no figure uses", c.seen.Wall.Seconds())
}

func abs(d time.Duration) time.Duration { return max(d, -d) }
