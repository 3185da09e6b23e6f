package run

import (
	"slices"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// limit tells how far each scenario is from what this host can do at all. It
// is false where no floor was measured.
func limit(list []*figure.Scenario) (secs []document.Section) {
	sec := document.Section{Heading: "How far from the limit"}
	title := figure.Titles(list)
	costs := map[*figure.Scenario]figure.CallCost{}
	floors := figure.FloorsOf(list)
	for _, s := range list {
		if c, ok := s.Head().CallCost(s.Run.Floor); ok {
			costs[s] = c
		}
	}
	if len(costs) == 0 || len(floors) == 0 {
		return nil
	}
	p := prose.Say("The floor is what a read cannot go below on this host in this run: a bare system call, ", floorCost(floors), ".")
	called := figure.Named(list)
	times := func(s *figure.Scenario) prose.Prose {
		return prose.Say(prose.Mono(called(s)), " at ", prose.Bold(text.Decimals(costs[s].Ratio, 2)+" ×"))
	}
	var charts, tables []document.Block
	for _, end := range []figure.CallEnd{figure.ReadEnd, figure.WriteEnd} {
		var own []*figure.Scenario
		var near, far *figure.Scenario
		for _, s := range list {
			c, ok := costs[s]
			if !ok || s.UserWrites() != (end == figure.WriteEnd) {
				continue
			}
			own = append(own, s)
			if s.Head().Invalid {
				continue
			}
			if near == nil || c.Ratio < costs[near].Ratio {
				near = s
			}
			if far == nil || c.Ratio > costs[far].Ratio {
				far = s
			}
		}
		switch {
		case near == nil:
		case near == far:
			p = append(p, prose.Say(" The "+end.Who+" of ", times(near), " the floor.")...)
		default:
			p = append(p, prose.Say(" Nearest to it is the "+end.Who+" of ", times(near), ", farthest that of ", times(far), ".")...)
		}
		for _, pic := range LimitCharts(own, costs, end, title) {
			charts = append(charts, pic)
		}
		if len(own) > 0 {
			tables = append(tables, limitTable(own, costs, end, title))
		}
	}
	sec.Blocks = slices.Concat([]document.Block{p}, charts, tables)
	return append([]document.Section{sec}, spent(list, figure.Passages(list))...)
}

// floorCost spells what a call and a copy cost.
func floorCost(floors []record.Floor) string {
	low, high := floors[0].SyscallNs, floors[0].SyscallNs
	for _, f := range floors[1:] {
		low, high = min(low, f.SyscallNs), max(high, f.SyscallNs)
	}
	const and = " ns, and a copy of the packet to user space"
	if len(floors) == 1 {
		return text.Decimals(low, 0) + and + copies(floors[0])
	}
	return text.Between(text.Decimals(low, 0), text.Decimals(high, 0)) + and + ", as each shard measured them"
}

// copies spells what a copy of each size costs.
func copies(f record.Floor) string {
	var parts []string
	for _, size := range figure.CopySizes(f) {
		if ns := f.CopyNs[size]; figure.Sane(ns) {
			parts = append(parts, size+" bytes "+text.Decimals(ns, 0)+" ns")
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// EndParts are the colours of the lanes of a limit chart.
func EndParts(e figure.CallEnd) []chart.Part {
	return []chart.Part{{Name: "system call", Class: "e"}, {Name: "copy", Class: "a"}, {Name: "rest of the " + e.Who + "'s call", Class: "b"}, {Name: e.Other + "'s call", Class: "c"}}
}

// LimitCharts draws closed and open loads apart: a reader that sleeps between
// packets costs another order of magnitude.
func LimitCharts(list []*figure.Scenario, costs map[*figure.Scenario]figure.CallCost, end figure.CallEnd, title func(*figure.Scenario) string) (pics []document.Picture) {
	for _, load := range []struct {
		open                bool
		file, title, reader string
	}{
		{false, "limit" + end.File, "How far from the limit: the " + end.Who + "'s calls", "as fast as it goes"},
		{true, "limit" + end.File + "-open", "How far from the limit at fixed rates: the " + end.Who + "'s calls", "at fixed rates"},
	} {
		var rows []chart.SplitRow
		for _, s := range list {
			c, ok := costs[s]
			if !ok || s.Open() != load.open {
				continue
			}
			r := chart.SplitRow{Label: title(s), Lanes: []chart.SplitLane{
				{Parts: []float64{c.Syscall, c.Copied, c.Rest, 0}, Text: text.Decimals(c.Total, 0) + " ns, " + text.Decimals(c.Ratio, 2) + " × floor"},
			}}
			if m, ok := s.Head().Metric(end.Others); ok && figure.Sane(m.Median) {
				r.Lanes = append(r.Lanes, chart.SplitLane{Parts: []float64{0, 0, 0, m.Median}, Text: text.Decimals(m.Median, 0) + " ns"})
			}
			rows = append(rows, r)
		}
		for i, part := range slices.Collect(slices.Chunk(rows, chart.RowsAChart)) {
			pics = append(pics, document.Picture{
				File: document.Numbered(load.file, i), Alt: "What a packet costs its " + end.Who + ", split into the floor and the rest, and its " + end.Other + ", " + load.reader,
				Chart: chart.Split{
					Title: load.title, Desc: "Nanoseconds a packet in the calls of the " + end.Who + ", of which system call and copy are the floor, and of the " + end.Other + "; shorter is better.",
					Note: "ns a packet", Parts: EndParts(end), Rows: part,
				},
			})
		}
	}
	return pics
}

func limitTable(list []*figure.Scenario, costs map[*figure.Scenario]figure.CallCost, end figure.CallEnd, title func(*figure.Scenario) string) document.Table {
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("system call", "copy", "rest", end.Who, "× floor", end.Other)),
		Note: prose.Say("Nanoseconds a packet, medians over the trials of the headline. ", prose.Bold("system call"), " and ", prose.Bold("copy"),
			": the floor, a share of it where one "+end.Did+" brings many segments. ", prose.Bold("rest"), ": what the device and waking the reader add. ",
			prose.Bold("reader"), ": the three together, time in the reader's calls a delivered packet. ", prose.Bold("sender"),
			": time in the sender's calls a packet that was accepted, the way through the network stack included. It stands by itself: what a send must cost at least is not known here."),
		Fold: "The floor and the rest, in ns a packet",
	}
	if end == figure.WriteEnd {
		t.Note = prose.Say("Nanoseconds a packet, medians over the trials of the headline. ", prose.Bold("system call"), " and ", prose.Bold("copy"),
			": the floor, a share of it where one write brings many segments. ", prose.Bold("rest"), ": what the device and the network stack behind it add, down to the socket. ",
			prose.Bold("writer"), ": the three together, time in the writer's calls for each packet that was accepted. ", prose.Bold("receiver"),
			": CPU time of the sockets' readers for each delivered packet. It stands by itself. A dash: no thread receives the packets.")
		t.Fold = "The floor and the rest of what is written, in ns a packet"
	}
	for _, s := range list {
		c, ok := costs[s]
		if !ok {
			continue
		}
		t.Rows = append(t.Rows, document.Row(title(s), text.Figure(c.Syscall), text.Figure(c.Copied), text.Figure(c.Rest), text.Figure(c.Total), text.Decimals(c.Ratio, 2), Cell(s.Head(), end.Others, text.Figure)))
	}
	return t
}
