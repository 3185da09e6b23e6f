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

	"tunbench/harness"
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
	Probe(ctx context.Context, spec harness.Spec, hook string) error
	// Run measures one trial. It fills everything but what a Plan knows:
	// Scenario, Axes, Arm, Pair and Trial. Under hook `none` nothing observes.
	Run(ctx context.Context, spec harness.Spec, hook string, floor record.Floor) (record.Trial, error)
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
	Strict bool // invalid trials make the run's exit code 3

	// Progress, if not nil, is told of each step.
	Progress func(Step)
	// Now, if not nil, replaces time.Now.
	Now func() time.Time
}

// Step is what a Plan tells while it runs: at most one of Trial and Skip is
// set; with neither, a trial is about to begin.
type Step struct {
	Scenario  string
	Index     int // of the scenario, from 1
	Scenarios int
	Left      time.Duration // to the end of the run, estimated
	Trial     *record.Trial // was finished and written
	Skip      *record.Skip  // was decided and written
}

// Outcome is what came of a run.
type Outcome struct {
	Begun       bool // the header is written, so there is a file to report on
	Trials      int
	Skips       int
	Failed      int // skips that are ours, not the kernel's
	Invalid     int // trials whose figures must not be used
	Interrupted bool
}

// Trials is the number of trials in p.
func (p Plan) Trials() int { return len(p.Scenarios) * p.Pairs * len(p.Arms) }

// Duration is about how long p runs.
func (p Plan) Duration() time.Duration { return p.duration(p.Scenarios, 0) }

// duration is that of scenarios without the first done trials of the first.
func (p Plan) duration(scenarios []Scenario, done int) time.Duration {
	var d time.Duration
	for i, s := range scenarios {
		trials := p.Pairs * len(p.Arms)
		if i == 0 {
			trials -= done
		}
		d += time.Duration(trials) * (s.Spec.Warmup + s.Spec.Measure + overhead)
	}
	return d
}

