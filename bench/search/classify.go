package search

import (
	"cmp"
	"slices"
	"time"
)

// class is what the trials at one load say of it under a target.
type class int

const (
	undecided class = iota
	lowerBound
	upperBound
	// unreachable: the generator cannot make this load, so that nothing is known
	// of what it would lose. Not a class of RFC 9971.
	unreachable
)

// result is one trial that counts.
type result struct {
	loss     float64
	duration time.Duration
}

// target is a Goal on the way to it: the first ones ask for less time and less
// precision, the last one is the Goal itself.
type target struct {
	loss, exceed float64
	final, sum   time.Duration
	steps        int // of the grid: the width
	late         int // trials that the generator may fail a load before that is unreachable
}

// classify is the algorithm of RFC 9971, appendix A. A load is undecided as
// long as what is missing of the duration sum could still turn it either way.
func (t target) classify(results []result) class {
	var fullLow, fullHigh, shortLow, shortHigh float64
	for _, r := range results {
		sum := &fullLow
		switch short, high := r.duration < t.final, r.loss > t.loss; {
		case short && high:
			sum = &shortHigh
		case short:
			sum = &shortLow
		case high:
			sum = &fullHigh
		}
		*sum += r.duration.Seconds()
	}
	// Short trials without loss prove nothing, but outweigh short ones with.
	balancing := shortLow * t.exceed / (1 - t.exceed)
	high := fullHigh + max(0, shortHigh-balancing)
	whole := max(fullLow+high, t.sum.Seconds())
	tolerated := whole * t.exceed
	optimistic, pessimistic := high <= tolerated, whole-fullLow <= tolerated
	switch {
	case optimistic && pessimistic:
		return lowerBound
	case !optimistic && !pessimistic:
		return upperBound
	}
	return undecided
}

// conditional is the conditional throughput at load, by the algorithm of
// RFC 9971, appendix B: the forwarding rate of the full-length trial that
// stands at the exceed ratio, what is missing of the duration sum counted as
// lost.
func (t target) conditional(load float64, results []result) float64 {
	full := slices.DeleteFunc(slices.Clone(results), func(r result) bool { return r.duration < t.final })
	slices.SortFunc(full, func(a, b result) int { return cmp.Compare(a.loss, b.loss) })
	var sum float64
	for _, r := range full {
		sum += r.duration.Seconds()
	}
	remaining := max(t.sum.Seconds(), sum) * (1 - t.exceed)
	quantile := 1.0
	for i, r := range full {
		if i > 0 && remaining <= 0 {
			break
		}
		quantile = r.loss
		remaining -= r.duration.Seconds()
	}
	if remaining > 0 {
		quantile = 1
	}
	return load * (1 - quantile)
}
