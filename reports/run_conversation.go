package reports

import (
	"maps"
	"slices"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// conversations shows what two hosts said to each other: streams, transactions,
// and what iperf3 says of its own.
func conversations(list []*scenario) (section, bool) {
	sec := section{heading: "Conversations"}
	title := titles(list)
	streams := streamTable(list, title)
	if len(streams.rows) > 0 {
		sec.blocks = append(sec.blocks, say(bold("TCP streams"), ": as the kernel's own TCP_INFO tells it."), streams.folded("TCP streams"))
	}
	if t := transactionTable(list, title); len(t.rows) > 0 {
		sec.blocks = append(sec.blocks, say(bold("Transactions"), ": a request and its answer, one at a time on each flow."), t.folded("Transactions"))
	}
	if t := programTable(list, title); len(t.rows) > 0 {
		sec.blocks = append(sec.blocks, say(bold("iperf3"), ": what the program says, beside what the kernel counted."), t.folded("iperf3"))
	}
	return sec, len(sec.blocks) > 0
}

func streamTable(list []*scenario, title func(*scenario) string) table {
	t := table{
		columns: slices.Concat(text("scenario"), numeric("goodput Gbit/s", intervalName, "retransmitted %", "RTT", "least RTT", "cwnd", "reordered", "slowest"), text("control")),
		note: say(bold("goodput"), ": payload, once each; median of the trials. ", bold("retransmitted"), ": share of the segments with data that were sent again. ",
			bold("RTT"), " and ", bold("cwnd"), " (segments): median of the streams at the end. ", bold("reordered"), ": segments that a receiver had to put in order, a trial. ",
			bold("slowest"), ": bytes of the slowest stream over the mean of all."),
	}
	var spans []interval
	for _, s := range list {
		if sp, ok := s.head().interval(record.GoodputBitPerS); ok {
			spans = append(spans, sp)
		}
	}
	where := intervalColumn(spans...)
	t.columns[2].name = where
	for _, s := range list {
		h := s.head()
		if _, ok := h.ofTCP(func(*record.TCP) float64 { return 0 }); !ok || axisOf(h.all[0], "gen") == "tcp-rr" {
			continue
		}
		figureOf := func(format func(float64) string, value func(*record.TCP) float64) string {
			v, _ := h.ofTCP(value)
			return format(v)
		}
		rng := absent
		if sp, ok := h.interval(record.GoodputBitPerS); ok {
			rng = sp.text(where, gigabits)
		}
		t.rows = append(t.rows, row(title(s), bold(cell(h, record.GoodputBitPerS, gigabits)), rng, cell(h, record.Retransmits, percent),
			figureOf(duration, func(v *record.TCP) float64 { return float64(v.RTTNs) }),
			figureOf(duration, func(v *record.TCP) float64 { return float64(v.MinRTTNs) }),
			figureOf(figure, func(v *record.TCP) float64 { return float64(v.Cwnd) }),
			figureOf(figure, func(v *record.TCP) float64 { return float64(v.Reordering) }),
			figureOf(hundredths, func(v *record.TCP) float64 { return v.Slowest }),
			h.congestion()))
	}
	return t
}

func transactionTable(list []*scenario, title func(*scenario) string) table {
	t := table{
		columns: slices.Concat(text("scenario"), numeric("a second", intervalName, "p50", "p90", "p99", "p99.9", "max", "CPU ns")),
		note:    say("Round trip, seen by who asks; the histograms of the trials are summed. ", bold("CPU"), ": time of all threads a packet."),
	}
	var spans []interval
	for _, s := range list {
		if sp, ok := s.head().interval(record.TPS); ok {
			spans = append(spans, sp)
		}
	}
	where := intervalColumn(spans...)
	t.columns[2].name = where
	for _, s := range list {
		h := s.head()
		if _, ok := h.metric(record.TPS); !ok {
			continue
		}
		rng := absent
		if sp, ok := h.interval(record.TPS); ok {
			rng = sp.text(where, figure)
		}
		cells := []any{title(s), bold(cell(h, record.TPS, figure)), rng}
		if l, _, ok := s.latencyOf(record.RTT); ok {
			cells = append(cells, quantileCells(l)...)
		} else {
			cells = append(cells, absent, absent, absent, absent, absent)
		}
		t.rows = append(t.rows, row(append(cells, cell(h, record.CPUNsPerPkt, figure))...))
	}
	return t
}

func programTable(list []*scenario, title func(*scenario) string) table {
	t := table{
		columns: slices.Concat(text("scenario", "program", "arguments"), numeric("goodput Gbit/s"), text("its own figures")),
		note:    say(bold("goodput"), " and its own figures: medians over the trials, by the names that the program gives them."),
	}
	for _, s := range list {
		h := s.head()
		own := map[string][]float64{}
		var last *record.Generator
		for _, tr := range h.used {
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
				parts = append(parts, name+" "+figure(sum.Median))
			}
		}
		t.rows = append(t.rows, row(title(s), last.Name+" "+last.Version, mono(strings.Join(last.Args, " ")), bold(cell(h, record.GoodputBitPerS, gigabits)), strings.Join(parts, ", ")))
	}
	return t
}
