package trial

import (
	"context"
	"fmt"
	"time"

	"tunbench/harness/account"
	"tunbench/harness/spec"
)

const (
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
func warmUp(ctx context.Context, r *session) (w warmth, err error) {
	s := r.spec
	slice := s.Warmup / warmupSlices
	if s.Count > 0 || s.Rate > 0 || s.Gen == spec.GenIPerf3 || slice < leastSlice {
		return w, wait(ctx, r, s.Warmup)
	}
	for {
		rates, err := warmUpRates(ctx, r, slice)
		if err != nil {
			return w, err
		}
		if w.drift = account.Drift(rates); w.drift == 0 || w.extended == mostExtensions {
			return w, nil
		}
		w.extended++
	}
}

// warmUpRates gives the rate of delivery in each slice of one warm-up, in
// packets/ns; fewer if the senders have ended before.
func warmUpRates(ctx context.Context, r *session, slice time.Duration) (rates []float64, err error) {
	before := r.sample()
	start := before.At
	for i := range warmupSlices {
		end := start + int64(i+1)*int64(slice)
		if err := wait(ctx, r, time.Duration(end-r.now())); err != nil {
			return nil, err
		}
		select {
		case <-r.sent:
			return rates, nil
		default:
		}
		now := r.sample()
		if now.At > before.At {
			rates = append(rates, float64(now.Delivered-before.Delivered)/float64(now.At-before.At))
		}
		before = now
	}
	return rates, nil
}
