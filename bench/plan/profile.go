package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tunbench/bench/suite"
	"tunbench/harness/profile"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// Profiling makes profiles of what was measured, in trials of their own that follow the
// measurement. Nothing else counts these trials.
type Profiling struct {
	Lab  Profiler
	open func() (Profiler, error) // makes Lab, if that is nil
	// Keep stores a file in the folder of the run.
	Keep func(name string, content []byte) error
}

// ProfileFlag registers the flag that asks for profiles.
func ProfileFlag(f interface {
	BoolVar(into *bool, name string, value bool, usage string)
}, on *bool) {
	f.BoolVar(on, "profile", false, "then sample stacks in trials of their own: profile.pb.gz of each side, for go tool pprof, and flame graphs in the report")
}

// NewProfiling is that of a plan with profiles or, as nil, of one without.
func NewProfiling(on bool) *Profiling {
	if !on {
		return nil
	}
	return new(Profiling)
}

// Use completes p, unless it is nil. lab returns why stacks cannot be sampled here.
func (p *Profiling) Use(lab func() (Profiler, error), keep func(name string, content []byte) error) {
	if p != nil {
		p.open, p.Keep = lab, keep
	}
}

// Open returns an error, before anything is measured, if stacks cannot be sampled.
func (p *Profiling) Open() (err error) {
	if p == nil || p.Lab != nil {
		return nil
	}
	if p.Lab, err = p.open(); err != nil {
		return fmt.Errorf("--profile: %w", err)
	}
	return nil
}

// Profiler makes trials whose stacks are sampled.
type Profiler interface {
	// Profile makes a trial as Lab.Run does.
	Profile(ctx context.Context, spec spec.Spec, hook string, o trial.Sampling, floor record.Floor) (trial.Profiled, error)
	// ProfilePair makes a trial of each variant, in alternating windows.
	ProfilePair(ctx context.Context, sides [2]trial.Variant, o trial.Sampling, seed uint64, floor record.Floor) ([2]trial.Profiled, error)
}

// ProfileFile is the name of the file for pprof.
const ProfileFile = "profile.pb.gz"

const (
	// profileBlocks is how many trials of a scenario are sampled: its intervals come from
	// their differences.
	profileBlocks = 5
	// profileTime is the least measured time of such a trial.
	profileTime = time.Second

	// samplePeriod is the time between two samples of a CPU. It is no multiple of a tick
	// of the kernel, which would be seen in each or in no sample.
	samplePeriod = 499 * time.Microsecond
	// In virtual time a sample costs about as many instructions as a packet, one with its
	// whole stack several times as many, and time itself costs nothing: more samples are
	// taken, and most of them without a stack. Kernels sample every 10,000 ns at most.
	sampleInstructions   = 12007 * time.Nanosecond
	stackEach            = 8
	waitTurns            = 1023
	lockstepInstructions = 600 * time.Millisecond
)

// SamplingOf is how stacks are sampled under a clock.
func SamplingOf(clock string) trial.Sampling {
	if clock == record.ClockICount {
		return trial.Sampling{Rate: profile.Rate{Period: sampleInstructions, StackEach: stackEach, WaitTurns: waitTurns}, Lockstep: lockstepInstructions}
	}
	return trial.Sampling{Rate: profile.Rate{Period: samplePeriod}, Lockstep: profileTime}
}

// ProfileSpec is s as it is measured to be profiled.
func ProfileSpec(s spec.Spec) spec.Spec {
	s.Measure = max(s.Measure, profileTime)
	return s
}

// UnitOf is the unit of the costs of a profile under a clock.
func UnitOf(clock string) string {
	if clock == record.ClockICount {
		return record.ProfileInstructions
	}
	return record.ProfileNs
}

// BlockOf is the block that a trial makes. unprofiled is the cost of a packet in trials
// without sampling, as PacketCost gives it; 0 if there is none.
//
// A sample stands for the time since the one before it. In virtual time that includes
// what sampling itself costs, which is taken out by the ratio of the two costs of a
// packet; elsewhere it is below one per cent. Of cycles, whose frequency may change, a
// sample stands for its share of the trial's CPU time.
//
// Where a sample takes longer than the period, the next one is left out. What one stands
// for is therefore taken from the time that the CPU was busy, where that is known.
func BlockOf(t trial.Profiled, clock string, unprofiled float64) profile.Block {
	b := profile.Block{Samples: t.Samples, Pkts: t.Pkts, Weight: float64(t.PeriodNs)}
	switch kept := t.Kept(); {
	case clock == record.ClockICount:
		if samples := t.Busy(); samples > 0 {
			b.Weight = max(b.Weight, float64(t.BusyNs)/float64(samples))
		}
		if profiled := PacketCost(t.Trial); unprofiled > 0 && profiled > unprofiled {
			b.Weight *= unprofiled / profiled
		}
	case t.Event != profile.Clock && kept > 0:
		b.Weight = t.Metrics[record.CPUNsPerPkt] * float64(t.Pkts) / float64(kept)
	}
	return b
}

