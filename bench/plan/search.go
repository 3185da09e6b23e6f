package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tunbench/bench/search"
	"tunbench/bench/suite"
	"tunbench/reports/record"
)

// CheckSearch says why p cannot search for rates, if it is to: in none of its
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

// searchTime is about how long the searches of scenarios take.
func (p Plan) searchTime(scenarios []suite.Scenario) (d time.Duration) {
	one := p.Search.Typical()
	for _, s := range scenarios {
		if one > 0 && search.Check(s) == nil {
			d += one
		}
	}
	return d
}

// searches makes the rate search of each scenario that was measured. Its error
// is one that ends the run.
func (r *runner) searches(ctx context.Context) error {
	if r.Search.Name == "" {
		return nil
	}
	for _, s := range r.subjects {
		if s.gone || r.searched(s.Name) || search.Check(s.Scenario) != nil {
			continue
		}
		if err := r.search(ctx, s); err != nil || r.out.Interrupted {
			return err
		}
	}
	return nil
}

// search makes the search of a scenario and writes it.
func (r *runner) search(ctx context.Context, s *subject) error {
	if ctx.Err() != nil {
		r.out.Interrupted = true
		return nil
	}
	rates := search.Rates{
		Scenario: s.Scenario, Spec: s.spec, Profile: r.Search, Reached: s.reached, Seed: r.Seed, Floor: r.floor, Now: r.Now,
		Tell: func(loadPPS float64) { r.tellSearch(s, Step{Rate: loadPPS}) },
	}
	started := timestamp(r.Now())
	found, err := rates.Find(ctx, r.lab)
	found.Started = started
	if err != nil {
		return r.skip(ctx, s, fmt.Errorf("search for rates: %w", err))
	}
	if err := r.rec.Write(found); err != nil {
		if fatal(err) {
			return err
		}
		return r.skip(ctx, s, err)
	}
	for _, g := range found.Goals {
		if !g.Resolved {
			r.out.Unresolved++
		}
	}
	r.tellSearch(s, Step{Search: &found})
	return nil
}

// tellSearch completes a step of the search of a scenario and passes it on.
func (r *runner) tellSearch(s *subject, step Step) {
	if r.Progress == nil {
		return
	}
	left := r.Scenarios[s.index:]
	if step.Search != nil {
		left = left[1:] // this one is finished
	}
	step.Scenario, step.Index, step.Scenarios = s.Name, s.index+1, len(r.Scenarios)
	step.Pair, step.Pairs = r.Pairs, r.Pairs
	step.Left = r.searchTime(left)
	r.Progress(step)
}
