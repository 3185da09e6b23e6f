package stat

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

func TestJain(t *testing.T) {
	tests := []struct {
		x    []float64
		want float64
	}{
		{[]float64{5}, 1},
		{[]float64{3, 3, 3, 3}, 1},
		{[]float64{0, 8, 0, 0}, 0.25},
		{[]float64{1, 3}, 0.8}, // 16 / (2*10)
		{[]float64{1, 2, 3, 4}, 100.0 / 120},
		{[]float64{math.MaxFloat64, math.MaxFloat64}, 1},
	}
	for _, tt := range tests {
		if got, err := Jain(tt.x); err != nil || !near(got, tt.want) {
			t.Errorf("Jain(%v) = %v, %v; want %v", tt.x, got, err, tt.want)
		}
	}
	for _, x := range [][]float64{{0, 0}, {1, -1}, {-1, -2}} {
		if got, err := Jain(x); err == nil {
			t.Errorf("Jain(%v) = %v, want an error", x, got)
		}
	}
}

func TestEffectiveQueues(t *testing.T) {
	tests := []struct {
		x    []float64
		want float64
	}{
		{[]float64{5}, 1},
		{[]float64{3, 3, 3, 3}, 4},
		{[]float64{0, 8, 0, 0}, 1},
		{[]float64{7, 7, 0, 0}, 2},
		{[]float64{1, 2, 3, 4}, 100. / 30},
	}
	for _, tt := range tests {
		if got, err := EffectiveQueues(tt.x); err != nil || !near(got, tt.want) {
			t.Errorf("EffectiveQueues(%v) = %v, %v; want %v", tt.x, got, err, tt.want)
		}
	}
	if got, err := EffectiveQueues([]float64{0, 0}); err == nil {
		t.Errorf("EffectiveQueues of nothing read = %v, want an error", got)
	}
}

// scipy 1.10.1: chi2.sf(x, df)
func TestChiSquareTail(t *testing.T) {
	tests := []struct {
		x    float64
		df   int
		want float64
	}{
		{0, 3, 1},
		{1e-3, 4, 0.9999998750416589},
		{1, 1, 0.31731050786291115},
		{3.84, 1, 0.05004352124870519},
		{0.5, 3, 0.9188914116546758},
		{7.8, 3, 0.050331097859853326},
		{12, 12, 0.44567964136461097},
		{30, 7, 9.495972508134177e-05},
		{100, 3, 1.5541594313896026e-21},
		{255, 255, 0.48822252177040637},
		{320, 255, 0.003534328375272907},
	}
	for _, tt := range tests {
		if got := chiSquareTail(tt.x, tt.df); math.Abs(got-tt.want) > 1e-11*tt.want {
			t.Errorf("chiSquareTail(%v, %d) = %.16g, want %.16g", tt.x, tt.df, got, tt.want)
		}
	}
}

func TestFlowSpread(t *testing.T) {
	tests := []struct {
		flows   []int
		chi2, p float64
		within  float64
	}{
		// scipy 1.10.1: chisquare(flows)
		{[]int{20, 30, 25, 25}, 2, 0.5724067044708798, 1e-12},
		{[]int{64, 64, 64, 64}, 0, 1, 0},
		{[]int{10, 0, 10, 0}, 20, 0.00016974243555282632, 1e-12},
		{[]int{100, 60, 80, 90, 70, 85, 95, 60}, 20.625, 0.004366685433548484, 1e-12},
		{[]int{17}, 0, 1, 0},
		// Simulated. Four flows on two queues: 2 of 16 ways put all on one, 8 of 16 put
		// three on one, and no way is less uneven than two and two.
		{[]int{4, 0}, 4, 2. / 16, 0.015},
		{[]int{1, 3}, 1, 10. / 16, 0.02},
		{[]int{2, 2}, 0, 1, 0},
		// Four flows on four queues, all on one: 4 of 256 ways.
		{[]int{0, 0, 4, 0}, 12, 4. / 256, 0.006},
		// One flow goes somewhere.
		{[]int{0, 1, 0, 0, 0, 0, 0, 0}, 7, 1, 0},
	}
	for _, tt := range tests {
		chi2, p, err := FlowSpread(tt.flows)
		if err != nil || !near(chi2, tt.chi2) || math.Abs(p-tt.p) > tt.within {
			t.Errorf("FlowSpread(%v) = %v, %v, %v; want %v, %v", tt.flows, chi2, p, err, tt.chi2, tt.p)
		}
		if _, again, _ := FlowSpread(tt.flows); again != p {
			t.Errorf("FlowSpread(%v) gives %v, then %v", tt.flows, p, again)
		}
	}
}

func TestFlowSpreadRefuses(t *testing.T) {
	if _, _, err := FlowSpread(nil); !errors.Is(err, ErrEmpty) {
		t.Errorf("no queues: %v", err)
	}
	for _, flows := range [][]int{{0, 0}, {3, -1}} {
		if chi2, p, err := FlowSpread(flows); err == nil {
			t.Errorf("FlowSpread(%v) = %v, %v; want an error", flows, chi2, p)
		}
	}
}

// Where both can be had, the simulation and the chi-square distribution agree.
func TestFlowSpreadSimulation(t *testing.T) {
	random := rand.New(rand.NewPCG(21, 22))
	for range 10 {
		flows := make([]int, 8)
		for range 400 {
			flows[random.IntN(len(flows))]++
		}
		_, p, err := FlowSpread(flows)
		if err != nil {
			t.Fatal(err)
		}
		squares := 0.0
		for _, n := range flows {
			squares += float64(n * n)
		}
		// Four standard errors of 9,999 draws, and the steps of a discrete statistic.
		if simulated := spreadTail(len(flows), 400, squares); math.Abs(simulated-p) > 0.03 {
			t.Errorf("%v: simulated p %v, by chi-square %v", flows, simulated, p)
		}
	}
}
