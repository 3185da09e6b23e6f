package stat

import (
	"errors"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// depression is the change of Hamilton's scale factor in nine patients:
// Hollander and Wolfe (1973), table 3.1, which is the example of R's wilcox.test.
var depression = []float64{
	1.83 - 0.878, 0.50 - 0.647, 1.62 - 0.598, 2.48 - 2.05, 1.68 - 1.06, 1.88 - 1.29, 1.55 - 1.06, 3.06 - 3.14, 1.30 - 1.29,
}

// sequence is a golden sample that Python builds the same way:
// (i*step % modulus) + offset + i*slope for i < n.
func sequence(n, step, modulus int, offset, slope float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i*step%modulus) + offset + float64(i)*slope
	}
	return x
}

func TestSignedRank(t *testing.T) {
	tests := []struct {
		name string
		x    []float64
		want float64
	}{
		// scipy 1.10.1: wilcoxon(x, y, mode='exact')
		{"depression", depression, 0.0390625},
		// scipy 1.10.1: wilcoxon((i*7919%101-40) + i/64, mode='exact')
		{"40 untied", sequence(40, 7919, 101, -40, 1./64), 0.051399685278738616},
		// scipy 1.10.1: permutation_test((x,), s, permutation_type='samples', n_resamples=inf)
		// with s = sum(rankdata(abs(x)) * (x > 0)): all signs counted
		{"ties", []float64{1, 1, 2, -2, 3, 3, -1, 4}, 0.140625},
		{"ties and zeros", []float64{0, 0, 1, -2, 3, 4, 5, 5}, 0.09375},
		{"one that is not 0", []float64{0, 0, 0, 2}, 1},
		{"two sizes", []float64{-3, -3, -3, -3, -3, 1}, 0.0625},
		{"12 tied", []float64{1, 2, 2, 3, 3, 3, -4, -4, 0, 5, -5, 6}, 0.4052734375},
		// scipy 1.10.1: wilcoxon(i*7919%101-47, zero_method='pratt', correction=True, mode='approx')
		{"400 by the normal approximation", sequence(400, 7919, 101, -47, 0), 0.04534868873945559},

		{"zeros", []float64{0, 0, 0, 0, 0, 0, 0}, 1},
		{"one", []float64{3}, 1},
		{"all above 0", []float64{1, 2, 3, 4, 5, 6}, 2. / 64},
	}
	for _, tt := range tests {
		if got, err := SignedRank(tt.x); err != nil || math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("%s: SignedRank = %.16g, %v; want %.16g", tt.name, got, err, tt.want)
		}
	}
}

// bruteSignedRank counts all choices of signs of the values that are not 0.
func bruteSignedRank(x []float64) float64 {
	size := make([]float64, len(x))
	for i, v := range x {
		size[i] = math.Abs(v)
	}
	var ranks []float64
	var seen float64
	for i, v := range x {
		var rank float64 // twice the midrank, by its definition
		for _, s := range size {
			if s < size[i] {
				rank += 2
			} else if s == size[i] {
				rank++
			}
		}
		if v != 0 {
			ranks = append(ranks, rank+1)
		}
		if v > 0 {
			seen += rank + 1
		}
	}
	var below, above float64
	for signs := range 1 << len(ranks) {
		var sum float64
		for i, r := range ranks {
			if signs>>i&1 == 1 {
				sum += r
			}
		}
		if sum <= seen {
			below++
		}
		if sum >= seen {
			above++
		}
	}
	return min(1, 2*min(below, above)/float64(int(1)<<len(ranks)))
}

func TestSignedRankAgainstEnumeration(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		x := make([]float64, 1+random.IntN(10))
		for i := range x {
			x[i] = float64(random.IntN(11) - 4) // many ties and zeros
		}
		if got, err := SignedRank(x); err != nil || math.Abs(got-bruteSignedRank(x)) > 1e-12 {
			t.Errorf("SignedRank(%v) = %v, %v; counted %v", x, got, err, bruteSignedRank(x))
		}
	}
}

func TestSignedRankProperties(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		x := sample(random, 3+random.IntN(30), 0.3)
		p, err := SignedRank(x)
		if err != nil {
			t.Fatal(err)
		}
		if !(p > 0 && p <= 1) {
			t.Fatalf("p = %v of %v", p, x)
		}
		for name, y := range map[string][]float64{
			"scaled":   apply(x, func(v float64) float64 { return 8 * v }),
			"mirrored": apply(x, func(v float64) float64 { return -v }),
			"reversed": reversed(x),
		} {
			if q, err := SignedRank(y); err != nil || !near(p, q) {
				t.Errorf("p of %v is %v, %s %v (%v)", x, p, name, q, err)
			}
		}
	}
}

