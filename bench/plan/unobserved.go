package plan

import (
	"context"
	"errors"
	"slices"

	"tunbench/harness/refusal"
	"tunbench/reports/record"
)

// probe builds the device of a scenario and tears it down. The scenario goes on
// unless it was skipped or the run was interrupted; an error ends the run.
func (r *runner) probe(ctx context.Context, s *subject) (goesOn bool, err error) {
	arm, hook := record.Bare, record.HookNone
	if slices.Contains(r.Arms, record.Observed) && !s.unseen {
		arm, hook = record.Observed, r.hook.Used
	}
	cause := r.lab.Probe(ctx, s.spec, hook)
	if cause == nil {
		return true, nil
	}
	if goesOn, err := r.without(ctx, s, arm, cause); err != nil || !goesOn {
		return false, err
	}
	return r.probe(ctx, s) // without the observer
}

// without deals with an arm of a scenario that cannot be measured. If that is
// the observer's doing alone, the bare arm goes on, whichever came first: what
// is measured must not hang on the order of arms. Any other cause ends the scenario.
func (r *runner) without(ctx context.Context, s *subject, arm record.Arm, cause error) (goesOn bool, err error) {
	var observer *refusal.Unobservable
	if ctx.Err() != nil || arm != record.Observed || !slices.Contains(r.Arms, record.Bare) || !errors.As(cause, &observer) {
		return false, r.skip(ctx, s, cause)
	}
	r.leaveUnseen(s)
	return true, r.writeSkip(s, record.Observed, cause)
}

// leaveUnseen takes the observed trials of a scenario from what is left to do.
func (r *runner) leaveUnseen(s *subject) {
	s.unseen = true
	for pair := max(1, s.pair); pair <= r.Pairs; pair++ {
		if !r.done[trialKey{s.Name, pair, record.Observed}] {
			s.left--
		}
	}
}
