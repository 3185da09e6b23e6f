package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"time"

	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// Lab is a host's ability to measure.
type Lab interface {
	// SelectHook attaches the requested rung for a moment, or under auto the
	// first that attaches, and says what was passed over. It is an error if a
	// forced rung cannot attach.
	SelectHook(requested string) (record.Hook, error)
	Host() record.Host
	// Floor measures what bare system calls cost on the first of cpus, or on
	// a CPU of its choice.
	Floor(cpus []int) (record.Floor, error)
	// Probe builds the device of the spec and tears it down.
	Probe(ctx context.Context, s spec.Spec, hook string) error
	// Run measures one trial. It fills everything but what a Plan knows:
	// Scenario, Axes, Arm, Pair and Trial. Under hook `none` nothing observes.
	Run(ctx context.Context, s spec.Spec, hook string, floor record.Floor) (record.Trial, error)
	// Classify turns an error of Probe or Run into a skip's reason and detail.
	Classify(err error) (reason, detail string)
}

// Recorder takes the records of a run, each as soon as it is finished.
type Recorder interface {
	Write(r record.Record) error
	Close() error
}

// NoHook is the hook of bare trials.
const NoHook = "none"

// overhead is roughly what a trial takes beside warm-up and measured time: to
// build the device, drain it and tear it down.
const overhead = 300 * time.Millisecond

// Plan is a whole run: what is measured, in which order, in which pairs.
type Plan struct {
	Suite     string
	SuiteFile string // that it was read from, "" if it is built in
	Scenarios []Scenario
	Pairs     int
	Arms      []record.Arm // the trials of a pair, in seeded random order
	Hook      string       // as requested; NoHook where no arm is observed
	Seed      uint64       // of the order of arms, and of everything random in the trials
	Clock     string       // of the header; "" is ClockMonotonic
	CPUs      []int        // to send and to read on; empty: chosen from the topology
	Tool      record.Tool
	Args      []string // as typed, for the header
	// Sees is what is known of the smallest changes that this host can show, for
	// the header: see record.Run.
	Sees   map[string]float64
	Strict bool // invalid trials, and rates not found, make the run's exit code 3
	// Search is how to search each scenario for its highest rates, after all
	// pairs; the zero value does not.
	Search SearchProfile

	// Shard is which share of a larger plan this is, nil for a whole one.
	Shard *record.Shard

	// Done is what an interrupted run of the same plan left, nil for a new run:
	// only what is missing in it is measured.
	Done *record.File

	// Progress, if not nil, is told of each step.
	Progress func(Step)
	// Now, if not nil, replaces time.Now.
	Now func() time.Time
}

// Step is what a Plan tells while it runs: at most one of Trial, Skip, Search and
// Verdicts is set; with none of them, a trial is about to begin. Nothing is told
// while one is measured.
type Step struct {
	Scenario  string
	Index     int // of the scenario, from 1
	Scenarios int
	Pair      int // that is at hand, from 1
	Pairs     int
	Arm       record.Arm       // that is about to be measured; "" where it is not known, or both are
	Left      time.Duration    // to the end of the run, estimated
	Trial     *record.Trial    // was finished and written
	Base      *record.Trial    // of variant A, where Trial is of B
	Last      bool             // no trial of the scenario is left, but for those of a search
	Skip      *record.Skip     // was decided and written
	Search    *record.Search   // was finished and written
	Verdicts  []record.Verdict // on the scenario, were written
	Rate      float64          // in packets/s, of the trial of a search that is about to begin
}

// Outcome is what came of a run.
type Outcome struct {
	Begun       bool // the header is written, so there is a file to report on
	Trials      int
	Skips       int
	Failed      int // skips that are ours, not the kernel's
	Invalid     int // trials whose figures must not be used
	Unresolved  int // goals of searches whose rates are not known
	Interrupted bool
	Share       bool // of a plan: that nothing was measured is for who has all shares to judge
}

// Trials is the number of trials in p.
func (p Plan) Trials() int { return len(p.Scenarios) * p.Pairs * len(p.Arms) }

// Duration is about how long p runs.
func (p Plan) Duration() time.Duration {
	var d time.Duration
	for _, s := range p.Scenarios {
		d += time.Duration(p.Pairs*len(p.Arms)) * trialTime(s.Spec)
	}
	return d + p.searchTime(p.Scenarios)
}

// trialTime is about how long a trial takes.
func trialTime(s spec.Spec) time.Duration { return s.Warmup + s.Measure + overhead }

