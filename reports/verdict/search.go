package verdict

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// compareSearches compares the rates that both runs searched for. A search leaves
// bounds, not samples: two rates differ if their bounds do not overlap.
func compareSearches(c *comparer, base, next *record.File) {
	type key struct{ scenario, goal string }
	found := map[key]record.Goal{}
	of := map[string]*record.Run{}
	for _, s := range base.Searches {
		of[s.Scenario] = base.Header(s.Shard)
		for _, g := range s.Goals {
			found[key{s.Scenario, g.Name}] = g
		}
	}
	by := slices.SortedStableFunc(slices.Values(next.Searches), func(a, b record.Search) int { return axis.Compare(a.Scenario, b.Scenario) })
	for _, s := range by {
		for _, gate := range metric.RateGates() {
			i := slices.IndexFunc(s.Goals, func(g record.Goal) bool { return g.Name == gate.Metric })
			old, ok := found[key{s.Scenario, gate.Metric}]
			if i < 0 || !ok {
				continue
			}
			v := compareRates(c, s.Scenario, gate, old, s.Goals[i])
			if apart := c.apart(hostDifferences(figure.Group{Runs: []*record.Run{of[s.Scenario]}}, figure.Group{Runs: []*record.Run{next.Header(s.Shard)}})); len(apart) > 0 {
				v.Verdict, v.Change, v.Notes = record.NotComparable, nil, apart
			}
			c.done.Verdicts = append(c.done.Verdicts, v)
			delete(found, key{s.Scenario, gate.Metric})
		}
	}
	// Scenarios that the new side lacks have a verdict already.
	lacking := map[string]bool{}
	for _, v := range c.done.Verdicts {
		lacking[v.Scenario] = lacking[v.Scenario] || v.Missing == record.NewSide
	}
	for _, s := range base.Searches {
		for _, gate := range metric.RateGates() {
			if g, left := found[key{s.Scenario, gate.Metric}]; left && g.Resolved && !lacking[s.Scenario] {
				c.done.Verdicts = append(c.done.Verdicts, record.Verdict{
					Scenario: s.Scenario, Metric: gate.Metric, Unit: gate.Unit, Base: g.LowerPPS,
					Verdict: record.InvalidVerdict, Notes: []string{"new has no such figure: there was no search for this rate"},
				})
			}
		}
	}
}

func compareRates(c *comparer, scenario string, gate metric.Gate, base, next record.Goal) record.Verdict {
	v := record.Verdict{
		Scenario: scenario, Metric: gate.Metric, Unit: gate.Unit, Base: base.LowerPPS, New: next.LowerPPS,
		N: 1, Verdict: record.Inconclusive, Notes: []string{},
	}
	setThresholds(&v, c.options.held(gate).Threshold, c.options.Threshold(gate))
	for i, g := range []record.Goal{base, next} {
		side := []string{"base", "new"}[i]
		if !g.Resolved || g.LowerPPS == nil || g.UpperPPS == nil {
			v.Notes = append(v.Notes, fmt.Sprintf("%s: unresolved: %s", side, cmp.Or(g.Detail, "the search has no bounds")))
			continue
		}
		sc := text.RateScale(*g.UpperPPS)
		v.Notes = append(v.Notes, fmt.Sprintf("%s: between %s and %s %s", side, sc.Format(*g.LowerPPS), sc.Format(*g.UpperPPS), sc.Unit))
	}
	if !base.Resolved || !next.Resolved || base.LowerPPS == nil || base.UpperPPS == nil || next.LowerPPS == nil || next.UpperPPS == nil || *base.LowerPPS <= 0 {
		return v
	}
	change := *next.LowerPPS / *base.LowerPPS - 1
	if math.IsInf(change, 0) {
		return v
	}
	v.Change = &change
	low, high := *next.LowerPPS / *base.UpperPPS - 1, *next.UpperPPS / *base.LowerPPS - 1 // bounds of the change
	switch {
	case low >= -ownThreshold(v) && high <= ownThreshold(v):
		v.Verdict = record.Equivalent
	case high < 0 && change < -v.Threshold:
		v.Verdict = record.IndicativeRegression
	case low > 0 && change > v.Threshold:
		v.Verdict = record.IndicativeImprovement
	}
	return v
}
