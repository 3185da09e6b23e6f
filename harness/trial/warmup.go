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

// warmth is how a warm-up went.
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
// The decision rests on the warm-up alone, before the first packet is measured: to
// measure again because of a result would be to select results. Only a drift extends
// the warm-up. A spread does not go away, so on a host where nothing is ever steady
// trials do not become longer, but are flagged as unsteady; and no trial takes longer
// than two more warm-ups. Not extended are the warm-ups of a trial with a fixed count
// of packets, which would run out; those that are too short to be cut into slices;
// those of an open loop, whose rate is its schedule's from the first packet on; and
// that of gen=iperf3, which is the program's own.
func warmUp(ctx context.Context, r *session) (w warmth, err error) {
	s := r.spec
	slice := s.Warmup / warmupSlices
	if s.Delay > 0 {
		if err := wait(ctx, r, s.Fill()); err != nil {
			return w, err
		}
	}
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