// Run measures p. It selects the hook, opens the record, measures the floor,
// writes the header, and then for each scenario probes the device and
// measures its pairs; every record is written when it is finished.
//
// A scenario that cannot run here is recorded as a skip and the rest goes on.
// When ctx ends, Run stops without an end record and without an error. An
// error means that nothing more could be measured or written; what was
// written stays.
func (p Plan) Run(ctx context.Context, lab Lab, open func() (Recorder, error)) (out Outcome, err error) {
	if p.Now == nil {
		p.Now = time.Now
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
	floor, err := lab.Floor(p.CPUs)
	if err != nil {
		return out, err // names the CPU and the call
	}
	if err := rec.Write(p.header(lab.Host(), hook, floor)); err != nil {
		return out, err
	}
	out.Begun = true

	r := runner{Plan: p, lab: lab, rec: rec, hook: hook, floor: floor, out: &out}
	for i, s := range p.Scenarios {
		if err := r.scenario(ctx, i, s); err != nil {
			return out, err
		}
		if out.Interrupted {
			return out, nil
		}
	}
	end := record.End{
		Kind: record.KindEnd, Ended: timestamp(p.Now()),
		Scenarios: len(p.Scenarios), Trials: out.Trials, Skips: out.Skips, Exit: out.Exit(p.Strict),
	}
	return out, rec.Write(end)
}

// Exit is the process' exit code; strict makes invalid trials count.
func (o Outcome) Exit(strict bool) int {
	switch {
	case o.Interrupted:
		return 130
	case o.Failed > 0 || o.Trials == 0:
		return 2
	case strict && o.Invalid > 0:
		return 3
	}
	return 0
}

func (p Plan) header(host record.Host, hook record.Hook, floor record.Floor) record.Run {
	now := p.Now()
	return record.Run{
		Kind: record.KindRun, Schema: record.Schema,
		// The seed tells apart what was started in the same millisecond.
		ID:      fmt.Sprintf("%s-%08x", now.UTC().Format("20060102T150405.000Z"), uint32(p.Seed^p.Seed>>32)),
		Started: timestamp(now),
		Tool:    p.Tool, Clock: cmp.Or(p.Clock, ClockMonotonic), Suite: p.Suite, Seed: p.Seed, Args: p.Args,
		Host: host, Hook: hook, Floor: floor, Sees: p.Sees,
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

	done int // trials of the scenario at hand

	// measured and planned are of the finished trials: their ratio corrects
	// the estimate of the time left.
	measured, planned time.Duration
}

// scenario measures all pairs of the scenario with index i. Its error is one
// that ends the run.
func (r *runner) scenario(ctx context.Context, i int, s Scenario) error {
	// Each scenario has random numbers of its own, so that a filter does not
	// change the order of arms of what it lets through.
	rng := rand.New(rand.NewPCG(r.Seed, nameHash(s.Name)))
	s.Spec.CPUs = r.CPUs

	hook := NoHook
	if slices.Contains(r.Arms, record.Observed) {
		hook = r.hook.Used
	}
	r.tell(i, 0, Step{})
	if err := r.lab.Probe(ctx, s.Spec, hook); err != nil {
		return r.skip(ctx, i, s, err)
	}
	r.done = 0
	s.Spec.Settle = r.Clock == ClockICount
	for pair := 1; pair <= r.Pairs; pair++ {
		arms := slices.Clone(r.Arms)
		rng.Shuffle(len(arms), func(a, b int) { arms[a], arms[b] = arms[b], arms[a] })
		s.Spec.Seed = rng.Uint64() // both arms send the same packets
		for _, arm := range arms {
			if goesOn, err := r.measure(ctx, i, s, arm, pair); err != nil || !goesOn {
				return err
			}
		}
	}
	return nil
}

// measure makes one trial of the scenario with index i and writes it. The
// scenario goes on unless it was skipped or the run was interrupted; an error
// ends the run.
func (r *runner) measure(ctx context.Context, i int, s Scenario, arm record.Arm, pair int) (goesOn bool, err error) {
	if ctx.Err() != nil {
		r.out.Interrupted = true
		return false, nil
	}
	r.tell(i, r.done, Step{})
	begun := r.Now()
	trial, err := r.trial(ctx, s, arm, pair)
	if err != nil {
		return false, r.skip(ctx, i, s, err)
	}
	if err := r.rec.Write(trial); err != nil {
		if fatal(err) {
			return false, err
		}
		return false, r.skip(ctx, i, s, err)
	}
	r.done++
	r.out.Trials++
	if trial.Invalid() {
		r.out.Invalid++
	}
	r.measured += r.Now().Sub(begun)
	r.planned += s.Spec.Warmup + s.Spec.Measure + overhead
	r.tell(i, r.done, Step{Trial: &trial})
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

// skip records why the scenario with index i ends here. An error that only
// says that ctx has ended is an interruption, not a skip.
func (r *runner) skip(ctx context.Context, i int, s Scenario, cause error) error {
	if ctx.Err() != nil {
		r.out.Interrupted = true
		return nil
	}
	reason, detail := r.lab.Classify(cause)
	skip := record.Skip{Kind: record.KindSkip, Scenario: s.Name, Axes: s.Axes, Reason: reason, Detail: detail}
	if err := r.rec.Write(skip); err != nil {
		return err
	}
	r.out.Skips++
	if reason == record.Failed {
		r.out.Failed++
	}
	r.tell(i, r.Pairs*len(r.Arms), Step{Skip: &skip})
	return nil
}

// tell completes step and passes it on; done is the number of trials of
// scenario i that are finished.
func (r *runner) tell(i, done int, step Step) {
	if r.Progress == nil {
		return
	}
	step.Scenario, step.Index, step.Scenarios = r.Scenarios[i].Name, i+1, len(r.Scenarios)
	step.Left = r.duration(r.Scenarios[i:], done)
	if r.planned > 0 {
		step.Left = time.Duration(float64(step.Left) * float64(r.measured) / float64(r.planned))
	}
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
