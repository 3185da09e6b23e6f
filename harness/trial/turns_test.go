package trial

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/harness/account"
	"tunbench/harness/condition"
	"tunbench/harness/host"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// fakeSide is a rig that notes which of two sides did what. Its host loses
// stolen[i] of a window's CPU time in the i-th window that is measured.
type fakeSide struct {
	*fakeTrial
	name   string
	log    *[]string
	clock  *int64
	free   bool
	count  uint64
	stolen func() time.Duration
	stat   *host.CPUTimes
}

func (f *fakeSide) release() error { f.free = true; *f.log = append(*f.log, f.name+"+"); return nil }
func (f *fakeSide) hold(context.Context) error {
	f.free = false
	*f.log = append(*f.log, f.name+"-")
	return nil
}
func (f *fakeSide) slice(bool)   {}
func (f *fakeSide) close() error { *f.log = append(*f.log, f.name+" closed"); return nil }
func (f *fakeSide) now() int64   { return *f.clock }
func (f *fakeSide) sample() account.Sample {
	return account.Sample{At: *f.clock, Delivered: f.count, ByDirection: []account.DirectionSample{{ByQueue: []uint64{f.count, 2 * f.count}}}}
}
func (f *fakeSide) measure(bool) error { return nil }
func (f *fakeSide) usage() (account.Usage, error) {
	return account.Usage{Senders: int64(f.count), Readers: -1, Stat: host.Stat{CPU: []host.CPU{{CPUTimes: *f.stat}}}}, nil
}
func (f *fakeSide) after(d time.Duration) <-chan time.Time {
	*f.clock += int64(d)
	stolen := f.stolen()
	f.stat.User += d - stolen
	f.stat.Steal += stolen
	if f.free {
		f.count += uint64(d / time.Millisecond)
	}
	c := make(chan time.Time, 1)
	c <- time.Time{}
	return c
}

// fakeSides are two sides that meet in windows of that length.
func fakeSides(s spec.Spec, stolen func() time.Duration) (sides [2]Side, log *[]string) {
	log = new([]string)
	clock, stat := new(int64), new(host.CPUTimes)
	for i, name := range []string{"a", "b"} {
		f := &fakeSide{fakeTrial: newFakeTrial(), name: name, log: log, clock: clock, stat: stat, stolen: stolen}
		r := &session{spec: s, stage: f, meter: f, pauser: f, recorder: f, clock: f, failed: f.dead, sent: f.done}
		sides[i] = &side{session: r, record: func(account.Measurement) record.Trial { return record.Trial{} }}
	}
	return sides, log
}

// seenBy is what a side has seen.
func seenBy(s Side) account.Measurement { return s.(*side).seen }

func TestSlices(t *testing.T) {
	sides, log := fakeSides(spec.Spec{Warmup: 30 * time.Millisecond, Window: 80 * time.Millisecond}, func() time.Duration { return 0 })
	c := alternation{want: 40, rng: rand.New(rand.NewPCG(1, 0))}
	if _, err := c.run(context.Background(), sides); err != nil {
		t.Fatal(err)
	}
	if c.tried != 40 || c.kept != 40 {
		t.Errorf("%d pairs tried, %d kept", c.tried, c.kept)
	}
	for i, side := range sides {
		m := seenBy(side)
		last := m.Samples[len(m.Samples)-1]
		if len(m.Samples) != 41 || last.At != 40*80e6 || last.Delivered != 40*80 || last.ByDirection[0].ByQueue[1] != 2*40*80 {
			t.Errorf("side %d: %d samples, the last %+v", i, len(m.Samples), last)
		}
		if m.Last.Senders != 40*80 || m.Last.Readers != -1 {
			t.Errorf("side %d: usage %+v", i, m.Last)
		}
		if spent := m.First.Stat.Until(m.Last.Stat, nil); spent.User != 40*80*time.Millisecond {
			t.Errorf("side %d: the host spent %+v", i, spent)
		}
	}
	// Never both at once, each as often, and either may be the first.
	running, first := "", map[string]int{}
	text := strings.Join(*log, " ")
	for n, w := range strings.Fields(strings.TrimSuffix(text, " a closed b closed")) {
		name, what := w[:1], w[1:]
		switch {
		case what == "+" && running != "":
			t.Fatalf("%s runs beside %s: %s", name, running, text)
		case what == "+":
			running = name
		default:
			running = ""
		}
		if n >= 6 && (n-6)%4 == 0 {
			first[name]++
		}
	}
	if !strings.HasSuffix(text, "a closed b closed") || first["a"]+first["b"] != 40 || first["a"] < 10 || first["b"] < 10 {
		t.Errorf("first in pairs: %v; end of the log: %s", first, text[len(text)-40:])
	}
}

