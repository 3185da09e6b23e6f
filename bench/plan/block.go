package plan

import (
	"context"
	"time"

	"tunbench/harness/block"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
	"tunbench/reports/record"
)

const (
	// observedShare is which part of the measured time of a bare trial the observed one
	// beside it has: the headline is measured bare, and what the observer counts is
	// exact from few packets. leastObserved is the least measured time.
	observedShare = 3
	leastObserved = 2 * record.LeastMeasureNs * time.Nanosecond
)

// job is a trial that is measured in a block.
type job struct {
	*subject
	arm record.Arm
}

// blocks measures a plan in blocks.
type blocks struct{ *runner }

// next measures one pair of each scenario: those that can take turns by turns, and
// the others one after the other. Its error ends the run.
func (r blocks) next(ctx context.Context) error {
	var together, alone []job
	for _, s := range r.subjects {
		if s.gone {
			continue
		}
		arms, err := r.nextPair(ctx, s)
		if err != nil || r.out.Interrupted {
			return err
		}
		for _, arm := range arms {
			if takesTurns(s.spec) && r.Blocks != nil {
				together = append(together, job{s, arm})
			} else {
				alone = append(alone, job{s, arm})
			}
		}
	}
	for len(together) > 0 {
		group := r.group(together)
		if err := r.byTurns(ctx, group); err != nil || r.out.Interrupted {
			return err
		}
		together = together[len(group):]
	}
	for _, j := range alone {
		if j.gone {
			continue
		}
		if err := r.alone(ctx, j.subject, []record.Arm{j.arm}); err != nil || r.out.Interrupted {
			return err
		}
	}
	return nil
}

// takesTurns reports whether s is measured in windows: it can be held back, its readers
// do not pause once a second, which short windows would miss, and its load is closed.
// The sender of an open loop is late at the ends of windows, and its rate is that of its
// schedule at any speed of the host.
func takesTurns(s spec.Spec) bool {
	return s.SideBySide() && s.Pause == 0 && s.Rate == 0 && s.Share == 0
}

// variant is what a job measures.
func (r blocks) variant(j job) trial.Variant {
	v := trial.Variant{Spec: j.spec, Hook: r.hookOf(j.arm)}
	if j.arm == record.Observed && len(r.Arms) > 1 {
		// As long as those of the bare arm: a shorter window has a larger share of what the
		// pause before it leaves behind.
		v.Spec.Window = block.Window(v.Spec)
		v.Spec.Measure = ObservedTime(v.Spec.Measure)
	}
	return v
}

// ObservedTime is the measured time of an observed trial beside a bare one of that
// measured time.
func ObservedTime(bare time.Duration) time.Duration {
	return min(bare, max(bare/observedShare, leastObserved))
}

// group is how many of the first jobs are measured by turns: as many as the host holds,
// with all arms of a scenario if it can.
func (r blocks) group(jobs []job) []job {
	var variants []trial.Variant
	for _, j := range jobs {
		variants = append(variants, r.variant(j))
	}
	n := r.Blocks.Fit(variants)
	for whole := n; whole > 0; whole-- {
		if whole == len(jobs) || jobs[whole].subject != jobs[whole-1].subject {
			return jobs[:whole]
		}
	}
	return jobs[:n]
}

// byTurns measures a group of jobs by turns, and writes their trials. Its error ends the
// run.
func (r blocks) byTurns(ctx context.Context, group []job) error {
	if ctx.Err() != nil {
		r.out.Interrupted = true
		return nil
	}
	b := block.Block{Seed: r.Seed ^ Seed(group[0].Name) ^ uint64(group[0].pair), Floor: r.floor}
	var planned time.Duration
	for _, j := range group {
		b.Variants = append(b.Variants, r.variant(j))
		planned += r.jobTime(j)
	}
	begun := r.Now()
	b.Tell = func(round, rounds int) {
		r.tell(group[0].subject, Step{Together: len(group), Round: round, Rounds: rounds, passed: time.Duration(float64(planned) * float64(round-1) / float64(rounds))})
	}
	r.tell(group[0].subject, Step{Together: len(group)})
	results := r.Blocks.RunBlock(ctx, b)
	r.measured += r.Now().Sub(begun)
	r.planned += planned
	for i, result := range results {
		if err := r.take(ctx, group[i], result); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		r.out.Interrupted = true
	}
	return nil
}

// take writes a result of a block. Its error ends the run.
func (r blocks) take(ctx context.Context, j job, result block.Result) error {
	if j.gone || j.unseen && j.arm == record.Observed {
		return nil // it failed in its other arm
	}
	var err error
	if result.Err != nil {
		_, err = r.without(ctx, j.subject, j.arm, result.Err)
	} else {
		_, err = r.write(ctx, j.subject, j.arm, result.Trial)
	}
	return err
}

const (
	// blockOverhead is about the time that a trial takes in a block in addition to its
	// warm-up and its windows, to build the device, drain it and tear it down, and
	// turnOverhead what a window takes in addition to its length, to wake up the
	// workers and to hold them.
	blockOverhead = 120 * time.Millisecond
	turnOverhead  = 5 * time.Millisecond
	// yardstickShare is about how many windows of yardsticks there are for one of a bare
	// trial.
	yardstickShare = 0.4
)

// JobTime is about how long a trial of s takes in a block that has both arms, or one.
func JobTime(s spec.Spec, arm record.Arm, both bool) time.Duration {
	measure, share := s.Measure, 1+yardstickShare
	if arm == record.Observed && both {
		measure, share = ObservedTime(measure), 1
	}
	window := block.Window(s)
	windows := max(float64(measure/window), trial.LeastWindows)
	each := float64(window + trial.Settle(window) + turnOverhead + emptyTime(s))
	return s.Warmup + blockOverhead + time.Duration(share*windows*each)
}

// emptyTime is about how long the path of s takes to be empty after a window: what TCP lost is
// sent again, some of it only after its timer. Means of a run on two CPUs.
func emptyTime(s spec.Spec) time.Duration {
	switch {
	case s.Path == spec.PathProgram:
		return 400 * time.Millisecond
	case s.Gen == spec.GenTCP && s.Path != spec.PathVeth:
		return 100 * time.Millisecond
	}
	return 0
}

func (r blocks) jobTime(j job) time.Duration { return JobTime(j.spec, j.arm, len(r.Arms) > 1) }
