package run

import (
	"slices"
	"strings"

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
	return func(s record.Search) string { return titled(list, common)(s.Scenario) }
}

// titled names a scenario as the tables do.
func titled(list []*figure.Scenario, common []string) func(scenario string) string {
	title := figure.Titles(list)
	return func(scenario string) string {
		for _, known := range list {
			if known.Name == scenario {
				return title(known)
			}
		}
		mode, _ := axis.Split(scenario) // a file that lost its trials
		return mode + " " + axis.Label(scenario, common)
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
		document.Numeric("maximum loss %", "lower "+sc.Unit, "upper "+sc.Unit, "conditional "+sc.Unit), document.Text("result"))}
	made := document.Table{
		Columns: slices.Concat(document.Text("scenario", "profile"), document.Numeric("trials", "invalid", "time", "highest tried "+sc.Unit), document.Text("notes")),
		Note:    book.Say("search trials note", nil),
	}
	for _, s := range all {
		name := title(s)
		for _, g := range s.Goals {
			result := book.Say("search resolved", nil)
			if !g.Resolved {
				result = book.Say("search unresolved", prose.Values{"Detail": g.Detail})
			}
			found.Rows = append(found.Rows, document.Row(name, metric.GoalName(g), text.Percent(g.LossRatio), RateOf(g.LowerPPS, sc), RateOf(g.UpperPPS, sc), RateOf(g.Conditional, sc), result))
			name = "" // once a scenario
		}
		notes := prose.Say(strings.Join(s.Notes, "; "))
		made.Rows = append(made.Rows, document.Row(title(s), s.Profile, s.Trials, s.Invalid, text.Duration(float64(s.SpentNs)), sc.Format(s.MaxPPS), notes))
	}
	return document.Section{Heading: book.Text("search heading", nil), Blocks: []document.Block{
		book.Say("search", nil),
		found.Folded(book.Text("search goals fold", nil)),
		document.Small(book.Say("search note", nil)),
		document.Fold{Summary: book.Text("search trials fold", nil), Blocks: []document.Block{made}},
	}}, true
}
