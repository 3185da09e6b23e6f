package run

import (
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// Searched names the scenario of a search as the other tables do.
func Searched(list []*figure.Scenario, common []string) func(record.Search) string {
	title := figure.Titles(list)
	return func(s record.Search) string {
		for _, known := range list {
			if known.Name == s.Scenario {
				return title(known)
			}
		}
		mode, _ := axis.Split(s.Scenario) // a file that lost its trials
		return mode + " " + axis.Label(s.Scenario, common)
	}
}

// RateOf is a rate that may not be known.
func RateOf(v *float64, sc text.Scale) string {
	if v == nil {
		return text.Absent
	}
	return sc.Format(*v)
}

// searches shows what the rate searches found.
func searches(f *record.File, list []*figure.Scenario, common []string) (document.Section, bool) {
	if len(f.Searches) == 0 {
		return document.Section{}, false
	}
	all, title := figure.SortedSearches(f), Searched(list, common)
	sc := figure.SearchScale(all)
	found := document.Table{Columns: slices.Concat(document.Text("scenario", "goal"),
		document.Numeric("loss at most %", "lower "+sc.Unit, "upper "+sc.Unit, "conditional "+sc.Unit), document.Text("result"))}
	made := document.Table{
		Columns: slices.Concat(document.Text("scenario", "profile"), document.Numeric("trials", "invalid", "time", "highest tried "+sc.Unit), document.Text("notes")),
		Note: prose.Say(prose.Bold("invalid"), ": trials that did not count, because a gate failed or the generator was late, and were repeated. ",
			prose.Bold("time"), ": measured and waited."),
	}
	for _, s := range all {
		name := title(s)
		for _, g := range s.Goals {
			result := prose.Say("resolved")
			if !g.Resolved {
				result = prose.Say(prose.Bold("unresolved"), ": "+g.Detail)
			}
			found.Rows = append(found.Rows, document.Row(name, metric.GoalName(g), text.Percent(g.LossRatio), RateOf(g.LowerPPS, sc), RateOf(g.UpperPPS, sc), RateOf(g.Conditional, sc), result))
			name = "" // once a scenario
		}
		var notes prose.Prose
		for i, n := range s.Notes {
			if i > 0 {
				notes = append(notes, prose.Say("; ")...)
			}
			notes = append(notes, prose.Say(n)...)
		}
		made.Rows = append(made.Rows, document.Row(title(s), s.Profile, s.Trials, s.Invalid, text.Duration(float64(s.SpentNs)), sc.Format(s.MaxPPS), notes))
	}
	return document.Section{Heading: "Rate search", Blocks: []document.Block{
		prose.Say("The highest rates that a scenario carried, by multiple loss ratio search (RFC 9971) in bare, open-loop trials. Quote the ",
			prose.Bold("lower"), " bound: at least half of the trials at it lost no more than the goal allows; at the ", prose.Bold("upper"), " bound more than half lost more."),
		found.Folded("Goals"),
		document.Small(prose.Say(prose.Bold("NDR"), ": the non-drop rate, without loss. ", prose.Bold("PDR"), ": the partial drop rate, with as much loss as the goal allows. ",
			prose.Bold("conditional"), ": the conditional throughput, the rate that arrives at the lower bound; compare hosts and kernels by it. ",
			prose.Bold("unresolved"), ": one of the bounds is not known, or the two are too far apart; what is shown holds, but is not the answer.")),
		document.Fold{Summary: "How it was searched", Blocks: []document.Block{made}},
	}}, true
}