// Run measures p. It selects the hook, opens the record, measures the floor,
// writes the header, and then goes through the scenarios once for each pair:
// what is slow for a minute is slow for a pair of each scenario, not for all
// pairs of one. In virtual time, where no minute is slower than another, a
// scenario's pairs follow each other. Each scenario's device is probed before
// its first pair; every record is written when it is finished.
//
// A scenario that cannot run here is recorded as a skip and the rest goes on;
// one that cannot be observed is measured bare.
// When ctx ends, Run stops without an end record and without an error. An
// error means that nothing more could be measured or written; what was
// written stays.
func (p Plan) Run(ctx context.Context, lab Lab, open func() (Recorder, error)) (out Outcome, err error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	if err := p.CheckSearch(); err != nil {
		return out, err
	}
	if p.Done != nil {
		if err := p.resumable(lab.Host()); err != nil {
			return out, err
		}
		p.Hook, p.Seed = p.Done.Run.Hook.Used, p.Done.Run.Seed
	}
	hook, err := lab.SelectHook(p.Hook)
	if err != nil {
		return out, err // names the hook and the reason
	}
	if hook.Used == NoHook && slices.Contains(p.Arms, record.Observed) {
		return out, fmt.Errorf("no hook can observe this kernel%s; measure without: --arm bare", passedOver(hook))
	}

	rec, err := open()
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, rec.Close()) }()

	if ctx.Err() != nil {
		return Outcome{Interrupted: true}, nil
	}
	floor, err := p.begin(lab, rec, hook)
	if err != nil {
		return out, err
	}
	out.Begun, out.Share = true, p.Shard != nil

	r := runner{Plan: p, lab: lab, rec: rec, hook: hook, floor: floor, out: &out, closed: newClosedLoops(lab, floor, p.Seed), done: p.done()}
	r.recall()
	if err := r.all(ctx); err != nil || out.Interrupted {
		return out, err
	}
	if err := r.searches(ctx); err != nil || out.Interrupted {
		return out, err
	}
	end := record.End{
		Kind: record.KindEnd, Ended: timestamp(p.Now()),
		Scenarios: len(p.Scenarios), Trials: out.Trials, Skips: out.Skips, Exit: out.Exit(p.Strict),
	}
	return out, rec.Write(end)
}

// begin writes the header of a run, or goes on with one, and gives its floor.
func (p Plan) begin(lab Lab, rec Recorder, hook record.Hook) (record.Floor, error) {
	if p.Done != nil {
		return p.Done.Run.Floor, rec.Write(record.Resume{
			Kind: record.KindResume, Started: timestamp(p.Now()), Trials: len(p.Done.Trials), Skips: len(p.Done.Skips),
		})
	}
	floor, err := lab.Floor(p.CPUs)
	if err != nil {
		return floor, err // names the CPU and the call
	}
	header := p.header(lab.Host(), hook, floor)
	header.Plan = p.record()
	return floor, rec.Write(header)
}

// Exit is the process' exit code; strict makes invalid trials count.
func (o Outcome) Exit(strict bool) int {
	switch {
	case o.Interrupted:
		return 130
	case o.Failed > 0 || o.Trials == 0 && !o.Share:
		return 2
	case strict && o.Invalid+o.Unresolved > 0:
		return 3
	}
	return 0
}

func (p Plan) clock() string { return cmp.Or(p.Clock, ClockMonotonic) }

func (p Plan) header(host record.Host, hook record.Hook, floor record.Floor) record.Run {
	now := p.Now()
	return record.Run{
		Kind: record.KindRun, Schema: record.Schema,
		// The seed tells apart what was started in the same millisecond.
		ID:      fmt.Sprintf("%s-%08x", now.UTC().Format("20060102T150405.000Z"), uint32(p.Seed^p.Seed>>32)),
		Started: timestamp(now),
		Tool:    p.Tool, Clock: p.clock(), Suite: p.Suite, Seed: p.Seed, Args: p.Args,
		Host: host, Hook: hook, Floor: floor, Sees: p.Sees, Shard: p.Shard,
	}
}

// runner is a Plan while it runs.
type runner struct {
	Plan
	lab   Lab
	rec   Recorder
	hook  record.Hook
	floor record.Floor
	out   *Outcome

	subjects []*subject
	closed   *closedLoops
	done     map[trialKey]bool // trials of the run that is gone on with

	// measured and planned are of the finished trials: their ratio corrects
	// the estimate of the time left.
	measured, planned time.Duration
}

// subject is a scenario while it is measured.
type subject struct {
	Scenario
	index  int // in the plan
	rng    *rand.Rand
	pair   int    // that is at hand, from 1
	left   int    // trials that are still to be made
	probed bool   // its device can be built
	gone   bool   // it was skipped
	unseen bool   // its observed arm was skipped
	note   string // on its load, for its trials

	reached reached // where a search begins
}

