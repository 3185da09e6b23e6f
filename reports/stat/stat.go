// Package stat describes samples. It knows no record, and refuses what has no
// answer: an empty sample, and one with NaN or an infinity in it.
package stat

import (
	"errors"
	"fmt"
	"math"

	"github.com/montanaflynn/stats"
)

// ErrEmpty is returned for a sample without values.
var ErrEmpty = errors.New("empty sample")

// Summary describes a sample, in the unit of its values.
type Summary struct {
	N                int
	Median, Min, Max float64
	// MAD is the median of the distances to the median. It is not scaled: to
	// compare it with a standard deviation, multiply it by 1.4826.
	MAD float64
}

// Summarize describes x, in any order, and leaves it as it is.
func Summarize(x []float64) (Summary, error) {
	if err := check(x); err != nil {
		return Summary{}, err
	}
	// Halved, two values of any size can be added and subtracted without an
	// overflow; it is exact but for denormals.
	half := make(stats.Float64Data, len(x))
	for i, v := range x {
		half[i] = v / 2
	}
	median, err := stats.Median(half)
	if err != nil {
		return Summary{}, err
	}
	lowest, err := stats.Min(x)
	if err != nil {
		return Summary{}, err
	}
	highest, err := stats.Max(x)
	if err != nil {
		return Summary{}, err
	}
	mad, err := stats.MedianAbsoluteDeviation(half)
	if err != nil {
		return Summary{}, err
	}
	s := Summary{N: len(x), Median: 2 * median, Min: lowest, Max: highest, MAD: 2 * mad}
	if math.IsInf(s.MAD, 0) {
		return Summary{}, fmt.Errorf("the values from %v to %v are too far apart", lowest, highest)
	}
	return s, nil
}

// Jain is the fairness index (sum x)^2 / (n sum x^2) of Jain, Chiu and Hawe
// (DEC-TR-301): 1 when all x are equal, 1/n when one has everything. It
// refuses negative values, and a sample of zeros, which has no index.
func Jain(x []float64) (float64, error) {
	if err := check(x); err != nil {
		return 0, err
	}
	top, err := stats.Max(x)
	if err != nil {
		return 0, err
	}
	if top == 0 {
		return 0, errors.New("all values are 0")
	}
	var sum, squares float64
	for i, v := range x {
		if v < 0 {
			return 0, fmt.Errorf("value %d is negative: %v", i, v)
		}
		v /= top // so that squares cannot overflow
		sum += v
		squares += v * v
	}
	return sum * sum / (float64(len(x)) * squares), nil
}

func check(x []float64) error {
	if len(x) == 0 {
		return ErrEmpty
	}
	for i, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("value %d is %v", i, v)
		}
	}
	return nil
}
