package kernels

import (
	"cmp"
	"slices"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// costs is the comparison of each later kernel with the first.
func costs(l Text) (secs []document.Section) {
	first := document.Section{Heading: book.Text("costs heading", prose.Values{"Unit": l.Unit()})}
	if len(l.Common) > 0 {
		first.Blocks = append(first.Blocks, book.Say("common", prose.Values{"Axes": code(l.Common)}))
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
	last.Blocks = append(last.Blocks, document.Small(book.Say("columns", prose.Values{"Unit": l.Unit(), "Compared": len(l.Kernels) > 1})))
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

// table compares next with the first kernel; where next is nil, it shows the first.
func table(l Text, next *verdict.Kernel) document.Table {
	base := l.Kernels[0]
	t := document.Table{Columns: document.Text("scenario")}
	for _, side := range verdict.PacketCosts {
		if next == nil {
			t.Columns = slices.Concat(t.Columns, document.Numeric(side.Name, "spread %"))
			continue
		}
		t.Columns = slices.Concat(t.Columns, document.Numeric(side.Name+" "+base.Short, side.Name+" "+next.Short, "change %", "spread %"))
	}
	t.Columns = slices.Concat(t.Columns, document.Text("marks"))
	for _, name := range rowsFor(l, next) {
		cells := []any{l.Name(name)}
		var shifts []verdict.Shift
		for _, side := range verdict.PacketCosts {
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
		t.Rows = append(t.Rows, document.Row(append(cells, marks(base, next, name, shifts))...))
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
		cells := []any{l.Name(name)}
		var shifts []verdict.Shift
		for _, side := range verdict.PacketCosts {
			s := verdict.NewShift(base.Cost(name, side.Metric), next.Cost(name, side.Metric))
			shifts = append(shifts, s)
			old, young := s.Shown()
			cells = append(cells, costCell(old), costCell(young), changeCell(s))
		}
		t.Rows = append(t.Rows, document.Row(append(cells, marks(base, next, name, shifts))...))
	}
	return t
}

// marks says what there is to know about a row beside its figures.
func marks(base, next *verdict.Kernel, scenario string, shifts []verdict.Shift) string {
	var m []string
	if next != nil {
		m = shiftMarks(shifts)
		if len(verdict.BuiltOtherwise(base, next, scenario)) > 0 {
			m = append(m, book.Text("mark device", nil))
		}
	}
	for _, k := range []*verdict.Kernel{base, next} {
		if k != nil {
			m = append(m, kernelMarks(k, scenario)...)
		}
	}
	return strings.Join(m, "; ")
}

// shiftMarks says how the changes of a row are to be read.
func shiftMarks(shifts []verdict.Shift) (m []string) {
	var still []string
	alone, compared := false, 0
	for i, s := range shifts {
		seen, known := s.Seen()
		if s.Change == nil {
			continue
		}
		compared++
		alone = alone || !known
		if known && !seen {
			still = append(still, verdict.PacketCosts[i].Name)
		}
	}
	switch {
	case alone:
		m = append(m, book.Text("mark one boot", nil))
	case len(still) == compared && compared > 0:
		m = append(m, book.Text("mark no change", prose.Values{"Sides": ""}))
	case len(still) > 0:
		m = append(m, book.Text("mark no change", prose.Values{"Sides": strings.Join(still, ", ")}))
	}
	for i, s := range shifts {
		if s.InState() {
			m = append(m, book.Text("mark state", prose.Values{
				"Side": verdict.PacketCosts[i].Name, "Base": text.PerPacket(s.Base.Median), "New": text.PerPacket(s.New.Median),
			}))
		}
	}
	return m
}

// kernelMarks says what is missing or doubtful of a scenario on a kernel.
func kernelMarks(k *verdict.Kernel, scenario string) (m []string) {
	readings := k.Bare[scenario]
	if len(readings) == 0 {
		reason, _ := k.Why(scenario)
		return []string{book.Text("mark missing", prose.Values{"Kernel": k.Short, "Why": cmp.Or(reason, "missing")})}
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
	say := func(name string, n, boots int) {
		m = append(m, book.Text("count "+name, prose.Values{"Of": k.Short, "N": n, "Boots": boots}))
	}
	if unsettled > 0 {
		say("unsettled", unsettled, len(readings))
	}
	if dead > 0 {
		say("invalid", dead, len(readings))
	}
	if n := k.Boots - len(k.Lost); len(readings) < n {
		say("boots", len(readings), n)
	}
	return m
}
