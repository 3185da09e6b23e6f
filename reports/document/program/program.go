// Package program shows the programs of path=program beside the paths that tunbench has
// itself.
package program

import (
	"cmp"
	"embed"
	"math"
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/document/question"
	"tunbench/reports/figure"
	"tunbench/reports/finding"
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
	goodput  float64 // of TCP, in bits per second
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
	}
	sec := document.Section{Heading: book.Text("heading", nil), Blocks: []document.Block{t}}
	shown, beyond := comparable(withGoodput(all))
	if pic, ok := goodputs(shown); ok {
		sec.Blocks = append(sec.Blocks, pic)
	}
	for _, r := range beyond {
		sec.Blocks = append(sec.Blocks, document.Small(book.Say("beyond", prose.Values{"Name": r.name, "Goodput": cell(r.tcp, record.GoodputBitPerS, text.Gigabits)})))
	}
	return sec, true
}

// farAhead is how many times as long as the next a bar may be: beside a longer one nobody
// sees how the others differ.
const farAhead = 8

// withGoodput are the rows that have a goodput of TCP.
func withGoodput(all []*row) (list []*row) {
	for _, r := range all {
		if r.tcp == nil {
			continue
		}
		if m, ok := r.tcp.Head().Metric(record.GoodputBitPerS); ok && m.Median > 0 {
			r.goodput = m.Median
			list = append(list, r)
		}
	}
	return list
}

// comparable leaves out rows that are far ahead of all others.
func comparable(all []*row) (kept, beyond []*row) {
	byValue := slices.SortedFunc(slices.Values(all), func(a, b *row) int { return cmp.Compare(b.goodput, a.goodput) })
	for len(byValue) > 1 && byValue[0].goodput > farAhead*byValue[1].goodput {
		beyond = append(beyond, byValue[0])
		byValue = byValue[1:]
	}
	for _, r := range all {
		if !slices.Contains(beyond, r) {
			kept = append(kept, r)
		}
	}
	return kept, beyond
}

// bases are the paths that the others are compared with, the best first.
var bases = []string{"path=veth", "path=wireguard", "path=vpn", "path=relay"}

// goodputs draws rows with their ratios to one of them, the base first, and of many the
// fastest.
func goodputs(all []*row) (document.Picture, bool) {
	if len(all) == 0 {
		return document.Picture{}, false
	}
	at := 0
	for _, name := range bases {
		if i := slices.IndexFunc(all, func(r *row) bool { return r.name == name }); i >= 0 {
			at = i
			break
		}
	}
	base := all[at]
	rest := slices.DeleteFunc(slices.Clone(all), func(r *row) bool { return r == base })
	slices.SortStableFunc(rest, func(a, b *row) int { return cmp.Compare(b.goodput, a.goodput) })
	shown := append([]*row{base}, rest[:min(len(rest), mostBars-1)]...)
	group := chart.RatioGroup{}
	var scenarios []*figure.Scenario
	for _, r := range shown {
		group.Bars = append(group.Bars, r.bar(base))
		scenarios = append(scenarios, r.tcp)
	}
	title := prose.Values{"Base": base.name, "Best": "", "Times": ""}
	if len(shown) > 1 {
		// Without rounds in common there is no ratio, and the title names no best.
		if ratio := shown[1].ratioTo(base).Value; !math.IsNaN(ratio) {
			title["Best"], title["Times"] = shown[1].name, text.Ratio(ratio)
		}
	}
	return document.Picture{
		File: document.Numbered("programs", 0), Alt: book.Text("chart alt", nil), N: document.TrialsEach(scenarios),
		Chart: chart.Ratios{
			Title: book.Text("chart title", title), Desc: book.Text("chart description", nil), Unit: "Gbit/s",
			Shared: book.Text("chart shared", prose.Values{"Hidden": len(all) - len(shown), "Base": base.name, "Whole": finding.Whole(base.tcp), "Unlike": unlike(scenarios)}),
			Groups: []chart.RatioGroup{group},
		},
	}, true
}

// unlike is how many scenarios move packets in another form than the first one, so that
// their ratios to it are those of the form, too.
func unlike(list []*figure.Scenario) (n int) {
	for _, s := range list[1:] {
		if finding.Whole(s) != finding.Whole(list[0]) {
			n++
		}
	}
	return n
}

// mostBars is how many programs and paths a chart has: one more than other charts, since
// it has a single group.
const mostBars = chart.BarsAChart + 4

// bar is the goodput of r, with its ratio to that of base.
func (r *row) bar(base *row) chart.RatioBar {
	h := r.tcp.Head()
	b := chart.RatioBar{Label: r.name, Value: r.goodput / 1e9, Text: text.Gigabits(r.goodput) + " Gbit/s"}
	if sp, ok := h.Interval(record.GoodputBitPerS); ok {
		b.Low, b.High, b.Exact = sp.Low/1e9, sp.High/1e9, sp.Exact
	}
	if r != base {
		ratio := r.ratioTo(base)
		b.Ratio, b.Side = question.RatioText(ratio), question.Side(ratio)
	}
	return b
}

// ratioTo compares r with base in the rounds that both have; without those it is not a number.
func (r *row) ratioTo(base *row) figure.Ratio {
	if ratio, ok := figure.RatioOf(r.tcp.Head(), base.tcp.Head(), figure.Bytes); ok {
		return ratio
	}
	return figure.Ratio{Value: math.NaN()}
}

func mebibytes(v float64) string { return text.Figure(v / (1 << 20)) }
