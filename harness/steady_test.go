package harness

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/harness/spec"
	"tunbench/reports/record"
)

func newRNG() *rand.Rand { return rand.New(rand.NewPCG(4, 2)) }

func TestDrift(t *testing.T) {
	flat := slices.Repeat([]float64{100}, 12)
	changed := func(at map[int]float64) []float64 {
		x := slices.Clone(flat)
		for i, v := range at {
			x[i] = v
		}
		return x
	}
	for name, c := range map[string]struct {
		rates []float64
		want  float64
	}{
		"none":             {flat, 0},
		"a slow start":     {changed(map[int]float64{0: 3}), 0},
		"a stall":          {changed(map[int]float64{9: 1, 5: 1}), 0},
		"within the limit": {[]float64{100, 100, 100, 100, 102, 102, 102, 102, 104, 104, 104, 104}, 0},
		"rising":           {[]float64{100, 101, 102, 103, 104, 105, 106, 107, 118, 119, 121, 122}, 120/101.5 - 1},
		"falling":          {[]float64{122, 121, 119, 118, 110, 110, 110, 110, 103, 102, 101, 100}, 101.5/120 - 1},
		"noise":            {[]float64{80, 120, 90, 110, 100, 85, 115, 95, 105, 130, 118, 109}, 0},
		"too few":          {[]float64{1, 2, 3, 4, 5}, 0},
		"only begun":       {[]float64{0, 0, 0, 0, 0, 0, 0, 0, 5, 5, 5, 5}, 1},
		"nothing":          {make([]float64, 12), 0},
		"no slices":        {nil, 0},
	} {
		if got := drift(c.rates); got-c.want > 1e-12 || c.want-got > 1e-12 {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestDriftIsSeldomAnAccident draws rates that do not drift, whatever their
// noise, and holds the share of 1 in 35 that the documentation tells.
func TestDriftIsSeldomAnAccident(t *testing.T) {
	rng := newRNG()
	const rounds = 4000
	found := 0
	for range rounds {
		rates := make([]float64, warmupSlices)
		for i := range rates {
			rates[i] = 100 * (1 + 0.3*rng.NormFloat64())
		}
		if drift(rates) != 0 {
			found++
		}
	}
	// 114 are expected, with a standard deviation of 11.
	if found < 70 || found > 158 {
		t.Errorf("a drift was found in %d of %d that have none, want about 1 in 35", found, rounds)
	}
}

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
		f := newFakeRig()
		f.delivered = c.delivered
		s := threeWindows()
		if c.change != nil {
			c.change(&s)
		}
		m, err := runPhases(context.Background(), f, s)
		if err != nil {
			t.Fatal(err)
		}
		// A twelfth of a second is not a whole number of ns.
		if start := time.Duration(m.samples[0].at); (start-c.starts).Abs() > time.Microsecond || m.warm.String() != c.warm {
			t.Errorf("%s: measured from %v (%q), want %v (%q)", name, start, m.warm, c.starts, c.warm)
		}
		if len(m.samples) != 4 {
			t.Errorf("%s: %d samples, want those of three windows", name, len(m.samples))
		}
		if i := slices.Index(f.calls, "measure"); f.calls[i-1] != "usage" || f.calls[i-2] != "look" || slices.Contains(f.calls[:i-2], "usage") {
			t.Errorf("%s: phases were %v", name, f.calls)
		}
	}
}

// TestWarmUpEnds holds that a warm-up ends when the trial does.
func TestWarmUpEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	f := newFakeRig()
	waits := 0
	f.onCall = func(name string) {
		if name == "wait" {
			if waits++; waits == 7 {
				f.stuck = true
				cancel()
			}
		}
	}
	if _, err := runPhases(ctx, f, threeWindows()); !errors.Is(err, context.Canceled) || slices.Contains(f.calls, "measure") {
		t.Errorf("cancelled during the warm-up: %v, phases %v", err, f.calls)
	}
}

func TestUnsteady(t *testing.T) {
	windows := func(pkts ...uint64) (w []record.Window) {
		for i, n := range pkts {
			w = append(w, record.Window{TNs: int64(i+1) * 1e8, Pkts: n})
		}
		return w
	}
	for name, c := range map[string]struct {
		windows []record.Window
		words   string
	}{
		"steady":           {windows(100, 101, 99, 100, 101, 99, 100), ""},
		"too few":          {windows(1, 100, 1), ""},
		"nothing":          {windows(0, 0, 0, 0, 0, 0), ""},
		"spread":           {windows(100, 130, 70, 100, 130, 70, 100), "spread by 24 %"},
		"one stall of ten": {windows(100, 100, 100, 50, 100, 100, 100, 100, 100, 100), "spread by 17 %"},
		"drift":            {windows(100, 100, 103, 103, 107, 107), "by +7 %"},
	} {
		if got := unsteady(windowRates(c.windows)); (got == "") != (c.words == "") || !strings.Contains(got, c.words) {
			t.Errorf("%s: %q, want %q", name, got, c.words)
		}
	}
}
