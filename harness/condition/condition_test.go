package condition

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tunbench/harness/host"
	"tunbench/reports/record"
)

const ms = time.Millisecond

// fine is a second on a host of four CPUs, two of which two workers keep busy,
// and on which nothing is wrong.
func fine() Period {
	return Period{
		All:    host.CPUTimes{User: 500 * ms, System: 1500 * ms, Idle: 2000 * ms},
		Pinned: host.CPUTimes{User: 500 * ms, System: 1500 * ms},
		CPUs:   2, Workers: 2, Own: 1980 * ms, Measured: time.Second, Stretches: 1,
		Seen: host.Delta{
			Stretches: 1, Elapsed: time.Second, Pressure: 20 * ms, Throttles: 0,
			FreqFrom: 3_000_000, FreqTo: 2_900_000, Raw: 40 * time.Microsecond, Blur: time.Microsecond,
		},
	}
}

func TestChecks(t *testing.T) {
	for _, g := range fine().Checks() {
		if g.Outcome != Passed || g.Detail == "" {
			t.Errorf("on a host without fault: %+v", g)
		}
	}
	for name, c := range map[string]struct {
		change func(*Period)
		flag   string // "" if none fails
		words  string
	}{
		"one stolen tick of two CPUs": {func(c *Period) {
			c.All = host.CPUTimes{System: 1990 * ms, Steal: 10 * ms}
		}, "", ""},
		"three stolen ticks": {func(c *Period) {
			c.All = host.CPUTimes{System: 1970 * ms, Steal: 30 * ms}
		}, record.FlagSteal, "1.5 % of the CPU time was stolen (3 ticks of 10 ms)"},
		"one stolen tick of a short trial": {func(c *Period) {
			c.All = host.CPUTimes{System: 190 * ms, Steal: 10 * ms}
		}, record.FlagSteal, "5.0 % of the CPU time was stolen (1 tick of 10 ms)"},
		"much stolen": {func(c *Period) {
			c.All = host.CPUTimes{System: 1500 * ms, Steal: 500 * ms}
		}, record.FlagSteal, "25.0 % of the CPU time was stolen"},

		"somebody else": {func(c *Period) { c.Own = 1700 * ms }, record.FlagForeignLoad, "15.0 % of the time of the workers' 2 CPUs: 300ms"},
		"softirqs are nobody else": {func(c *Period) {
			c.Pinned = host.CPUTimes{System: 1700 * ms, SoftIRQ: 200 * ms, IRQ: 100 * ms}
			c.Own = 1700 * ms
		}, "", ""},
		"nobody else, workers that sleep": {func(c *Period) {
			// 1.2 s of ticks against 1.0 s of CPU time: within three sigma.
			c.Pinned, c.Own = host.CPUTimes{System: 1200 * ms, Idle: 800 * ms}, 1000*ms
		}, "", ""},
		"somebody else beside workers that sleep": {func(c *Period) {
			c.Pinned, c.Own = host.CPUTimes{System: 1600 * ms, Idle: 400 * ms}, 1000*ms
		}, record.FlagForeignLoad, "600ms"},
		"one tick of a short trial": {func(c *Period) {
			c.Pinned, c.Own = host.CPUTimes{System: 110 * ms, Idle: 90 * ms}, 100*ms
			c.Measured = 100 * ms
		}, "", ""},
		"ticks of many stretches": {func(c *Period) {
			c.Pinned, c.Own, c.Stretches, c.Seen.Elapsed = host.CPUTimes{System: 2000 * ms}, 1850*ms, 30, 3*time.Second
		}, "", ""},
		"somebody else in many stretches": {func(c *Period) {
			c.Own, c.Stretches, c.Seen.Elapsed = 1500*ms, 10, 3*time.Second
		}, record.FlagForeignLoad, "25.0 % of the time"},
		"the counters are behind": {func(c *Period) { c.Own = 2100 * ms }, "", ""},

		"tasks waited":        {func(c *Period) { c.Seen.Pressure = 300 * ms }, record.FlagPressure, "30.0 %"},
		"tasks waited for us": {func(c *Period) { c.Seen.Pressure, c.Workers = 900*ms, 3 }, "", ""},
		"a slower clock":      {func(c *Period) { c.Seen.FreqTo = 2_400_000 }, record.FlagThrottled, "CPU 0 went from 3000 to 2400 MHz"},
		"heat":                {func(c *Period) { c.Seen.Throttles = 4 }, record.FlagThrottled, "4 times"},
		"a quota": {func(c *Period) {
			c.Seen.QuotaPeriods, c.Seen.QuotaTime, c.Seen.QuotaCgroup = 9, 1400*ms, "/sys/fs/cgroup/box"
		}, record.FlagCPUQuota, "the CPU quota of cgroup /sys/fs/cgroup/box ran out in 9 periods, and tasks stood still for 1.4s"},
		"a quota out of sight":   {func(c *Period) { c.Seen.QuotaTime = 300 * ms }, record.FlagCPUQuota, "above those that can be seen from here ran out, and tasks stood still for 300ms"},
		"slewed":                 {func(c *Period) { c.Seen.Raw = -80 * ms }, record.FlagClockStep, "slewed by 80ms in 1s"},
		"slewed as NTP may":      {func(c *Period) { c.Seen.Raw = 500 * time.Microsecond }, "", ""},
		"clocks read with pause": {func(c *Period) { c.Seen.Raw, c.Seen.Blur = 3*ms, 3*ms }, "", ""},
		"suspended":              {func(c *Period) { c.Seen.Boot = 5 * time.Second }, record.FlagClockStep, "suspended for 5s"},
		"another counter": {func(c *Period) {
			c.Seen.SourceFrom, c.Seen.SourceTo = "tsc", "hpet"
		}, record.FlagClockStep, "from tsc to hpet"},
		"the wall clock was set": {func(c *Period) { c.Seen.Wall = time.Hour }, "", ""},
	} {
		given := fine()
		c.change(&given)
		var failures []Check
		for _, g := range given.Checks() {
			if g.Outcome == Failed {
				failures = append(failures, g)
			}
		}
		switch {
		case c.flag == "" && len(failures) == 0:
		case c.flag != "" && len(failures) == 1 && failures[0].Flag == c.flag && strings.Contains(failures[0].Detail, c.words):
		default:
			t.Errorf("%s: %+v, want %q with %q", name, failures, c.flag, c.words)
		}
	}
}

