package run

import (
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

// skippedName is what was skipped: a scenario, or one arm of it.
func skippedName(s record.Skip) prose.Prose {
	if s.Arm == "" {
		return prose.Say(prose.Mono(s.Scenario))
	}
	return book.Say("skipped arm", prose.Values{"Scenario": s.Scenario, "Arm": string(s.Arm)})
}

func skipped(skips []record.Skip) document.Section {
	t := document.Table{
		Columns: document.Text("scenario", "reason", "detail"),
	}
	sorted := slices.SortedStableFunc(slices.Values(skips), func(a, b record.Skip) int { return axis.Compare(a.Scenario, b.Scenario) })
	seen := map[string]bool{}
	var notes prose.Prose
	for _, s := range sorted {
		t.Rows = append(t.Rows, document.Row(skippedName(s), s.Reason, s.Detail))
		if m := document.SkipMeaning(s.Reason); m != "" && !seen[s.Reason] {
			if len(notes) > 0 {
				notes = append(notes, prose.Say(" ")...)
			}
			notes = append(notes, book.Say("skipped reason", prose.Values{"Reason": s.Reason, "Meaning": m})...)
		}
		seen[s.Reason] = true
	}
	if len(notes) > 0 {
		t.Note = notes
	}
	return document.Section{Heading: book.Text("skipped heading", nil), Blocks: []document.Block{t.Folded(book.Text("skipped fold", nil))}}
}
