package run

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/document/question"
	"tunbench/reports/figure"
	"tunbench/reports/finding"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// differences gives one section for each difference in which scenarios differ.
func differences(list []*figure.Scenario) (secs []document.Section) {
	paired, medians := false, false
	trust := finding.TrustOf(list)
	for _, d := range figure.Differences {
		groups := d.Groups(list)
		if len(groups) == 0 {
			continue
		}
		t := newDifferenceTable(d, groups, trust)
		paired, medians = paired || t.paired(), medians || !t.paired()
		heading := book.Text("difference "+d.Name+" heading", nil)
		sec := document.Section{Heading: heading, Sub: true, Blocks: []document.Block{book.Say("difference "+d.Name, nil)}}
		for _, pic := range question.Pictures(d, list) {
			sec.Blocks = append(sec.Blocks, pic)
		}
		if why := t.apart(); why != "" {
			sec.Blocks = append(sec.Blocks, book.Say("costs apart", prose.Values{"Why": why}))
		}
		sec.Blocks = append(sec.Blocks, t.table().Folded(heading))
		if note := t.tcp(); len(note) > 0 {
			sec.Blocks = append(sec.Blocks, document.Small(note))
		}
		if t.unlike() {
			sec.Blocks = append(sec.Blocks, document.Small(book.Say("unlike note", nil)))
		}
		secs = append(secs, sec)
	}
	if len(secs) == 0 {
		return nil
	}
	head := document.Section{Heading: book.Text("differences heading", nil), Blocks: []document.Block{
		document.Small(book.Say("differences note", prose.Values{"Paired": paired, "Medians": medians, "Trust": trust.String()})),
	}}
	return append([]document.Section{head}, secs...)
}

// DifferenceTable shows the groups of d in list; it has no rows where there are none.
func DifferenceTable(d figure.Difference, list []*figure.Scenario) document.Table {
	return newDifferenceTable(d, d.Groups(list), finding.TrustOf(list)).table()
}

// differenceTable shows the groups of a difference.
type differenceTable struct {
	figure.Difference
	groups []figure.DifferenceGroup
	ratios map[*figure.Scenario]figure.Ratio // to the first row, of each other row that shares rounds with it
	where  string                            // column of the intervals of the ratios
	scale  text.Scale                        // of the packet rates
	unit   string                            // of the CPU time per packet
	trust  finding.Trust
}

func newDifferenceTable(d figure.Difference, groups []figure.DifferenceGroup, trust finding.Trust) differenceTable {
	t := differenceTable{Difference: d, groups: groups, trust: trust, ratios: map[*figure.Scenario]figure.Ratio{}}
	top := 0.0
	var spans []figure.Interval
	for _, g := range groups {
		t.unit = figure.CostUnit(g.Scenarios)
		for i, s := range g.Scenarios {
			if m, ok := s.Head().Metric(record.PPS); ok {
				top = max(top, m.Median)
			}
			if r, ok := d.Ratio(s, g.Base()); ok && i > 0 {
				t.ratios[s] = r
				spans = append(spans, r.Interval)
			}
		}
	}
	t.scale, t.where = text.RateScale(top), figure.IntervalColumn(spans...)
	return t
}

// paired reports whether scenarios were measured by turns, so that their rates are
// compared round by round.
func (t differenceTable) paired() bool { return len(t.ratios) > 0 }

// table has a group of rows for each group.
func (t differenceTable) table() document.Table {
	rate, times := document.Numeric(t.scale.Unit), document.Numeric("×")
	if t.paired() {
		times = slices.Concat(document.Numeric("ratio"), document.Interval(t.where))
	}
	if t.Bits {
		rate = append(rate, document.Numeric("Gbit/s")...)
	} else {
		times = append(times, document.Numeric("Gbit/s")...)
	}
	doc := document.Table{Columns: slices.Concat(document.Text("scenario", strings.Join(t.Axes, ", ")), rate, times, document.Numeric("CPU "+t.unit, "×", "system calls", "loss %"))}
	for _, g := range t.groups {
		name := g.Name
		for _, s := range g.Scenarios {
			doc.Rows = append(doc.Rows, document.Row(t.row(name, s, g.Base())...))
			name = ""
		}
	}
	return doc
}

