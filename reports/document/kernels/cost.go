package kernels

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// costs is the comparison of each later kernel with the first.
func costs(l Text) (secs []document.Section) {
	first := document.Section{Heading: "What a packet costs, in " + l.Unit()}
	if len(l.Common) > 0 {
		p := prose.Say("All scenarios have ")
		for i, a := range l.Common {
			if i > 0 {
				p = append(p, prose.Say(", ")...)
			}
			p = append(p, prose.Mono(a))
		}
		first.Blocks = append(first.Blocks, append(p, prose.Say(". An axis that is not named is at its default.")...))
	}
	secs = append(secs, first)
	for _, next := range l.Columns() {
		t := table(l, next)
		if next == nil {
			secs[0].Blocks = append(secs[0].Blocks, t)
			continue
		}
		secs = append(secs, document.Section{Heading: next.Short + " against " + l.Kernels[0].Short, Sub: true, Blocks: []document.Block{t}})
	}
	last := &secs[len(secs)-1]
	note := prose.Say(prose.Bold("send"), " and ", prose.Bold("receive"), ": "+l.Unit()+" inside the calls of each side, a packet; super-packets count as the segments they carry. ",
		prose.Bold("spread"), ": (highest − lowest) / median over the boots of one kernel. ")
	if len(l.Kernels) > 1 {
		note = append(note, prose.Say(prose.Bold("change"), ": this kernel / base − 1, of the two figures beside it; where a cost has several states, both are medians over the trials in one state and the marks give those over all boots. A change stands in bold where it is larger than both spreads; otherwise ", prose.Bold("no change seen"), ". ")...)
	}
	note = append(note, prose.Say(prose.Bold("unsettled"), ": the trials never agreed to 0.1 % five times in a row, so the figure is no constant.")...)
	last.Blocks = append(last.Blocks, document.Small(note))
	return secs
}

// rowsFor are the scenarios that the base or next measured.
func rowsFor(l Text, next *verdict.Kernel) (names []string) {
	for _, name := range l.Scenarios {
		if len(l.Kernels[0].Bare[name]) > 0 || (next != nil && len(next.Bare[name]) > 0) {
			names = append(names, name)
		}
	}
	return names
}

func table(l Text, next *verdict.Kernel) document.Table {
	base := l.Kernels[0]
	t := document.Table{Columns: document.Text("scenario")}
	for _, side := range verdict.Sides {
		if next == nil {
			t.Columns = slices.Concat(t.Columns, document.Numeric(side.Name, "spread %"))
			continue
		}
		t.Columns = slices.Concat(t.Columns, document.Numeric(side.Name+" "+base.Short, side.Name+" "+next.Short, "change %", "spread %"))
	}
	t.Columns = slices.Concat(t.Columns, document.Text("marks"))
	for _, name := range rowsFor(l, next) {
		cells := []any{l.name(name)}
		var shifts []verdict.Shift
		for _, side := range verdict.Sides {
			a := base.Cost(name, side.Metric)
			if next == nil {
				shifts = append(shifts, verdict.Shift{Base: a})
				own, _ := shifts[len(shifts)-1].Shown()
				cells = append(cells, costCell(own), spreadCell(a))
				continue
			}
			s := verdict.NewShift(a, next.Cost(name, side.Metric))
			shifts = append(shifts, s)
			old, young := s.Shown()
			cells = append(cells, costCell(old), costCell(young), changeCell(s), spreadCell(s.Base, s.New))
		}
		t.Rows = append(t.Rows, document.Row(append(cells, marks(l, base, next, name, shifts))...))
	}
	return t
}

// Brief is the table for a terminal.
func Brief(l Text, next *verdict.Kernel) document.Table {
	if next == nil {
		return table(l, nil)
	}
	base := l.Kernels[0]
	t := document.Table{Columns: slices.Concat(document.Text("scenario"), document.Numeric("send "+base.Short, next.Short, "%", "receive "+base.Short, next.Short, "%"), document.Text("marks"))}
	for _, name := range rowsFor(l, next) {
		cells := []any{l.name(name)}
		var shifts []verdict.Shift
		for _, side := range verdict.Sides {
			s := verdict.NewShift(base.Cost(name, side.Metric), next.Cost(name, side.Metric))
			shifts = append(shifts, s)
			old, young := s.Shown()
			cells = append(cells, costCell(old), costCell(young), changeCell(s))
		}
		t.Rows = append(t.Rows, document.Row(append(cells, marks(l, base, next, name, shifts))...))
	}
	return t
}

