package compare

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tunbench/bench/plan"
	"tunbench/harness/profile"
	"tunbench/harness/trial"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// profilePairs is how many pairs of trials are sampled: the differences between the sides
// of each pair give the intervals of what moved.
const profilePairs = 16

// ProfileFiles are the names of the files for pprof, of A and of B.
var ProfileFiles = [2]string{"profile-a.pb.gz", "profile-b.pb.gz"}

// checkProfile returns an error if p asks for profiles and cannot have them.
func checkProfile(p AB) error {
	if p.Profiling != nil && p.Builds != nil {
		return errors.New("--profile with --base-binary or --new-binary: another build cannot be asked for its samples; compare the builds without --profile, then profile a variant with each of them: tunbench run --profile")
	}
	return nil
}

// profiler makes the profiles of an AB.
type profiler struct {
	*runner
	files [2]*profile.File
}

// all makes the profiles of all subjects that were measured, after all of them. Its error
// ends the run.
func (p profiler) all(ctx context.Context) error {
	if p.Profiling == nil {
		return nil
	}
	for i := range p.files {
		p.files[i] = profile.NewFile(plan.UnitOf(p.Clock))
	}
	for _, s := range p.measured {
		if err := p.subject(ctx, s); err != nil || p.out.Interrupted {
			return err
		}
	}
	for i, f := range p.files {
		content, err := f.Bytes()
		if err != nil {
			return err
		}
		if err := p.Profiling.Keep(ProfileFiles[i], content); err != nil {
			return err
		}
	}
	return nil
}

// subject makes the profiles of both variants of a subject, pair by pair.
func (p profiler) subject(ctx context.Context, s *subject) error {
	var blocks [2][]profile.Block
	var failed error
	for pair := 1; pair <= profilePairs && failed == nil; pair++ {
		if ctx.Err() != nil {
			p.out.Interrupted = true
			return nil
		}
		p.tell(s, 0, plan.Step{Profile: pair, Profiles: profilePairs})
		var got [2]trial.Profiled
		if got, failed = p.pair(ctx, s); failed != nil {
			break
		}
		for i := range got {
			cost, err := packetCost(s.costs[i])
			if err != nil {
				return err
			}
			blocks[i] = append(blocks[i], plan.BlockOf(got[i], p.Clock, cost))
		}
	}
	if ctx.Err() != nil {
		p.out.Interrupted = true
		return nil
	}
	for i, v := range s.variants {
		made := profile.Sum(plan.UnitOf(p.Clock), blocks[i])
		made.Scenario, made.Axes, made.Hook = v.Name, v.Axes, v.Hook
		made.Variant, made.Subject, made.File = variantNames[i], s.index+1, ProfileFiles[i]
		if failed == nil && len(made.Blocks) < profilePairs {
			failed = fmt.Errorf("in %d of %d trials no packet was delivered while stacks were sampled", profilePairs-len(made.Blocks), profilePairs)
		}
		if failed != nil {
			made.File = ""
			made.Reason, made.Detail = classify(failed)
		} else {
			p.files[i].Add(v.Name, blocks[i])
		}
		if err := p.rec.Write(made); err != nil {
			return err
		}
	}
	if failed != nil {
		if reason, _ := classify(failed); reason == record.Failed {
			p.out.Failed++
		}
	}
	return nil
}

// pair makes a trial of each variant.
func (p profiler) pair(ctx context.Context, s *subject) (got [2]trial.Profiled, err error) {
	seed := s.rng.Uint64()
	var sides [2]trial.Variant
	for i := range sides {
		sides[i] = trial.Variant{Spec: plan.ProfileSpec(s.specs[i]), Hook: s.variants[i].Hook}
		sides[i].Spec.Seed = seed // both send the same packets
	}
	o := plan.SamplingOf(p.Clock)
	if p.sideBySide(s) {
		return p.Profiling.Lab.ProfilePair(ctx, sides, o, s.rng.Uint64(), p.floor)
	}
	order := []int{0, 1}
	s.rng.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
	for _, i := range order {
		if got[i], err = p.Profiling.Lab.Profile(ctx, sides[i].Spec, sides[i].Hook, o, p.floor); err != nil {
			return got, err
		}
	}
	return got, nil
}

// packetCost is the median of plan.PacketCost of the trials of a variant; 0 if it is not
// known.
func packetCost(costs []float64) (float64, error) {
	if len(costs) == 0 {
		return 0, nil
	}
	sum, err := stat.Summarize(costs)
	return sum.Median, err
}

// profilesLeft is about how long profiles still take, at a step of s.
func profilesLeft(p AB, s *subject, step plan.Step) time.Duration {
	left := p.Subjects
	pairs := 0
	if step.Profile > 0 {
		left, pairs = p.Subjects[s.index:], step.Profile-1
	}
	var d time.Duration
	for _, of := range left {
		d += profilePairs * (plan.TrialTime(of[0].Scenario) + plan.TrialTime(of[1].Scenario))
	}
	return d - time.Duration(pairs)*(plan.TrialTime(left[0][0].Scenario)+plan.TrialTime(left[0][1].Scenario))
}
