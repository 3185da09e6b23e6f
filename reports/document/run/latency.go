package run

import (
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

func Latencies(list []*figure.Scenario) (document.Section, bool) {
	sec := document.Section{Heading: "Latency"}
	title := figure.Titles(list)
	rows := make([]chart.LadderRow, len(list))
	full, lockstep := false, false
	// apart reports that the latencies come from different trials, which may have met
	// different hosts and filled the ring differently.
	apart := slices.ContainsFunc(list, func(s *figure.Scenario) bool {
		_, from, ok := s.LatencyOf(record.E2E)
		_, inside, seen := s.LatencyOf(record.Residency)
		return ok && seen && from != inside
	})
	for i, s := range list {
		rows[i].Label = title(s)
		for _, t := range s.All() {
			step := axis.Of(t, "gen") == "lockstep"
			full = full || !metric.OpenLoop(t) && !step
			lockstep = lockstep || step
		}
	}
	open, kept := OpenLoops(list, title)
	if len(open.Rows) > 0 {
		sec.Blocks = append(sec.Blocks, openMeaning(), open.Folded("Open loop"), kept)
	}
	for _, kind := range metric.LatencyKinds {
		t := document.Table{Columns: slices.Concat(document.Text("scenario"), document.Numeric("p50", "p90", "p99", "p99.9", "max", "samples", "missed"))}
		for i, s := range list {
			l, _, ok := s.LatencyOf(kind.Name)
			if !ok {
				continue
			}
			lane := chart.Lane{Kind: kind.Title, Max: float64(l.Max)}
			if apart && kind.Name == record.Residency {
				lane.Kind += " (observed trials)"
			}
			for j, q := range metric.Quantiles {
				if v, ok := l.Quantile(q.Q); ok {
					lane.At[j] = float64(v)
				}
			}
			rows[i].Lanes = append(rows[i].Lanes, lane)
			if kind.Name == record.E2E && s.Head().Paced() {
				continue // has its row above
			}
			cells := append([]any{title(s)}, quantileCells(l)...)
			t.Rows = append(t.Rows, document.Row(append(cells, text.Count(l.Count+l.Overflow), text.Count(l.Missed))...))
		}
		if len(t.Rows) == 0 {
			continue
		}
		what := prose.Say(prose.Bold(kind.Title), ": "+kind.Meaning+".")
		if apart && kind.Name == record.Residency {
			what = append(what, prose.Say(" It is from the observed trials, and end to end is from the bare ones where there are such: they are different trials, so that residency may lie above end to end.")...)
		}
		sec.Blocks = append(sec.Blocks, what, t.Folded(kind.Title))
	}
	if len(sec.Blocks) == 0 {
		return document.Section{}, false
	}
	sec.Blocks = append(sec.Blocks, document.Small(prose.Say("The histograms of a scenario's trials are summed and the quantiles taken from the sum; each is right to 1.6 %. A dash: fewer than ten samples lie above. ",
		prose.Bold("missed"), ": packets whose sample was lost, and is not part of the quantiles.")))
	if lockstep {
		sec.Blocks = append(sec.Blocks, document.Small(prose.Say("With ", prose.Mono("gen=lockstep"), " one thread sends a batch and reads it back, and only then sends the next: end to end is the round trip of a batch, and a stall meets one of them.")))
	}
	if full {
		sec.Blocks = append(sec.Blocks, document.Small(prose.Say("Under ", prose.Mono("load=max"), " the sender keeps the ring full, so latency is mostly the time that a full ring takes to read: it tells of the length of the queue, not of how fast a lone packet passes.")))
	}
	rows = slices.DeleteFunc(rows, func(r chart.LadderRow) bool { return len(r.Lanes) == 0 })
	for i, part := range slices.Collect(slices.Chunk(rows, chart.RowsAChart)) {
		sec.Blocks = append(sec.Blocks, document.Picture{
			File: document.Numbered("latency", i), Alt: "Latency of each scenario: p50, p90, p99, p99.9 and the maximum on a logarithmic scale",
			Chart: chart.Ladder{Title: "Latency", Desc: "Median, p90, p99, p99.9 and maximum of each scenario on a logarithmic scale; lower is better.", Rows: part},
		})
	}
	return sec, true
}

// quantileCells gives the quantiles of l that are shown, and its maximum; a quantile
// that is not known is absent.
func quantileCells(l figure.Latency) (cells []any) {
	for _, q := range metric.Quantiles {
		if v, ok := l.Quantile(q.Q); ok {
			cells = append(cells, text.Duration(float64(v)))
		} else {
			cells = append(cells, text.Absent)
		}
	}
	return append(cells, text.Duration(float64(l.Max)))
}
