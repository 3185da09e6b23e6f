package trial

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"tunbench/harness/spec"
)

// TestWarmUpIsExtended holds how long a warm-up of 1 s becomes, and that what is
// measured begins only then.
func TestWarmUpIsExtended(t *testing.T) {
	// ramp rises from half to the full rate until a moment, and stays there.
	ramp := func(until time.Duration) func(int64) float64 {
		end := float64(until)
		return func(at int64) float64 {
			x := float64(at)
			rising := min(x, end)
			return rising/2 + rising*rising/(4*end) + max(0, x-end)
		}
	}
	for name, c := range map[string]struct {
		delivered func(int64) float64
		change    func(*spec.Spec)
		starts    time.Duration // of the measured time
		warm      string
	}{
		"steady":       {nil, nil, time.Second, ""},
		"soon steady":  {ramp(100 * time.Millisecond), nil, time.Second, ""},
		"once":         {ramp(time.Second), nil, 2 * time.Second, "warm-up extended once"},
		"twice":        {ramp(2 * time.Second), nil, 3 * time.Second, "warm-up extended twice"},
		"never steady": {ramp(9 * time.Second), nil, 3 * time.Second, "warm-up extended twice, and the rate still moved by +6 %"},
		"no traffic":   {func(int64) float64 { return 0 }, nil, time.Second, ""},
		"a fixed count": {ramp(9 * time.Second), func(s *spec.Spec) {
			s.Count = 1 << 40
		}, time.Second, ""},
		"an open loop": {ramp(9 * time.Second), func(s *spec.Spec) {
			s.Rate = 1000
		}, time.Second, ""},
		"too short to tell": {ramp(9 * time.Second), func(s *spec.Spec) {
			s.Warmup = warmupSlices*leastSlice - 12
		}, warmupSlices*leastSlice - 12, ""},
		"none": {ramp(9 * time.Second), func(s *spec.Spec) { s.Warmup = 0 }, 0, ""},
	} {
		f := newFakeTrial()
		f.delivered = c.delivered
		s := threeWindows()
		if c.change != nil {
			c.change(&s)
		}
		m, err := runPhases(context.Background(), f.session(s))
		if err != nil {
			t.Fatal(err)
		}
		// A twelfth of a second is not a whole number of ns.
		if start := time.Duration(m.Samples[0].At); (start-c.starts).Abs() > time.Microsecond || m.Warm != c.warm {
			t.Errorf("%s: measured from %v (%q), want %v (%q)", name, start, m.Warm, c.starts, c.warm)
		}
		if len(m.Samples) != 4 {
			t.Errorf("%s: %d samples, want those of three windows", name, len(m.Samples))
		}
		if i := slices.Index(f.calls, "measure"); f.calls[i-1] != "usage" || f.calls[i-2] != "look" || slices.Contains(f.calls[:i-2], "usage") {
			t.Errorf("%s: phases were %v", name, f.calls)
		}
	}
}

// TestWarmUpEnds holds that a warm-up ends when the trial does.
func TestWarmUpEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	f := newFakeTrial()
	waits := 0
	f.onCall = func(name string) {
		if name == "wait" {
			if waits++; waits == 7 {
				f.stuck = true
				cancel()
			}
		}
	}
	if _, err := runPhases(ctx, f.session(threeWindows())); !errors.Is(err, context.Canceled) || slices.Contains(f.calls, "measure") {
		t.Errorf("cancelled during the warm-up: %v, phases %v", err, f.calls)
	}
}
