package bench

import (
	"context"
	"fmt"

	"tunbench/reports/record"
)

// ParseClock checks the name of a clock; an empty one is ClockMonotonic. Who
// boots a guest in virtual time tells it so: the guest cannot see it.
func ParseClock(name string) (string, error) {
	switch name {
	case "":
		return ClockMonotonic, nil
	case ClockMonotonic, ClockICount:
		return name, nil
	}
	return "", fmt.Errorf("no clock %q: choose %s or %s", name, ClockMonotonic, ClockICount)
}

const (
	// settledTrials in a row must agree, in each metric, to settledSpread, the
	// difference of the largest and the smallest over the smallest.
	settledTrials = 5
	settledSpread = 0.001
	// settleLimit is the number of trials after which an arm is given up.
	settleLimit = 40
)

// settle measures a lockstep scenario in virtual time. A guest that has just
// booted still does other things: each arm is repeated until its last five
// trials agree, and they are its result. If they never do, the last trial is
// flagged as unsettled.
func (r *runner) settle(ctx context.Context, i int, s Scenario) error {
	for _, arm := range r.Arms {
		var trials []record.Trial
		for n := 1; n <= settleLimit && !settled(trials); n++ {
			t, goesOn, err := r.measure(ctx, i, s, arm, n, func(t *record.Trial) {
				if n == settleLimit && !settled(append(trials, *t)) {
					t.Flags = append(t.Flags, record.FlagUnsettled)
					t.Notes = append(t.Notes, fmt.Sprintf("%s: after %d trials the last %d differ by more than %.1f %%",
						record.FlagUnsettled, settleLimit, settledTrials, 100*settledSpread))
				}
			})
			if err != nil || !goesOn {
				return err
			}
			trials = append(trials, t)
		}
	}
	return nil
}

// settled tells whether the last trials agree.
func settled(trials []record.Trial) bool {
	if len(trials) < settledTrials {
		return false
	}
	last := trials[len(trials)-settledTrials:]
	for _, metric := range []string{record.SendNsPerPkt, record.RecvNsPerPkt} {
		low, high := last[0].Metrics[metric], last[0].Metrics[metric]
		for _, t := range last {
			low, high = min(low, t.Metrics[metric]), max(high, t.Metrics[metric])
		}
		if high-low > settledSpread*low {
			return false
		}
	}
	return true
}
