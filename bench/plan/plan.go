// Package plan makes a whole run: rounds, pairs and arms in their order, the rest of an
// interrupted run, or one host's share of a run. Each record is written as soon as it is
// finished.
package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tunbench/bench/search"
	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/harness/module"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// overhead is about the time that a trial takes in addition to warm-up and measured
// time, to build the device, drain it and tear it down.
const overhead = 300 * time.Millisecond

// bootTime is about the time that a guest takes to boot, which is booted for each trial.
const bootTime = 6 * time.Second

// Plan is a whole run: what is measured, in which order, in which pairs.
type Plan struct {
	Suite     string
	SuiteFile string // path of its file, "" if it is built in
	Scenarios []suite.Scenario
	Pairs     int
	Arms      []record.Arm // the trials of a pair, in seeded random order
	Hook      string       // as requested; record.HookNone where no arm is observed
	Seed      uint64       // of the order of arms, and of everything random in the trials
	Host      record.Host  // that is measured
	Clock     string       // of the header; "" is record.ClockMonotonic
	CPUs      []int        // to send and to read on; empty: chosen from the topology
	// GuestKernel is that of the virtual machine of path=guest; "": the newest one that was
	// fetched.
	GuestKernel string
	Tool        record.Tool
	Args        []string // as typed, for the header
	// Sees is the smallest change of each metric that this host can show, as far as
	// it is known, for the header: see record.Run.
	Sees    map[string]float64
	Buckets bool // keep those of the queues' histograms
	Strict  bool // invalid trials, and rates not found, make the run's exit code 3
	// Search is the profile of the rate searches that follow all pairs; the zero value
	// is no search.
	Search search.Profile

	// Profiling, if not nil, makes profiles after all trials and searches.
	Profiling *Profiling

	// Shard describes the share of a larger plan that this is, nil for a whole plan.
	Shard *record.Shard

	// Done is the file of an interrupted run of the same plan, nil for a new run: only
	// the trials that it lacks are measured.
	Done *record.File

	// Blocks measures scenarios by turns; nil: one trial follows the other.
	Blocks Blocks

	// Progress, if not nil, is called at each step.
	Progress func(Step)
	// Now, if not nil, replaces time.Now.
	Now func() time.Time
}

// Trials is the number of trials in p.
func (p Plan) Trials() int { return len(p.Scenarios) * p.Pairs * len(p.Arms) }

// Duration is about how long p runs.
func (p Plan) Duration() time.Duration {
	var d time.Duration
	for _, s := range p.Scenarios {
		d += time.Duration(p.Pairs) * pairTime(s, p.Arms, p.Clock)
	}
	return d + searchTime(p.Search, p.Scenarios) + profileTimeOf(p.Profiling, p.Scenarios)
}

// pairTime is about how long a pair of s takes in those arms.
func pairTime(s suite.Scenario, arms []record.Arm, clock string) (d time.Duration) {
	for _, arm := range arms {
		sp := setup.Spec(s)
		if clock == record.ClockICount || !takesTurns(sp) {
			d += TrialTime(s)
		} else {
			d += JobTime(sp, arm, len(arms) > 1)
		}
	}
	return d
}

// TrialTime is about how long a trial of s takes that is not measured in a block.
func TrialTime(s suite.Scenario) time.Duration {
	if s.Axes["path"] == string(spec.PathGuest) {
		return s.Warmup + s.Measure + overhead + bootTime
	}
	return s.Warmup + s.Measure + overhead
}

// CheckSearch returns an error if p is to search for rates and cannot: in none of its
// scenarios, or not with these arms or this clock.
func (p Plan) CheckSearch() error {
	if p.Search.Name == "" {
		return nil
	}
	if !slices.Contains(p.Arms, record.Bare) {
		return errors.New("a rate search begins at what the bare trials reached: measure them too, --arm both or bare")
	}
	if p.Clock == record.ClockICount {
		return errors.New("a rate search looks for packets a second, and in virtual time a second is a number of instructions")
	}
	if p.Shard != nil {
		return nil // the whole plan has some, this share may have none
	}
	var reason error
	for _, s := range p.Scenarios {
		err := search.Check(s)
		if err == nil {
			return nil
		}
		reason = fmt.Errorf("%s: %w", s.Name, err)
	}
	return fmt.Errorf("no scenario can be searched for rates; %w", reason)
}

