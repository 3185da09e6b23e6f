package run

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/document/trust"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

func throughput(list []*figure.Scenario, common []string, f *record.File) []document.Section {
	top := 0.0
	skbs, observedOnly, out := false, false, false
	for _, s := range list {
		if m, ok := s.Head().Metric(record.PPS); ok {
			top = max(top, m.Median)
			if k, ok := s.Head().Metric(record.SKBPS); ok && (k.Median < 0.995*m.Median) {
				skbs = true
			}
		}
		observedOnly = observedOnly || len(s.Bare.All) == 0
		out = out || s.Head().Invalid
	}
	sc := text.RateScale(top)

	first := document.Section{Heading: book.Text("throughput heading", nil)}
	if len(common) > 0 {
		var axes []prose.Piece
		for _, a := range common {
			axes = append(axes, prose.Mono(a))
		}
		first.Blocks = append(first.Blocks, book.Say("common axes", prose.Values{"Axes": axes}))
	}
	where := intervalColumn(list, record.PPS)
	secs := []document.Section{first}
	var tables []document.Table
	for _, mode := range figure.ModesOf(list) {
		var own []*figure.Scenario
		for _, s := range list {
			if s.Mode == mode {
				own = append(own, s)
			}
		}
		t := headline(own, sc, headColumns{skbs, figure.OnLoopback(list), where})
		tables = append(tables, t)
		secs = append(secs, document.Section{Heading: cmp.Or(mode, book.Text("throughput of other modes heading", nil)), Sub: true, Blocks: []document.Block{t}})
	}
	for name, worse := range map[string]bool{sc.Unit: false, "× loopback": false, "Gbit/s": false, "loss %": true} {
		document.Fill(tables, name, worse)
	}
	notes := []prose.Prose{book.Say("throughput columns", prose.Values{
		"Rate": sc.Unit, "Interval": document.IntervalNote(where, "trial"), "Rounds": figure.InRounds(list), "Loopback": figure.OnLoopback(list), "Dashes": slices.ContainsFunc(list, lacksYardstick),
	})}
	if slices.ContainsFunc(list, (*figure.Scenario).UserWrites) {
		notes = append(notes, book.Say("throughput u2k", nil))
	}
	if partly := trust.PartlyTimed(list); len(partly) > 0 {
		notes = append(notes, book.Say("throughput part of the calls", prose.Values{"Engines": trust.Engines(partly)}))
	}
	if figure.BelowFloor(f) {
		notes = append(notes, book.Say("throughput below the floor", nil))
	}
	if skbs {
		notes = append(notes, book.Say("throughput skb", nil))
	}
	if slices.ContainsFunc(list, onAxis("gen", "tcp")) {
		notes = append(notes, book.Say("throughput tcp", nil))
	}
	if observedOnly {
		notes = append(notes, book.Say("throughput observed", nil))
	}
	if out {
		notes = append(notes, book.Say("throughput invalid", nil))
	}
	if f.Run.Clock == record.ClockICount {
		notes = append(notes, book.Say("throughput icount", nil))
	}
	last := &secs[len(secs)-1]
	for _, n := range notes {
		last.Blocks = append(last.Blocks, document.Small(n))
	}
	last.Blocks = append(last.Blocks, terms(list), everyInterval(list), packetCost(list))
	return secs
}

// lacksYardstick reports whether s has no ratio to loopback.
func lacksYardstick(s *figure.Scenario) bool {
	_, ok := s.Head().Metric(record.LoopbackRatio)
	return !ok
}

// onAxis selects scenarios with one of the values on an axis.
func onAxis(name string, values ...string) func(*figure.Scenario) bool {
	return func(s *figure.Scenario) bool { return slices.Contains(values, axis.Of(s.Head().All[0], name)) }
}

// terms explains what the names of scenarios abbreviate.
func terms(list []*figure.Scenario) document.Fold {
	return document.Fold{Summary: book.Text("terms fold", nil), Blocks: []document.Block{book.Say("terms", prose.Values{
		"Packet": slices.ContainsFunc(list, onAxis("gen", "packet", "packet-gso")),
		"Header": slices.ContainsFunc(list, onAxis("vnet", "10", "12", "20", "24")),
		"Load":   slices.ContainsFunc(list, (*figure.Scenario).Open),
	})}}
}

// headColumns says which columns the headline has.
type headColumns struct {
	skbs, loopback bool
	where          string // the column of intervals
}

// intervalColumn is the title of a column of the intervals of a metric.
func intervalColumn(list []*figure.Scenario, metric string) string {
	return figure.IntervalColumn(slices.Collect(maps.Values(figure.IntervalsOf(list, metric)))...)
}

