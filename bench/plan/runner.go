package plan

import (
	"context"
	"errors"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"tunbench/bench/setup"
	"tunbench/harness/refusal"
	"tunbench/reports/record"
)

// runner is a Plan while it runs.
type runner struct {
	Plan
	lab   Lab
	rec   Recorder
	hook  record.Hook
	floor record.Floor
	out   *Outcome

	subjects []*subject
	closed   *ClosedLoops
	earlier  earlier
	limited  *limited

	// measured and planned are the times that the finished trials took and were
	// planned to take: their ratio corrects the estimate of the time left.
	measured, planned time.Duration
}

// all measures every pair of every scenario. Its error ends the run.
func (r *runner) all(ctx context.Context) error {
	for i, s := range r.Scenarios {
		spec := setup.Spec(s)
		spec.CPUs, spec.GuestKernel, spec.Settle = r.CPUs, r.GuestKernel, r.Clock == record.ClockICount
		r.subjects = append(r.subjects, &subject{
			Scenario: s, spec: spec, index: i, left: r.Pairs * len(r.Arms),
			// Its own random numbers, so that a filter does not change the order of
			// arms of the scenarios that it keeps.
			rng: rand.New(rand.NewPCG(r.Seed, Seed(s.Name))),
		})
	}
	for _, s := range r.subjects {
		r.earlier.leaveOut(s, r.Pairs)
	}
	if r.Clock == record.ClockICount {
		return r.oneByOne(ctx)
	}
	for range r.Pairs {
		if err := (blocks{r}).next(ctx); err != nil || r.out.Interrupted {
			return err
		}
	}
	return nil
}

// oneByOne measures all pairs of a scenario before those of the next one. Its error
// ends the run.
func (r *runner) oneByOne(ctx context.Context) error {
	for _, s := range r.subjects {
		for range r.Pairs {
			if s.gone {
				break
			}
			arms, err := r.nextPair(ctx, s)
			if err != nil || r.out.Interrupted {
				return err
			}
			if err := r.alone(ctx, s, arms); err != nil || r.out.Interrupted {
				return err
			}
		}
	}
	return nil
}

// nextPair prepares the next pair of a scenario, and returns those arms that are to be
// measured. The device is probed before the first pair. An error ends the run.
func (r *runner) nextPair(ctx context.Context, s *subject) (arms []record.Arm, err error) {
	s.pair++
	arms = slices.Clone(r.Arms)
	s.rng.Shuffle(len(arms), func(a, b int) { arms[a], arms[b] = arms[b], arms[a] })
	s.spec.Seed = s.rng.Uint64() // both arms send the same packets
	if arms = r.earlier.missing(s, arms); len(arms) == 0 || s.probed {
		return arms, nil
	}
	s.probed = true
	r.tell(s, Step{})
	if goOn, err := r.probe(ctx, s); err != nil || !goOn {
		return nil, err
	}
	if s.note, err = r.closed.Offer(ctx, s.Scenario, &s.spec); err != nil {
		return nil, r.skip(ctx, s, err)
	}
	if s.unseen {
		arms = slices.DeleteFunc(arms, func(a record.Arm) bool { return a == record.Observed })
	}
	return arms, nil
}

// alone measures arms of a scenario one after the other. Its error ends the run.
func (r *runner) alone(ctx context.Context, s *subject, arms []record.Arm) error {
	for _, arm := range arms {
		if s.unseen && arm == record.Observed {
			continue
		}
		if goOn, err := r.measure(ctx, s, arm); err != nil || !goOn {
			return err
		}
	}
	return nil
}

// probe builds the device of a scenario and tears it down. The scenario continues
// unless it was skipped or the run was interrupted; an error ends the run.
func (r *runner) probe(ctx context.Context, s *subject) (goOn bool, err error) {
	arm, hook := record.Bare, record.HookNone
	if slices.Contains(r.Arms, record.Observed) && !s.unseen {
		arm, hook = record.Observed, r.hook.Used
	}
	cause := r.lab.Probe(ctx, s.spec, hook)
	if cause == nil {
		return true, nil
	}
	if goOn, err := r.without(ctx, s, arm, cause); err != nil || !goOn {
		return false, err
	}
	return r.probe(ctx, s) // without the observer
}

// without handles an arm of a scenario that cannot be measured. If only the observer
// is the cause, the bare arm continues, whichever arm came first: what is measured
// must not depend on the order of arms. Any other cause ends the scenario.
func (r *runner) without(ctx context.Context, s *subject, arm record.Arm, cause error) (goOn bool, err error) {
	var observer *refusal.Unobservable
	if ctx.Err() != nil || arm != record.Observed || !slices.Contains(r.Arms, record.Bare) || !errors.As(cause, &observer) {
		return false, r.skip(ctx, s, cause)
	}
	s.leaveUnseen(r.Pairs, r.earlier)
	return true, r.writeSkip(s, record.Observed, cause)
}