func sample(random *rand.Rand, n int, mean float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = mean + random.NormFloat64()
	}
	return x
}

func apply(x []float64, f func(float64) float64) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = f(v)
	}
	return y
}

func reversed(x []float64) []float64 {
	y := slices.Clone(x)
	slices.Reverse(y)
	return y
}

// Under no change, p is at most a with probability a for every a that it can
// take; ties and zeros included, it is so given the sizes.
func TestSignedRankUniform(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	const runs = 20000
	samples := map[string]func() []float64{
		"normal": func() []float64 { return sample(random, 10, 0) },
		"cauchy": func() []float64 {
			return apply(sample(random, 12, 0), func(v float64) float64 { return v / random.NormFloat64() })
		},
		"uneven spread": func() []float64 {
			x := sample(random, 15, 0)
			for i := range x {
				x[i] *= float64(1 + i*i)
			}
			return x
		},
	}
	for name, draw := range samples {
		count := map[float64]float64{}
		for range runs {
			p, err := SignedRank(draw())
			if err != nil {
				t.Fatal(err)
			}
			count[p]++
		}
		uniform(t, name, count, runs)
	}
}

// uniform holds the counts of p against its uniform distribution.
func uniform(t *testing.T, name string, count map[float64]float64, runs float64) {
	t.Helper()
	var below float64
	for _, p := range slices.Sorted(maps.Keys(count)) {
		below += count[p]
		if p == 1 {
			continue // the centre is counted in both tails
		}
		if got, se := below/runs, math.Sqrt(p*(1-p)/runs); math.Abs(got-p) > 4.5*se {
			t.Errorf("%s: p is at most %v in a share of %v of the runs, %.1f standard errors off", name, p, got, (got-p)/se)
		}
	}
}

func TestHodgesLehmann(t *testing.T) {
	tests := []struct {
		x    []float64
		want float64
	}{
		{[]float64{4}, 4},
		{[]float64{1, 3}, 2},
		{[]float64{1, 2, 9}, 3.5}, // 1 1.5 2 5 5.5 9
		{[]float64{7, 7, 7}, 7},
		// Hollander and Wolfe (1973), example 3.2: 0.46
		{depression, 0.46},
		{[]float64{math.MaxFloat64, math.MaxFloat64}, math.MaxFloat64},
	}
	for _, tt := range tests {
		if got, err := HodgesLehmann(tt.x); err != nil || math.Abs(got-tt.want) > 1e-12*math.Abs(tt.want) {
			t.Errorf("HodgesLehmann(%v) = %v, %v; want %v", tt.x, got, err, tt.want)
		}
	}
}

func TestWalsh(t *testing.T) {
	got, err := Walsh([]float64{9, 1, 2})
	if want := []float64{1, 1.5, 2, 5, 5.5, 9}; err != nil || !slices.Equal(got, want) {
		t.Errorf("Walsh = %v, %v; want %v", got, err, want)
	}
}

// The critical values of the two-sided test at 5 %, n = 6 to 20. scipy 1.10.1: the
// largest c for which wilcoxon(x, mode='exact') of a sample with a sum of c gives at
// most 0.05. R: qsignrank(0.025, n) - 1.
func TestSignedRankCutoff(t *testing.T) {
	want := []int{0, 2, 3, 5, 8, 10, 13, 17, 21, 25, 29, 34, 40, 46, 52}
	for i, c := range want {
		if got, tail := signedRankCutoff(6+i, 0.05); got != c || 2*tail > 0.05 {
			t.Errorf("n = %d: cutoff %d with a tail of %v, want %d", 6+i, got, tail, c)
		}
	}
	if c, _ := signedRankCutoff(5, 0.05); c != -1 {
		t.Errorf("five values have a cutoff of %d", c)
	}
	exact, tail := cutoff(signSums(untied(300)), 0.05)
	near, nearTail := normalCutoff(300*301/4., math.Sqrt(300*301*601/24.), 0.05)
	if abs := exact - near; abs < -2 || abs > 2 || math.Abs(tail-nearTail) > 2e-4 {
		t.Errorf("at 300 values the cutoff is %d (%v), and by the normal approximation %d (%v)", exact, tail, near, nearTail)
	}
}

