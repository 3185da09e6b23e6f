package stat

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// The factors of qn make it unbiased for normal samples.
func TestQnUnbiased(t *testing.T) {
	random := rand.New(rand.NewPCG(23, 24))
	const runs = 20000
	for _, n := range []int{2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 20, 25} {
		var sum, squares float64
		for range runs {
			q := qn(apply(sample(random, n, 5), func(v float64) float64 { return 3 * v }))
			sum += q
			squares += q * q
		}
		mean := sum / runs
		se := math.Sqrt((squares/runs - mean*mean) / runs)
		if math.Abs(mean-3) > 0.02*3+3*se {
			t.Errorf("n = %d: the mean of Qn is %v, not 3", n, mean)
		}
	}
}

func TestQn(t *testing.T) {
	// Distances 1 1 1 1 2 2 2 3 3 4, of which the (3 over 2) = 3rd; 5 values: 0.844.
	if got, want := qn([]float64{1, 2, 3, 4, 5}), 0.844*2.2219; !near(got, want) {
		t.Errorf("qn = %v, want %v", got, want)
	}
	// One of ten is wild: the scale hardly moves.
	x := []float64{0.1, -0.4, 0.9, 1.2, -1.1, 0.3, -0.2, 0.6, -0.8, 0.5}
	quiet := qn(x)
	x[3] = 1e6
	if wild := qn(x); wild < quiet/1.5 || wild > quiet*1.5 {
		t.Errorf("one wild value takes the scale from %v to %v", quiet, wild)
	}
}

// What is said to be detectable is found about as often as is said.
func TestMinimalDetectablePower(t *testing.T) {
	random := rand.New(rand.NewPCG(25, 26))
	aa := apply(sample(random, 2000, 0), func(v float64) float64 { return 0.02 * v })
	for _, tt := range []struct {
		n            int
		alpha, power float64
	}{{8, 0.05, 0.8}, {10, 0.05, 0.8}, {10, 0.025, 0.9}, {20, 0.05, 0.8}, {20, 0.025, 0.95}, {60, 0.05, 0.9}} {
		change, err := MinimalDetectable(aa, tt.n, tt.alpha, tt.power)
		if err != nil {
			t.Fatal(err)
		}
		const runs = 4000
		found := 0.0
		for range runs {
			p, err := SignedRank(apply(sample(random, tt.n, 0), func(v float64) float64 { return change + 0.02*v }))
			if err != nil {
				t.Fatal(err)
			}
			if p <= tt.alpha {
				found += 1. / runs
			}
		}
		if math.Abs(found-tt.power) > 0.04 {
			t.Errorf("%d pairs at %v: a change of %.4f is found in %.3f of the runs, not %v", tt.n, tt.alpha, change, found, tt.power)
		}
	}
}

func TestMinimalDetectable(t *testing.T) {
	r := []float64{0.01, -0.02, 0.005, 0.015, -0.01, 0.02, -0.005, 0, 0.012, -0.013}
	few, err := MinimalDetectable(r, 10, 0.05, 0.8)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string][]float64{
		"mirrored": apply(r, func(v float64) float64 { return -v }),
		"moved":    apply(r, func(v float64) float64 { return v + 0.5 }),
	} {
		if got, err := MinimalDetectable(x, 10, 0.05, 0.8); err != nil || math.Abs(got-few) > 1e-12 {
			t.Errorf("%s: %v, %v; want %v", name, got, err, few)
		}
	}
	if twice, err := MinimalDetectable(apply(r, func(v float64) float64 { return 2 * v }), 10, 0.05, 0.8); err != nil || !near(twice, 2*few) {
		t.Errorf("scaled by 2: %v, %v; want %v", twice, err, 2*few)
	}
	if many, err := MinimalDetectable(r, 20, 0.05, 0.8); err != nil || many >= few {
		t.Errorf("20 pairs show %v, %v; 10 show %v", many, err, few)
	}
	if surer, err := MinimalDetectable(r, 10, 0.05, 0.95); err != nil || surer <= few {
		t.Errorf("0.95 shows %v, %v; 0.8 shows %v", surer, err, few)
	}
	if none, err := MinimalDetectable(make([]float64, 10), 10, 0.05, 0.8); err != nil || none != 0 {
		t.Errorf("a host without noise: %v, %v", none, err)
	}
	if _, err := MinimalDetectable(r, 5, 0.05, 0.8); !errors.Is(err, ErrTooFew) {
		t.Errorf("five pairs: %v", err)
	}
	if _, err := MinimalDetectable(r[:5], 10, 0.05, 0.8); err == nil {
		t.Error("a scale from five pairs")
	}
	for _, power := range []float64{0.5, 1, math.NaN()} {
		if _, err := MinimalDetectable(r, 10, 0.05, power); err == nil {
			t.Errorf("a power of %v", power)
		}
	}
}
