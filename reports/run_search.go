package reports

import (
	"slices"

	"tunbench/reports/record"
)

// searched names the scenario of a search as the other tables do.
func searched(list []*scenario, common []string) func(record.Search) string {
	title := titles(list)
	return func(s record.Search) string {
		for _, known := range list {
			if known.name == s.Scenario {
				return title(known)
			}
		}
		mode, _ := split(s.Scenario) // a file that lost its trials
		return mode + " " + label(s.Scenario, common)
	}
}

// rateOf is a rate that may not be known.
func rateOf(v *float64, sc scale) string {
	if v == nil {
		return absent
	}
	return sc.format(*v)
}

// searches shows what the rate searches found.
func searches(f *record.File, list []*scenario, common []string) (section, bool) {
	if len(f.Searches) == 0 {
		return section{}, false
	}
	all, title := sortedSearches(f), searched(list, common)
	sc := searchScale(all)
	found := table{columns: slices.Concat(text("scenario", "goal"),
		numeric("loss at most %", "lower "+sc.unit, "upper "+sc.unit, "conditional "+sc.unit), text("result"))}
	made := table{
		columns: slices.Concat(text("scenario", "profile"), numeric("trials", "invalid", "time", "highest tried "+sc.unit), text("notes")),
		note: say(bold("invalid"), ": trials that did not count, because a gate failed or the generator was late, and were repeated. ",
			bold("time"), ": measured and waited."),
	}
	for _, s := range all {
		name := title(s)
		for _, g := range s.Goals {
			result := say("resolved")
			if !g.Resolved {
				result = say(bold("unresolved"), ": "+g.Detail)
			}
			found.rows = append(found.rows, row(name, goalName(g), percent(g.LossRatio), rateOf(g.LowerPPS, sc), rateOf(g.UpperPPS, sc), rateOf(g.Conditional, sc), result))
			name = "" // once a scenario
		}
		var notes prose
		for i, n := range s.Notes {
			if i > 0 {
				notes = append(notes, say("; ")...)
			}
			notes = append(notes, say(n)...)
		}
		made.rows = append(made.rows, row(title(s), s.Profile, s.Trials, s.Invalid, duration(float64(s.SpentNs)), sc.format(s.MaxPPS), notes))
	}
	return section{heading: "Rate search", blocks: []block{
		say("The highest rates that a scenario carried, by multiple loss ratio search (RFC 9971) in bare, open-loop trials. Quote the ",
			bold("lower"), " bound: at least half of the trials at it lost no more than the goal allows; at the ", bold("upper"), " bound more than half lost more."),
		found.folded("Goals"),
		small(say(bold("NDR"), ": the non-drop rate, without loss. ", bold("PDR"), ": the partial drop rate, with as much loss as the goal allows. ",
			bold("conditional"), ": the conditional throughput, the rate that arrives at the lower bound; compare hosts and kernels by it. ",
			bold("unresolved"), ": one of the bounds is not known, or the two are too far apart; what is shown holds, but is not the answer.")),
		fold{summary: "How it was searched", blocks: []block{made}},
	}}, true
}
