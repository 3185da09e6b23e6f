package stat

import (
	"fmt"
	"math"
	"slices"
)

// LeastForNext is the shortest series whose next value can be judged.
const LeastForNext = 6

// JudgeNext gives the two-sided p of the hypothesis that next, which follows the
// values x, is of the same normal distribution: that of Student's prediction interval.
// A value within the range of x is no sign of a change, whatever the distribution:
// its p is 1. The
// scatter is the standard deviation of x about its mean, so that the scatter of a
// series that moves between two levels at random covers both. It needs
// LeastForNext values.
func JudgeNext(x []float64, next float64) (p float64, err error) {
	if err := check(append(slices.Clip(x), next)); err != nil {
		return 0, err
	}
	if len(x) < LeastForNext {
		return 0, fmt.Errorf("too few values for a scatter: %d, and at least %d are needed", len(x), LeastForNext)
	}
	if next >= slices.Min(x) && next <= slices.Max(x) {
		return 1, nil
	}
	n := float64(len(x))
	mean := 0.0
	for _, v := range x {
		mean += v / n
	}
	squares := 0.0
	for _, v := range x {
		squares += (v - mean) * (v - mean)
	}
	sd := math.Sqrt(squares / (n - 1) * (1 + 1/n))
	if sd == 0 {
		return 0, nil
	}
	return 2 * studentAbove(math.Abs(next-mean)/sd, n-1), nil
}

// studentAbove is the probability that Student's t with that many degrees of
// freedom, which need not be whole, is above t >= 0.
func studentAbove(t, freedom float64) float64 {
	return betaBelow(freedom/(freedom+t*t), freedom/2, 0.5) / 2
}

// betaBelow is the regularized incomplete beta function of x in [0, 1], by its
// continued fraction (Abramowitz and Stegun 26.5.8), which is taken on the side
// where it converges fast.
func betaBelow(x, a, b float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - betaBelow(1-x, b, a)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	// Lentz's method, from the front.
	const tiny = 1e-300
	f, c, d := 1.0, 1.0, 0.0
	for i := range 1000 {
		m := float64(i / 2)
		var numerator float64
		switch {
		case i == 0:
			numerator = 1
		case i%2 == 0:
			numerator = m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		default:
			numerator = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		}
		if d = 1 + numerator*d; math.Abs(d) < tiny {
			d = tiny
		}
		d = 1 / d
		if c = 1 + numerator/c; math.Abs(c) < tiny {
			c = tiny
		}
		f *= c * d
		if math.Abs(1-c*d) < 1e-14 {
			break
		}
	}
	return front * (f - 1)
}