// TestChecksInTheDark holds that what cannot be read fails no check, and that
// each says why it does not know.
func TestChecksInTheDark(t *testing.T) {
	blind := Period{CPUs: 2, Workers: 2, Own: -1, Seen: host.Delta{Stretches: 1, Pressure: -1, Throttles: -1, QuotaPeriods: -1}}
	for _, c := range []Period{{}, blind} {
		for _, g := range c.Checks() {
			if g.Outcome != Unknown || g.Detail == "" {
				t.Errorf("%+v", g)
			}
		}
	}
}

func TestWallStep(t *testing.T) {
	c := fine()
	if text := c.WallStep(); text != "" {
		t.Errorf("nobody set it: %s", text)
	}
	c.Seen.Wall = -90 * time.Second
	if text := c.WallStep(); !strings.Contains(text, "-90.0 s") {
		t.Errorf("set back by 90 s: %q", text)
	}
}

// TestSampling holds the bound of tick sampling against a CPU that is looked
// at, tick by tick, while it is busy for a share of the time.
func TestSampling(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 2))
	const ticks, rounds = 100, 2000
	for _, share := range []float64{0.1, 0.5, 0.9} {
		total := ticks * host.Tick
		busy := time.Duration(share * float64(total))
		bound := sampling(busy, total, 1)
		beyond := 0
		for range rounds {
			var counted time.Duration
			for range ticks {
				if rng.Float64() < share {
					counted += host.Tick
				}
			}
			if abs(counted-busy) > bound {
				beyond++
			}
		}
		if beyond > rounds/100 {
			t.Errorf("busy for %v: %d of %d looks are off by more than %v", share, beyond, rounds, bound)
		}
		if bound > total/4 {
			t.Errorf("busy for %v: the bound is %v of %v, which sees nothing", share, bound, total)
		}
	}
	if full := sampling(time.Second, time.Second, 1); full != 2*host.Tick {
		t.Errorf("a CPU that is always busy: %v, want two ticks", full)
	}
}

// In the windows of a block, the thread that ends each of them may wait for a CPU once.
func TestPressureInWindows(t *testing.T) {
	for name, test := range map[string]struct {
		waited time.Duration
		want   Outcome
	}{
		"the thread's own": {30 * 5 * time.Millisecond, Passed},
		"somebody else's":  {30 * 12 * time.Millisecond, Failed},
	} {
		c := Period{CPUs: 2, Workers: 2, Stretches: 30, Seen: host.Delta{Elapsed: time.Minute, Pressure: test.waited, Watched: 600 * time.Millisecond}}
		if got := c.pressure(); got.Outcome != test.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
