package harness

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"tunbench/bpf"
	"tunbench/harness/host"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

const ms = time.Millisecond

// fine is a second on a host of four CPUs, two of which two workers keep busy,
// and on which nothing is wrong.
func fine() conditions {
	return conditions{
		all:    host.CPUTimes{User: 500 * ms, System: 1500 * ms, Idle: 2000 * ms},
		pinned: host.CPUTimes{User: 500 * ms, System: 1500 * ms},
		cpus:   2, workers: 2, own: 1980 * ms, measured: time.Second, stretches: 1,
		seen: host.Delta{
			Stretches: 1, Elapsed: time.Second, Pressure: 20 * ms, Throttles: 0,
			FreqFrom: 3_000_000, FreqTo: 2_900_000, Raw: 40 * time.Microsecond, Blur: time.Microsecond,
		},
	}
}

func TestGates(t *testing.T) {
	for _, g := range fine().gates() {
		if g.verdict != passed || g.detail == "" {
			t.Errorf("on a host without fault: %+v", g)
		}
	}
	for name, c := range map[string]struct {
		change func(*conditions)
		flag   string // "" if none fails
		words  string
	}{
		"one stolen tick of two CPUs": {func(c *conditions) {
			c.all = host.CPUTimes{System: 1990 * ms, Steal: 10 * ms}
		}, "", ""},
		"three stolen ticks": {func(c *conditions) {
			c.all = host.CPUTimes{System: 1970 * ms, Steal: 30 * ms}
		}, record.FlagSteal, "1.5 % of the CPU time was stolen (3 ticks of 10 ms)"},
		"one stolen tick of a short trial": {func(c *conditions) {
			c.all = host.CPUTimes{System: 190 * ms, Steal: 10 * ms}
		}, record.FlagSteal, "5.0 % of the CPU time was stolen (1 tick of 10 ms)"},
		"much stolen": {func(c *conditions) {
			c.all = host.CPUTimes{System: 1500 * ms, Steal: 500 * ms}
		}, record.FlagSteal, "25.0 % of the CPU time was stolen"},

		"somebody else": {func(c *conditions) { c.own = 1700 * ms }, record.FlagForeignLoad, "15.0 % of the time of the workers' 2 CPUs: 300ms"},
		"softirqs are nobody else": {func(c *conditions) {
			c.pinned = host.CPUTimes{System: 1700 * ms, SoftIRQ: 200 * ms, IRQ: 100 * ms}
			c.own = 1700 * ms
		}, "", ""},
		"nobody else, workers that sleep": {func(c *conditions) {
			// 1.2 s of ticks against 1.0 s of CPU time: within three sigma.
			c.pinned, c.own = host.CPUTimes{System: 1200 * ms, Idle: 800 * ms}, 1000*ms
		}, "", ""},
		"somebody else beside workers that sleep": {func(c *conditions) {
			c.pinned, c.own = host.CPUTimes{System: 1600 * ms, Idle: 400 * ms}, 1000*ms
		}, record.FlagForeignLoad, "600ms"},
		"one tick of a short trial": {func(c *conditions) {
			c.pinned, c.own = host.CPUTimes{System: 110 * ms, Idle: 90 * ms}, 100*ms
			c.measured = 100 * ms
		}, "", ""},
		"ticks of many stretches": {func(c *conditions) {
			c.pinned, c.own, c.stretches, c.seen.Elapsed = host.CPUTimes{System: 2000 * ms}, 1850*ms, 30, 3*time.Second
		}, "", ""},
		"somebody else in many stretches": {func(c *conditions) {
			c.own, c.stretches, c.seen.Elapsed = 1500*ms, 10, 3*time.Second
		}, record.FlagForeignLoad, "25.0 % of the time"},
		"the counters are behind": {func(c *conditions) { c.own = 2100 * ms }, "", ""},

		"tasks waited":        {func(c *conditions) { c.seen.Pressure = 300 * ms }, record.FlagPressure, "30.0 %"},
		"tasks waited for us": {func(c *conditions) { c.seen.Pressure, c.workers = 900*ms, 3 }, "", ""},
		"a slower clock":      {func(c *conditions) { c.seen.FreqTo = 2_400_000 }, record.FlagThrottled, "CPU 0 went from 3000 to 2400 MHz"},
		"heat":                {func(c *conditions) { c.seen.Throttles = 4 }, record.FlagThrottled, "4 times"},
		"a quota": {func(c *conditions) {
			c.seen.QuotaPeriods, c.seen.QuotaTime, c.seen.QuotaCgroup = 9, 1400*ms, "/sys/fs/cgroup/box"
		}, record.FlagCPUQuota, "the CPU quota of cgroup /sys/fs/cgroup/box ran out in 9 periods, and tasks stood still for 1.4s"},
		"a quota out of sight":   {func(c *conditions) { c.seen.QuotaTime = 300 * ms }, record.FlagCPUQuota, "above those that can be seen from here ran out, and tasks stood still for 300ms"},
		"slewed":                 {func(c *conditions) { c.seen.Raw = -80 * ms }, record.FlagClockStep, "slewed by 80ms in 1s"},
		"slewed as NTP may":      {func(c *conditions) { c.seen.Raw = 500 * time.Microsecond }, "", ""},
		"clocks read with pause": {func(c *conditions) { c.seen.Raw, c.seen.Blur = 3*ms, 3*ms }, "", ""},
		"suspended":              {func(c *conditions) { c.seen.Boot = 5 * time.Second }, record.FlagClockStep, "suspended for 5s"},
		"another counter": {func(c *conditions) {
			c.seen.SourceFrom, c.seen.SourceTo = "tsc", "hpet"
		}, record.FlagClockStep, "from tsc to hpet"},
		"the wall clock was set": {func(c *conditions) { c.seen.Wall = time.Hour }, "", ""},
	} {
		given := fine()
		c.change(&given)
		var failures []gate
		for _, g := range given.gates() {
			if g.verdict == failed {
				failures = append(failures, g)
			}
		}
		switch {
		case c.flag == "" && len(failures) == 0:
		case c.flag != "" && len(failures) == 1 && failures[0].flag == c.flag && strings.Contains(failures[0].detail, c.words):
		default:
			t.Errorf("%s: %+v, want %q with %q", name, failures, c.flag, c.words)
		}
	}
}

