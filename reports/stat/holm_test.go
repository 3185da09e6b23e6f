package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestHolm(t *testing.T) {
	tests := []struct{ p, want []float64 }{
		{nil, nil},
		{[]float64{0.03}, []float64{0.03}},
		// R: p.adjust(c(0.01, 0.02, 0.03, 0.04), "holm")
		{[]float64{0.01, 0.02, 0.03, 0.04}, []float64{0.04, 0.06, 0.06, 0.06}},
		// R: p.adjust(c(0.01, 0.04, 0.03, 0.005), "holm")
		{[]float64{0.01, 0.04, 0.03, 0.005}, []float64{0.03, 0.06, 0.06, 0.02}},
		{[]float64{0.5, 1, 0.4}, []float64{1, 1, 1}},
	}
	for _, tt := range tests {
		got := Holm(tt.p)
		if len(got) != len(tt.want) {
			t.Fatalf("Holm(%v) = %v", tt.p, got)
		}
		for i := range got {
			if math.Abs(got[i]-tt.want[i]) > 1e-15 {
				t.Errorf("Holm(%v) = %v, want %v", tt.p, got, tt.want)
				break
			}
		}
	}
}

func TestHolmKeepsOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(19, 20))
	for range 100 {
		p := make([]float64, 1+random.IntN(12))
		for i := range p {
			p[i] = math.Pow(random.Float64(), 3)
		}
		got := Holm(p)
		for i := range p {
			if got[i] < p[i] || got[i] > math.Min(1, float64(len(p))*p[i]) {
				t.Errorf("Holm raises %v of %v to %v", p[i], p, got[i])
			}
			for k := range p {
				if p[i] < p[k] && got[i] > got[k] {
					t.Errorf("Holm(%v) = %v turns the order round", p, got)
				}
			}
		}
	}
}

func TestNeeded(t *testing.T) {
	tests := []struct {
		tests          int
		alpha          float64
		pairs, samples int
	}{
		{1, 0.05, 6, 4},    // 2/64, 2/70
		{0, 0.05, 6, 4},    //
		{2, 0.05, 7, 5},    // 4/128, 4/252
		{4, 0.025, 9, 6},   // 8/512, 8/924
		{96, 0.05, 12, 8},  // 192/4096, 192/12870
		{1, 0.03125, 7, 4}, // 2/64 is not below 0.03125
	}
	for _, tt := range tests {
		if got := PairsNeeded(tt.tests, tt.alpha); got != tt.pairs {
			t.Errorf("PairsNeeded(%d, %v) = %d, want %d", tt.tests, tt.alpha, got, tt.pairs)
		}
		if got := SamplesNeeded(tt.tests, tt.alpha); got != tt.samples {
			t.Errorf("SamplesNeeded(%d, %v) = %d, want %d", tt.tests, tt.alpha, got, tt.samples)
		}
	}
	for _, alpha := range []float64{0, 1, math.NaN()} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("PairsNeeded accepts an alpha of %v", alpha)
				}
			}()
			PairsNeeded(1, alpha)
		}()
	}
}

// What is needed is what the tests and Holm really take.
func TestNeededIsEnough(t *testing.T) {
	for _, tests := range []int{1, 3, 12} {
		significant := func(n int) bool {
			p, err := SignedRank(untiedSample(n))
			if err != nil {
				t.Fatal(err)
			}
			return float64(tests)*p < 0.05
		}
		if n := PairsNeeded(tests, 0.05); !significant(n) || significant(n-1) {
			t.Errorf("%d tests do not take %d pairs", tests, n)
		}
		apart := func(n int) bool {
			x := untiedSample(n)
			p, err := RankSum(x, apply(x, func(v float64) float64 { return v + 1e6 }))
			if err != nil {
				t.Fatal(err)
			}
			return float64(tests)*p < 0.05
		}
		if n := SamplesNeeded(tests, 0.05); !apart(n) || apart(n-1) {
			t.Errorf("%d tests do not take %d values a side", tests, n)
		}
	}
}
