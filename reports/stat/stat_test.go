package stat

import (
	"errors"
	"math"
	"slices"
	"testing"
)

func TestSummarize(t *testing.T) {
	tests := []struct {
		x    []float64
		want Summary
	}{
		{[]float64{7}, Summary{1, 7, 7, 7, 0}},
		{[]float64{3, 1}, Summary{2, 2, 1, 3, 1}},
		// R: x <- c(1,1,2,2,4,6,9); median(x); mad(x, constant=1)
		{[]float64{9, 1, 4, 2, 6, 2, 1}, Summary{7, 2, 1, 9, 1}},
		// R: x <- c(2.5,-1,4,10); median(x); mad(x, constant=1)
		{[]float64{2.5, -1, 4, 10}, Summary{4, 3.25, -1, 10, 2.5}},
		{[]float64{0, 0, 0}, Summary{3, 0, 0, 0, 0}},
		{[]float64{1e308, 1.5e308}, Summary{2, 1.25e308, 1e308, 1.5e308, 2.5e307}},
	}
	for _, tt := range tests {
		before := slices.Clone(tt.x)
		got, err := Summarize(tt.x)
		if err != nil {
			t.Errorf("Summarize(%v): %v", tt.x, err)
			continue
		}
		if got.N != tt.want.N || !near(got.Median, tt.want.Median) || got.Min != tt.want.Min || got.Max != tt.want.Max || !near(got.MAD, tt.want.MAD) {
			t.Errorf("Summarize(%v) = %+v, want %+v", tt.x, got, tt.want)
		}
		if !slices.Equal(tt.x, before) {
			t.Errorf("Summarize changed its input to %v", tt.x)
		}
	}
}

func near(a, b float64) bool { return a == b || math.Abs(a-b) <= 1e-12*math.Abs(b) }

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		x    []float64
		want float64
	}{
		{[]float64{5}, 5},
		{[]float64{9, 1, 2}, 2},
		{[]float64{4, 1, 2, 9}, 3},
		{[]float64{math.MaxFloat64, math.MaxFloat64}, math.MaxFloat64},
	} {
		before := slices.Clone(tt.x)
		if got, err := Median(tt.x); err != nil || got != tt.want || !slices.Equal(tt.x, before) {
			t.Errorf("Median(%v) = %v, %v; want %v", before, got, err, tt.want)
		}
	}
}

// doors are all functions that take a sample.
var doors = map[string]func(x []float64) (any, error){
	"Summarize":          func(x []float64) (any, error) { return Summarize(x) },
	"Median":             func(x []float64) (any, error) { return Median(x) },
	"Walsh":              func(x []float64) (any, error) { return Walsh(x) },
	"HodgesLehmann":      func(x []float64) (any, error) { return HodgesLehmann(x) },
	"SignedRank":         func(x []float64) (any, error) { return SignedRank(x) },
	"SignedRankInterval": func(x []float64) (any, error) { return SignedRankInterval(x, 0.05) },
	"RankSum of base":    func(x []float64) (any, error) { return RankSum(x, []float64{1, 2}) },
	"RankSum of new":     func(x []float64) (any, error) { return RankSum([]float64{1, 2}, x) },
	"Shift of base":      func(x []float64) (any, error) { return Shift(x, []float64{1, 2}, 0.05) },
	"Shift of new":       func(x []float64) (any, error) { return Shift([]float64{1, 2}, x, 0.05) },
	"MinimalDetectable":  func(x []float64) (any, error) { return MinimalDetectable(x, 10, 0.05, 0.8) },
	"Jain":               func(x []float64) (any, error) { return Jain(x) },
	"EffectiveQueues":    func(x []float64) (any, error) { return EffectiveQueues(x) },
}

func TestRefuses(t *testing.T) {
	for name, door := range doors {
		for _, x := range [][]float64{nil, {}} {
			if _, err := door(x); !errors.Is(err, ErrEmpty) {
				t.Errorf("%s of nothing: %v", name, err)
			}
		}
		for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			x := []float64{1, 2, 3, v, 4, 5, 6, 7}
			if got, err := door(x); err == nil || errors.Is(err, ErrTooFew) {
				t.Errorf("%s(%v) = %+v, %v; want an error about the value", name, x, got, err)
			}
		}
	}
	if s, err := Summarize([]float64{-math.MaxFloat64, math.MaxFloat64, math.MaxFloat64}); err != nil || s.Median != math.MaxFloat64 {
		t.Errorf("extremes: %+v, %v", s, err)
	}
}

func TestRefusesAlpha(t *testing.T) {
	x := untiedSample(10)
	for _, alpha := range []float64{0, 1, -1, 2, math.NaN()} {
		if _, err := SignedRankInterval(x, alpha); err == nil {
			t.Errorf("SignedRankInterval accepts an alpha of %v", alpha)
		}
		if _, err := Shift(x, x, alpha); err == nil {
			t.Errorf("Shift accepts an alpha of %v", alpha)
		}
		if _, err := MinimalDetectable(x, 10, alpha, 0.8); err == nil {
			t.Errorf("MinimalDetectable accepts an alpha of %v", alpha)
		}
	}
}
