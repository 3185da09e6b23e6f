package run

import (
	"cmp"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// comparison shows scenarios that differ in nothing but some axes.
type comparison struct {
	Name string // what its sentences are called
	axes []string
	// First is the value of the first axis that the other values are compared with,
	// if a group has it; otherwise they are compared with the first one of the group.
	First string
	// gso puts the bit rate first: what counts is how much one call carries.
	gso bool
}

// Table has a group of rows for each set of scenarios that differ in the axes of
// c only.
func (c comparison) Table(list []*figure.Scenario) document.Table {
	groups := map[string][]*figure.Scenario{}
	var order []string
	for _, s := range list {
		key := c.rest(s)
		if _, ok := groups[key]; !ok {
			order = append(order, key)
		}
		groups[key] = append(groups[key], s)
	}
	top := 0.0
	for _, key := range order {
		if len(groups[key]) > 1 {
			for _, s := range groups[key] {
				if m, ok := s.Head().Metric(record.PPS); ok {
					top = max(top, m.Median)
				}
			}
		}
	}
	sc := text.RateScale(top)
	rate := sc.Unit
	t := document.Table{Columns: slices.Concat(document.Text("scenario", strings.Join(c.axes, ", ")), document.Numeric(rate, "×", "Gbit/s", "CPU ns", "×", "system calls", "loss %"))}
	if c.gso {
		t.Columns = slices.Concat(document.Text("scenario", strings.Join(c.axes, ", ")), document.Numeric(rate, "Gbit/s", "×", "CPU ns", "×", "system calls", "loss %"))
	}
	for _, key := range order {
		group := groups[key]
		if len(group) < 2 {
			continue
		}
		base := group[0]
		for _, s := range group {
			if axis.Of(s.Head().All[0], c.axes[0]) == c.First {
				base = s
				break
			}
		}
		group = slices.Concat([]*figure.Scenario{base}, slices.DeleteFunc(slices.Clone(group), func(s *figure.Scenario) bool { return s == base }))
		name := key
		for _, s := range group {
			h := s.Head()
			var own []string
			for _, a := range c.axes {
				own = append(own, cmp.Or(axis.Of(h.All[0], a), "default"))
			}
			cells := []any{name, prose.Mono(strings.Join(own, " "))}
			pps, bits := Cell(h, record.PPS, sc.Format), Cell(h, record.BitPerS, text.Gigabits)
			if c.gso {
				cells = append(cells, pps, bits, times(h, base.Head(), record.BitPerS))
			} else {
				cells = append(cells, pps, times(h, base.Head(), record.PPS), bits)
			}
			cells = append(cells, Cell(h, record.CPUNsPerPkt, text.Figure), times(h, base.Head(), record.CPUNsPerPkt),
				Cell(h, record.SyscallsPerPkt, text.Figure), Cell(h, record.Loss, text.Percent))
			t.Rows = append(t.Rows, document.Row(cells...))
			name = ""
		}
	}
	return t
}

// rest names a scenario without the axes of c: what its group has in common.
func (c comparison) rest(s *figure.Scenario) string {
	mode, axes := axis.Split(s.Name)
	own := slices.DeleteFunc(slices.Clone(axes), func(a string) bool {
		axis, _, _ := strings.Cut(a, "=")
		return slices.Contains(c.axes, axis)
	})
	return mode + " " + strings.Join(own, " ") + s.Where // other hosts have groups of their own
}

var Comparisons = []comparison{
	{
		Name: "io", axes: []string{"io"}, First: "read",
	},
	{
		Name: "vnet", axes: []string{"vnet", "offload"}, First: "off", gso: true,
	},
	{
		Name: "queues", axes: []string{"queues"}, First: "1",
	},
	{
		Name: "dir", axes: []string{"dir"}, First: "k2u",
	},
	{
		Name: "path", axes: []string{"path", "cipher"}, First: "veth",
	},
}

// differences gives one section for all comparisons for which there are scenarios.
func differences(list []*figure.Scenario) (secs []document.Section) {
	for _, c := range Comparisons {
		if t := c.Table(list); len(t.Rows) > 0 {
			heading := book.Text("difference "+c.Name+" heading", nil)
			secs = append(secs, document.Section{Heading: heading, Sub: true, Blocks: []document.Block{book.Say("difference "+c.Name, nil), t.Folded(heading)}})
		}
	}
	if len(secs) == 0 {
		return nil
	}
	head := document.Section{Heading: book.Text("difference heading", nil), Blocks: []document.Block{document.Small(book.Say("difference note", nil))}}
	return append([]document.Section{head}, secs...)
}

// times is the ratio of two medians.
func times(a, base figure.Arm, metric string) string {
	x, okX := a.Metric(metric)
	y, okY := base.Metric(metric)
	if !okX || !okY || y.Median <= 0 || a.Invalid || base.Invalid {
		return text.Absent
	}
	return text.Figure(x.Median / y.Median)
}
