package stat

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// noisy is n normal values about a level, with a standard deviation of sd of it.
func noisy(seed uint64, n int, sd float64, level func(i int) float64) []float64 {
	random := rand.New(rand.NewPCG(seed, 7))
	x := make([]float64, n)
	for i := range x {
		x[i] = level(i) * (1 + sd*random.NormFloat64())
	}
	return x
}

func flat(int) float64 { return 1 }

func stepAt(at int, to float64) func(int) float64 {
	return func(i int) float64 {
		if i < at {
			return 1
		}
		return to
	}
}

func places(t *testing.T, x []float64, alpha float64) (at []int) {
	t.Helper()
	points, err := ChangePoints(x, alpha)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range points {
		if !(p.P > 0 && p.P < alpha) {
			t.Errorf("change point at %d has p %v, not below %v", p.At, p.P, alpha)
		}
		at = append(at, p.At)
	}
	return at
}

// The annual flow of the Nile at Aswan, 1871 to 1970, in 1e8 m³ (Cobb, Biometrika
// 65 (1978) 243), which fell in 1899 when the first dam was begun.
var nile = []float64{
	1120, 1160, 963, 1210, 1160, 1160, 813, 1230, 1370, 1140, 995, 935, 1110, 994, 1020, 960, 1180, 799, 958, 1140,
	1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774, 840, 874, 694, 940, 833, 701, 916, 692, 1020, 1050, 969,
	831, 726, 456, 824, 702, 1120, 1100, 832, 764, 821, 768, 845, 864, 862, 698, 845, 744, 796, 1040, 759,
	781, 865, 845, 944, 984, 897, 822, 1010, 771, 676, 649, 846, 812, 742, 801, 1040, 860, 874, 848, 890,
	744, 749, 838, 1050, 918, 986, 797, 923, 975, 815, 1020, 906, 901, 1170, 912, 746, 919, 718, 714, 740,
}

func TestChangePointsOfKnownSeries(t *testing.T) {
	sum := 0.0
	for _, v := range nile {
		sum += v
	}
	if sum != 91935 { // the mean is known to be 919.35
		t.Fatalf("the flows of the Nile sum to %v", sum)
	}
	outliers := noisy(3, 50, 0.01, flat)
	for _, i := range []int{7, 20, 21, 41} {
		outliers[i] *= 1.5
	}
	bump := func(i int) float64 {
		if i >= 18 && i < 32 {
			return 1.05
		}
		return 1
	}
	for _, test := range []struct {
		name  string
		x     []float64
		alpha float64
		want  []int
	}{
		{"the Nile", nile, 0.001, []int{28}},
		// Two series that other programs of this kind are tested with, which are
		// too short for the strict level.
		{"eleven values", []float64{1.02, 0.95, 0.99, 1.00, 1.12, 0.90, 0.50, 0.51, 0.48, 0.48, 0.55}, 0.05, []int{6}},
		{"eleven others", []float64{2.02, 2.03, 2.01, 2.04, 1.82, 1.85, 1.79, 1.81, 1.80, 1.76, 1.78}, 0.05, []int{4}},
		{"eleven values, strict", []float64{1.02, 0.95, 0.99, 1.00, 1.12, 0.90, 0.50, 0.51, 0.48, 0.48, 0.55}, 0.001, nil},
		{"a large step", noisy(1, 50, 0.01, stepAt(30, 1.2)), 0.001, []int{30}},
		{"a step near the end", noisy(1, 50, 0.01, stepAt(46, 0.8)), 0.001, []int{46}},
		{"a step and back", noisy(2, 50, 0.01, bump), 0.001, []int{18, 32}},
		{"outliers", outliers, 0.001, nil},
		{"one value", []float64{1}, 0.001, nil},
		{"none", nil, 0.001, nil},
		{"all equal", slices.Repeat([]float64{3}, 50), 0.001, nil},
		{"exact, as in virtual time", slices.Concat(slices.Repeat([]float64{3}, 25), slices.Repeat([]float64{4}, 25)), 0.001, []int{25}},
	} {
		if at := places(t, test.x, test.alpha); !slices.Equal(at, test.want) {
			t.Errorf("%s: change points %v, want %v", test.name, at, test.want)
		}
	}
}

