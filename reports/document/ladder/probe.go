package ladder

import (
	"slices"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// Probes shows the round trips of probes: idle, under load, and how many times longer.
func Probes(list []*figure.Scenario) (document.Section, bool) {
	title := figure.Titles(list)
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("idle p50", "idle p99", "idle p99.9", "load p50", "load p99", "load p99.9", "× p50", "× p99", "samples", "lost %")),
		Note:    book.Say("probes note", nil),
	}
	var shown []*figure.Scenario
	lanes := map[*figure.Scenario][]chart.Lane{}
	for _, s := range list {
		idle, _, quiet := s.LatencyOf(record.RTTIdle)
		load, _, ok := s.LatencyOf(record.RTTLoad)
		if !ok || !quiet {
			continue
		}
		cells := []any{title(s)}
		for _, l := range []figure.Latency{idle, load} {
			of := QuantileCells(l)
			cells = append(cells, of[0], of[2], of[3])
		}
		cells = append(cells, slower(idle, load, 0.5), slower(idle, load, 0.99), text.Count(load.Count+load.Overflow), text.Percent(figure.ProbesLost(s.Head().Used)))
		t.Rows = append(t.Rows, document.Row(cells...))
		shown = append(shown, s)
		lanes[s] = []chart.Lane{LaneOf(book.Text("probes idle", nil), idle), LaneOf(book.Text("probes load", nil), load)}
	}
	if len(shown) == 0 {
		return document.Section{}, false
	}
	sec := document.Section{Heading: book.Text("probes heading", nil), Blocks: []document.Block{book.Say("probes", nil), t.Folded(book.Text("probes fold", nil))}}
	for _, pic := range Pictures(shown, func(s *figure.Scenario) []chart.Lane { return lanes[s] }, document.Picture{
		File: "probes", Alt: book.Text("probes chart alt", nil),
		Chart: chart.Ladder{Title: book.Text("probes chart title", nil)},
	}) {
		sec.Blocks = append(sec.Blocks, pic)
	}
	return sec, true
}

// slower is how many times longer a quantile is under load.
func slower(idle, load figure.Latency, q float64) any {
	a, known := idle.Quantile(q)
	b, ok := load.Quantile(q)
	if !known || !ok || a == 0 {
		return text.Absent
	}
	return prose.Bold(text.Figure(float64(b) / float64(a)))
}

// QuantileCells gives the quantiles of l that are shown, and its maximum; a quantile
// that is not known is absent.
func QuantileCells(l figure.Latency) (cells []any) {
	for _, q := range metric.Quantiles {
		if v, ok := l.Quantile(q.Q); ok {
			cells = append(cells, text.Duration(float64(v)))
		} else {
			cells = append(cells, text.Absent)
		}
	}
	return append(cells, text.Duration(float64(l.Max)))
}
