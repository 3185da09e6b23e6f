package reports

import (
	"cmp"
	"slices"
	"strings"

	"tunbench/reports/record"
)

// comparison puts scenarios beside each other that differ in nothing but some
// axes.
type comparison struct {
	heading string
	about   prose
	axes    []string
	// first is the value of the first axis that the others are held against,
	// where a group has it; else the first of the group is.
	first string
	// gso tells that what counts is how much one call carries.
	gso bool
}

// table has a group of rows for each set of scenarios that differ in the axes of
// c only.
func (c comparison) table(list []*scenario) table {
	groups := map[string][]*scenario{}
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
				if m, ok := s.head().metric(record.PPS); ok {
					top = max(top, m.Median)
				}
			}
		}
	}
	sc := rateScale(top)
	rate := sc.unit
	t := table{columns: slices.Concat(text("scenario", strings.Join(c.axes, ", ")), numeric(rate, "×", "Gbit/s", "CPU ns", "×", "system calls", "loss %"))}
	if c.gso {
		t.columns = slices.Concat(text("scenario", strings.Join(c.axes, ", ")), numeric(rate, "Gbit/s", "×", "CPU ns", "×", "system calls", "loss %"))
	}
	for _, key := range order {
		group := groups[key]
		if len(group) < 2 {
			continue
		}
		base := group[0]
		for _, s := range group {
			if axisOf(s.head().all[0], c.axes[0]) == c.first {
				base = s
				break
			}
		}
		group = slices.Concat([]*scenario{base}, slices.DeleteFunc(slices.Clone(group), func(s *scenario) bool { return s == base }))
		name := key
		for _, s := range group {
			h := s.head()
			var own []string
			for _, a := range c.axes {
				own = append(own, cmp.Or(axisOf(h.all[0], a), "default"))
			}
			cells := []any{name, mono(strings.Join(own, " "))}
			pps, bits := cell(h, record.PPS, sc.format), cell(h, record.BitPerS, gigabits)
			if c.gso {
				cells = append(cells, pps, bits, times(h, base.head(), record.BitPerS))
			} else {
				cells = append(cells, pps, times(h, base.head(), record.PPS), bits)
			}
			cells = append(cells, cell(h, record.CPUNsPerPkt, figure), times(h, base.head(), record.CPUNsPerPkt),
				cell(h, record.SyscallsPerPkt, figure), cell(h, record.Loss, percent))
			t.rows = append(t.rows, row(cells...))
			name = ""
		}
	}
	return t
}

// rest names a scenario without the axes of c: what its group has in common.
func (c comparison) rest(s *scenario) string {
	mode, axes := split(s.name)
	own := slices.DeleteFunc(slices.Clone(axes), func(a string) bool {
		axis, _, _ := strings.Cut(a, "=")
		return slices.Contains(c.axes, axis)
	})
	return mode + " " + strings.Join(own, " ") + s.where // other hosts have groups of their own
}

var comparisons = []comparison{
	{
		heading: "Engines", axes: []string{"io"}, first: "read",
		about: say("The same packets through the same device; only the calls differ."),
	},
	{
		heading: "virtio-net header and offloads", axes: []string{"vnet", "offload"}, first: "off", gso: true,
		about: say("What the header costs by itself, and what it buys where super-packets pass through whole."),
	},
	{
		heading: "Queues", axes: []string{"queues"}, first: "1",
		about: say("The same flows over one queue and over more."),
	},
	{
		heading: "Directions", axes: []string{"dir"}, first: "k2u",
		about: say("From the kernel to user space, the other way, and both at once: then the figure is the sum."),
	},
	{
		heading: "Paths and ciphers", axes: []string{"path", "cipher"}, first: "veth",
		about: say("The same traffic between two hosts, by what lies between them. ", mono("veth"), " has no user space in it: it is what the rest costs."),
	},
}

// beside gives one section for all comparisons for which there are scenarios.
func beside(list []*scenario) (secs []section) {
	for _, c := range comparisons {
		if t := c.table(list); len(t.rows) > 0 {
			secs = append(secs, section{heading: c.heading, sub: true, blocks: []block{c.about, t.folded(c.heading)}})
		}
	}
	if len(secs) == 0 {
		return nil
	}
	head := section{heading: "Beside each other", blocks: []block{
		small(say("Scenarios that differ in nothing but what stands in the second column; ", bold("×"), " is the ratio of the medians to the first of its group. ",
			"Trials of different scenarios are not paired: for a verdict on a difference, ", mono("tunbench ab"), ".")),
	}}
	return append([]section{head}, secs...)
}

// times is the ratio of two medians.
func times(a, base arm, metric string) string {
	x, okX := a.metric(metric)
	y, okY := base.metric(metric)
	if !okX || !okY || y.Median <= 0 || a.invalid || base.invalid {
		return absent
	}
	return figure(x.Median / y.Median)
}
