package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

func places(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i)
	}
	return x
}

func TestFindDrift(t *testing.T) {
	exact := []float64{1, 3, 5, 7, 9, 11, 13, 15}
	d, found, err := FindDrift(places(8), exact, 0.001)
	if err != nil || !found || d.Slope != 2 || d.Start != 1 || math.Abs(d.P-2/40320.) > 1e-12 {
		t.Errorf("a line: %+v, %v, %v", d, found, err)
	}
	exact[4] = -50 // one outlier moves neither the slope nor the start much
	if d, _, err = FindDrift(places(8), exact, 0.2); err != nil || math.Abs(d.Slope-2) > 0.5 {
		t.Errorf("with an outlier: %+v, %v", d, err)
	}
	for _, y := range [][]float64{{3, 3, 3, 3, 3, 3, 3, 3}, {1, 2, 1, 2, 1, 2, 1, 2}, {1, 2, 3, 4, 4, 3, 2, 1}} {
		if d, found, err := FindDrift(places(8), y, 0.001); err != nil || found {
			t.Errorf("%v: %+v, %v", y, d, err)
		}
	}
	if _, _, err := FindDrift([]float64{0, 0, 1, 2, 3, 4, 5, 6}, exact[:8], 0.9); err == nil {
		t.Error("two values at one place have a slope")
	}
	if _, _, err := FindDrift(places(2), []float64{1, math.Inf(1)}, 0.001); err == nil {
		t.Error("an infinity is taken")
	}
}

// Of the 24 orders of four values 1, 3, 5, 6, 5, 3, 1 have 0 to 6 falling pairs.
func TestInversions(t *testing.T) {
	orders := []float64{1, 3, 5, 6, 5, 3, 1}
	sum := 0.0
	for k, n := range orders {
		below, above := inversionTails(4, k)
		if math.Abs(above-(1-sum/24)) > 1e-12 {
			t.Errorf("%d and more: %v", k, above)
		}
		sum += n
		if math.Abs(below-sum/24) > 1e-12 {
			t.Errorf("at most %d: %v", k, below)
		}
	}
	// The exact p goes over into the approximation.
	y := places(exactDrift)
	for _, score := range []int{101, 251, 401} {
		exact, near := kendallP(y, score), kendallP(append([]float64{0}, y...), score)
		if near < exact || near > 2*exact { // which is of one value more, and two of them equal
			t.Errorf("score %d: p %v exact, %v by approximation", score, exact, near)
		}
	}
}

func TestDriftFalseAlarms(t *testing.T) {
	for _, n := range []int{8, 30, 80} {
		alarms := 0
		const draws, alpha = 3000, 0.01
		random := rand.New(rand.NewPCG(uint64(n), 5))
		for range draws {
			y := make([]float64, n)
			for i := range y {
				y[i] = random.NormFloat64()
			}
			if _, found, err := FindDrift(places(n), y, alpha); err != nil {
				t.Fatal(err)
			} else if found {
				alarms++
			}
		}
		if alarms > 55 { // 30 are expected, with a deviation of 5.5
			t.Errorf("%d values: %d false alarms of %d at %v", n, alarms, draws, alpha)
		}
	}
}