// measure makes one trial and writes it. The scenario continues unless it was
// skipped or the run was interrupted; an error ends the run.
func (r *runner) measure(ctx context.Context, s *subject, arm record.Arm) (goOn bool, err error) {
	if ctx.Err() != nil {
		r.out.Interrupted = true
		return false, nil
	}
	r.tell(s, Step{Arm: arm})
	begun := r.Now()
	trial, err := r.lab.Run(ctx, s.spec, r.hookOf(arm), r.floor)
	if err != nil {
		return r.without(ctx, s, arm, err)
	}
	r.measured += r.Now().Sub(begun)
	r.planned += pairTime(s.Scenario, []record.Arm{arm}, r.Clock)
	return r.write(ctx, s, arm, trial)
}

// hookOf is the hook of an arm.
func (r *runner) hookOf(arm record.Arm) string {
	if arm == record.Observed {
		return r.hook.Used
	}
	return record.HookNone
}

// write completes a trial and writes it, as measure does.
func (r *runner) write(ctx context.Context, s *subject, arm record.Arm, trial record.Trial) (goOn bool, err error) {
	trial.Kind, trial.Scenario, trial.Axes = record.KindTrial, s.Name, s.Axes
	trial.Arm, trial.Pair, trial.Trial = arm, s.pair, r.out.Trials+1
	if s.note != "" {
		trial.Notes = append(trial.Notes, s.note)
	}
	if r.earlier.halved(s.Name, s.pair, r.Arms) {
		trial.Notes = append(trial.Notes, "the other trial of this pair was made before the run was interrupted")
	}
	r.closed.Saw(trial)
	if !r.Buckets {
		trial.DropBuckets()
	}
	if err := r.rec.Write(trial); err != nil {
		if fatal(err) {
			return false, err
		}
		return false, r.skip(ctx, s, err)
	}
	s.left--
	r.limited.trial(trial)
	r.out.Trials++
	if trial.Invalid() {
		r.out.Invalid++
	}
	if arm == record.Bare {
		s.reached.Add(trial)
	}
	if cost := PacketCost(trial); cost > 0 && arm == profiledArm(r.Plan) {
		s.costs = append(s.costs, cost)
	}
	r.tell(s, Step{Trial: &trial, Last: s.left == 0})
	return true, nil
}

// skip records why a scenario ends here. An error that only says that ctx has
// ended is an interruption, not a skip.
func (r *runner) skip(ctx context.Context, s *subject, cause error) error {
	if ctx.Err() != nil {
		r.out.Interrupted = true
		return nil
	}
	s.left, s.gone = 0, true
	return r.writeSkip(s, "", cause)
}

// writeSkip records why a scenario, or one arm of it, ends here.
func (r *runner) writeSkip(s *subject, arm record.Arm, cause error) error {
	reason, detail := refusal.Classify(cause)
	skip := record.Skip{Kind: record.KindSkip, Scenario: s.Name, Axes: s.Axes, Arm: arm, Reason: reason, Detail: detail}
	if err := r.rec.Write(skip); err != nil {
		return err
	}
	r.limited.skip(skip)
	r.out.Skips++
	if reason == record.Failed {
		r.out.Failed++
	}
	r.tell(s, Step{Arm: arm, Skip: &skip, Last: arm != "" && s.left == 0})
	return nil
}

// tell completes step and passes it on.
func (r *runner) tell(s *subject, step Step) {
	if r.Progress == nil {
		return
	}
	step.Scenario, step.Index, step.Scenarios = s.Name, s.index+1, len(r.Scenarios)
	step.Pair, step.Pairs = max(1, s.pair), r.Pairs
	for _, s := range r.subjects {
		step.Left += s.timeLeft(r.Arms, r.Clock)
	}
	step.Left -= step.passed
	if r.planned > 0 {
		step.Left = time.Duration(float64(step.Left) * float64(r.measured) / float64(r.planned))
	}
	step.Left += searchTime(r.Search, r.Scenarios) + profilesLeft(r.Plan, s, step)
	r.Progress(step)
}

// fatal reports whether err, from writing a record, comes from the system, so that
// the next record would fail too. Otherwise the record itself was refused.
func fatal(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno)
}

// Seed derives a seed from a name, so that each scenario has its own random numbers.
func Seed(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}
