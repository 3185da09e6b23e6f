package run

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/document/trust"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

func drops(list []*figure.Scenario) (document.Section, bool) {
	sec := document.Section{Heading: book.Text("drops heading", nil)}
	title := figure.Titles(list)
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario", "reason"), document.Numeric("packets", "of accepted %")),
	}
	clean, without, some, met := 0, 0, false, map[string]bool{}
	for _, s := range list {
		trials, arm := s.Losing()
		l := figure.Account(trials)
		switch {
		case len(trials) == 0:
			without++
			continue
		case len(l.ByReason) == 0:
			clean++
			continue
		}
		only := bareOnly(s, arm)
		some = some || only != ""
		reasons := slices.SortedFunc(maps.Keys(l.ByReason), func(a, b string) int {
			return cmp.Or(cmp.Compare(l.ByReason[b], l.ByReason[a]), strings.Compare(a, b))
		})
		name := title(s)
		for _, r := range reasons {
			share := text.Absent
			if l.Accepted > 0 {
				share = text.Percent(float64(l.ByReason[r]) / float64(l.Accepted))
			}
			t.Rows = append(t.Rows, document.Row(name, prose.Say(prose.Mono(r), only), text.Count(l.ByReason[r]), share))
			met[r] = true
			name = ""
		}
	}
	if len(t.Rows) == 0 {
		if clean > 0 {
			sec.Blocks = append(sec.Blocks, book.Say("no drops", nil))
		}
		return notCounted(sec, without), true
	}
	for _, r := range slices.Sorted(maps.Keys(met)) {
		if m := document.DropMeaning(r); m != "" {
			t.Note = and(t.Note, book.Say("drop reason", prose.Values{"Reason": r, "Meaning": m}))
		}
	}
	t.Note = and(t.Note, book.Say("drops note", prose.Values{"Only": some}))
	sec.Blocks = append(sec.Blocks, t.Folded(book.Text("drops fold", nil)))
	if clean > 0 {
		sec.Blocks = append(sec.Blocks, book.Say("scenarios without drops", prose.Values{"N": clean}))
	}
	return notCounted(sec, without), true
}

// notCounted adds to sec how many scenarios have no valid trial whose drops could count.
func notCounted(sec document.Section, n int) document.Section {
	if n > 0 {
		sec.Blocks = append(sec.Blocks, book.Say("drops not counted", prose.Values{"N": n}))
	}
	return sec
}

// bareOnly marks losses of the bare trials of a scenario that has valid observed trials too.
func bareOnly(s *figure.Scenario, arm record.Arm) string {
	if arm == record.Bare && len(s.Observ.Used) > 0 {
		return book.Text("bare trials only", nil)
	}
	return ""
}

func observerCost(list []*figure.Scenario) (document.Section, bool) {
	all, ok := figure.ObserverCost(list)
	if !ok {
		return document.Section{}, false
	}
	title := figure.Titles(list)
	top := 0.0
	var own []*figure.Scenario
	costs := map[*figure.Scenario]figure.Ratio{}
	var spans []figure.Interval
	for _, s := range list {
		if m, ok := s.Bare.Metric(record.PPS); ok {
			top = max(top, m.Median)
		}
		if c, ok := s.ObserverCost(); ok {
			own, costs[s] = append(own, s), c
			spans = append(spans, c.Interval)
		}
	}
	sc := text.RateScale(top)
	where, unit := figure.IntervalColumn(spans...), "pair"
	said := book.Say("observer cost", prose.Values{"Pairs": len(all.Each), "Change": text.Change(all.Value), "Changes": text.Changes(slices.Min(all.Each), slices.Max(all.Each))})
	if all.Rounds {
		unit = "block"
		said = book.Say("observer cost in rounds", prose.Values{
			"Change": text.Change(all.Value), "Changes": all.Interval.Changes(text.RangeName), "Exact": all.Interval.Exact,
			"Scenarios": len(own), "Blocks": len(all.Each),
		})
	}
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("bare "+sc.Unit, "observed "+sc.Unit, "change", where, unit+"s")),
		Note:    book.Say("observer cost note", prose.Values{"Interval": document.IntervalNote(where, unit), "Rounds": all.Rounds}),
	}
	for _, s := range own {
		c, rng := costs[s], text.Absent
		if len(c.Each) > 1 {
			rng = c.Interval.Changes(where)
		}
		t.Rows = append(t.Rows, document.Row(title(s), Cell(s.Bare, record.PPS, sc.Format), Cell(s.Observ, record.PPS, sc.Format), text.Change(c.Value), rng, len(c.Each)))
	}
	return document.Section{Heading: book.Text("observer cost heading", nil), Blocks: []document.Block{
		said,
		detail(t.Folded(book.Text("observer cost fold", nil))),
	}}, true
}

