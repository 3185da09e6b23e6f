package run

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

func flagged(list []*figure.Scenario) (document.Section, bool) {
	title := figure.Titles(list)
	counts := map[string]int{}
	where := document.Table{
		Columns: slices.Concat(document.Text("scenario", "arm"), document.Numeric(together(list)), document.Text("flags", "observation")),
		Fold:    book.Text("flagged trials fold", nil),
	}
	trials := 0
	for _, s := range list {
		for _, t := range s.All() {
			trials++
			if len(t.Flags) == 0 {
				continue
			}
			for _, f := range t.Flags {
				counts[f]++
			}
			where.Rows = append(where.Rows, document.Row(title(s), string(t.Arm), t.Pair, strings.Join(t.Flags, ", "), strings.Join(t.Notes, "; ")))
		}
	}
	heading := book.Text("flags heading", nil)
	if len(counts) == 0 {
		return document.Section{Heading: heading, Blocks: []document.Block{book.Say("no flags", nil)}}, true
	}
	t := document.Table{Columns: slices.Concat(document.Text("flag"), document.Numeric("trials"), document.Text("what it means", "what to do"))}
	known := map[string]bool{}
	add := func(a document.Advice) {
		known[a.Flag] = true
		if n := counts[a.Flag]; n > 0 {
			t.Rows = append(t.Rows, document.Row(prose.Mono(a.Flag), fmt.Sprintf("%d of %d", n, trials), a.Meaning, a.Next))
		}
	}
	for _, a := range document.Advices {
		add(a)
	}
	for _, f := range slices.Sorted(maps.Keys(counts)) {
		if !known[f] {
			add(document.AdviceOn(f))
		}
	}
	return document.Section{Heading: heading, Blocks: []document.Block{t, where}}, true
}

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
