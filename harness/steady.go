package harness

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"tunbench/harness/spec"
	"tunbench/reports/record"
)

const (
	// unsteadyLimit is how far windows may lie apart, as the ratio of their
	// standard deviation to their mean, and thirdsLimit how far the first and
	// the last third may.
	unsteadyLimit = 0.10
	thirdsLimit   = 0.05
	// leastWindows is the number below which windows tell nothing.
	leastWindows = 6

	// warmupSlices is into how many slices a warm-up is cut to see whether the
	// rate still moves, and leastSlice how short they may be: below, the
	// scheduler is seen and not the rate.
	warmupSlices = 12
	leastSlice   = 5 * time.Millisecond
	// mostExtensions is how often a warm-up is made longer, by its own length
	// each time.
	mostExtensions = 2
)

// warmth tells how a warm-up went.
type warmth struct {
	extended int
	drift    float64 // of the rate, over the last stretch of it; 0: it stands still
}

// String is "" if the warm-up was not extended.
func (w warmth) String() string {
	if w.extended == 0 {
		return ""
	}
	text := fmt.Sprintf("warm-up extended %s", []string{"", "once", "twice"}[w.extended])
	if w.drift != 0 {
		text += fmt.Sprintf(", and the rate still moved by %+.0f %%", 100*w.drift)
	}
	return text
}

// warmUp lets traffic flow for Spec.Warmup, and for as long again, at most
// twice, while the rate still moves.
//
// It decides by the warm-up alone, before the first packet is measured: to
// measure, look at the result and measure again if it does not please would
// choose among results. Only a drift is a reason to go on. A spread does not go
// away, so a host on which nothing is ever steady gets no longer trials for
// it, but trials flagged as unsteady; and no trial takes longer than two more
// warm-ups. A trial of a fixed count of packets has no time to spare, and one
// whose warm-up is too short to be cut into slices is not looked at; nor is an
// open loop, whose rate is that of its schedule from the first packet on, nor
// gen=iperf3, whose warm-up is the program's own.
func warmUp(ctx context.Context, r rig, s spec.Spec) (w warmth, err error) {
	slice := s.Warmup / warmupSlices
	if s.Count > 0 || s.Rate > 0 || s.Gen == spec.GenIPerf3 || slice < leastSlice {
		return w, wait(ctx, r, s.Warmup)
	}
	for {
		rates, err := warmUpRates(ctx, r, slice)
		if err != nil {
			return w, err
		}
		if w.drift = drift(rates); w.drift == 0 || w.extended == mostExtensions {
			return w, nil
		}
		w.extended++
	}
}

// warmUpRates gives the rate of delivery in each slice of one warm-up, in
// packets/ns; fewer if the senders have ended before.
func warmUpRates(ctx context.Context, r rig, slice time.Duration) (rates []float64, err error) {
	before := r.sample()
	start := before.at
	for i := range warmupSlices {
		end := start + int64(i+1)*int64(slice)
		if err := wait(ctx, r, time.Duration(end-r.now())); err != nil {
			return nil, err
		}
		select {
		case <-r.sent():
			return rates, nil
		default:
		}
		now := r.sample()
		if now.at > before.at {
			rates = append(rates, float64(now.delivered-before.delivered)/float64(now.at-before.at))
		}
		before = now
	}
	return rates, nil
}

// drift is by how much the last third of the rates lies above the first, as
// far as it is beyond the limit and no accident, else 0. The thirds are
// compared by their medians, so that one stall is none, and must not overlap:
// of twelve rates in random order that happens once in 35 times, since 2 of
// the 70 ways in which eight rates make two thirds keep them apart.
func drift(rates []float64) float64 {
	third := len(rates) / 3
	if len(rates) < leastWindows {
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
	if change := to/from - 1; math.Abs(change) > thirdsLimit {
		return change
	}
	return 0
}

// unsteady says how the rates of the windows of the measured time differ, if
// they differ by more than they may. Their spread is the standard deviation and
// not one that shrugs off outliers: a window in ten at half the rate moves pps
// by 5 %, and is what the gate is for.
func unsteady(rates []float64) string {
	if len(rates) < leastWindows {
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
	if spread := math.Sqrt(squares/float64(len(rates)-1)) / mean; spread > unsteadyLimit {
		return fmt.Sprintf("the windows spread by %.0f %% of their mean", 100*spread)
	}
	third := len(rates) / 3
	var head, tail float64
	for i := range third {
		head += rates[i]
		tail += rates[len(rates)-1-i]
	}
	if change := tail/head - 1; math.Abs(change) > thirdsLimit {
		return fmt.Sprintf("the last third of the windows differs from the first by %+.0f %%", 100*change)
	}
	return ""
}

// windowRates gives the rate of delivery in each window, in packets/ns.
func windowRates(windows []record.Window) (rates []float64) {
	var before int64
	for _, w := range windows {
		rates = append(rates, float64(w.Pkts)/float64(w.TNs-before))
		before = w.TNs
	}
	return rates
}
