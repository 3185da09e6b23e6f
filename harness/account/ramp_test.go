package account

import "testing"

func TestRampOf(t *testing.T) {
	for name, test := range map[string]struct {
		rates []float64
		want  int
	}{
		"at once":       {[]float64{10, 10, 10, 10, 10, 10, 10, 10}, 0},
		"slow start":    {[]float64{1, 2, 10, 10, 10, 10, 10, 10}, 2},
		"a peak before": {[]float64{1, 12, 1, 1, 10, 10, 10, 10}, 4},
		"silence":       {make([]float64, 8), 0},
	} {
		if got := Ramp(test.rates); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}
