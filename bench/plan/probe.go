package plan

import (
	"context"
	"errors"
	"slices"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// Prober finds out which scenarios of a plan a host supports. A device that several
// scenarios have in common is built once, with the most flows that one of them has.
type Prober struct {
	plan  Plan
	lab   prober
	hook  string               // of the arm that is probed
	most  map[string]spec.Spec // with the most flows, by the device that is built
	known map[built]string
}

// prober is the part of a Lab that a Prober uses.
type prober interface {
	SelectHook(requested string) (record.Hook, error)
	Probe(ctx context.Context, spec spec.Spec, hook string) error
}

// built identifies the device of a probe.
type built struct {
	build string
	flows int
}

// NewProber selects the hook of p. It is an error if the hook cannot attach.
func NewProber(p Plan, lab prober) (*Prober, error) {
	hook, err := lab.SelectHook(p.Hook)
	if err != nil {
		return nil, err // names the hook and the reason
	}
	r := &Prober{plan: p, lab: lab, hook: record.HookNone, most: map[string]spec.Spec{}, known: map[built]string{}}
	if slices.Contains(p.Arms, record.Observed) {
		r.hook = hook.Used
	}
	for _, s := range p.Scenarios {
		spec := r.spec(s)
		if m, ok := r.most[spec.Build()]; !ok || spec.Flows > m.Flows {
			r.most[spec.Build()] = spec
		}
	}
	return r, nil
}

func (r *Prober) spec(s suite.Scenario) spec.Spec {
	spec := setup.Spec(s)
	spec.CPUs, spec.GuestKernel = r.plan.CPUs, r.plan.GuestKernel
	return spec
}

// Why returns why a scenario of the plan cannot run here: the reason of a skip and
// its detail; "" if the scenario can run.
func (r *Prober) Why(ctx context.Context, s suite.Scenario) string {
	spec := r.spec(s)
	if r.try(ctx, r.most[spec.Build()]) == "" {
		return ""
	}
	return r.try(ctx, spec)
}

func (r *Prober) try(ctx context.Context, spec spec.Spec) string {
	b := built{spec.Build(), spec.Flows}
	reason, ok := r.known[b]
	if ok {
		return reason
	}
	err := r.lab.Probe(ctx, spec, r.hook)
	var observer *refusal.Unobservable
	if errors.As(err, &observer) && slices.Contains(r.plan.Arms, record.Bare) {
		err = r.lab.Probe(ctx, spec, record.HookNone) // which is measured all the same
	}
	if err != nil {
		why, detail := refusal.Classify(err)
		reason = why + ": " + detail
	}
	r.known[b] = reason
	return reason
}
