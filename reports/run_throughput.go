package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

func throughput(list []*scenario, common []string, f *record.File) []section {
	top := 0.0
	skbs, observedOnly, out := false, false, false
	for _, s := range list {
		if m, ok := s.head().metric(record.PPS); ok {
			top = max(top, m.Median)
			if k, ok := s.head().metric(record.SKBPS); ok && (k.Median < 0.995*m.Median) {
				skbs = true
			}
		}
		observedOnly = observedOnly || len(s.bare.all) == 0
		out = out || s.head().invalid
	}
	sc := rateScale(top)

	first := section{heading: "Throughput"}
	if len(common) > 0 {
		p := say("All scenarios have ")
		for i, a := range common {
			if i > 0 {
				p = append(p, say(", ")...)
			}
			p = append(p, mono(a))
		}
		first.blocks = append(first.blocks, append(p, say(". An axis that is not named is at its default.")...))
	}
	rates := ratesOf(list)
	where := intervalColumn(slices.Collect(maps.Values(rates))...)
	secs := []section{first}
	for i, mode := range modesOf(list) {
		var own []*scenario
		for _, s := range list {
			if s.mode == mode {
				own = append(own, s)
			}
		}
		t := headline(own, sc, skbs, where)
		sec := section{heading: cmp.Or(mode, "Other"), sub: true, blocks: []block{t}}
		for _, pic := range throughputCharts(i, mode, own, sc) {
			sec.blocks = append(sec.blocks, pic)
		}
		secs = append(secs, sec)
	}
	notes := []prose{
		say(bold(sc.unit), ": unique packets delivered a second, in wire segments; median over the pairs. ", intervalNote(where, "trial"), " ",
			bold("Gbit/s"), ": IP bytes (TUN) or frame bytes (TAP), without headers of the device. ",
			bold("loss"), ": share of the accepted packets that were not delivered, after the drain. ",
			bold("CPU"), ": CPU time of all threads, softirq included, a packet. ",
			bold("floor"), ": time in the reader's calls over a bare system call and a copy of that size on this host; 1.0 is the floor, lower is better; segments that one call brings share its floor. ",
			bold("n"), ": valid trials out of all."),
	}
	if slices.ContainsFunc(list, (*scenario).userWrites) {
		notes = append(notes, say("With ", mono("dir=u2k"), " user space writes: there ", bold("floor"), " is of the time in the writer's calls, a system call and a copy of that size for each write."))
	}
	if belowFloor(f) {
		notes = append(notes, say("A dash under ", bold("floor"), ": the ratio came out below 1, which cannot be. Either something disturbed the floor, or one system call did the work of several, as io_uring and vhost-net can."))
	}
	if skbs {
		notes = append(notes, say(bold("skb"), ": units that the device moved, where offloads let one carry many segments."))
	}
	if observedOnly {
		notes = append(notes, say("Some scenarios have no bare trials: their figures include the observer's cost and are marked ", bold("observed"), "."))
	}
	if out {
		notes = append(notes, say("Where no trial is valid, the figures of the invalid ones are shown and marked ", bold("invalid"), ": do not quote them."))
	}
	if f.Run.Clock == virtualClock {
		notes = append(notes, say("Under the icount clock one nanosecond is one instruction of the guest. Caches, branch prediction and parallelism are not seen."))
	}
	last := &secs[len(secs)-1]
	for _, n := range notes {
		last.blocks = append(last.blocks, small(n))
	}
	last.blocks = append(last.blocks, everyInterval(list, sc), packetCost(list))
	return secs
}

// throughputCharts draws the headline of one mode.
func throughputCharts(index int, mode string, own []*scenario, sc scale) (pics []picture) {
	// A mode from outside does not become part of a file name.
	name, class := "throughput-"+strconv.Itoa(index), "a"
	switch mode {
	case "TUN":
		name = "throughput-tun"
	case "TAP":
		name, class = "throughput-tap", "b"
	}
	var bars []bar
	for _, s := range own {
		m, ok := s.head().metric(record.PPS)
		if !ok {
			continue
		}
		b := bar{label: s.label, value: m.Median / sc.div, text: sc.format(m.Median), hollow: s.head().invalid}
		if sp, ok := s.head().interval(record.PPS); ok {
			b.low, b.high, b.exact = sp.low/sc.div, sp.high/sc.div, sp.exact
		}
		bars = append(bars, b)
	}
	for i, part := range slices.Collect(slices.Chunk(bars, rowsAChart)) {
		pics = append(pics, picture{
			file: numbered(name, i), alt: mode + ": packets a second of each scenario",
			chart: barChart{
				title: mode + ": packets delivered a second", desc: "One bar a scenario; higher is better.",
				class: class, unit: sc.unit, bars: part,
			},
		})
	}
	return pics
}