// all measures every pair of every scenario. Its error is one that ends the
// run.
func (r *runner) all(ctx context.Context) error {
	for i, s := range r.Scenarios {
		s.Spec.CPUs = r.CPUs
		s.Spec.Settle = r.Clock == ClockICount
		r.subjects = append(r.subjects, &subject{
			Scenario: s, index: i, left: r.Pairs * len(r.Arms),
			// Random numbers of its own, so that a filter does not change the
			// order of arms of what it lets through.
			rng: rand.New(rand.NewPCG(r.Seed, nameHash(s.Name))),
		})
	}
	rounds, pairs := r.Pairs, 1
	if r.Clock == ClockICount {
		rounds, pairs = 1, r.Pairs
	}
	r.leaveOut()
	for range rounds {
		for _, s := range r.subjects {
			for range pairs {
				if s.gone {
					break
				}
				if err := r.nextPair(ctx, s); err != nil || r.out.Interrupted {
					return err
				}
			}
		}
	}
	return nil
}

// nextPair measures one pair of a scenario, whose device is probed before the
// first. Its error is one that ends the run.
func (r *runner) nextPair(ctx context.Context, s *subject) error {
	s.pair++
	arms := slices.Clone(r.Arms)
	s.rng.Shuffle(len(arms), func(a, b int) { arms[a], arms[b] = arms[b], arms[a] })
	s.Spec.Seed = s.rng.Uint64() // both arms send the same packets
	if arms = r.missing(s, arms); len(arms) == 0 {
		return nil
	}
	if !s.probed {
		s.probed = true
		r.tell(s, Step{})
		if goesOn, err := r.probe(ctx, s); err != nil || !goesOn {
			return err
		}
		var err error
		if s.note, err = r.closed.offer(ctx, &s.Scenario); err != nil {
			return r.skip(ctx, s, err)
		}
	}
	for _, arm := range arms {
		if s.unseen && arm == record.Observed {
			continue
		}
		if goesOn, err := r.measure(ctx, s, arm); err != nil || !goesOn {
			return err
		}
	}
	return nil
}

// measure makes one trial and writes it. The scenario goes on unless it was
// skipped or the run was interrupted; an error ends the run.
func (r *runner) measure(ctx context.Context, s *subject, arm record.Arm) (goesOn bool, err error) {
	if ctx.Err() != nil {
		r.out.Interrupted = true
		return false, nil
	}
	r.tell(s, Step{Arm: arm})
	begun := r.Now()
	trial, err := r.trial(ctx, s.Scenario, arm, s.pair)
	if err != nil {
		return r.without(ctx, s, arm, err)
	}
	if s.note != "" {
		trial.Notes = append(trial.Notes, s.note)
	}
	if r.halved(s.Name, s.pair) {
		trial.Notes = append(trial.Notes, "the other trial of this pair was made before the run was interrupted")
	}
	r.closed.saw(trial)
	if err := r.rec.Write(trial); err != nil {
		if fatal(err) {
			return false, err
		}
		return false, r.skip(ctx, s, err)
	}
	s.left--
	r.out.Trials++
	if trial.Invalid() {
		r.out.Invalid++
	}
	if arm == record.Bare {
		s.reached.add(trial)
	}
	r.measured += r.Now().Sub(begun)
	r.planned += trialTime(s.Spec)
	r.tell(s, Step{Trial: &trial, Last: s.left == 0})
	return true, nil
}

func (r *runner) trial(ctx context.Context, s Scenario, arm record.Arm, pair int) (record.Trial, error) {
	hook := NoHook
	if arm == record.Observed {
		hook = r.hook.Used
	}
	t, err := r.lab.Run(ctx, s.Spec, hook, r.floor)
	if err != nil {
		return record.Trial{}, err
	}
	t.Kind, t.Scenario, t.Axes = record.KindTrial, s.Name, s.Axes
	t.Arm, t.Pair, t.Trial = arm, pair, r.out.Trials+1
	return t, nil
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
	reason, detail := r.lab.Classify(cause)
	skip := record.Skip{Kind: record.KindSkip, Scenario: s.Name, Axes: s.Axes, Arm: arm, Reason: reason, Detail: detail}
	if err := r.rec.Write(skip); err != nil {
		return err
	}
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
		step.Left += time.Duration(s.left) * trialTime(s.Spec)
	}
	if r.planned > 0 {
		step.Left = time.Duration(float64(step.Left) * float64(r.measured) / float64(r.planned))
	}
	step.Left += r.searchTime(r.Scenarios)
	r.Progress(step)
}

// fatal tells whether err, from writing a record, is the system's, so that
// the next record would fail too. Otherwise the record itself was refused.
func fatal(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno)
}

// passedOver spells why each rung was not taken.
func passedOver(hook record.Hook) string {
	var parts []string
	for _, p := range hook.PassedOver {
		parts = append(parts, p.Hook+": "+p.Reason)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

func nameHash(name string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	return h.Sum64()
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
