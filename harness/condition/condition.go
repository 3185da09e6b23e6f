// Package condition checks what a host did while something was measured: steal,
// foreign load, pressure, frequency, throttling, quota and clocks.
package condition

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"tunbench/harness/host"
	"tunbench/reports/record"
)

const (
	// StealLimit is the share of stolen CPU time above which a trial is invalid.
	StealLimit = 0.01
	// foreignLimit is the share of the time of the workers' CPUs that other
	// programs may use.
	foreignLimit = 0.05
	// pressureLimit is the share of the measured time in which some task waited
	// for a CPU. Where workers fill all CPUs, the other threads of this process
	// wait for theirs: 2 to 6 % of the time on two CPUs with nothing else to do.
	pressureLimit = 0.10
	// windowWait is how long the thread that ends a window waits for a CPU, where workers
	// fill all of them: about a slice of the scheduler.
	windowWait = 4 * time.Millisecond
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

// Period is what the host did while something was measured.
type Period struct {
	All     host.CPUTimes // of all CPUs
	Pinned  host.CPUTimes // of the CPUs of the workers
	CPUs    int           // how many CPUs the workers have
	Workers int           // how many workers share them
	Own     time.Duration // CPU time of our threads on those CPUs; below 0: not known
	// Measured is the time over which All, Pinned and Own were added up, in so
	// many Stretches.
	Measured  time.Duration
	Stretches int
	Seen      host.Delta // from the start of the first stretch to the end of the last
}

// Names of checks that doctor shows in a way of their own.
const (
	ForeignLoad = "foreign load"
	Frequency   = "frequency"
	Quota       = "quota"
)

// Outcome of a check.
type Outcome int

const (
	Unknown Outcome = iota
	Passed
	Failed
)

// Check is one condition that a measurement needs of its host, and what came of it.
type Check struct {
	Name    string // as doctor shows it
	Flag    string // of a trial that failed it
	Outcome Outcome
	Detail  string // with figures
}

// Checks judges all conditions.
func (c Period) Checks() []Check {
	return []Check{c.steal(), c.foreignLoad(), c.pressure(), c.frequency(), c.throttling(), c.quota(), c.clock()}
}

func (g Check) judge(bad bool, format string, args ...any) Check {
	g.Outcome = Passed
	if bad {
		g.Outcome = Failed
	}
	g.Detail = fmt.Sprintf(format, args...)
	return g
}

// unclear leaves the outcome unknown, and says why.
func (g Check) unclear(format string, args ...any) Check {
	g.Detail = fmt.Sprintf(format, args...)
	return g
}

func (c Period) steal() Check {
	g := Check{Name: "steal", Flag: record.FlagSteal}
	if c.All.Total() == 0 {
		return g.unclear("no time passed by /proc/stat")
	}
	share := float64(c.All.Steal) / float64(c.All.Total())
	return g.judge(share > StealLimit, "%.1f %% of the CPU time was stolen%s", 100*share, coarse(c.All.Steal))
}

// coarse is a remark on a time that rests on few ticks; "" on any other.
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
func (c Period) foreignLoad() Check {
	g := Check{Name: ForeignLoad, Flag: record.FlagForeignLoad}
	total := time.Duration(c.CPUs) * c.Measured
	switch {
	case c.Own < 0:
		return g.unclear("the CPU time of the workers is not known")
	case total <= 0 || c.Pinned.Total() == 0:
		return g.unclear("no time passed by /proc/stat")
	}
	foreign := max(0, c.Pinned.User+c.Pinned.Nice+c.Pinned.System-c.Own)
	share := float64(foreign) / float64(total)
	blur := sampling(c.Own, total, c.CPUs*c.Stretches)
	return g.judge(share > foreignLimit && foreign > blur,
		"other programs used %.1f %% of the time of the workers' %d CPUs: %v, of which %v may be an error of the ticks",
		100*share, c.CPUs, foreign.Round(time.Millisecond), blur.Round(time.Millisecond))
}

// sampling is by how much the busy time of CPUs, counted in ticks, may be wrong,
// if they are busy for that much of their total time. It is right for ticks of
// 10 ms, the longest that Linux has, and too cautious for shorter ones.
func sampling(busy, total time.Duration, ends int) time.Duration {
	p := min(1, float64(busy)/float64(total))
	sigma := math.Sqrt(float64(total) / float64(host.Tick) * p * (1 - p))
	return time.Duration((3*sigma + 2*math.Sqrt(float64(ends))) * float64(host.Tick))
}

func (c Period) pressure() Check {
	g := Check{Name: "pressure", Flag: record.FlagPressure}
	switch {
	case c.Seen.Elapsed <= 0 || c.Seen.Pressure < 0:
		return g.unclear("this kernel has no /proc/pressure/cpu: it needs CONFIG_PSI, and psi=1 where that is off by default")
	case c.Workers > c.CPUs:
		return g.unclear("the workers wait for each other's CPU")
	}
	waited := c.Seen.Pressure
	if c.Seen.Watched > 0 {
		waited = max(0, waited-time.Duration(c.Stretches)*windowWait)
	}
	share := float64(waited) / float64(cmp.Or(c.Seen.Watched, c.Seen.Elapsed))
	return g.judge(share > pressureLimit, "tasks waited for a CPU during %.1f %% of the time", 100*share)
}

func (c Period) frequency() Check {
	g := Check{Name: Frequency, Flag: record.FlagThrottled}
	if c.Seen.FreqFrom == 0 {
		return g.unclear("the frequency of the CPUs cannot be read")
	}
	return g.judge(c.Seen.FreqChange() > frequencyLimit, "CPU %d went from %d to %d MHz",
		c.Seen.FreqCPU, c.Seen.FreqFrom/1000, c.Seen.FreqTo/1000)
}

func (c Period) throttling() Check {
	g := Check{Name: "throttling", Flag: record.FlagThrottled}
	if c.Seen.Stretches == 0 || c.Seen.Throttles < 0 {
		return g.unclear("this host does not tell whether heat slowed its CPUs down")
	}
	return g.judge(c.Seen.Throttles > 0, "heat slowed the workers' CPUs down %s", record.Plural(c.Seen.Throttles, "time", "times"))
}

// quota checks that no cgroup of this process used up its CPU time. When one does,
// all workers stand still until the period of the quota is over, and a rate is
// that of the quota.
func (c Period) quota() Check {
	g := Check{Name: Quota, Flag: record.FlagCPUQuota}
	switch d := c.Seen; {
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
func (c Period) clock() Check {
	g := Check{Name: "clock", Flag: record.FlagClockStep}
	d := c.Seen
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

// WallStep is a remark on a wall clock that was set; "" if it was not. No figure
// uses that clock, only the time stamps of records do.
func (c Period) WallStep() string {
	if abs(c.Seen.Wall) <= wallLimit+c.Seen.Blur {
		return ""
	}
	return fmt.Sprintf("the wall clock was set by %+.1f s during the measured time, which no figure uses", c.Seen.Wall.Seconds())
}

func abs(d time.Duration) time.Duration { return max(d, -d) }
