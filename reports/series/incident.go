package series

import (
	"cmp"
	"slices"
	"strings"

	"tunbench/reports/record"
)

// Incident is what changed on a host at one time: all findings of one kind that begin
// within IncidentRuns runs of each other, in whatever metric, arm and scenario.
type Incident struct {
	ID       string // of one of its findings
	Findings []Finding
}

// IncidentRuns is how many runs apart the findings of one incident begin at most: noise
// moves a change point that much.
const IncidentRuns = 2

// Lead is the finding that says most: a regression before an improvement, one that stands
// before one that has gone back, and then the largest in thresholds.
func (i Incident) Lead() Finding { return i.Findings[0] }

// Open reports whether the incident has a standing regression that nobody has
// acknowledged.
func (i Incident) Open() bool {
	return slices.ContainsFunc(i.Findings, Finding.Open)
}

// Acknowledged reports whether all findings like the leading one are acknowledged: those
// of its verdict that stand or, if none does, that went back.
func (i Incident) Acknowledged() bool {
	lead := i.Lead()
	return !slices.ContainsFunc(i.Findings, func(f Finding) bool {
		return f.Verdict == lead.Verdict && f.Standing == lead.Standing && f.Acknowledged == nil
	})
}

// incidents gathers findings, which are sorted by their size, into incidents, and names
// the incident in each finding. Incidents that are open come first.
func incidents(h *History, findings []Finding) (list []Incident) {
	order := map[string]int{} // of a run among those of its host and clock
	seen := map[string]int{}
	for _, r := range h.Runs {
		group := r.Host + " " + r.Run.Clock
		order[group+" "+r.Run.ID] = seen[group]
		seen[group]++
	}
	at := func(f Finding, run string) int { return order[f.Series.Host+" "+f.Series.Clock+" "+run] }
	together := func(a, b Finding) bool {
		if a.Series.Host != b.Series.Host || a.Series.Clock != b.Series.Clock || a.class() != b.class() {
			return false
		}
		d := at(a, a.Begins.Run) - at(b, b.Begins.Run)
		return max(d, -d) <= IncidentRuns
	}
	sorted := slices.Clone(findings)
	slices.SortStableFunc(sorted, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.weight(), a.weight()), strings.Compare(a.ID, b.ID))
	})
	// Findings join the largest one, which is the one whose beginning is best known. A
	// change since a release joins the changes that it consists of.
	var later []Finding
	for _, f := range sorted {
		if f.class() == SinceRelease {
			later = append(later, f)
			continue
		}
		i := slices.IndexFunc(list, func(i Incident) bool { return together(i.Lead(), f) })
		if i < 0 {
			i, list = len(list), append(list, Incident{})
		}
		list[i].Findings = append(list[i].Findings, f)
	}
	for _, f := range later {
		i := slices.IndexFunc(list, func(i Incident) bool {
			return slices.ContainsFunc(i.Findings, func(g Finding) bool { return slices.Contains(f.parts, g.ID) }) ||
				i.Lead().class() == SinceRelease && together(i.Lead(), f)
		})
		if i < 0 {
			i, list = len(list), append(list, Incident{})
		}
		list[i].Findings = append(list[i].Findings, f)
	}
	for i := range list {
		first := slices.MinFunc(list[i].Findings, func(a, b Finding) int {
			return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(at(a, a.FoundIn), at(b, b.FoundIn)), strings.Compare(a.ID, b.ID))
		})
		list[i].ID = first.ID
		for k := range list[i].Findings {
			list[i].Findings[k].Incident = first.ID
		}
	}
	slices.SortStableFunc(list, func(a, b Incident) int {
		return cmp.Or(cmp.Compare(rank(a.Lead()), rank(b.Lead())), cmp.Compare(b.Lead().weight(), a.Lead().weight()))
	})
	for i := range findings {
		for _, in := range list {
			if slices.ContainsFunc(in.Findings, func(f Finding) bool { return f.ID == findings[i].ID }) {
				findings[i].Incident = in.ID
			}
		}
	}
	return list
}

// rank orders findings: what fails a job, what is acknowledged, what went back, and then
// what got better.
func rank(f Finding) int {
	r := 0
	switch {
	case !f.Standing:
		r = 2
	case f.Acknowledged != nil:
		r = 1
	}
	if f.Verdict == record.Improvement {
		r += 3
	}
	return r
}
