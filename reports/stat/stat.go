// Package stat describes samples, and judges whether one differs from another by
// exact rank tests, which assume nothing about the noise but what the random order of
// the trials provides. Its functions refuse a sample that is empty or holds NaN or an
// infinity.
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

// Summarize describes x, in any order, and does not change it.
func Summarize(x []float64) (Summary, error) {
	if err := check(x); err != nil {
		return Summary{}, err
	}
	half := halved(x)
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

// Median is the middle of x, in its unit; of an even number of values, the mean
// of the middle two.
func Median(x []float64) (float64, error) {
	if err := check(x); err != nil {
		return 0, err
	}
	m, err := stats.Median(halved(x))
	return 2 * m, err
}

// halved is x / 2: two such values of any size can be added and subtracted
// without an overflow. It is exact but for denormals.
func halved(x []float64) stats.Float64Data {
	half := make(stats.Float64Data, len(x))
	for i, v := range x {
		half[i] = v / 2
	}
	return half
}

// check refuses an empty sample and values that are not finite: the statistics
// library would return NaN without an error.
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