// Run measures p. It selects the hook, opens the record, measures the floor,
// writes the header, and then measures blocks. A block holds one pair of every
// scenario: all of them are built, and measured by turns, so that the host is the same
// to all. Scenarios that cannot take turns follow one after the other. In virtual time,
// in which a host is never slow, all pairs of a scenario follow each other instead. Each
// scenario's device is probed before its first pair. The trials of a block are written
// when it ends.
//
// A scenario that cannot run here is recorded as a skip, and the run continues; one
// that cannot be observed is measured bare.
// When ctx ends, Run stops without an end record and without an error. An
// error means that nothing more could be measured or written; records that were
// written stay.
func (p Plan) Run(ctx context.Context, lab Lab, open func() (Recorder, error)) (out Outcome, err error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	if err := errors.Join(p.CheckSearch(), p.Profiling.Open()); err != nil {
		return out, err
	}
	if p.Done != nil {
		if err := resumable(p); err != nil {
			return out, err
		}
		p.Hook, p.Seed = p.Done.Run.Hook.Used, p.Done.Run.Seed
	}
	hook, err := lab.SelectHook(p.Hook)
	if err != nil {
		return out, err // names the hook and the reason
	}
	if hook.Used == record.HookNone && slices.Contains(p.Arms, record.Observed) {
		return out, fmt.Errorf("no hook can observe this kernel%s; measure without: --arm bare", PassedOver(hook))
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

	r := runner{Plan: p, lab: lab, rec: rec, hook: hook, floor: floor, out: &out, closed: NewClosedLoops(lab, floor, p.Seed), earlier: newEarlier(p.Done), limited: newLimited(p, floor)}
	r.earlier.count(&out, r.closed)
	if err := r.all(ctx); err != nil || out.Interrupted {
		return out, err
	}
	if err := (searcher{&r}).all(ctx); err != nil || out.Interrupted {
		return out, err
	}
	if err := (profiler{&r}).all(ctx); err != nil || out.Interrupted {
		return out, err
	}
	out.Limits = r.limited.judge(p.Now())
	return out, rec.Write(p.End(len(p.Scenarios), out, out.Exit(p.Strict)))
}

// End is the last record of p.
func (p Plan) End(scenarios int, out Outcome, exit int) record.End {
	return record.End{
		Kind: record.KindEnd, Ended: timestamp(p.Now()),
		Scenarios: scenarios, Trials: out.Trials, Skips: out.Skips, Exit: exit,
	}
}

// begin writes the header of a run, or a record that it is resumed, and returns the
// floor.
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
	header := p.Header(hook, floor)
	header.Plan = recorded(p)
	return floor, rec.Write(header)
}

func (p Plan) clock() string { return cmp.Or(p.Clock, record.ClockMonotonic) }

// Header is the first record of p. hook is the one that was selected.
func (p Plan) Header(hook record.Hook, floor record.Floor) record.Run {
	now := p.Now()
	return record.Run{
		Kind: record.KindRun, Schema: record.Schema,
		// The seed distinguishes runs that were started in the same millisecond.
		ID:      fmt.Sprintf("%s-%08x", now.UTC().Format("20060102T150405.000Z"), uint32(p.Seed^p.Seed>>32)),
		Started: timestamp(now),
		Tool:    p.Tool, Clock: p.clock(), Suite: p.Suite, Seed: p.Seed, Args: p.Args,
		Host: p.Host, Hook: hook, Floor: floor, Sees: p.Sees, Shard: p.Shard, Modules: namedModules(),
	}
}

// namedModules are the builds of TUN that the command line names.
func namedModules() map[string]record.Module {
	named := map[string]record.Module{}
	for _, m := range module.All() {
		named[m.Name] = record.Module{Path: m.Path, SHA256: m.SHA256, SrcVersion: m.SrcVersion, Parameters: m.Parameters}
	}
	return named
}

// PassedOver says why each hook was passed over.
func PassedOver(hook record.Hook) string {
	var parts []string
	for _, p := range hook.PassedOver {
		parts = append(parts, p.Hook+": "+p.Reason)
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
