package reports

import (
	"slices"
	"strings"

	"tunbench/reports/record"
)

// limit tells how far each scenario is from what this host can do at all. It
// is false where no floor was measured.
func limit(list []*scenario) (secs []section) {
	sec := section{heading: "How far from the limit"}
	title := titles(list)
	costs := map[*scenario]callCost{}
	floors := floorsOf(list)
	for _, s := range list {
		if c, ok := s.head().callCost(s.run.Floor); ok {
			costs[s] = c
		}
	}
	if len(costs) == 0 || len(floors) == 0 {
		return nil
	}
	p := say("The floor is what a read cannot go below on this host in this run: a bare system call, ", floorCost(floors), ".")
	called := named(list)
	times := func(s *scenario) prose { return say(mono(called(s)), " at ", bold(decimals(costs[s].ratio, 2)+" ×")) }
	var charts, tables []block
	for _, end := range []callEnd{readEnd, writeEnd} {
		var own []*scenario
		var near, far *scenario
		for _, s := range list {
			c, ok := costs[s]
			if !ok || s.userWrites() != (end == writeEnd) {
				continue
			}
			own = append(own, s)
			if s.head().invalid {
				continue
			}
			if near == nil || c.ratio < costs[near].ratio {
				near = s
			}
			if far == nil || c.ratio > costs[far].ratio {
				far = s
			}
		}
		switch {
		case near == nil:
		case near == far:
			p = append(p, say(" The "+end.who+" of ", times(near), " the floor.")...)
		default:
			p = append(p, say(" Nearest to it is the "+end.who+" of ", times(near), ", farthest that of ", times(far), ".")...)
		}
		for _, pic := range limitCharts(own, costs, end, title) {
			charts = append(charts, pic)
		}
		if len(own) > 0 {
			tables = append(tables, limitTable(own, costs, end, title))
		}
	}
	sec.blocks = slices.Concat([]block{p}, charts, tables)
	return append([]section{sec}, spent(list, passages(list))...)
}

// floorCost spells what a call and a copy cost.
func floorCost(floors []record.Floor) string {
	low, high := floors[0].SyscallNs, floors[0].SyscallNs
	for _, f := range floors[1:] {
		low, high = min(low, f.SyscallNs), max(high, f.SyscallNs)
	}
	const and = " ns, and a copy of the packet to user space"
	if len(floors) == 1 {
		return decimals(low, 0) + and + copies(floors[0])
	}
	return between(decimals(low, 0), decimals(high, 0)) + and + ", as each shard measured them"
}

// copies spells what a copy of each size costs.
func copies(f record.Floor) string {
	var parts []string
	for _, size := range copySizes(f) {
		if ns := f.CopyNs[size]; sane(ns) {
			parts = append(parts, size+" bytes "+decimals(ns, 0)+" ns")
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// endParts are the colours of the lanes of a limit chart.
func endParts(e callEnd) []part {
	return []part{{"system call", "e"}, {"copy", "a"}, {"rest of the " + e.who + "'s call", "b"}, {e.other + "'s call", "c"}}
}

// limitCharts draws closed and open loads apart: a reader that sleeps between
// packets costs another order of magnitude.
func limitCharts(list []*scenario, costs map[*scenario]callCost, end callEnd, title func(*scenario) string) (pics []picture) {
	for _, load := range []struct {
		open                bool
		file, title, reader string
	}{
		{false, "limit" + end.file, "How far from the limit: the " + end.who + "'s calls", "as fast as it goes"},
		{true, "limit" + end.file + "-open", "How far from the limit at fixed rates: the " + end.who + "'s calls", "at fixed rates"},
	} {
		var rows []splitRow
		for _, s := range list {
			c, ok := costs[s]
			if !ok || s.open() != load.open {
				continue
			}
			r := splitRow{label: title(s), lanes: []splitLane{
				{parts: []float64{c.syscall, c.copied, c.rest, 0}, text: decimals(c.total, 0) + " ns, " + decimals(c.ratio, 2) + " × floor"},
			}}
			if m, ok := s.head().metric(end.others); ok && sane(m.Median) {
				r.lanes = append(r.lanes, splitLane{parts: []float64{0, 0, 0, m.Median}, text: decimals(m.Median, 0) + " ns"})
			}
			rows = append(rows, r)
		}
		for i, part := range slices.Collect(slices.Chunk(rows, rowsAChart)) {
			pics = append(pics, picture{
				file: numbered(load.file, i), alt: "What a packet costs its " + end.who + ", split into the floor and the rest, and its " + end.other + ", " + load.reader,
				chart: splitChart{
					title: load.title, desc: "Nanoseconds a packet in the calls of the " + end.who + ", of which system call and copy are the floor, and of the " + end.other + "; shorter is better.",
					note: "ns a packet", parts: endParts(end), rows: part,
				},
			})
		}
	}
	return pics
}

func limitTable(list []*scenario, costs map[*scenario]callCost, end callEnd, title func(*scenario) string) table {
	t := table{
		columns: slices.Concat(text("scenario"), numeric("system call", "copy", "rest", end.who, "× floor", end.other)),
		note: say("Nanoseconds a packet, medians over the trials of the headline. ", bold("system call"), " and ", bold("copy"),
			": the floor, a share of it where one "+end.did+" brings many segments. ", bold("rest"), ": what the device and waking the reader add. ",
			bold("reader"), ": the three together, time in the reader's calls a delivered packet. ", bold("sender"),
			": time in the sender's calls a packet that was accepted, the way through the network stack included. It stands by itself: what a send must cost at least is not known here."),
		fold: "The floor and the rest, in ns a packet",
	}
	if end == writeEnd {
		t.note = say("Nanoseconds a packet, medians over the trials of the headline. ", bold("system call"), " and ", bold("copy"),
			": the floor, a share of it where one write brings many segments. ", bold("rest"), ": what the device and the network stack behind it add, down to the socket. ",
			bold("writer"), ": the three together, time in the writer's calls for each packet that was accepted. ", bold("receiver"),
			": CPU time of the sockets' readers for each delivered packet. It stands by itself. A dash: no thread receives the packets.")
		t.fold = "The floor and the rest of what is written, in ns a packet"
	}
	for _, s := range list {
		c, ok := costs[s]
		if !ok {
			continue
		}
		t.rows = append(t.rows, row(title(s), figure(c.syscall), figure(c.copied), figure(c.rest), figure(c.total), decimals(c.ratio, 2), cell(s.head(), end.others, figure)))
	}
	return t
}
