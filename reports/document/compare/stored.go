package compare

import (
	"cmp"
	"slices"
	"strings"

	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/shift"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// moved says which scenarios moved together between two stored runs.
func moved(s *verdict.Stored) (p []prose.Prose) {
	if s == nil {
		return nil
	}
	for _, m := range s.Moved {
		v := record.Verdict{Metric: record.PPS, Change: &m.Change, CI: &[2]float64{m.Low, m.High}}
		who := verdict.MovedName(m)
		p = append(p, book.Say("moved", prose.Values{
			"Who": strings.ToUpper(who[:1]) + who[1:], "Change": metric.ChangeText(v), "Interval": metric.IntervalText(v),
			"Against": m.Name != "", "Unsure": verdict.Unsure(m),
		}))
	}
	return p
}

// reach says how small a change the comparison of two stored runs would have found.
func reach(s *verdict.Stored) []prose.Prose {
	if s == nil || s.Middle == 0 {
		return nil
	}
	size := func(v float64) string { return text.Decimals(100*v, 1) + " %" }
	all, fine, name, n := "", "", "", 0
	if s.All != nil {
		all = size(s.All.Change)
	}
	if len(s.Groups) > 0 {
		g := slices.MinFunc(s.Groups, func(a, b shift.Reach) int { return cmp.Compare(a.Change, b.Change) })
		fine, name, n = size(g.Change), g.Name, g.Scenarios
	}
	return []prose.Prose{book.Say("reach", prose.Values{
		"Scenarios": s.Scenarios > 1, "Middle": size(s.Middle), "Least": size(s.Least), "Most": size(s.Most),
		"All": all, "Fine": fine, "FineName": name, "FineSize": n, "Runs": s.Runs,
	})}
}
