package history

import (
	"cmp"
	"slices"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/series"
	"tunbench/reports/text"
)

// incidentsWith is the number of incidents with a standing finding of that verdict which
// is not acknowledged.
func incidentsWith(t Text, verdict string) (n int) {
	for _, i := range t.Incidents {
		if slices.ContainsFunc(i.Findings, func(f series.Finding) bool {
			return f.Verdict == verdict && f.Standing && f.Acknowledged == nil
		}) {
			n++
		}
	}
	return n
}

// moved names the metrics of the series with a finding of that verdict, each with the
// number of series, and the number of scenarios; "" where there is none.
func moved(i series.Incident, verdict string) string {
	n := map[string]int{}
	scenarios, told := map[string]bool{}, map[*series.Series]bool{}
	for _, f := range i.Findings {
		if f.Verdict == verdict && !told[f.Series] {
			n[f.Series.Metric]++
			scenarios[f.Series.Scenario], told[f.Series] = true, true
		}
	}
	var names []string
	for name := range n {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(metric.GateRank(a), metric.GateRank(b)), strings.Compare(a, b))
	})
	if len(names) == 0 {
		return ""
	}
	for k, name := range names {
		names[k] = book.Text("moved metric", prose.Values{"Metric": name, "N": n[name]})
	}
	return book.Text("incident moved", prose.Values{"Moved": names, "Scenarios": len(scenarios)})
}

// IncidentHead says in a line what an incident is.
func IncidentHead(i series.Incident) string {
	return book.Text("incident", prose.Values{"Worse": moved(i, record.Regression), "Better": moved(i, record.Improvement), "ID": i.ID})
}

// BySeries are the findings of i by scenario, that of the leading one first. In an incident
// of several series, a change since a release is left out where the change that it consists
// of is there.
func BySeries(t Text, i series.Incident) []series.Finding {
	first, place := map[string]int{}, map[*series.Series]int{}
	for k, f := range i.Findings {
		if _, seen := first[f.Series.Scenario]; !seen {
			first[f.Series.Scenario] = k
		}
	}
	for k, s := range t.Series {
		place[s] = k
	}
	list := slices.SortedStableFunc(slices.Values(i.Findings), func(a, b series.Finding) int {
		return cmp.Or(cmp.Compare(first[a.Series.Scenario], first[b.Series.Scenario]), cmp.Compare(place[a.Series], place[b.Series]))
	})
	if !slices.ContainsFunc(list, func(f series.Finding) bool { return f.Series != list[0].Series }) {
		return list
	}
	return slices.DeleteFunc(list, func(f series.Finding) bool {
		return f.Kind == series.SinceRelease && !f.IsDrift() && slices.ContainsFunc(i.Findings, func(g series.Finding) bool {
			return g.Series == f.Series && g.Verdict == f.Verdict && g.Kind != series.SinceRelease
		})
	})
}

// MoreOfIncident says that n findings of an incident are not shown.
func MoreOfIncident(n int) string { return book.Text("more of incident", prose.Values{"N": n}) }

// largestColumn is the column of the series by which an incident is shown.
const largestColumn = 1

// incidents is a table with a row for each incident.
func incidents(t Text) document.Table {
	tab := document.Table{Columns: document.Text("verdict", "largest change", "worse", "better", "since", "what else changed", "ID", "acknowledged")}
	for _, i := range t.Incidents {
		f := i.Lead()
		verdict := any(f.Verdict)
		switch {
		case i.Open():
			verdict = prose.Bold(f.Verdict)
		case !f.Standing:
			verdict = book.Text("gone", prose.Values{"Verdict": f.Verdict})
		}
		acknowledged := text.Absent
		if i.Acknowledged() {
			acknowledged = AckText(*f.Acknowledged)
		}
		v := record.Verdict{Metric: f.Series.Metric, Change: &f.Change.Change, CI: f.CI}
		interval := ""
		if f.CI != nil {
			interval = metric.IntervalText(v)
		}
		tab.Rows = append(tab.Rows, document.Row(verdict,
			book.Text("incident lead", prose.Values{"Series": t.OnHost(f.Series), "Metric": f.Series.Metric, "Change": metric.ChangeText(v), "Interval": interval}),
			cmp.Or(moved(i, record.Regression), text.Absent), cmp.Or(moved(i, record.Improvement), text.Absent), pointText(f.Begins), cmp.Or(strings.Join(f.Notes, "; "), text.Absent), prose.Mono(i.ID), acknowledged))
	}
	tab.Note = book.Say("incident columns", prose.Values{"Runs": series.IncidentRuns})
	return tab
}

// states of a series, the worst first.
const (
	regressed = iota
	acknowledged
	gone
	improved
	unchanged
)

// stateOf is the worst that was found in s.
func stateOf(t Text, s *series.Series) int {
	worst := unchanged
	for _, f := range t.Findings {
		if f.Series != s {
			continue
		}
		of := improved
		switch {
		case f.Open():
			of = regressed
		case f.Verdict == record.Regression && f.Standing:
			of = acknowledged
		case f.Verdict == record.Regression:
			of = gone
		case !f.Standing:
			continue
		}
		worst = min(worst, of)
	}
	return worst
}

// stateName is what a table says of the state; "" for a series without a finding.
func stateName(state int) string {
	if state == unchanged {
		return ""
	}
	return book.Text("state "+[]string{"regressed", "acknowledged", "went back", "improved"}[state], nil)
}

// stateCell marks a series that regressed.
func stateCell(t Text, s *series.Series) any {
	state := stateOf(t, s)
	if state == regressed {
		return prose.Bold(stateName(state))
	}
	return cmp.Or(stateName(state), text.Absent)
}

// panelTitle names a series above its chart, and marks one that changed.
func panelTitle(t Text, s *series.Series) string {
	if name := stateName(stateOf(t, s)); name != "" {
		return book.Text("panel state", prose.Values{"Name": t.Called(s), "State": name})
	}
	return t.Called(s)
}

// worstFirst puts the series that regressed before the others. Those of one scenario stay
// together.
func worstFirst(t Text, list []*series.Series) []*series.Series {
	type scenario struct{ name, clock string }
	worst := map[scenario]int{}
	of := func(s *series.Series) scenario { return scenario{s.Scenario, s.Clock} }
	for _, s := range list {
		old, seen := worst[of(s)]
		if state := stateOf(t, s); !seen || state < old {
			worst[of(s)] = state
		}
	}
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b *series.Series) int { return cmp.Compare(worst[of(a)], worst[of(b)]) })
	return list
}
