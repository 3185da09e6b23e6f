package stat

import (
	"math"
	"testing"
)

func TestStudentBeyond(t *testing.T) {
	for _, test := range []struct{ p, freedom, t float64 }{
		{0.025, 10, 2.228}, {0.025, 1, 12.706}, {0.0005, 9, 4.781}, {0.025, 1e6, 1.960}, {0.5, 7, 0},
	} {
		if got := StudentBeyond(test.p, test.freedom); math.Abs(got-test.t) > 0.001 {
			t.Errorf("%v with %v degrees of freedom: %v, want %v", test.p, test.freedom, got, test.t)
		}
	}
}
