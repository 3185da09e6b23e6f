package reports

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/record"
)

func flagged(list []*scenario) (section, bool) {
	title := titles(list)
	counts := map[string]int{}
	where := table{
		columns: slices.Concat(text("scenario", "arm"), numeric("pair"), text("flags", "what was seen")),
		fold:    "Each flagged trial",
	}
	trials := 0
	for _, s := range list {
		for _, t := range s.all() {
			trials++
			if len(t.Flags) == 0 {
				continue
			}
			for _, f := range t.Flags {
				counts[f]++
			}
			where.rows = append(where.rows, row(title(s), string(t.Arm), t.Pair, strings.Join(t.Flags, ", "), strings.Join(t.Notes, "; ")))
		}
	}
	if len(counts) == 0 {
		return section{heading: "Flags", blocks: []block{say("No trial was flagged.")}}, true
	}
	t := table{columns: slices.Concat(text("flag"), numeric("trials"), text("what it means", "what to do"))}
	known := map[string]bool{}
	add := func(a advice) {
		known[a.flag] = true
		if n := counts[a.flag]; n > 0 {
			t.rows = append(t.rows, row(mono(a.flag), fmt.Sprintf("%d of %d", n, trials), a.meaning, a.next))
		}
	}
	for _, a := range advices {
		add(a)
	}
	for _, f := range slices.Sorted(maps.Keys(counts)) {
		if !known[f] {
			add(adviceOn(f))
		}
	}
	return section{heading: "Flags", blocks: []block{t, where}}, true
}

// skippedName is what was skipped: a scenario, or one arm of it.
func skippedName(s record.Skip) prose {
	if s.Arm == "" {
		return say(mono(s.Scenario))
	}
	return say(mono(s.Scenario), ", "+string(s.Arm)+" trials only")
}

func skipped(skips []record.Skip) section {
	t := table{
		columns: text("scenario", "reason", "detail"),
	}
	sorted := slices.SortedStableFunc(slices.Values(skips), func(a, b record.Skip) int { return compareNames(a.Scenario, b.Scenario) })
	seen := map[string]bool{}
	var notes prose
	for _, s := range sorted {
		t.rows = append(t.rows, row(skippedName(s), s.Reason, s.Detail))
		if m := skipMeaning[s.Reason]; m != "" && !seen[s.Reason] {
			if len(notes) > 0 {
				notes = append(notes, say(" ")...)
			}
			notes = append(notes, say(bold(s.Reason), ": "+m+".")...)
		}
		seen[s.Reason] = true
	}
	if len(notes) > 0 {
		t.note = notes
	}
	return section{heading: "Skipped", blocks: []block{t.folded("Skipped scenarios")}}
}
