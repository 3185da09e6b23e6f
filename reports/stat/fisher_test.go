package stat

import (
	"math"
	"testing"
)

// Golden values of Fisher's exact test: the lady tasting tea, in The Design of
// Experiments (1935), chapter II: 34/70 with three cups of four right, 2/70 with
// four; and a table that Wikipedia's article on the test works through, 1 of 12
// against 9 of 12: two-sided p = 0.002759.
func TestFisher(t *testing.T) {
	for _, tt := range []struct {
		a, m, b, n int
		want       float64
	}{{3, 4, 1, 4, 34.0 / 70}, {4, 4, 0, 4, 2.0 / 70}, {1, 12, 9, 12, 0.002759456}, {0, 5, 0, 7, 1}, {5, 5, 7, 7, 1}, {2, 4, 2, 4, 1}} {
		if got := Fisher(tt.a, tt.m, tt.b, tt.n); math.Abs(got-tt.want) > 1e-7 {
			t.Errorf("%d of %d against %d of %d: %v, want %v", tt.a, tt.m, tt.b, tt.n, got, tt.want)
		}
	}
}
