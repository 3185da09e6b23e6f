package plan

import (
	"context"
	"fmt"
	"time"

	"tunbench/bench/search"
	"tunbench/bench/suite"
)

// searchTime is about how long the searches of scenarios take with profile.
func searchTime(profile search.Profile, scenarios []suite.Scenario) (d time.Duration) {
	one := profile.Typical()
	for _, s := range scenarios {
		if one > 0 && search.Check(s) == nil {
			d += one
		}
	}
	return d
}

// searcher makes the rate searches of a run.
type searcher struct{ *runner }

// all makes the rate search of each scenario that was measured. Its error ends the
// run.
func (r searcher) all(ctx context.Context) error {
	if r.Search.Name == "" {
		return nil
	}
	for _, s := range r.subjects {
		if s.gone || r.earlier.searched(s.Name) || search.Check(s.Scenario) != nil {
			continue
		}
		if err := r.one(ctx, s); err != nil || r.out.Interrupted {
			return err
		}
	}
	return nil
}

// one makes the search of a scenario and writes it.
func (r searcher) one(ctx context.Context, s *subject) error {
	if ctx.Err() != nil {
		r.out.Interrupted = true
		return nil
	}
	rates := search.Rates{
		Scenario: s.Scenario, Spec: s.spec, Profile: r.Search, Reached: s.reached, Seed: r.Seed, Floor: r.floor, Now: r.Now,
		Tell: func(loadPPS float64) { r.tell(s, Step{Rate: loadPPS}) },
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
	r.limited.search(found)
	for _, g := range found.Goals {
		if !g.Resolved {
			r.out.Unresolved++
		}
	}
	r.tell(s, Step{Search: &found})
	return nil
}

// tell completes a step of the search of a scenario and passes it on.
func (r searcher) tell(s *subject, step Step) {
	if r.Progress == nil {
		return
	}
	left := r.Scenarios[s.index:]
	if step.Search != nil {
		left = left[1:] // this one is finished
	}
	step.Scenario, step.Index, step.Scenarios = s.Name, s.index+1, len(r.Scenarios)
	step.Pair, step.Pairs = r.Pairs, r.Pairs
	step.Left = searchTime(r.Search, left)
	r.Progress(step)
}
