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

func TestRefuses(t *testing.T) {
	for _, x := range [][]float64{nil, {}} {
		if _, err := Summarize(x); !errors.Is(err, ErrEmpty) {
			t.Errorf("Summarize of nothing: %v", err)
		}
		if _, err := Jain(x); !errors.Is(err, ErrEmpty) {
			t.Errorf("Jain of nothing: %v", err)
		}
	}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		x := []float64{1, v, 2}
		if s, err := Summarize(x); err == nil {
			t.Errorf("Summarize(%v) = %+v, want an error", x, s)
		}
		if j, err := Jain(x); err == nil {
			t.Errorf("Jain(%v) = %v, want an error", x, j)
		}
	}
	if s, err := Summarize([]float64{-math.MaxFloat64, math.MaxFloat64, math.MaxFloat64}); err != nil || s.Median != math.MaxFloat64 {
		t.Errorf("extremes: %+v, %v", s, err)
	}
}