// A series without a level has no place of change; what matters is that the
// drift is seen at all.
func TestDriftIsSeen(t *testing.T) {
	for seed := range uint64(4) {
		x := noisy(seed, 50, 0.01, func(i int) float64 { return 1 - 0.002*float64(i) })
		if at := places(t, x, 0.001); len(at) == 0 {
			t.Errorf("seed %d: a drift of 10 %% over 50 values shows nothing", seed)
		}
	}
}

func TestStepAndFalseAlarms(t *testing.T) {
	const seeds = 20
	near, found, alarms := 0, 0, 0
	for seed := range uint64(seeds) {
		at := places(t, noisy(seed, 50, 0.01, stepAt(30, 0.97)), 0.001)
		if len(at) == 1 {
			found++
			if at[0] >= 29 && at[0] <= 31 {
				near++
			}
		}
		alarms += len(places(t, noisy(1000+seed, 60, 0.01, flat), 0.001))
	}
	if found < seeds-1 || near < seeds*8/10 || alarms > 1 {
		t.Errorf("of %d steps of three standard deviations %d are found, %d near the place; %d false alarms", seeds, found, near, alarms)
	}
	t.Logf("%d of %d found, %d of them at most one off; %d false alarms in as many without a step", found, seeds, near, alarms)
}

// The order of values that depend on the one before is not random: the test
// takes their slow waves for changes. How often is worth knowing.
func TestAutocorrelatedNoise(t *testing.T) {
	for _, test := range []struct {
		rho  float64
		most int // of 60 seeds
	}{{0, 1}, {0.2, 3}, {0.5, 20}} {
		alarms := 0
		for seed := range uint64(60) {
			random := rand.New(rand.NewPCG(seed, 11))
			x, last := make([]float64, 50), 0.0
			for i := range x {
				last = test.rho*last + math.Sqrt(1-test.rho*test.rho)*random.NormFloat64()
				x[i] = last
			}
			if len(places(t, x, 0.001)) > 0 {
				alarms++
			}
		}
		t.Logf("AR(1) with %v: %d false alarms of 60", test.rho, alarms)
		if alarms > test.most {
			t.Errorf("AR(1) with %v: %d false alarms of 60, at most %d are expected", test.rho, alarms, test.most)
		}
	}
}

// naiveSplit is split by its definition.
func naiveSplit(x []float64) (at int, best float64) {
	mean := func(a, b []float64, pairs float64) float64 {
		sum := 0.0
		for i, v := range a {
			for k, w := range b {
				if &a[0] != &b[0] || i < k {
					sum += math.Abs(v - w)
				}
			}
		}
		return sum / pairs
	}
	for end := 2 * LeastSegment; end <= len(x); end++ {
		for i := LeastSegment; i <= end-LeastSegment; i++ {
			a, b := x[:i], x[i:end]
			n, m := float64(len(a)), float64(len(b))
			q := n * m / (n + m) * (2*mean(a, b, n*m) - mean(a, a, n*(n-1)/2) - mean(b, b, m*(m-1)/2))
			if q > best+1e-9 {
				at, best = i, q
			}
		}
	}
	return at, best
}

func TestSplitIsItsDefinition(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	for n := range 30 {
		x := make([]float64, n)
		for i := range x {
			x[i] = 10 * random.NormFloat64()
		}
		e := newEnergy(n)
		at, q := e.split(x)
		wantAt, want := naiveSplit(x)
		if at != wantAt || math.Abs(q-want) > 1e-9 {
			t.Errorf("%d values split at %d (%v), by the definition at %d (%v)", n, at, q, wantAt, want)
		}
	}
}

func TestChangePointsAreTheSameAgain(t *testing.T) {
	x := noisy(9, 80, 0.02, stepAt(33, 1.05))
	first, err := ChangePoints(x, 0.001)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ChangePoints(slices.Clone(x), 0.001)
	if err != nil || fmt.Sprint(first) != fmt.Sprint(again) || len(first) != 1 {
		t.Errorf("%v, then %v, %v", first, again, err)
	}
}