// PacketCost is the time inside the calls of both ends per packet, which in virtual time
// is a number of instructions; 0 if it is not known.
func PacketCost(t record.Trial) float64 {
	return t.Metrics[record.SendNsPerPkt] + t.Metrics[record.RecvNsPerPkt]
}

// profileJob is the time that the profile of a scenario takes.
func profileJob(s suite.Scenario) time.Duration {
	s.Measure = max(s.Measure, profileTime)
	return profileBlocks * TrialTime(s)
}

// profileTimeOf is about how long profiles of scenarios take.
func profileTimeOf(p *Profiling, scenarios []suite.Scenario) (d time.Duration) {
	if p == nil {
		return 0
	}
	for _, s := range scenarios {
		d += profileJob(s)
	}
	return d
}

// profiler makes the profiles of a run.
type profiler struct{ *runner }

// profiledArm is the arm that is profiled: that of the headline.
func profiledArm(p Plan) record.Arm {
	if slices.Contains(p.Arms, record.Bare) {
		return record.Bare
	}
	return record.Observed
}

// profilesLeft is about how long profiles still take, at a step of a scenario.
func profilesLeft(p Plan, s *subject, step Step) time.Duration {
	all := profileTimeOf(p.Profiling, p.Scenarios)
	if step.Profile == 0 {
		return all
	}
	return all*time.Duration(profileBlocks-step.Profile)/profileBlocks + profileTimeOf(p.Profiling, p.Scenarios[s.index:])/profileBlocks
}

// profiled is what was sampled of a scenario.
type profiled struct {
	*subject
	blocks []profile.Block
	err    error
}

// all makes the profiles of all scenarios that were measured, in rounds of a trial each,
// so that a host whose speed wanders is the same host to all of them. Its error ends the
// run.
func (r profiler) all(ctx context.Context) error {
	if r.Profiling == nil {
		return nil
	}
	var list []*profiled
	for _, s := range r.subjects {
		if !s.gone {
			list = append(list, &profiled{subject: s})
		}
	}
	hook := r.hookOf(profiledArm(r.Plan))
	for block := 1; block <= profileBlocks; block++ {
		for _, p := range list {
			if ctx.Err() != nil {
				r.out.Interrupted = true
				return nil
			}
			if p.err == nil {
				r.tell(p.subject, Step{Profile: block, Profiles: profileBlocks})
				p.err = r.sample(ctx, p, hook)
			}
		}
	}
	if ctx.Err() != nil {
		r.out.Interrupted = true
		return nil
	}
	return r.write(list, hook)
}

// sample makes one trial of a scenario.
func (r profiler) sample(ctx context.Context, p *profiled, hook string) error {
	s := ProfileSpec(p.spec)
	s.Seed = p.rng.Uint64()
	got, err := r.Profiling.Lab.Profile(ctx, s, hook, SamplingOf(r.Clock), r.floor)
	if err != nil {
		return err
	}
	unprofiled := 0.0
	if len(p.costs) > 0 {
		sum, err := stat.Summarize(p.costs)
		if err != nil {
			return err
		}
		unprofiled = sum.Median
	}
	p.blocks = append(p.blocks, BlockOf(got, r.clock(), unprofiled))
	return nil
}

// write writes the profiles: the record of each, and the file of all.
func (r profiler) write(list []*profiled, hook string) error {
	file := profile.NewFile(UnitOf(r.Clock))
	for _, p := range list {
		made := profile.Sum(UnitOf(r.Clock), p.blocks)
		made.Scenario, made.Axes, made.Hook, made.File = p.Name, p.Axes, hook, ProfileFile
		if p.err == nil && len(made.Blocks) == 0 {
			p.err = errors.New("no packet was delivered while stacks were sampled")
		}
		if p.err != nil {
			made.File = ""
			made.Reason, made.Detail = refusal.Classify(p.err)
			if made.Reason == record.Failed {
				r.out.Failed++
			}
		} else {
			file.Add(p.Name, p.blocks)
		}
		if err := r.rec.Write(made); err != nil {
			return err
		}
	}
	content, err := file.Bytes()
	if err != nil {
		return err
	}
	return r.Profiling.Keep(ProfileFile, content)
}
