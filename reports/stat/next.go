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
	return 2 * StudentAbove(math.Abs(next-mean)/sd, n-1), nil
}
