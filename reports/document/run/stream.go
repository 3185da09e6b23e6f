package run

import (
	"maps"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/document/ladder"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// streams shows TCP streams, transactions, and the figures of iperf3.
func streams(list []*figure.Scenario) (document.Section, bool) {
	sec := document.Section{Heading: book.Text("streams heading", nil)}
	title := figure.Titles(list)
	if t := streamTable(list, title); len(t.Rows) > 0 {
		sec.Blocks = append(sec.Blocks, book.Say("TCP streams", nil), t.Folded(book.Text("TCP streams fold", nil)))
	}
	if t := transactionTable(list, title); len(t.Rows) > 0 {
		sec.Blocks = append(sec.Blocks, book.Say("transactions", nil), t.Folded(book.Text("transactions fold", nil)))
	}
	if t := programTable(list, title); len(t.Rows) > 0 {
		sec.Blocks = append(sec.Blocks, book.Say("iperf3", nil), t.Folded(book.Text("iperf3 fold", nil)))
	}
	return sec, len(sec.Blocks) > 0
}

func streamTable(list []*figure.Scenario, title func(*figure.Scenario) string) document.Table {
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("goodput Gbit/s", text.IntervalName, "retransmitted %", "RTT", "minimum RTT", "cwnd", "reordered", "slowest"), document.Text("control")),
		Note:    book.Say("TCP streams note", nil),
	}
	var spans []figure.Interval
	for _, s := range list {
		if sp, ok := s.Head().Interval(record.GoodputBitPerS); ok {
			spans = append(spans, sp)
		}
	}
	where := figure.IntervalColumn(spans...)
	t.Columns[2].Name = where
	for _, s := range list {
		h := s.Head()
		if _, ok := h.OfTCP(func(*record.TCP) float64 { return 0 }); !ok || axis.Of(h.All[0], "gen") == "tcp-rr" {
			continue
		}
		figureOf := func(format func(float64) string, value func(*record.TCP) float64) string {
			v, _ := h.OfTCP(value)
			return format(v)
		}
		rng := text.Absent
		if sp, ok := h.Interval(record.GoodputBitPerS); ok {
			rng = sp.Text(where, text.Gigabits)
		}
		t.Rows = append(t.Rows, document.Row(title(s), prose.Bold(Cell(h, record.GoodputBitPerS, text.Gigabits)), rng, Cell(h, record.Retransmits, text.Percent),
			figureOf(text.Duration, func(v *record.TCP) float64 { return float64(v.RTTNs) }),
			figureOf(text.Duration, func(v *record.TCP) float64 { return float64(v.MinRTTNs) }),
			figureOf(text.Figure, func(v *record.TCP) float64 { return float64(v.Cwnd) }),
			figureOf(text.Figure, func(v *record.TCP) float64 { return float64(v.Reordering) }),
			figureOf(text.Hundredths, func(v *record.TCP) float64 { return v.Slowest }),
			h.Congestion()))
	}
	return t
}

func transactionTable(list []*figure.Scenario, title func(*figure.Scenario) string) document.Table {
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("per second", text.IntervalName, "p50", "p90", "p99", "p99.9", "max", "CPU "+figure.CostUnit(list))),
		Note:    book.Say("transactions note", nil),
	}
	var spans []figure.Interval
	for _, s := range list {
		if sp, ok := s.Head().Interval(record.TPS); ok {
			spans = append(spans, sp)
		}
	}
	where := figure.IntervalColumn(spans...)
	t.Columns[2].Name = where
	for _, s := range list {
		h := s.Head()
		if _, ok := h.Metric(record.TPS); !ok {
			continue
		}
		rng := text.Absent
		if sp, ok := h.Interval(record.TPS); ok {
			rng = sp.Text(where, text.Figure)
		}
		cells := []any{title(s), prose.Bold(Cell(h, record.TPS, text.Figure)), rng}
		if l, _, ok := s.LatencyOf(record.RTT); ok {
			cells = append(cells, ladder.QuantileCells(l)...)
		} else {
			cells = append(cells, text.Absent, text.Absent, text.Absent, text.Absent, text.Absent)
		}
		t.Rows = append(t.Rows, document.Row(append(cells, Cell(h, record.CPUNsPerPkt, text.Figure))...))
	}
	return t
}

func programTable(list []*figure.Scenario, title func(*figure.Scenario) string) document.Table {
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario", "program", "arguments"), document.Numeric("goodput Gbit/s"), document.Text("other figures")),
		Note:    book.Say("iperf3 note", nil),
	}
	for _, s := range list {
		h := s.Head()
		own := map[string][]float64{}
		var last *record.Generator
		for _, tr := range h.Used {
			if tr.Program != nil {
				last = tr.Program
				for name, v := range tr.Program.Figures {
					own[name] = append(own[name], v)
				}
			}
		}
		if last == nil {
			continue
		}
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(own)) {
			if sum, err := stat.Summarize(own[name]); err == nil {
				parts = append(parts, name+" "+text.Figure(sum.Median))
			}
		}
		t.Rows = append(t.Rows, document.Row(title(s), last.Name+" "+last.Version, prose.Mono(strings.Join(last.Args, " ")), prose.Bold(Cell(h, record.GoodputBitPerS, text.Gigabits)), strings.Join(parts, ", ")))
	}
	return t
}
