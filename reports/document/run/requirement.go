package run

import (
	"slices"

	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/requirement"
	"tunbench/reports/text"
)

// Required sums up the verdicts on the limits of the suite; it is empty where the suite
// sets none.
func Required(f *record.File) prose.Prose {
	all := requirement.Judge(f)
	if len(all) == 0 {
		return nil
	}
	return book.Say("limits", prose.Values{
		"Limits": len(all), "Met": len(requirement.Of(all, requirement.Met)),
		"Missed": len(requirement.Of(all, requirement.Missed)), "NotJudged": len(requirement.Of(all, requirement.NotJudged)),
	})
}

// required lists the limits of the suite with their verdicts, those that were missed
// first.
func required(f *record.File, list []*figure.Scenario) (document.Section, bool) {
	all := requirement.Judge(f)
	if len(all) == 0 {
		return document.Section{}, false
	}
	title := figure.Titles(list)
	name := func(scenario string) prose.Prose {
		for _, s := range list {
			if s.Name == scenario {
				return prose.Say(title(s))
			}
		}
		return prose.Say(prose.Mono(scenario)) // it was skipped
	}
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario", "figure of", "limit"), document.Numeric("figure"), document.Text("verdict", "how certain")),
		Note:    book.Say("limits note", nil),
	}
	for _, verdict := range []string{requirement.Missed, requirement.NotJudged, requirement.Met} {
		for _, r := range requirement.Of(all, verdict) {
			shown, certain := book.Say("limit met", nil), r.Why
			switch verdict {
			case requirement.Missed:
				shown = book.Say("limit missed", nil)
			case requirement.NotJudged:
				shown = book.Say("limit not judged", nil)
			}
			if verdict != requirement.NotJudged {
				certain = r.Certainty()
			}
			t.Rows = append(t.Rows, document.Row(name(r.Scenario), prose.Mono(r.Metric), r.Written, r.Shown(), shown, text.Printable(certain)))
		}
	}
	return document.Section{Heading: book.Text("limits heading", nil), Blocks: []document.Block{Required(f), t.Folded(book.Text("limits fold", nil))}}, true
}
