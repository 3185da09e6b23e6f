package account

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

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
		if got := Drift(c.rates); got-c.want > 1e-12 || c.want-got > 1e-12 {
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
		rates := make([]float64, 12) // the slices of a warm-up
		for i := range rates {
			rates[i] = 100 * (1 + 0.3*rng.NormFloat64())
		}
		if Drift(rates) != 0 {
			found++
		}
	}
	// 114 are expected, with a standard deviation of 11.
	if found < 70 || found > 158 {
		t.Errorf("a drift was found in %d of %d that have none, want about 1 in 35", found, rounds)
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
		if got := Unsteady(WindowRates(c.windows)); (got == "") != (c.words == "") || !strings.Contains(got, c.words) {
			t.Errorf("%s: %q, want %q", name, got, c.words)
		}
	}
}