// together is what trials that were measured together are in.
func together(list []*figure.Scenario) string {
	if figure.InRounds(list) {
		return "block"
	}
	return "pair"
}

func accounting(list []*figure.Scenario) (document.Section, bool) {
	total := figure.Account(figure.AllTrials(list))
	sec := document.Section{Heading: book.Text("accounting heading", nil), Blocks: []document.Block{and(ledger(total), trust.Unexplained(total))}}
	sec.Blocks = append(sec.Blocks, document.Small(book.Say("accounting of all", nil)))
	if total.Duplicates+total.Reordered > 0 {
		sec.Blocks = append(sec.Blocks, book.Say("duplicates and reordered", prose.Values{"Duplicates": text.Count(total.Duplicates), "Reordered": text.Count(total.Reordered)}))
	}
	if total.Verified+total.Corrupt > 0 {
		sec.Blocks = append(sec.Blocks, book.Say("verified", prose.Values{"Verified": text.Count(total.Verified), "Faults": faultsOf(total)}))
	}
	if total.Open+total.Contradicting == 0 {
		return sec, true
	}
	title := figure.Titles(list)
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario", "arm"), document.Numeric(together(list), "offered", "accepted", "delivered", "dropped", "unexplained")),
		Note:    book.Say("accounting note", nil),
	}
	for _, s := range list {
		for _, tr := range s.All() {
			if l := figure.Account([]*record.Trial{tr}); l.Open+l.Contradicting > 0 {
				t.Rows = append(t.Rows, document.Row(title(s), string(tr.Arm), tr.Pair, text.Count(l.Offered), text.Count(l.Accepted), text.Count(l.Delivered), text.Count(l.Dropped), text.Signed(tr.Accounting.Unexplained)))
			}
		}
	}
	sec.Blocks = append(sec.Blocks, t.Folded(book.Text("accounting fold", nil)))
	return sec, true
}

// faultsOf lists what was wrong with corrupt packets, the most frequent first.
func faultsOf(l figure.Ledger) string {
	faults := slices.SortedFunc(maps.Keys(l.ByFault), func(a, b string) int {
		return cmp.Or(cmp.Compare(l.ByFault[b], l.ByFault[a]), strings.Compare(a, b))
	})
	for i, f := range faults {
		faults[i] = f + " of " + text.Count(l.ByFault[f])
	}
	return strings.Join(faults, ", ")
}

// ledger is the sum of the packets of l.
func ledger(l figure.Ledger) prose.Prose {
	corrupt := "" // left out where no packet was
	if l.Corrupt > 0 {
		corrupt = text.Count(l.Corrupt)
	}
	return book.Say("ledger", prose.Values{
		"Offered": text.Count(l.Offered), "Accepted": text.Count(l.Accepted), "PushedBack": text.Count(l.PushedBack),
		"Delivered": text.Count(l.Delivered), "Dropped": text.Count(l.Dropped), "Net": text.Signed(l.Net),
		"Corrupt": corrupt,
	})
}
