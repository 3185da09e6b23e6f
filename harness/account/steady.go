package account

import (
	"fmt"
	"math"
	"slices"

	"tunbench/reports/record"
)

const (
	// UnsteadyLimit is how far windows may lie apart, as the ratio of their
	// standard deviation to their mean, and thirdsLimit how far the first and
	// the last third may.
	UnsteadyLimit = 0.10
	ThirdsLimit   = 0.05
	// LeastWindows is the number below which windows tell nothing.
	LeastWindows = 6
)

// Drift is by how much the last third of the rates lies above the first, as
// far as it is beyond the limit and no accident, else 0. The thirds are
// compared by their medians, so that one stall is none, and must not overlap:
// of twelve rates in random order that happens once in 35 times, since 2 of
// the 70 ways in which eight rates make two thirds keep them apart.
func Drift(rates []float64) float64 {
	third := len(rates) / 3
	if len(rates) < LeastWindows {
		return 0
	}
	head, tail := rates[:third], rates[len(rates)-third:]
	if slices.Max(head) >= slices.Min(tail) && slices.Min(head) <= slices.Max(tail) {
		return 0
	}
	from, to := median(head), median(tail)
	if from == 0 {
		return 1 // traffic has only begun
	}
	if change := to/from - 1; math.Abs(change) > ThirdsLimit {
		return change
	}
	return 0
}

// Unsteady says how the rates of the windows of the measured time differ, if
// they differ by more than they may. Their spread is the standard deviation and
// not one that shrugs off outliers: a window in ten at half the rate moves pps
// by 5 %, and is what this check is for.
func Unsteady(rates []float64) string {
	if len(rates) < LeastWindows {
		return ""
	}
	var mean float64
	for _, r := range rates {
		mean += r / float64(len(rates))
	}
	if mean == 0 {
		return ""
	}
	var squares float64
	for _, r := range rates {
		squares += (r - mean) * (r - mean)
	}
	if spread := math.Sqrt(squares/float64(len(rates)-1)) / mean; spread > UnsteadyLimit {
		return fmt.Sprintf("the windows spread by %.0f %% of their mean", 100*spread)
	}
	third := len(rates) / 3
	var head, tail float64
	for i := range third {
		head += rates[i]
		tail += rates[len(rates)-1-i]
	}
	if change := tail/head - 1; math.Abs(change) > ThirdsLimit {
		return fmt.Sprintf("the last third of the windows differs from the first by %+.0f %%", 100*change)
	}
	return ""
}

// UnsteadyInRounds is Unsteady for the windows of a block, which are so short that single
// ones differ by chance: successive ones are put together, and a difference between
// the first and the last third counts if it is beyond three standard errors, too.
func UnsteadyInRounds(rates []float64) string {
	parts := Means(rates, LeastWindows)
	if len(parts) < LeastWindows {
		return ""
	}
	mean, spread := meanAndSpread(parts)
	if mean == 0 {
		return ""
	}
	if spread/mean > UnsteadyLimit {
		return fmt.Sprintf("%d parts of the windows spread by %.0f %% of their mean", len(parts), 100*spread/mean)
	}
	third := len(rates) / 3
	head, headSpread := meanAndSpread(rates[:third])
	tail, tailSpread := meanAndSpread(rates[len(rates)-third:])
	if head == 0 {
		return ""
	}
	errorOf := math.Sqrt((headSpread*headSpread+tailSpread*tailSpread)/float64(third)) / head
	if change := tail/head - 1; math.Abs(change) > max(ThirdsLimit, 3*errorOf) {
		return fmt.Sprintf("the last third of the windows differs from the first by %+.0f %%", 100*change)
	}
	return ""
}

// meanAndSpread are the mean and the standard deviation of at least two values.
func meanAndSpread(x []float64) (mean, spread float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		spread += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(spread / float64(max(1, len(x)-1)))
}

// Means cuts rates into at most n parts of successive ones, whose lengths differ by at
// most one, and gives the mean of each part.
func Means(rates []float64, n int) (means []float64) {
	n = min(n, len(rates))
	for i := range n {
		from, to := i*len(rates)/n, (i+1)*len(rates)/n
		var sum float64
		for _, r := range rates[from:to] {
			sum += r
		}
		means = append(means, sum/float64(to-from))
	}
	return means
}

// WindowRates gives the rate of delivery in each window, in packets/ns.
func WindowRates(windows []record.Window) (rates []float64) {
	var before int64
	for _, w := range windows {
		rates = append(rates, float64(w.Pkts)/float64(w.TNs-before))
		before = w.TNs
	}
	return rates
}