func TestSignedRankInterval(t *testing.T) {
	e, err := SignedRankInterval(depression, 0.05)
	if err != nil {
		t.Fatal(err)
	}
	// Hollander and Wolfe (1973), example 3.3: 0.010 to 0.786 at 96.1 %.
	if math.Abs(e.Low-0.010) > 1e-9 || math.Abs(e.High-0.786) > 1e-9 || math.Abs(e.Level-0.9609375) > 1e-12 || e.N != 9 {
		t.Errorf("interval of the depression data: %+v", e)
	}
	e, err = SignedRankInterval([]float64{5, 5, 5, 5, 5, 5}, 0.05)
	if want := (Estimate{5, 5, 5, 1 - 2./64, 6}); err != nil || e != want {
		t.Errorf("interval of equal values: %+v, %v; want %+v", e, err, want)
	}
}

func TestSignedRankIntervalTooFew(t *testing.T) {
	for _, tt := range []struct {
		n     int
		alpha float64
		need  int
	}{{5, 0.05, 6}, {6, 0.025, 7}, {1, 0.05, 6}, {3, 0.2, 4}} {
		x := untiedSample(tt.n)
		e, err := SignedRankInterval(x, tt.alpha)
		var few *TooFewError
		if !errors.Is(err, ErrTooFew) || !errors.As(err, &few) || few.Need != tt.need || few.Have != tt.n {
			t.Errorf("%d values at %v: %v", tt.n, tt.alpha, err)
			continue
		}
		if want, _ := HodgesLehmann(x); e.Value != want || e.N != tt.n || e.Low != 0 || e.High != 0 || e.Level != 0 {
			t.Errorf("%d values at %v: %+v", tt.n, tt.alpha, e)
		}
		if _, err := SignedRankInterval(untiedSample(tt.need), tt.alpha); err != nil {
			t.Errorf("%d values at %v: %v", tt.need, tt.alpha, err)
		}
	}
}

func untiedSample(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(1 + i*i)
	}
	return x
}

// A value lies in the interval if and only if the test does not reject it.
func TestSignedRankIntervalInvertsTest(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	for range 100 {
		x := sample(random, 6+random.IntN(20), 0)
		e, err := SignedRankInterval(x, 0.05)
		if err != nil {
			t.Fatal(err)
		}
		if !(e.Low <= e.Value && e.Value <= e.High && e.Level >= 0.95 && e.Level < 1) {
			t.Fatalf("interval %+v of %v", e, x)
		}
		for _, at := range []struct {
			v  float64
			in bool
		}{{e.Low - 1e-9, false}, {e.Low + 1e-9, true}, {e.High - 1e-9, true}, {e.High + 1e-9, false}} {
			p, err := SignedRank(apply(x, func(v float64) float64 { return v - at.v }))
			if err != nil || (p > 0.05) != at.in {
				t.Errorf("p of %v against %v is %v, and the interval is %+v (%v)", x, at.v, p, e, err)
			}
		}
	}
}

func TestSignedRankIntervalMoves(t *testing.T) {
	random := rand.New(rand.NewPCG(9, 10))
	for range 50 {
		x := sample(random, 6+random.IntN(30), 0)
		e, _ := SignedRankInterval(x, 0.05)
		moved, _ := SignedRankInterval(apply(x, func(v float64) float64 { return 3 - 2*v }), 0.05)
		want := Estimate{3 - 2*e.Value, 3 - 2*e.High, 3 - 2*e.Low, e.Level, e.N}
		if math.Abs(moved.Value-want.Value) > 1e-9 || math.Abs(moved.Low-want.Low) > 1e-9 || math.Abs(moved.High-want.High) > 1e-9 || moved.Level != want.Level {
			t.Errorf("moved and mirrored: %+v, want %+v", moved, want)
		}
	}
}

// The interval covers the truth as often as its level says; with ties and zeros,
// at least as often.
func TestSignedRankIntervalCovers(t *testing.T) {
	random := rand.New(rand.NewPCG(29, 30))
	const runs = 10000
	for name, draw := range map[string]func() []float64{
		"normal":  func() []float64 { return sample(random, 10, 0) },
		"rounded": func() []float64 { return apply(sample(random, 10, 0), math.Round) },
	} {
		covered, level := 0.0, 0.0
		for range runs {
			e, err := SignedRankInterval(draw(), 0.05)
			if err != nil {
				t.Fatal(err)
			}
			if level = e.Level; e.Low <= 0 && 0 <= e.High {
				covered += 1. / runs
			}
		}
		within := 4.5 * math.Sqrt(level*(1-level)/runs)
		if covered < level-within || name == "normal" && covered > level+within {
			t.Errorf("%s: a level of %.4f covers %.4f", name, level, covered)
		}
	}
}