// marks says what there is to know about a row beside its figures.
func marks(l Text, base, next *verdict.Kernel, scenario string, shifts []verdict.Shift) string {
	var m []string
	if next != nil {
		var still []string
		alone, compared := false, 0
		for i, s := range shifts {
			seen, known := s.Seen()
			if s.Change != nil {
				compared++
				alone = alone || !known
				if known && !seen {
					still = append(still, verdict.Sides[i].Name)
				}
			}
		}
		switch {
		case alone:
			m = append(m, "one boot: spread not known")
		case len(still) == compared && compared > 0:
			m = append(m, "no change seen")
		case len(still) > 0:
			m = append(m, strings.Join(still, ", ")+": no change seen")
		}
		for i, s := range shifts {
			if s.InState() {
				m = append(m, verdict.Sides[i].Name+": one state of several, over all boots "+text.PerPacket(s.Base.Median)+" and "+text.PerPacket(s.New.Median))
			}
		}
		if len(verdict.BuiltOtherwise(base, next, scenario)) > 0 {
			m = append(m, "the device differs")
		}
	}
	for _, k := range []*verdict.Kernel{base, next} {
		if k == nil {
			continue
		}
		readings := k.Bare[scenario]
		if len(readings) == 0 {
			reason, _ := k.Why(scenario)
			m = append(m, k.Short+": "+cmp.Or(reason, "missing"))
			continue
		}
		unsettled, dead := 0, 0
		for _, r := range readings {
			if r.Unsettled {
				unsettled++
			}
			if r.Invalid {
				dead++
			}
		}
		if unsettled > 0 {
			m = append(m, fmt.Sprintf("%s: unsettled %d/%d", k.Short, unsettled, len(readings)))
		}
		if dead > 0 {
			m = append(m, fmt.Sprintf("%s: invalid %d/%d", k.Short, dead, len(readings)))
		}
		if n := k.Boots - len(k.Lost); len(readings) < n {
			m = append(m, fmt.Sprintf("%s: in %d of %d boots", k.Short, len(readings), n))
		}
	}
	return strings.Join(m, "; ")
}

// charts shows both sides of every scenario, kernels side by side.
func charts(l Text) (document.Section, bool) {
	sec := document.Section{Heading: "The same as charts", Sub: true}
	var names []string
	for _, k := range l.Kernels {
		names = append(names, k.Short)
	}
	for _, side := range verdict.Sides {
		var groups []chart.BarGroup
		for _, scenario := range l.Scenarios {
			g := chart.BarGroup{Label: l.name(scenario)}
			any := false
			for _, k := range l.Kernels {
				b := chart.GroupBar{Text: text.Absent}
				if c := k.Cost(scenario, side.Metric); c != nil {
					any = true
					b = chart.GroupBar{Value: c.Median, Min: c.Min, Max: c.Max, Text: text.PerPacket(c.Median), Hollow: c.Unsettled+c.Invalid > 0, Measured: true}
				} else if reason, _ := k.Why(scenario); len(k.Bare[scenario]) == 0 {
					b.Text = cmp.Or(reason, "missing")
				}
				g.Bars = append(g.Bars, b)
			}
			if any {
				groups = append(groups, g)
			}
		}
		for i, part := range slices.Collect(slices.Chunk(groups, max(1, chart.RowsAChart/max(1, len(names))))) {
			file := map[string]string{record.SendNsPerPkt: "kernels-send", record.RecvNsPerPkt: "kernels-receive"}[side.Metric]
			sec.Blocks = append(sec.Blocks, document.Picture{
				File: document.Numbered(file, i), Alt: "Cost of a packet on the " + side.Name + " side by scenario, kernels side by side",
				Chart: chart.Groups{
					Title: "Cost of a packet, " + side.Name + " side", Desc: "One bar a kernel in each scenario; lower is better.",
					Unit: l.Unit(), Names: names, Groups: part,
				},
			})
		}
	}
	return sec, len(sec.Blocks) > 0
}
