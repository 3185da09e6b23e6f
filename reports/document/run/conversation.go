package run

import (
	"maps"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// conversations shows what two hosts said to each other: streams, transactions,
// and what iperf3 says of its own.
func conversations(list []*figure.Scenario) (document.Section, bool) {
	sec := document.Section{Heading: "Conversations"}
	title := figure.Titles(list)
	streams := streamTable(list, title)
	if len(streams.Rows) > 0 {
		sec.Blocks = append(sec.Blocks, prose.Say(prose.Bold("TCP streams"), ": as the kernel's own TCP_INFO tells it."), streams.Folded("TCP streams"))
	}
	if t := transactionTable(list, title); len(t.Rows) > 0 {
		sec.Blocks = append(sec.Blocks, prose.Say(prose.Bold("Transactions"), ": a request and its answer, one at a time on each flow."), t.Folded("Transactions"))
	}
	if t := programTable(list, title); len(t.Rows) > 0 {
		sec.Blocks = append(sec.Blocks, prose.Say(prose.Bold("iperf3"), ": what the program says, beside what the kernel counted."), t.Folded("iperf3"))
	}
	return sec, len(sec.Blocks) > 0
}

func streamTable(list []*figure.Scenario, title func(*figure.Scenario) string) document.Table {
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("goodput Gbit/s", text.IntervalName, "retransmitted %", "RTT", "least RTT", "cwnd", "reordered", "slowest"), document.Text("control")),
		Note: prose.Say(prose.Bold("goodput"), ": payload, once each; median of the trials. ", prose.Bold("retransmitted"), ": share of the segments with data that were sent again. ",
			prose.Bold("RTT"), " and ", prose.Bold("cwnd"), " (segments): median of the streams at the end. ", prose.Bold("reordered"), ": segments that a receiver had to put in order, a trial. ",
			prose.Bold("slowest"), ": bytes of the slowest stream over the mean of all."),
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
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("a second", text.IntervalName, "p50", "p90", "p99", "p99.9", "max", "CPU ns")),
		Note:    prose.Say("Round trip, seen by who asks; the histograms of the trials are summed. ", prose.Bold("CPU"), ": time of all threads a packet."),
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
			cells = append(cells, quantileCells(l)...)
		} else {
			cells = append(cells, text.Absent, text.Absent, text.Absent, text.Absent, text.Absent)
		}
		t.Rows = append(t.Rows, document.Row(append(cells, Cell(h, record.CPUNsPerPkt, text.Figure))...))
	}
	return t
}

func programTable(list []*figure.Scenario, title func(*figure.Scenario) string) document.Table {
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario", "program", "arguments"), document.Numeric("goodput Gbit/s"), document.Text("its own figures")),
		Note:    prose.Say(prose.Bold("goodput"), " and its own figures: medians over the trials, by the names that the program gives them."),
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
