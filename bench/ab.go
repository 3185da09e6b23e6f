package bench

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tunbench/harness"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// PairLab is a Lab that measures two variants side by side.
type PairLab interface {
	Lab
	// RunPair makes a trial of each side, in alternating windows. The records
	// are filled in as by Run.
	RunPair(ctx context.Context, sides [2]harness.Variant, seed uint64, floor record.Floor) ([2]record.Trial, error)
}

// Variant is one side of a comparison.
type Variant struct {
	Scenario
	Hook string // of the observer, or NoHook for bare
}

// ParseVariant changes base by words: `axis=value`, and `hook=` with the name
// of a rung, auto or none.
func ParseVariant(base Variant, words string) (Variant, error) {
	v := base
	values := maps.Clone(base.Axes)
	seen := map[string]bool{}
	for _, word := range strings.Fields(words) {
		name, value, _ := strings.Cut(word, "=")
		if seen[name] {
			return v, fmt.Errorf("%s is given twice", name)
		}
		seen[name] = true
		if name == "hook" {
			if !slices.Contains(hookNames, value) {
				return v, fmt.Errorf("hook=%s: choose %s", printable(value), strings.Join(hookNames, ", "))
			}
			v.Hook = value
			continue
		}
		if axis, err := axisNamed(name); err == nil && strings.Contains(value, ",") {
			return v, fmt.Errorf("%s=%s: a variant has one value on each axis; --set %[1]s=%[2]s compares the variants at each of them", axis.Name, printable(value))
		}
		a, value, err := parseAssignment(word)
		if err != nil {
			return v, err
		}
		values[a.Name] = value
	}
	scenario, err := NewScenario(values)
	if err != nil {
		return v, err
	}
	from := base.Spec
	scenario.Spec.Warmup, scenario.Spec.Measure, scenario.Spec.Window = from.Warmup, from.Measure, from.Window
	v.Scenario = scenario
	return v, nil
}

var hookNames = []string{harness.HookAuto, "kprobe", "fentry", "tracepoint", NoHook}

// What the command needs of the statistics, so that it stands on bench alone.
type (
	Rule            = stat.Rule
	ProtocolOptions = stat.ProtocolOptions
)

// Gate is a metric that verdicts are given on.
type Gate struct {
	Rule
	Unit string
}

// AB compares two variants of one or more scenarios. Of the Plan it takes all
// but Scenarios, Pairs and Arms. Its trials are made in pairs, side by side
// where the clock and the traffic allow it, else one after the other in seeded
// random order; stat.Protocol decides how many it takes.
type AB struct {
	Plan
	Subjects [][2]Variant // A, the base, and B
	// Builds, if not nil, measure A and B, in processes of their own.
	Builds   *[2]*Build
	Protocol ProtocolOptions

	// Gates gives the metrics to judge, from the first trials of A and B, and
	// Value one of them of a trial.
	Gates func(a, b *record.Trial) []Gate
	Value func(t *record.Trial, metric string) (float64, bool)
	// Unfit, if not nil, says for each metric of an A/A run why what it saw of that
	// metric must not be used for later verdicts; the verdict on it says so, too.
	Unfit func(Sight) map[string]string
	// AllowMissing lets a scenario pass that B does not have.
	AllowMissing bool
}

// ExitRule is what makes an exit code of the verdicts.
func (p AB) ExitRule() record.ExitRule {
	return record.ExitRule{Strict: p.Strict, AllowMissing: p.AllowMissing}
}

// ABPairs is how many pairs an AB makes before it looks, unless told otherwise.
const ABPairs = 10

// ABOutcome is what came of an AB.
type ABOutcome struct {
	Outcome
	Verdicts []record.Verdict
	// Sights has one entry for each subject whose variants are equal.
	Sights []Sight
}