// TestGatesInTheDark holds that what cannot be read fails no gate, and that
// each says why it does not know.
func TestGatesInTheDark(t *testing.T) {
	blind := conditions{cpus: 2, workers: 2, own: -1, seen: host.Delta{Stretches: 1, Pressure: -1, Throttles: -1, QuotaPeriods: -1}}
	for _, c := range []conditions{{}, blind} {
		for _, g := range c.gates() {
			if g.verdict != unknown || g.detail == "" {
				t.Errorf("%+v", g)
			}
		}
	}
}

// TestFlagOfTwoGates holds that a flag is set once, whichever gates ask for it,
// with a note for each, and that notes without a flag are kept.
func TestFlagOfTwoGates(t *testing.T) {
	place := record.Placement{Sender: []int{0}, Reader: []int{1}}
	b := newBed(spec.Default(), newK2U(spec.Default(), bpf.None, place), place)
	seen := fine().seen
	seen.Throttles, seen.FreqTo, seen.Wall = 2, 1_000_000, time.Minute
	m := measurement{samples: make([]sample, 2), seen: seen, warm: warmth{extended: 1}}
	trial := record.Trial{Metrics: map[string]float64{record.PPS: 1}}
	b.flag(&trial, m, sink.Counts{})
	if !slices.Equal(trial.Flags, []string{record.FlagThrottled}) {
		t.Errorf("flags %v, want one %s", trial.Flags, record.FlagThrottled)
	}
	want := []string{
		"throttled: CPU 0 went from 3000 to 1000 MHz", "throttled: heat slowed the workers' CPUs down 2 times",
		"the wall clock was set by +60.0 s during the measured time, which no figure uses", "warm-up extended once",
	}
	if !slices.Equal(trial.Notes, want) {
		t.Errorf("notes %q, want %q", trial.Notes, want)
	}
	// A steadiness that two more warm-ups did not bring is told with the flag.
	m.warm = warmth{extended: mostExtensions}
	for i := range leastWindows {
		trial.Windows = append(trial.Windows, record.Window{TNs: int64(i + 1), Pkts: uint64(100 * (i + 1))})
	}
	trial.Flags, trial.Notes = nil, nil
	b.flag(&trial, m, sink.Counts{})
	if last := trial.Notes[len(trial.Notes)-1]; !slices.Contains(trial.Flags, record.FlagUnsteady) || !strings.HasSuffix(last, "; warm-up extended twice") {
		t.Errorf("flags %v, last note %q", trial.Flags, last)
	}
}

func TestWallStep(t *testing.T) {
	c := fine()
	if text := c.wallStep(); text != "" {
		t.Errorf("nobody set it: %s", text)
	}
	c.seen.Wall = -90 * time.Second
	if text := c.wallStep(); !strings.Contains(text, "-90.0 s") {
		t.Errorf("set back by 90 s: %q", text)
	}
}

