// Package program shows the programs of path=program beside the paths that tunbench has
// itself.
package program

import (
	"cmp"
	"embed"
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))

// row is a program, or a path of tunbench: its first scenario of TCP and its first one of
// UDP.
type row struct {
	name     string
	tcp, udp *figure.Scenario
}

// rows are those of list, in the order of their first scenarios; none if no program was
// measured.
func rows(list []*figure.Scenario) (all []*row) {
	programs := false
	for _, s := range list {
		trial := s.Head().All[0]
		path, gen := axis.Of(trial, "path"), axis.Of(trial, "gen")
		if path == "" || path == "sink" || axis.Of(trial, "load") != "max" && axis.Of(trial, "load") != "" {
			continue
		}
		name := "path=" + path
		if cipher := axis.Of(trial, "cipher"); cipher != "" && cipher != "none" {
			name += " " + cipher
		}
		if path == "program" {
			name, programs = axis.Of(trial, "program"), true
		}
		i := slices.IndexFunc(all, func(r *row) bool { return r.name == name })
		if i < 0 {
			i = len(all)
			all = append(all, &row{name: name})
		}
		switch gen {
		case "tcp":
			all[i].tcp = cmp.Or(all[i].tcp, s)
		case "udp":
			all[i].udp = cmp.Or(all[i].udp, s)
		}
	}
	all = slices.DeleteFunc(all, func(r *row) bool { return r.tcp == nil && r.udp == nil })
	if !programs {
		return nil
	}
	return all
}

// cell is the median of a metric of a scenario, which may be nil.
func cell(s *figure.Scenario, metric string, format func(float64) string) string {
	if s == nil {
		return text.Absent
	}
	m, ok := s.Head().Metric(metric)
	if !ok {
		return text.Absent
	}
	return format(m.Median)
}

// Section shows the programs of list; false if none was measured.
func Section(list []*figure.Scenario) (document.Section, bool) {
	all := rows(list)
	if len(all) == 0 {
		return document.Section{}, false
	}
	top := 0.0
	for _, r := range all {
		if r.udp != nil {
			if m, ok := r.udp.Head().Metric(record.PPS); ok {
				top = max(top, m.Median)
			}
		}
	}
	rate := text.RateScale(top)
	t := document.Table{
		Columns: slices.Concat(document.Text("program or path"), document.Numeric("goodput Gbit/s", rate.Unit, "RTT under load", "CPU ns", "peak MiB", "retransmitted %")),
		Note:    book.Say("columns", prose.Values{"Rate": rate.Unit}),
	}
	var bars []chart.Bar
	for _, r := range all {
		rtt := text.Absent
		if r.tcp != nil {
			if v, ok := r.tcp.Head().OfTCP(func(v *record.TCP) float64 { return float64(v.RTTNs) }); ok {
				rtt = text.Duration(v)
			}
		}
		main := cmp.Or(r.tcp, r.udp)
		t.Rows = append(t.Rows, document.Row(prose.Mono(r.name), prose.Bold(cell(r.tcp, record.GoodputBitPerS, text.Gigabits)), cell(r.udp, record.PPS, rate.Format),
			rtt, cell(main, record.CPUNsPerPkt, text.Figure), cell(main, record.PeakBytes, mebibytes), cell(r.tcp, record.Retransmits, text.Percent)))
		if bar, ok := goodput(r); ok {
			bars = append(bars, bar)
		}
	}
	sec := document.Section{Heading: book.Text("heading", nil), Blocks: []document.Block{t}}
	bars, beyond := comparable(bars)
	for i, part := range slices.Collect(slices.Chunk(bars, chart.RowsAChart)) {
		sec.Blocks = append(sec.Blocks, document.Picture{
			File: document.Numbered("programs", i), Alt: book.Text("chart alt", nil),
			Chart: chart.Bars{Title: book.Text("chart title", nil), Desc: book.Text("chart description", nil), Class: "a", Unit: "Gbit/s", Bars: part},
		})
	}
	for _, b := range beyond {
		sec.Blocks = append(sec.Blocks, document.Small(book.Say("beyond", prose.Values{"Name": b.Label, "Goodput": b.Text})))
	}
	return sec, true
}

// farAhead is how many times as long as the next a bar may be: beside a longer one nobody
// sees how the others differ.
const farAhead = 8

// comparable leaves out bars that are far longer than all others.
func comparable(bars []chart.Bar) (kept, beyond []chart.Bar) {
	byValue := slices.SortedFunc(slices.Values(bars), func(a, b chart.Bar) int { return cmp.Compare(b.Value, a.Value) })
	for len(byValue) > 1 && byValue[0].Value > farAhead*byValue[1].Value {
		beyond = append(beyond, byValue[0])
		byValue = byValue[1:]
	}
	for _, b := range bars {
		if !slices.ContainsFunc(beyond, func(far chart.Bar) bool { return far.Label == b.Label }) {
			kept = append(kept, b)
		}
	}
	return kept, beyond
}

func mebibytes(v float64) string { return text.Figure(v / (1 << 20)) }

// goodput is the bar of a row that has TCP.
func goodput(r *row) (chart.Bar, bool) {
	if r.tcp == nil {
		return chart.Bar{}, false
	}
	h := r.tcp.Head()
	m, ok := h.Metric(record.GoodputBitPerS)
	if !ok {
		return chart.Bar{}, false
	}
	b := chart.Bar{Label: r.name, Value: m.Median / 1e9, Text: text.Gigabits(m.Median), Hollow: h.Invalid}
	if sp, ok := h.Interval(record.GoodputBitPerS); ok {
		b.Low, b.High, b.Exact = sp.Low/1e9, sp.High/1e9, sp.Exact
	}
	return b, true
}
