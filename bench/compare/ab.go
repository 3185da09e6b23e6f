// Package compare measures two variants of a scenario, or two builds of tunbench,
// in interleaved pairs, until the verdicts are clear.
package compare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tunbench/bench/plan"
	"tunbench/harness/trial"
	"tunbench/reports/aa"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// Lab is a plan.Lab that also measures two variants in alternating windows.
type Lab interface {
	plan.Lab
	// RunPair makes a trial of each variant, in alternating windows. The records
	// are filled in as by Run.
	RunPair(ctx context.Context, sides [2]trial.Variant, seed uint64, floor record.Floor) ([2]record.Trial, error)
}

// AB compares two variants of one or more scenarios. It uses all of the Plan but
// Scenarios and Arms; Pairs is the number of pairs before the first analysis, 0 for
// DefaultPairs. The trials of a pair are made in alternating windows where the clock
// and the traffic allow that, else one after the other in seeded random order.
// stat.Protocol decides how many pairs are made.
type AB struct {
	plan.Plan
	Subjects [][2]Variant // A, the base, and B
	// Builds, if not nil, measure A and B, each in processes of its own.
	Builds *[2]*Build
	// Options give the thresholds. Their Seen is replaced by what Known says.
	Options verdict.Options
	Known   *aa.Known // what A/A runs showed of this host, or nil
	// AllowMissing permits that B does not support a scenario.
	AllowMissing bool
}

// ExitRule says how verdicts become an exit code.
func (p AB) ExitRule() verdict.ExitRule {
	return verdict.ExitRule{Strict: p.Strict, AllowMissing: p.AllowMissing}
}

// DefaultPairs is the number of pairs before the first analysis.
const DefaultPairs = 10

// Outcome is the result of an AB.
type Outcome struct {
	plan.Outcome
	Verdicts []record.Verdict
	// Detectable has an entry for each subject whose variants are equal: the smallest
	// change of each metric that a comparison of so many pairs detects on this host.
	Detectable []aa.Result
}

// detectAlpha is the level of the first analysis, and detectPower the probability
// that a detectable change is found.
const (
	detectAlpha = 0.025
	detectPower = 0.8
)

// Same reports whether the variants of a subject are equal and measured by the same
// program.
func (p AB) Same(subject [2]Variant) bool {
	return subject[0].Equal(subject[1]) && p.SameBuild()
}

// SameBuild reports whether one program measures both variants.
func (p AB) SameBuild() bool { return p.Builds == nil || p.Builds[0].same(p.Builds[1]) }

// Exit is the process' exit code: that of the verdicts, unless tunbench itself
// failed or was interrupted.
func (o Outcome) Exit(rule verdict.ExitRule) int {
	switch {
	case o.Interrupted:
		return 130
	case o.Failed > 0:
		return 2
	}
	return rule.Code(o.Verdicts)
}

// Notes joins the notes of all verdicts.
func (o Outcome) Notes() string {
	var notes []string
	for _, v := range o.Verdicts {
		notes = append(notes, v.Notes...)
	}
	return strings.Join(notes, "; ")
}

// Run measures and judges. It behaves as Plan.Run does; the verdicts are
// written after the trials of their subject.
func (p AB) Run(ctx context.Context, lab Lab, open func() (plan.Recorder, error)) (out Outcome, err error) {
	if err := cmp.Or(checkProfile(p), p.Profiling.Open()); err != nil {
		return out, err
	}
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Pairs == 0 {
		p.Pairs = DefaultPairs
	}
	hook, err := p.selectHooks(lab)
	if err != nil {
		return out, err
	}
	rec, err := open()
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, rec.Close()) }()
	if ctx.Err() != nil {
		out.Interrupted = true
		return out, nil
	}
	floor, err := lab.Floor(p.CPUs)
	if err != nil {
		return out, err
	}
	header := p.Header(hook, floor)
	if p.Builds != nil {
		header.Builds = map[string]record.Build{"a": p.Builds[0].Build, "b": p.Builds[1].Build}
	}
	if err := rec.Write(header); err != nil {
		return out, err
	}
	out.Begun = true
	r := runner{AB: p, lab: lab, rec: rec, floor: floor, out: &out, closed: plan.NewClosedLoops(lab, floor, p.Seed)}
	if p.Builds != nil {
		r.builds = &builds{*p.Builds, floor}
	}
	for i := range p.Subjects {
		if err := r.subject(ctx, i); err != nil || out.Interrupted {
			return out, err
		}
	}
	if err := (profiler{runner: &r}).all(ctx); err != nil || out.Interrupted {
		return out, err
	}
	return out, rec.Write(p.End(len(p.Subjects), out.Outcome, out.Exit(p.ExitRule())))
}

// selectHooks settles which hook each variant uses, and returns the one for the
// header: B's, or A's where B is bare.
func (p *AB) selectHooks(lab Lab) (record.Hook, error) {
	chosen := map[string]record.Hook{}
	last := record.HookNone
	p.Subjects = slices.Clone(p.Subjects)
	for i := range p.Subjects {
		for k := range p.Subjects[i] {
			v := &p.Subjects[i][k]
			hook, ok := chosen[v.Hook]
			if !ok {
				var err error
				if hook, err = lab.SelectHook(v.Hook); err != nil {
					return hook, err // names the hook and the reason
				}
				if hook.Used == record.HookNone && v.Hook != record.HookNone {
					return hook, fmt.Errorf("no hook can observe this kernel%s; compare bare variants: hook=none", plan.PassedOver(hook))
				}
				chosen[v.Hook] = hook
			}
			if v.Hook != record.HookNone {
				last = v.Hook
			}
			v.Hook = hook.Used
		}
	}
	return chosen[last], nil
}

// TooFewPairsError is returned if no result of the requested pairs could be
// significant in so many metrics. That is known after the first pair, which shows
// which metrics there are.
type TooFewPairsError struct {
	Scenario             string
	Pairs, Metrics, Need int
}

func (e *TooFewPairsError) Error() string {
	return fmt.Sprintf("compare %s: %d pairs cannot show anything in %s: at least %d are needed (--trials %[4]d)", e.Scenario, e.Pairs, record.Plural(e.Metrics, "metric", "metrics"), e.Need)
}
