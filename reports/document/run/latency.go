package run

import (
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/document/ladder"
	"tunbench/reports/document/queue"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

func Latencies(list []*figure.Scenario) (document.Section, bool) {
	sec := document.Section{Heading: book.Text("latency heading", nil)}
	title := figure.Titles(list)
	lanes := ladder.Lanes{}
	var closed []*figure.Scenario
	lockstep := false
	// apart reports that the latencies come from different trials, which may have met
	// different hosts and filled the ring differently.
	apart := slices.ContainsFunc(list, func(s *figure.Scenario) bool {
		_, from, ok := s.LatencyOf(record.E2E)
		_, inside, seen := s.LatencyOf(record.Residency)
		return ok && seen && from != inside
	})
	for _, s := range list {
		full := false
		for _, t := range s.All() {
			step := axis.Of(t, "gen") == "lockstep"
			full = full || !metric.OpenLoop(t) && !step
			lockstep = lockstep || step
		}
		if full {
			closed = append(closed, s)
		}
	}
	open, kept := OpenLoops(list, title)
	if len(open.Rows) > 0 {
		sec.Blocks = append(sec.Blocks, book.Say("open loop", nil), open.Folded(book.Text("open loop fold", nil)), kept)
	}
	for _, kind := range metric.LatencyKinds {
		t := document.Table{Columns: slices.Concat(document.Text("scenario"), document.Numeric("p50", "p90", "p99", "p99.9", "max", "samples", "missed"))}
		for _, s := range list {
			l, arm, ok := s.LatencyOf(kind.Name)
			if !ok {
				continue
			}
			lanes.Add(s, arm, ladder.LaneOf(kind.Title, l))
			if kind.Name == record.E2E && s.Head().Paced() {
				continue // has its row above
			}
			cells := append([]any{document.WithFew(title(s), s.Arm(arm))}, ladder.QuantileCells(l)...)
			t.Rows = append(t.Rows, document.Row(append(cells, text.Count(l.Count+l.Overflow), text.Count(l.Missed))...))
		}
		if len(t.Rows) == 0 {
			continue
		}
		meaning := book.Say("end to end", nil)
		if kind.Name == record.Residency {
			meaning = book.Say("inside the kernel", prose.Values{"Xmit": document.XmitPoint(list)})
		}
		what := book.Say("latency kind", prose.Values{"Kind": kind.Title, "Meaning": meaning})
		if apart && kind.Name == record.Residency {
			what = and(what, book.Say("residency of other trials", nil))
		}
		sec.Blocks = append(sec.Blocks, what, t.Folded(kind.Title))
	}
	if len(sec.Blocks) == 0 {
		return document.Section{}, false
	}
	sec.Blocks = append(sec.Blocks, document.Small(book.Say("latency note", nil)))
	if lockstep {
		sec.Blocks = append(sec.Blocks, document.Small(book.Say("latency lockstep", nil)))
	}
	if said := queue.FullRings(closed); len(said) > 0 {
		sec.Blocks = append(sec.Blocks, document.Small(said))
	}
	for _, pic := range lanes.Pictures(list) {
		sec.Blocks = append(sec.Blocks, pic)
	}
	for _, arm := range []record.Arm{record.Bare, record.Observed} {
		sec.Blocks = document.WithLeftOut(sec.Blocks, list, arm)
	}
	return sec, true
}