// Sight is what a host can see: the smallest change of each metric that a
// comparison of so many pairs shows, by an A/A run.
type Sight struct {
	Scenario string
	Pairs    int // that were measured
	// Trials are all that were made, and Disturbed how many of them were: see
	// record.Trial.Disturbed.
	Trials, Disturbed int
	Seen              map[string]float64
}

// sightAlpha is that of the first look, and sightPower the probability with
// which a change of the size of a Sight is found.
const (
	sightAlpha = 0.025
	sightPower = 0.8
)

// Same tells whether the variants of a subject are one, and measured by one
// program.
func (p AB) Same(subject [2]Variant) bool {
	return subject[0].Equal(subject[1]) && p.SameBuild()
}

// SameBuild tells whether one program measures both sides.
func (p AB) SameBuild() bool { return p.Builds == nil || p.Builds[0].same(p.Builds[1]) }

// Equal tells whether two variants are one.
func (v Variant) Equal(w Variant) bool { return v.Name == w.Name && v.Hook == w.Hook }

// Exit is the process' exit code: that of the verdicts, unless tunbench itself
// failed or was interrupted.
func (o ABOutcome) Exit(rule record.ExitRule) int {
	switch {
	case o.Interrupted:
		return 130
	case o.Failed > 0:
		return 2
	}
	return rule.Code(o.Verdicts)
}

// Run measures and judges. It behaves as Plan.Run does; the verdicts are
// written behind the trials of their subject.
func (p AB) Run(ctx context.Context, lab PairLab, open func() (Recorder, error)) (out ABOutcome, err error) {
	if p.Now == nil {
		p.Now = time.Now
	}
	if p.Protocol.Pairs == 0 {
		p.Protocol.Pairs = ABPairs
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
	header := p.header(lab.Host(), hook, floor)
	if p.Builds != nil {
		header.Builds = map[string]record.Build{"a": p.Builds[0].Build, "b": p.Builds[1].Build}
	}
	if err := rec.Write(header); err != nil {
		return out, err
	}
	out.Begun = true
	r := abRunner{AB: p, lab: lab, rec: rec, floor: floor, out: &out, closed: newClosedLoops(lab, floor, p.Seed)}
	for i := range p.Subjects {
		if err := r.subject(ctx, i); err != nil || out.Interrupted {
			return out, err
		}
	}
	end := record.End{
		Kind: record.KindEnd, Ended: timestamp(p.Now()),
		Scenarios: len(p.Subjects), Trials: out.Trials, Skips: out.Skips, Exit: out.Exit(p.ExitRule()),
	}
	return out, rec.Write(end)
}

// selectHooks settles which rung each variant uses, and gives the one for the
// header: B's, or A's where B is bare.
func (p *AB) selectHooks(lab Lab) (record.Hook, error) {
	chosen := map[string]record.Hook{}
	last := NoHook
	p.Subjects = slices.Clone(p.Subjects)
	for i := range p.Subjects {
		for side := range p.Subjects[i] {
			v := &p.Subjects[i][side]
			hook, ok := chosen[v.Hook]
			if !ok {
				var err error
				if hook, err = lab.SelectHook(v.Hook); err != nil {
					return hook, err // names the hook and the reason
				}
				if hook.Used == NoHook && v.Hook != NoHook {
					return hook, fmt.Errorf("no hook can observe this kernel%s; compare bare variants: hook=none", passedOver(hook))
				}
				chosen[v.Hook] = hook
			}
			if v.Hook != NoHook {
				last = v.Hook
			}
			v.Hook = hook.Used
		}
	}
	return chosen[last], nil
}

// TooFewPairsError is returned where no result of the pairs that were asked for
// could be significant in so many metrics. It is known after the first pair,
// which shows what metrics there are.
type TooFewPairsError struct {
	Scenario             string
	Pairs, Metrics, Need int
}

func (e *TooFewPairsError) Error() string {
	return fmt.Sprintf("compare %s: %d pairs cannot show anything in %d metrics: at least %d are needed (--trials %[4]d)", e.Scenario, e.Pairs, e.Metrics, e.Need)
}
