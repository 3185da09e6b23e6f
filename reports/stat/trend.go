package stat

import (
	"math"
	"slices"
	"sync"
)

// Drift is a slow change of a series.
type Drift struct {
	// Slope is the change of y per unit of x: the median of the slopes of all pairs
	// (Theil and Sen; Sen, J. Amer. Statist. Assoc. 63 (1968) 1379). Start is the
	// value at x = 0 of the line with that slope that has half of the values above
	// it.
	Slope, Start float64
	P            float64 // two-sided
}

// FindDrift tests whether the values y rise or fall with the ascending x: the test
// of Mann and Kendall (Mann, Econometrica 13 (1945) 245), which
// counts the pairs that rise and those that fall, and assumes nothing of the
// values but that they are exchangeable where nothing changes. P is exact up to
// exactDrift values without ties, and otherwise the normal approximation with
// corrections for ties and continuity. The line is fitted only if P is below alpha.
func FindDrift(x, y []float64, alpha float64) (d Drift, found bool, err error) {
	if err := checkAlpha(alpha); err != nil {
		return d, false, err
	}
	if err := check(x); err != nil {
		return d, false, err
	}
	if err := check(y); err != nil {
		return d, false, err
	}
	score := 0
	for i, v := range y {
		for _, w := range y[:i] {
			switch {
			case v > w:
				score++
			case v < w:
				score--
			}
		}
	}
	if d.P = kendallP(y, score); d.P >= alpha {
		return d, false, nil
	}
	slopes := make([]float64, 0, len(y)*(len(y)-1)/2)
	for i := range y {
		for k := range i {
			slopes = append(slopes, (y[i]-y[k])/(x[i]-x[k]))
		}
	}
	if err := check(slopes); err != nil {
		return d, false, err // two values of x are equal, or a difference overflows
	}
	slices.Sort(slopes)
	d.Slope = middle(slopes)
	starts := make([]float64, len(y))
	for i := range y {
		starts[i] = y[i] - d.Slope*x[i]
	}
	d.Start, err = Median(starts)
	return d, true, err
}

const exactDrift = 50

// kendallP is the two-sided p of the score: rising less falling pairs.
func kendallP(y []float64, score int) float64 {
	n := len(y)
	sorted := slices.Sorted(slices.Values(y))
	ties := 0.0 // the sum of t (t-1) (2t+5) over groups of t equal values
	for from := 0; from < n; {
		to := from + 1
		for to < n && sorted[to] == sorted[from] {
			to++
		}
		t := float64(to - from)
		ties += t * (t - 1) * (2*t + 5)
		from = to
	}
	if ties == 0 && n <= exactDrift {
		falling := (n*(n-1)/2 - score) / 2
		return twoSided(inversionTails(n, falling))
	}
	variance := (float64(n)*float64(n-1)*float64(2*n+5) - ties) / 18
	if variance <= 0 {
		return 1
	}
	return min(1, 2*normalBelow(-(math.Abs(float64(score))-1)/math.Sqrt(variance)))
}

var inversions struct {
	sync.Mutex                             // guards below and above
	below, above [exactDrift + 1][]float64 // by the number of values
}

// inversionTails are the probabilities that a random order of n values has at most,
// and at least, k pairs in falling order. The number of orders of n values with k such
// pairs is the sum of the numbers of orders of n-1 values with k, k-1, ... k-n+1.
func inversionTails(n, k int) (below, above float64) {
	inversions.Lock()
	defer inversions.Unlock()
	if inversions.below[n] == nil {
		share := []float64{1}
		for m := 2; m <= n; m++ {
			next := make([]float64, len(share)+m-1)
			for i, s := range share {
				for add := range m {
					next[i+add] += s / float64(m)
				}
			}
			share = next
		}
		low, high := make([]float64, len(share)), make([]float64, len(share))
		sum := 0.0
		for i, s := range share {
			sum += s
			low[i] = sum
		}
		sum = 0
		for i := len(share) - 1; i >= 0; i-- {
			sum += share[i]
			high[i] = sum
		}
		inversions.below[n], inversions.above[n] = low, high
	}
	return inversions.below[n][k], inversions.above[n][k]
}