// headline shows the median of each figure, and the intervals of the packet rate and of
// the ratio to loopback.
func headline(own []*figure.Scenario, sc text.Scale, has headColumns) document.Table {
	t := document.Table{Columns: slices.Concat(document.Text("scenario"), document.Numeric(sc.Unit), document.Interval(has.where))}
	if has.loopback {
		t.Columns = slices.Concat(t.Columns, document.Numeric("× loopback"), document.Interval(has.where))
	}
	if has.skbs {
		t.Columns = append(t.Columns, document.Numeric("skb "+sc.Unit)...)
	}
	t.Columns = slices.Concat(t.Columns, document.Numeric("Gbit/s", "loss %", "CPU "+figure.CostUnit(own), "× floor", "n"), document.Text("flags"))
	for _, s := range own {
		h := s.Head()
		with := func(metric string, format func(float64) string) []any {
			rng := text.Absent
			if sp, ok := h.Interval(metric); ok {
				rng = sp.Text(has.where, format)
			}
			if mid := Cell(h, metric, format); mid != text.Absent {
				return []any{prose.Bold(mid), rng}
			}
			return []any{text.Absent, rng}
		}
		cells := append([]any{s.Label}, with(record.PPS, sc.Format)...)
		if has.loopback {
			cells = append(cells, with(record.LoopbackRatio, text.Ratio)...)
		}
		if has.skbs {
			cells = append(cells, Cell(h, record.SKBPS, sc.Format))
		}
		n := strconv.Itoa(len(h.Used))
		if h.Invalid {
			n = "0"
		}
		if len(h.Used) != len(h.All) || h.Invalid {
			n += " of " + strconv.Itoa(len(h.All))
		}
		cells = append(cells,
			Cell(h, record.BitPerS, text.Gigabits), Cell(h, record.Loss, text.Percent),
			Cell(h, record.CPUNsPerPkt, text.Figure), Cell(h, record.FloorRatio, text.Hundredths),
			n, Marks(s))
		t.Rows = append(t.Rows, document.Row(cells...))
	}
	return t
}

// everyInterval shows the figures whose intervals the headline has no room for, or the
// range of the trials where there are too few for one.
func everyInterval(list []*figure.Scenario) document.Table {
	title := figure.Titles(list)
	type column struct {
		column, metric string
		format         func(float64) string
	}
	figures := []column{
		{"Gbit/s", record.BitPerS, text.Gigabits},
		{"loss %", record.Loss, text.Percent},
		{"CPU " + figure.CostUnit(list), record.CPUNsPerPkt, text.Figure},
		{"× floor", record.FloorRatio, text.Hundredths},
	}
	var spans []figure.Interval
	for _, s := range list {
		for _, f := range figures {
			sp, _ := s.Head().Interval(f.metric)
			spans = append(spans, sp)
		}
	}
	where := figure.IntervalColumn(spans...)
	t := document.Table{Detail: true, Columns: document.Text("scenario"), Fold: book.Text("every interval fold", prose.Values{"Interval": where}), Note: book.Say("every interval note", prose.Values{"Interval": where, "Explained": document.IntervalNote(where, "trial")})}
	for _, f := range figures {
		t.Columns = append(t.Columns, document.Column{Name: f.column, Numeric: true})
	}
	for i, s := range list {
		cells := []any{title(s)}
		for j, f := range figures {
			c := Cell(s.Head(), f.metric, f.format)
			if _, ok := s.Head().Interval(f.metric); ok {
				c += " (" + spans[i*len(figures)+j].Text(where, f.format) + ")"
			}
			cells = append(cells, c)
		}
		t.Rows = append(t.Rows, document.Row(cells...))
	}
	return t
}

// Cell is the median of a metric.
func Cell(a figure.Arm, metric string, format func(float64) string) string {
	m, ok := a.Metric(metric)
	if !ok {
		return text.Absent
	}
	return format(m.Median)
}

// Marks names the flags of the headline's trials, with how many have them
// unless all do.
func Marks(s *figure.Scenario) prose.Prose {
	h := s.Head()
	var p prose.Prose
	add := func(x ...any) {
		if len(p) > 0 {
			p = append(p, prose.Say(", ")...)
		}
		p = append(p, prose.Say(x...)...)
	}
	if h.Invalid {
		add(prose.Bold("invalid"))
	}
	if len(s.Bare.All) == 0 {
		add(prose.Bold("observed"))
	}
	names, counts := h.Flags()
	for _, f := range names {
		if f == record.FlagOversubscribed {
			continue // a fact of the host, told once
		}
		if counts[f] == len(h.All) {
			add(f)
		} else {
			add(fmt.Sprintf("%s %d/%d", f, counts[f], len(h.All)))
		}
	}
	return p
}

func packetCost(list []*figure.Scenario) document.Table {
	title, unit := figure.Titles(list), figure.CostUnit(list)
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("send "+unit, "receive "+unit, "system calls", "CPU "+unit, "offered/delivered")),
		Note:    book.Say("packet cost note", nil),
		Fold:    book.Text("packet cost fold", nil),
	}
	for _, s := range list {
		h := s.Head()
		ratio := text.Absent
		var x []float64
		for _, tr := range h.Used {
			if pps := tr.Metrics[record.PPS]; pps > 0 {
				if o, ok := tr.Metrics[record.OfferedPPS]; ok {
					x = append(x, o/pps)
				}
			}
		}
		if sum, err := stat.Summarize(x); err == nil {
			ratio = text.Decimals(sum.Median, 2)
		}
		t.Rows = append(t.Rows, document.Row(title(s), Cell(h, record.SendNsPerPkt, text.Figure), Cell(h, record.RecvNsPerPkt, text.Figure),
			Cell(h, record.SyscallsPerPkt, text.Significant), Cell(h, record.CPUNsPerPkt, text.Figure), ratio))
	}
	return t
}