func TestSlicesLeaveStolenTimeOut(t *testing.T) {
	for name, test := range map[string]struct {
		every       int // pairs between two disturbed ones; 1: all of them
		tried, kept int
	}{
		"never":  {1 << 30, 10, 10},
		"often":  {2, 19, 10},
		"always": {1, 30, LeastWindows},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			sides, _ := fakeSides(spec.Spec{Window: 80 * time.Millisecond}, func() time.Duration {
				n++
				pair := (n - 3) / 4 // two warm-ups, then settling and window of each side
				if n > 2 && (pair+1)%test.every == 0 {
					return time.Millisecond
				}
				return 0
			})
			c := alternation{want: 10, rng: rand.New(rand.NewPCG(1, 0))}
			if _, err := c.run(context.Background(), sides); err != nil {
				t.Fatal(err)
			}
			if c.tried != test.tried || c.kept != test.kept {
				t.Errorf("%d pairs tried, %d kept; want %d and %d", c.tried, c.kept, test.tried, test.kept)
			}
			seen := seenBy(sides[0])
			steal := seen.First.Stat.Steal(seen.Last.Stat, nil)
			if (steal > condition.StealLimit) != (name == "always") {
				t.Errorf("%.3f of the kept time is stolen", steal)
			}
		})
	}
}

// A trial says which of its figures are of all windows, when some were measured again.
func TestSlicesMeasuredAgainAreNoted(t *testing.T) {
	for _, stolen := range []time.Duration{0, time.Millisecond} {
		s := spec.Spec{Window: 80 * time.Millisecond, Measure: 800 * time.Millisecond}
		sides, _ := fakeSides(s, func() time.Duration { return stolen })
		trials, err := TakeTurns(context.Background(), sides, s, 1)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		if stolen > 0 {
			want = []string{"24 of 30 pairs of windows were measured again, since CPU time was stolen from them; accounts, queues and latencies are of all windows"}
		}
		for _, trial := range trials {
			if !slices.Equal(trial.Notes, want) {
				t.Errorf("%v stolen: notes %q, want %q", stolen, trial.Notes, want)
			}
		}
	}
}

func TestSlicesEndOnFailure(t *testing.T) {
	sides, log := fakeSides(spec.Spec{Window: time.Millisecond}, func() time.Duration { return 0 })
	broken := errors.New("broken")
	sides[1].(*side).session.stage.(*fakeSide).fakeTrial.fail["start"] = broken
	c := alternation{want: 3, rng: rand.New(rand.NewPCG(1, 0))}
	if _, err := c.run(context.Background(), sides); !errors.Is(err, broken) {
		t.Errorf("error: %v", err)
	}
	if got := strings.Join(*log, " "); got != "a- a closed b closed" {
		t.Errorf("log: %s", got)
	}
}

// Both sides are real trials, of devices and hooks that differ.
func TestRunPair(t *testing.T) {
	needRoot(t)
	for name, hooks := range map[string][2]string{
		"bare":              {"none", "none"},
		"bare and observed": {"none", "tracepoint"},
		"both observed":     {"tracepoint", "tracepoint"},
	} {
		t.Run(name, func(t *testing.T) {
			var sides [2]Variant
			for i := range sides {
				s := short()
				s.Queues, s.Flows, s.IO = i+1, 8, []spec.IO{spec.IORead, spec.IOPoll}[i]
				sides[i] = Variant{s, hooks[i]}
			}
			trials, err := lab.RunPair(context.Background(), sides, 1, record.Floor{SyscallNs: 100})
			if err != nil {
				t.Fatal(err)
			}
			for i, trial := range trials {
				if hooks[i] != "none" {
					trial.Arm = record.Observed
				}
				balanced(t, trial)
				if n := len(trial.Windows); n < LeastWindows || n > 10 || trial.Metrics[record.PPS] == 0 || (trial.Queues == nil) != (hooks[i] == "none") {
					t.Errorf("side %d: %d windows, %v, queues %v", i, n, trial.Metrics, trial.Queues)
				}
				var sum int64
				for _, w := range trial.Windows {
					sum = max(sum, w.TNs)
				}
				if sum != trial.DurationNs || trial.DurationNs < int64(len(trial.Windows))*int64(sides[i].Spec.Window) {
					t.Errorf("side %d: windows to %d, duration %d", i, sum, trial.DurationNs)
				}
				if slices.Contains(trial.Flags, record.FlagMissedEvents) {
					t.Errorf("side %d: %v", i, trial.Notes)
				}
			}
		})
	}
	var lock [2]Variant
	for i := range lock {
		lock[i] = Variant{short(), "none"}
		lock[i].Spec.Gen = spec.GenLockstep
	}
	if _, err := lab.RunPair(context.Background(), lock, 1, record.Floor{}); !errors.Is(err, spec.ErrImpossible) {
		t.Errorf("lockstep: %v", err)
	}
}
