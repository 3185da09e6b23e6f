package account

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// Short windows scatter by 12 % by chance, which is not unsteady; a rate that falls or
// jumps is.
func TestUnsteadyInRounds(t *testing.T) {
	flagged := func(shape func(i int) float64) (n int) {
		for seed := range uint64(100) {
			rng := rand.New(rand.NewPCG(seed, 1))
			var rates []float64
			for i := range 30 {
				rates = append(rates, shape(i)*(1+0.12*rng.NormFloat64()))
			}
			if UnsteadyInRounds(rates) != "" {
				n++
			}
		}
		return n
	}
	if n := flagged(func(int) float64 { return 1 }); n > 10 {
		t.Errorf("steady: %d of 100 flagged", n)
	}
	if n := flagged(func(i int) float64 { return 1 - 0.02*float64(i) }); n < 95 {
		t.Errorf("falls to 0.4: %d of 100 flagged", n)
	}
	if n := flagged(func(i int) float64 { return 1 - 0.5*float64(i/15) }); n < 95 {
		t.Errorf("halves: %d of 100 flagged", n)
	}
	if text := UnsteadyInRounds([]float64{1, 1, 1, 1, 1, 1, 1, 1, 0.9, 0.9, 0.9, 0.9}); !strings.Contains(text, "-10 %") {
		t.Errorf("%q", text)
	}
	if text := UnsteadyInRounds([]float64{1, 2, 3}); text != "" {
		t.Errorf("three windows: %q", text)
	}
}
