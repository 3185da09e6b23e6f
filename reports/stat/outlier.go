package stat

import (
	"fmt"
	"math"
)

// Scaled by these, the median and the mean of the distances to the centre
// estimate the standard deviation of a normal distribution.
const (
	madScale     = 1.4826 // 1 / normalQuantile(3/4)
	meanDevScale = 1.2533 // sqrt(pi / 2)
)

// Outliers gives the indexes, in rising order, of the values that lie further
// than k standard deviations from the median, the deviation being estimated by
// 1.4826 MAD, which up to half of the values cannot move. 3.5 is the usual k (Iglewicz and
// Hoaglin, How to Detect and Handle Outliers, 1993). Where more than half of the values are
// equal, so that the MAD is 0, it is 1.2533 times the mean distance instead.
func Outliers(x []float64, k float64) ([]int, error) {
	if !(k > 0) {
		return nil, fmt.Errorf("k is %v, not above 0", k)
	}
	s, err := Summarize(x)
	if err != nil {
		return nil, err
	}
	scale := madScale * s.MAD
	if scale == 0 {
		for _, v := range x {
			scale += math.Abs(v-s.Median) / float64(len(x))
		}
		scale *= meanDevScale
	}
	var out []int
	for i, v := range x {
		if math.Abs(v-s.Median) > k*scale {
			out = append(out, i)
		}
	}
	return out, nil
}
