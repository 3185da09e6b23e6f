package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestJudgeNext(t *testing.T) {
	eight := []float64{100, 101, 99, 100.5, 99.5, 100, 101, 99}
	two := []float64{100, 86, 100, 86, 86, 100, 86, 100}
	for _, test := range []struct {
		name string
		x    []float64
		next float64
		news bool
	}{
		{"far below", eight, 80, true},
		{"far above", eight, 120, true},
		{"just below", eight, 98.5, false},
		{"the lowest again", eight, 99, false},
		{"one of two levels", two, 86, false},
		{"between two levels", two, 93, false},
		{"no scatter", []float64{3, 3, 3, 3, 3, 3}, 3.1, true},
		{"no scatter, no move", []float64{3, 3, 3, 3, 3, 3}, 3, false},
	} {
		p, err := JudgeNext(test.x, test.next)
		if err != nil || (p < 0.001) != test.news {
			t.Errorf("%s: p %v, %v", test.name, p, err)
		}
	}
	// Mean 3.5, deviation of the six 1.8708, times the root of 7/6: t is 5 at 13.6037
	// with 5 degrees of freedom.
	if p, err := JudgeNext([]float64{1, 2, 3, 4, 5, 6}, 13.6037); err != nil || math.Abs(p-0.0041) > 0.0001 {
		t.Errorf("p %v, %v", p, err)
	}
	if _, err := JudgeNext(eight[:5], 1); err == nil {
		t.Error("five values have a scatter")
	}
	if _, err := JudgeNext(eight, math.NaN()); err == nil {
		t.Error("NaN is taken")
	}
}

// The chance of a false alarm must hold also where the scatter is known from few
// values.
func TestNextFalseAlarms(t *testing.T) {
	for _, n := range []int{6, 15, 49} {
		alarms := 0
		const draws = 4000
		for seed := range uint64(draws) {
			x := noisy(seed, n+1, 0.01, flat)
			p, err := JudgeNext(x[:n], x[n])
			if err != nil {
				t.Fatal(err)
			}
			if p < 0.001 {
				alarms++
			}
		}
		t.Logf("the value after %d: %d false alarms of %d", n, alarms, draws)
		if alarms > 13 { // 4 are expected; more than 13 with a probability of 0.0001
			t.Errorf("the value after %d: %d false alarms of %d", n, alarms, draws)
		}
	}
}

// A value of one of two levels is never news once both are known.
func TestNextOfTwoLevels(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		x := make([]float64, 9)
		low := 0
		for i := range x {
			x[i] = 100
			if i < 8 && random.IntN(2) == 0 || i == 8 && low < 8 && random.IntN(2) == 0 {
				x[i] = 86
				low++
			}
			x[i] *= 1 + 0.004*random.NormFloat64()
		}
		known := 0
		for _, v := range x[:8] {
			if v < 93 {
				known++
			}
		}
		if known < 1 || known > 7 {
			continue
		}
		if p, err := JudgeNext(x[:8], x[8]); err != nil || p < 0.001 {
			t.Errorf("%v: p %v, %v", x, p, err)
		}
	}
}

// Values of the tables of Student's distribution.
func TestStudent(t *testing.T) {
	for _, test := range []struct{ t, freedom, tail float64 }{
		{0, 5, 0.5}, {12.706, 1, 0.025}, {636.62, 1, 0.0005}, {2.571, 5, 0.025}, {6.869, 5, 0.0005},
		{2.228, 10, 0.025}, {4.587, 10, 0.0005}, {3.646, 30, 0.0005}, {1.960, 1e6, 0.025},
	} {
		if p := StudentAbove(test.t, test.freedom); math.Abs(p/test.tail-1) > 0.002 {
			t.Errorf("t %v with %v degrees of freedom: %v above it, want %v", test.t, test.freedom, p, test.tail)
		}
	}
}