// TestSampling holds the bound of tick sampling against a CPU that is looked
// at, tick by tick, while it is busy for a share of the time.
func TestSampling(t *testing.T) {
	rng := newRNG()
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

// TestGateRows holds that doctor shows every gate, and advises where one fails.
func TestGateRows(t *testing.T) {
	c := fine()
	c.all.Steal = time.Second
	c.own = 0
	c.seen.Pressure = 900 * ms
	c.seen.Throttles = 1
	c.seen.QuotaPeriods = 1
	c.seen.Boot = time.Minute
	c.seen.FreqTo = 1_000_000
	for _, g := range c.gates() {
		if g.verdict != failed {
			t.Fatalf("%s passed: nothing is tested", g.name)
		}
		row := gateRow(g, []int{4, 6})
		if g.name == gateFrequency {
			if row.Status != StatusUnknown || row.Advice != "" {
				t.Errorf("an idle CPU changed its frequency: %+v", row)
			}
			continue
		}
		if row.Status != StatusWarning || row.Advice == "" || !strings.Contains(row.Detail, g.detail) {
			t.Errorf("%+v", row)
		}
		if g.name == gateForeignLoad && !strings.Contains(row.Detail, "CPUs 4 6") {
			t.Errorf("which CPUs? %q", row.Detail)
		}
	}
}

func TestDoctorLooksAround(t *testing.T) {
	rows := gateRows(t.Context())
	var names []string
	for _, r := range rows {
		t.Logf("%+v", r)
		names = append(names, r.Name)
		if r.Detail == "" || (r.Status == StatusWarning) != (r.Advice != "") {
			t.Errorf("%+v", r)
		}
	}
	want := []string{"steal", "foreign load", "pressure", "frequency", "throttling", "quota", "clock", "unsteady", "generator-limited", "unexplained"}
	if !slices.Equal(names, want) {
		t.Errorf("gates %q, want %q", names, want)
	}
}

// TestSomebodyElse runs a trial on CPUs that other processes keep busy, two on
// each: they get two thirds of the time, or more where there are still others.
func TestSomebodyElse(t *testing.T) {
	needRoot(t)
	place, err := host.Place(nil, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, cpu := range slices.Concat(place.Sender, place.Reader) {
		spinOn(t, cpu)
		spinOn(t, cpu)
	}
	s := spec.Default()
	s.Warmup, s.Measure, s.Window, s.IO = 0, 500*ms, 50*ms, spec.IOPoll
	trial := run(t, s, bpf.None)
	balanced(t, trial)
	if !slices.Contains(trial.Flags, record.FlagForeignLoad) {
		t.Errorf("flags %v, notes %q, want %s", trial.Flags, trial.Notes, record.FlagForeignLoad)
	}
	// A thread in lockstep ends before its time can be read, and waits for
	// nobody but itself.
	s.Gen, s.IO = spec.GenLockstep, spec.IORead
	for _, flag := range run(t, s, bpf.None).Flags {
		if flag == record.FlagForeignLoad || flag == record.FlagPressure {
			t.Errorf("a trial in lockstep is flagged %s", flag)
		}
	}
}

// spinOn keeps a CPU busy by a process of its own, until the test ends. The
// process inherits the affinity of the thread that starts it.
func spinOn(t *testing.T, cpu int) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, set unix.CPUSet
	set.Set(cpu)
	if err := errors.Join(unix.SchedGetaffinity(0, &before), unix.SchedSetaffinity(0, &set)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), spinEnv+"=1")
	err := cmd.Start()
	if err := errors.Join(err, unix.SchedSetaffinity(0, &before)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
}

// spin ends by itself should the test that started it be gone.
func spin() {
	go func() {
		for {
		}
	}()
	time.Sleep(30 * time.Second)
	os.Exit(0)
}

// TestATrialKnowsItsHost holds that a trial judges what every kernel shows.
func TestATrialKnowsItsHost(t *testing.T) {
	needRoot(t)
	place, err := host.Place(nil, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := short()
	b := newBed(s, newK2U(s, bpf.None, place), place)
	restore := quiet(2)
	m, err := runPhases(t.Context(), b, s)
	restore()
	if err != nil {
		t.Fatal(err)
	}
	c := b.conditions(m)
	for _, g := range c.gates() {
		t.Logf("%+v", g)
		if must := g.name == "steal" || g.name == gateForeignLoad || g.name == "clock"; must && g.verdict == unknown {
			t.Errorf("%s: %s", g.name, g.detail)
		}
	}
	if c.seen.Elapsed < s.Measure || c.measured < s.Measure || c.own <= 0 {
		t.Errorf("%v of CPU time in %v of %v, want at least %v of time", c.own, c.measured, c.seen.Elapsed, s.Measure)
	}
}