func (t differenceTable) row(name string, s, base *figure.Scenario) []any {
	h := s.Head()
	var own []string
	for _, a := range t.Axes {
		own = append(own, cmp.Or(axis.Of(h.All[0], a), "default"))
	}
	cells := []any{name, prose.Mono(strings.Join(own, " ")), Cell(h, record.PPS, t.scale.Format)}
	bits := Cell(h, record.BitPerS, text.Gigabits)
	if t.Bits {
		cells = append(cells, bits)
	}
	cells = append(cells, t.times(s, base)...)
	if !t.Bits {
		cells = append(cells, bits)
	}
	return append(cells, Cell(h, record.CPUNsPerPkt, text.Figure), times(h, base.Head(), record.CPUNsPerPkt),
		Cell(h, record.SyscallsPerPkt, text.Significant), Cell(h, record.Loss, text.Percent))
}

// times compares the rate of s with that of base: the ratio with its interval or, where
// nothing was measured in rounds, the ratio of the medians.
func (t differenceTable) times(s, base *figure.Scenario) []any {
	r, ok := t.ratios[s]
	switch {
	case !t.paired():
		return []any{times(s.Head(), base.Head(), t.Metric())}
	case s == base:
		return []any{text.Ratio(1), text.Absent}
	case !ok:
		return []any{text.Absent, text.Absent}
	case len(r.Each) < 2:
		return []any{text.Ratio(r.Value), text.Absent}
	}
	ratio, interval := text.Ratio(r.Value), r.Interval.Text(t.where, text.Ratio)
	switch {
	case !finding.Alike(t.Difference, s, base):
		return []any{ratio, book.Say("other form", prose.Values{"Interval": interval})}
	case t.trust.Shows(r):
		return []any{prose.Bold(ratio), interval}
	case r.Interval.Exact && question.Side(r) != 0 && t.trust != 0:
		return []any{ratio, book.Say("within the threshold", prose.Values{"Interval": interval})}
	case r.Interval.Exact && question.Side(r) == 0:
		return []any{ratio, book.Say("no difference shown", prose.Values{"Interval": interval})}
	}
	return []any{ratio, interval}
}

// unlike reports whether packets cross some scenario in another form than the first one of
// its group.
func (t differenceTable) unlike() bool {
	for s := range t.ratios {
		for _, g := range t.groups {
			if slices.Contains(g.Scenarios, s) && !finding.Alike(t.Difference, s, g.Base()) {
				return true
			}
		}
	}
	return false
}

// apart says why a metric is not compared between two arms, or "".
func apart(a, base figure.Arm, name string) string {
	return metric.Apart(name, a.All[0], base.All[0])
}

// tcp says what carried the streams of the groups; nothing where there are none.
func (t differenceTable) tcp() prose.Prose {
	var all []*figure.Scenario
	low, high := math.Inf(1), 0.0
	for _, g := range t.groups {
		for _, s := range g.Scenarios {
			if m, ok := s.Head().Metric(record.Retransmits); ok {
				low, high = min(low, m.Median), max(high, m.Median)
			}
			all = append(all, s)
		}
	}
	control := question.Control(all)
	if control == "" || low > high {
		return nil
	}
	return book.Say("streams compared", prose.Values{"Control": control, "Again": text.FromTo(text.Percent(low), text.Percent(high))})
}

// apart says why some of the groups have no ratio of CPU time; "" where all have one.
func (t differenceTable) apart() string {
	for _, g := range t.groups {
		for _, s := range g.Scenarios {
			if why := apart(s.Head(), g.Base().Head(), record.CPUNsPerPkt); why != "" {
				return why
			}
		}
	}
	return ""
}

// times is the ratio of two medians; a dash where these do not count the same.
func times(a, base figure.Arm, name string) string {
	x, okX := a.Metric(name)
	y, okY := base.Metric(name)
	if !okX || !okY || y.Median <= 0 || a.Invalid || base.Invalid || apart(a, base, name) != "" {
		return text.Absent
	}
	return text.Figure(x.Median / y.Median)
}