// headline shows the median of each figure, and of the packet rate, in the
// column named where, its interval.
func headline(own []*scenario, sc scale, skbs bool, where string) table {
	t := table{columns: slices.Concat(text("scenario"), numeric(sc.unit, where))}
	if skbs {
		t.columns = append(t.columns, column{"skb " + sc.unit, true})
	}
	t.columns = slices.Concat(t.columns, numeric("Gbit/s", "loss %", "CPU ns", "× floor", "n"), text("flags"))
	for _, s := range own {
		h := s.head()
		pps, ok := h.metric(record.PPS)
		mid, rng := absent, absent
		if ok {
			mid = sc.format(pps.Median)
		}
		if sp, ok := h.interval(record.PPS); ok {
			rng = sp.text(where, sc.format)
		}
		cells := []any{s.label, bold(mid), rng}
		if skbs {
			cells = append(cells, cell(h, record.SKBPS, sc.format))
		}
		n := strconv.Itoa(len(h.used))
		if h.invalid {
			n = "0"
		}
		if len(h.used) != len(h.all) || h.invalid {
			n += " of " + strconv.Itoa(len(h.all))
		}
		cells = append(cells,
			cell(h, record.BitPerS, gigabits), cell(h, record.Loss, percent),
			cell(h, record.CPUNsPerPkt, figure), cell(h, record.FloorRatio, hundredths),
			n, marks(s))
		t.rows = append(t.rows, row(cells...))
	}
	return t
}

// everyInterval shows each figure of the headline with its interval, or with the
// range of the trials where there are too few for one.
func everyInterval(list []*scenario, sc scale) table {
	title := titles(list)
	figures := []struct {
		column, metric string
		format         func(float64) string
	}{
		{sc.unit, record.PPS, sc.format},
		{"Gbit/s", record.BitPerS, gigabits},
		{"loss %", record.Loss, percent},
		{"CPU ns", record.CPUNsPerPkt, figure},
		{"× floor", record.FloorRatio, hundredths},
	}
	var spans []interval
	for _, s := range list {
		for _, f := range figures {
			sp, _ := s.head().interval(f.metric)
			spans = append(spans, sp)
		}
	}
	where := intervalColumn(spans...)
	t := table{columns: text("scenario"), fold: "Each figure with its " + where, note: say("Medians, in brackets the "+where+". ", intervalNote(where, "trial"))}
	for _, f := range figures {
		t.columns = append(t.columns, column{f.column, true})
	}
	for i, s := range list {
		cells := []any{title(s)}
		for j, f := range figures {
			c := cell(s.head(), f.metric, f.format)
			if _, ok := s.head().interval(f.metric); ok {
				c += " (" + spans[i*len(figures)+j].text(where, f.format) + ")"
			}
			cells = append(cells, c)
		}
		t.rows = append(t.rows, row(cells...))
	}
	return t
}

// cell is the median of a metric.
func cell(a arm, metric string, format func(float64) string) string {
	m, ok := a.metric(metric)
	if !ok {
		return absent
	}
	return format(m.Median)
}

// marks names the flags of the headline's trials, with how many have them
// unless all do.
func marks(s *scenario) prose {
	h := s.head()
	var p prose
	add := func(x ...any) {
		if len(p) > 0 {
			p = append(p, say(", ")...)
		}
		p = append(p, say(x...)...)
	}
	if h.invalid {
		add(bold("invalid"))
	}
	if len(s.bare.all) == 0 {
		add(bold("observed"))
	}
	names, counts := h.flags()
	for _, f := range names {
		if counts[f] == len(h.all) {
			add(f)
		} else {
			add(fmt.Sprintf("%s %d/%d", f, counts[f], len(h.all)))
		}
	}
	return p
}

func packetCost(list []*scenario) table {
	title := titles(list)
	t := table{
		columns: slices.Concat(text("scenario"), numeric("send ns", "receive ns", "system calls", "CPU ns", "offered/delivered")),
		note: say("Medians over the same trials, a delivered packet. ", bold("send"), " and ", bold("receive"),
			": time inside the calls of each side. ", bold("offered/delivered"), ": packets handed to the kernel for each one that arrived."),
		fold: "What a packet costs: calls and time on each side",
	}
	for _, s := range list {
		h := s.head()
		ratio := absent
		var x []float64
		for _, tr := range h.used {
			if pps := tr.Metrics[record.PPS]; pps > 0 {
				if o, ok := tr.Metrics[record.OfferedPPS]; ok {
					x = append(x, o/pps)
				}
			}
		}
		if sum, err := stat.Summarize(x); err == nil {
			ratio = decimals(sum.Median, 2)
		}
		t.rows = append(t.rows, row(title(s), cell(h, record.SendNsPerPkt, figure), cell(h, record.RecvNsPerPkt, figure),
			cell(h, record.SyscallsPerPkt, figure), cell(h, record.CPUNsPerPkt, figure), ratio))
	}
	return t
}
