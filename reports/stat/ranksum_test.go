package stat

import (
	"errors"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
)

// Permeability of the chorioamnion, Hollander and Wolfe (1973), table 4.1, which
// is the second example of R's wilcox.test.
var (
	atTerm   = []float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46}
	midterm  = []float64{1.15, 0.88, 0.90, 0.74, 1.21}
	allEqual = []float64{4, 4, 4, 4}
)

func TestRankSum(t *testing.T) {
	tests := []struct {
		name string
		x, y []float64
		want float64
	}{
		// scipy 1.10.1: mannwhitneyu(x, y, method='exact')
		{"permeability", atTerm, midterm, 0.2544122544122544},
		// scipy 1.10.1: x = i*7919%101 + i/128, y = i*104729%97 + 9 + i/128 + 1/1024
		{"40 and 55 untied", sequence(40, 7919, 101, 0, 1./128), sequence(55, 104729, 97, 9+1./1024, 1./128), 0.34199106096178905},
		// scipy 1.10.1: permutation_test((x, y), s, permutation_type='independent', n_resamples=inf)
		// with s = the sum of the midranks of x: all ways to deal counted
		{"ties", []float64{1, 1, 2, 3}, []float64{2, 3, 4, 4, 5}, 0.07936507936507936},
		{"nearly all tied", []float64{5, 5, 5}, []float64{5, 5, 6}, 1},
		{"ties across", []float64{1, 2, 3, 3, 3, 9}, []float64{3, 4, 4, 8, 9, 9, 10}, 0.04079254079254079},
		{"skewed", []float64{0, 0, 0, 0, 1}, []float64{0, 0, 0, 7, 7, 7}, 0.24242424242424243},
		// scipy 1.10.1: mannwhitneyu(i*7919%101, i*104729%97+9, method='asymptotic', use_continuity=True)
		{"80 and 90 by the normal approximation", sequence(80, 7919, 101, 0, 0), sequence(90, 104729, 97, 9, 0), 0.10184583443918567},

		{"all equal", allEqual, allEqual, 1},
		{"all equal, many", make([]float64, 80), make([]float64, 80), 1},
		{"apart", []float64{1, 2, 3, 4}, []float64{5, 6, 7, 8}, 2. / 70},
		{"one each", []float64{1}, []float64{2}, 1},
	}
	for _, tt := range tests {
		for _, order := range [][2][]float64{{tt.x, tt.y}, {tt.y, tt.x}} {
			if got, err := RankSum(order[0], order[1]); err != nil || math.Abs(got-tt.want) > 1e-12 {
				t.Errorf("%s: RankSum = %.16g, %v; want %.16g", tt.name, got, err, tt.want)
			}
		}
	}
}

// bruteRankSum counts all ways to deal the values to the two samples.
func bruteRankSum(x, y []float64) float64 {
	all := slices.Concat(x, y)
	u := func(chosen uint) (u2 int) { // twice Mann and Whitney's U
		for i, a := range all {
			for j, b := range all {
				if chosen>>i&1 == 1 && chosen>>j&1 == 0 {
					switch {
					case a > b:
						u2 += 2
					case a == b:
						u2++
					}
				}
			}
		}
		return u2
	}
	seen := u(1<<len(x) - 1)
	var below, above, ways float64
	for chosen := range uint(1) << len(all) {
		if bits.OnesCount(chosen) != len(x) {
			continue
		}
		ways++
		if u(chosen) <= seen {
			below++
		}
		if u(chosen) >= seen {
			above++
		}
	}
	return min(1, 2*min(below, above)/ways)
}

func TestRankSumAgainstEnumeration(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	for range 60 {
		x, y := make([]float64, 1+random.IntN(5)), make([]float64, 1+random.IntN(6))
		for _, s := range [][]float64{x, y} {
			for i := range s {
				s[i] = float64(random.IntN(8))
			}
		}
		if got, err := RankSum(x, y); err != nil || math.Abs(got-bruteRankSum(x, y)) > 1e-12 {
			t.Errorf("RankSum(%v, %v) = %v, %v; counted %v", x, y, got, err, bruteRankSum(x, y))
		}
	}
}

func TestRankSumUniform(t *testing.T) {
	random := rand.New(rand.NewPCG(13, 14))
	const runs = 20000
	count := map[float64]float64{}
	for range runs {
		p, err := RankSum(sample(random, 6, 2), sample(random, 8, 2))
		if err != nil {
			t.Fatal(err)
		}
		count[p]++
	}
	uniform(t, "normal", count, runs)
}

func TestRankSumProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(15, 16))
	for range 50 {
		x, y := sample(random, 4+random.IntN(12), 0), sample(random, 4+random.IntN(12), 0.5)
		p, err := RankSum(x, y)
		if err != nil || !(p > 0 && p <= 1) {
			t.Fatalf("p = %v, %v", p, err)
		}
		rising := func(v float64) float64 { return math.Exp(2*v + 1) }
		falling := func(v float64) float64 { return 1 - v }
		for name, f := range map[string]func(float64) float64{"a rising function": rising, "a falling one": falling} {
			if q, err := RankSum(apply(x, f), reversed(apply(y, f))); err != nil || !near(p, q) {
				t.Errorf("p is %v, and after %s %v (%v)", p, name, q, err)
			}
		}
	}
}

// The critical values of U, two-sided 5 %. scipy 1.10.1: the largest c at which the
// sum of _mwu_state.pmf(0..c, n, n) is at most 0.025. R: qwilcox(0.025, n, n) - 1.
func TestRankSumCutoff(t *testing.T) {
	for n, c := range map[int]int{4: 0, 5: 2, 6: 5, 7: 8, 8: 13, 9: 17, 10: 23, 20: 127} {
		if got, tail := rankSumCutoff(n, n, 0.05); got != c || 2*tail > 0.05 {
			t.Errorf("n = %d: cutoff %d with a tail of %v, want %d", n, got, tail, c)
		}
	}
	if c, _ := rankSumCutoff(3, 3, 0.05); c != -1 {
		t.Errorf("three values a side have a cutoff of %d", c)
	}
	exact, tail := rankSumCutoff(50, 50, 0.05)
	near, nearTail := normalCutoff(50*50/2., math.Sqrt(50*50*101/12.), 0.05)
	if d := exact - near; d < -2 || d > 2 || math.Abs(tail-nearTail) > 5e-4 {
		t.Errorf("at 50 and 50 values the cutoff is %d (%v), and by the normal approximation %d (%v)", exact, tail, near, nearTail)
	}
}

func TestShift(t *testing.T) {
	e, err := Shift(midterm, atTerm, 0.05)
	// Hollander and Wolfe (1973), example 4.2: 0.305.
	if err != nil || math.Abs(e.Value-0.305) > 1e-12 || e.N != 5 || e.Level < 0.95 {
		t.Errorf("Shift = %+v, %v", e, err)
	}
	e, err = Shift(allEqual, allEqual, 0.05)
	if want := (Estimate{0, 0, 0, 1 - 2./70, 4}); err != nil || e != want {
		t.Errorf("Shift of equal values = %+v, %v; want %+v", e, err, want)
	}
	e, err = Shift([]float64{1, 2, 3}, []float64{2, 3, 4}, 0.05)
	var few *TooFewError
	if !errors.Is(err, ErrTooFew) || !errors.As(err, &few) || few.Need != 4 || few.Have != 3 || e.Value != 1 {
		t.Errorf("Shift of three values a side = %+v, %v", e, err)
	}
}

func TestShiftInvertsTest(t *testing.T) {
	random := rand.New(rand.NewPCG(17, 18))
	for range 60 {
		x, y := sample(random, 4+random.IntN(10), 0), sample(random, 4+random.IntN(10), 1)
		e, err := Shift(x, y, 0.05)
		if err != nil {
			t.Fatal(err)
		}
		if !(e.Low <= e.Value && e.Value <= e.High) {
			t.Fatalf("interval %+v", e)
		}
		for _, at := range []struct {
			v  float64
			in bool
		}{{e.Low - 1e-9, false}, {e.Low + 1e-9, true}, {e.High - 1e-9, true}, {e.High + 1e-9, false}} {
			p, err := RankSum(x, apply(y, func(v float64) float64 { return v - at.v }))
			if err != nil || (p > 0.05) != at.in {
				t.Errorf("p against %v is %v, and the interval is %+v (%v)", at.v, p, e, err)
			}
		}
		back, err := Shift(y, x, 0.05)
		if err != nil || !near(back.Value, -e.Value) || !near(back.Low, -e.High) || !near(back.High, -e.Low) {
			t.Errorf("Shift there %+v and back %+v (%v)", e, back, err)
		}
	}
}
