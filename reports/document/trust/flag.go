package trust

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

// Flags shows which flags the trials of a run have, what each means and what to do about
// it, and where they are: a row for each scenario or, in full, for each trial.
func Flags(run *record.Run, list []*figure.Scenario, full bool) document.Section {
	byFlag, trials, flagged, most := map[string][]*record.Trial{}, 0, 0, 0
	for _, s := range list {
		most = max(most, len(s.Head().All))
		for _, t := range s.All() {
			trials++
			marks := figure.Marks(t)
			if len(marks) > 0 {
				flagged++
			}
			for _, f := range marks {
				byFlag[f] = append(byFlag[f], t)
			}
		}
	}
	sec := document.Section{Heading: book.Text("flags heading", nil)}
	if fact := crowded(run, list); len(fact) > 0 {
		sec.Blocks = append(sec.Blocks, fact)
	}
	if len(byFlag) == 0 {
		sec.Blocks = append(sec.Blocks, book.Say("no flags", nil))
		return sec
	}
	t := document.Table{Columns: slices.Concat(document.Text("flag"), document.Numeric("trials"), document.Text("what it means", "what to do"))}
	names := slices.DeleteFunc(slices.Clone(order), func(f string) bool { return len(byFlag[f]) == 0 })
	for _, f := range slices.Sorted(maps.Keys(byFlag)) {
		if !slices.Contains(order, f) {
			names = append(names, f)
		}
	}
	for _, f := range names {
		a := adviceOn(f, scene{run: run, trials: byFlag[f], alone: len(list) == 1, single: most == 1})
		t.Rows = append(t.Rows, document.Row(prose.Mono(f), fmt.Sprintf("%d of %d", len(byFlag[f]), trials), a.meaning, a.next))
	}
	where := flaggedScenarios(list)
	if full {
		where = flaggedTrials(list)
	}
	marks := 0
	for _, own := range byFlag {
		marks += len(own)
	}
	if marks > flagged {
		t.Note = book.Say("several flags", nil)
	}
	sec.Blocks = append(sec.Blocks, t, where)
	return sec
}

// flaggedTrials has a row for each trial with a flag.
func flaggedTrials(list []*figure.Scenario) document.Table {
	title := figure.Titles(list)
	together := "pair"
	if figure.InRounds(list) {
		together = "block"
	}
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario", "arm"), document.Numeric(together), document.Text("flags", "observation")),
		Fold:    book.Text("flagged trials fold", nil),
	}
	for _, s := range list {
		for _, tr := range s.All() {
			if len(tr.Flags) > 0 {
				t.Rows = append(t.Rows, document.Row(title(s), string(tr.Arm), tr.Pair, strings.Join(tr.Flags, ", "), strings.Join(tr.Notes, "; ")))
			}
		}
	}
	return t
}

// firstOf is what the notes of a trial say of the first of its flags that they explain, else
// the first note: one observation, without the name of the flag, which stands beside it.
func firstOf(flags, notes []string) string {
	for _, f := range flags {
		for _, n := range notes {
			if said, ok := strings.CutPrefix(n, f+": "); ok {
				said, _, _ = strings.Cut(said, "; ")
				return said
			}
		}
	}
	return strings.Join(notes[:min(1, len(notes))], "")
}

// flaggedScenarios has a row for each scenario with a flag: how many of its trials have it,
// and what the first of them says of it.
func flaggedScenarios(list []*figure.Scenario) document.Table {
	title := figure.Titles(list)
	t := document.Table{
		Columns: document.Text("scenario", "flags", "first observation"),
		Fold:    book.Text("flagged scenarios fold", nil), Note: book.Say("flagged scenarios note", nil),
	}
	for _, s := range list {
		counts, first, n := map[string]int{}, "", 0
		for _, tr := range s.All() {
			n++
			marks := figure.Marks(tr)
			for _, f := range marks {
				counts[f]++
			}
			if len(marks) > 0 && first == "" {
				first = firstOf(marks, tr.Notes)
			}
		}
		if len(counts) == 0 {
			continue
		}
		var flags []string
		for _, f := range slices.Sorted(maps.Keys(counts)) {
			if counts[f] < n {
				f = fmt.Sprintf("%s %d/%d", f, counts[f], n)
			}
			flags = append(flags, f)
		}
		t.Rows = append(t.Rows, document.Row(title(s), strings.Join(flags, ", "), first))
	}
	return t
}
