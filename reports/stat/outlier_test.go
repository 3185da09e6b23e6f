package stat

import (
	"math"
	"slices"
	"testing"
)

func TestOutliers(t *testing.T) {
	tests := []struct {
		name string
		x    []float64
		k    float64
		want []int
	}{
		{"one of ten", []float64{10, 11, 9, 10, 12, 30, 8, 10, 11, 9}, 3.5, []int{5}},
		{"both sides", []float64{-50, 1, 2, 3, 4, 5, 60}, 3.5, []int{0, 6}},
		{"none", []float64{1, 2, 3, 4, 5}, 3.5, nil},
		// median 3, MAD 1: the bound is 2 * 1.4826 from 3, and 6 is 3 from it.
		{"just outside", []float64{1, 2, 3, 4, 6}, 2, []int{4}},
		{"just inside", []float64{1, 2, 3, 4, 6}, 2.1, nil},
		{"equal", []float64{4, 4, 4, 4}, 3.5, nil},
		{"equal but one", []float64{5, 5, 100, 5, 5, 5, 5}, 3.5, []int{2}},
		{"two values, one of them rarer", []float64{5, 5, 5, 5, 6, 6, 6}, 3.5, nil},
		{"one", []float64{4}, 3.5, nil},
	}
	for _, tt := range tests {
		got, err := Outliers(tt.x, tt.k)
		if err != nil || !slices.Equal(got, tt.want) {
			t.Errorf("%s: Outliers(%v, %v) = %v, %v; want %v", tt.name, tt.x, tt.k, got, err, tt.want)
		}
		moved, err := Outliers(apply(tt.x, func(v float64) float64 { return 1024 - 4*v }), tt.k)
		if err != nil || !slices.Equal(moved, tt.want) {
			t.Errorf("%s, moved and scaled: %v, %v; want %v", tt.name, moved, err, tt.want)
		}
	}
	for _, k := range []float64{0, -1, math.NaN()} {
		if _, err := Outliers([]float64{1, 2}, k); err == nil {
			t.Errorf("Outliers accepts k = %v", k)
		}
	}
}