func TestEDivisiveRefuses(t *testing.T) {
	if _, err := ChangePoints([]float64{1, math.NaN()}, 0.001); err == nil {
		t.Error("NaN is taken")
	}
	if _, err := ChangePoints([]float64{1, 2}, 0); err == nil {
		t.Error("alpha 0 is taken")
	}
	if _, err := Scatter([]float64{1, 2, 3}); err == nil {
		t.Error("the scatter of three values is known")
	}
	if _, err := JudgeMove(nil, []float64{1}, 1, 20, 0.001); !errors.Is(err, ErrEmpty) {
		t.Errorf("no values to judge by: %v", err)
	}
	if _, err := JudgeMove([]float64{1}, []float64{1}, math.NaN(), 20, 0.001); err == nil {
		t.Error("a scatter of NaN is taken")
	}
}

func TestScatter(t *testing.T) {
	for _, test := range []struct {
		name  string
		level func(int) float64
	}{{"flat", flat}, {"a step, whose noise grows with it", stepAt(20, 1.3)}, {"a drift", func(i int) float64 { return 1 + 0.002*float64(i) }}} {
		var all []float64
		for seed := range uint64(200) {
			s, err := Scatter(noisy(seed, 50, 0.01, test.level))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		if m, _ := Median(all); m < 0.009 || m > 0.0135 {
			t.Errorf("%s: the scatter is %v in the middle, want about 0.01", test.name, m)
		}
	}
}

// The chance of a false alarm must hold also where the scatter is known from few
// values.
func TestMoveFalseAlarms(t *testing.T) {
	for _, n := range []int{8, 15, 50} {
		for _, k := range []int{1, 5} {
			if 2*k > n {
				continue
			}
			alarms := 0
			const draws = 2000
			for seed := range uint64(draws) {
				x := noisy(seed, n, 0.01, flat)
				s, err := Scatter(x)
				if err != nil {
					t.Fatal(err)
				}
				m, err := JudgeMove(x[:k], x[n-k:], s, n, 0.001)
				if err != nil {
					t.Fatal(err)
				}
				if (m.P < 0.001) != (math.Abs(m.Value) > m.Least) && math.Abs(m.P-0.001) > 1e-9 {
					t.Fatalf("p %v of a move of %v, the least is %v", m.P, m.Value, m.Least)
				}
				if m.P < 0.001 {
					alarms++
				}
			}
			t.Logf("%d values, %d against %d: %d false alarms of %d", n, k, k, alarms, draws)
			if alarms > 8 { // 2 are expected; more than 8 with a probability of 0.0002
				t.Errorf("%d values, %d against %d: %d false alarms of %d", n, k, k, alarms, draws)
			}
		}
	}
}

func TestMove(t *testing.T) {
	m, err := JudgeMove([]float64{1, 2, 3}, []float64{5}, 0, 20, 0.001)
	if err != nil || m.Value != 3 || m.P != 0 || m.Least != 0 {
		t.Errorf("without noise: %+v, %v", m, err)
	}
	m, err = JudgeMove([]float64{2}, []float64{2}, 0, 20, 0.001)
	if err != nil || m.Value != 0 || m.P != 1 {
		t.Errorf("no move, no noise: %+v, %v", m, err)
	}
}

// Values of the tables of Student's distribution.
func TestStudent(t *testing.T) {
	for _, test := range []struct{ t, freedom, tail float64 }{
		{0, 5, 0.5}, {12.706, 1, 0.025}, {636.62, 1, 0.0005}, {2.571, 5, 0.025}, {6.869, 5, 0.0005},
		{2.228, 10, 0.025}, {4.587, 10, 0.0005}, {3.646, 30, 0.0005}, {1.960, 1e6, 0.025},
	} {
		if p := studentAbove(test.t, test.freedom); math.Abs(p/test.tail-1) > 0.002 {
			t.Errorf("t %v with %v degrees of freedom: %v above it, want %v", test.t, test.freedom, p, test.tail)
		}
		if test.t == 0 {
			continue
		}
		if q := studentQuantile(test.tail, test.freedom); math.Abs(q/test.t-1) > 0.002 {
			t.Errorf("the tail %v with %v degrees of freedom begins at %v, want %v", test.tail, test.freedom, q, test.t)
		}
	}
}
