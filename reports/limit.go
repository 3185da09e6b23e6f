package reports

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// callCost is what a packet costs user space at the device, in nanoseconds inside
// of the calls of who reads it or, where it is written, of who writes it. The
// first three add up to total.
type callCost struct {
	syscall, copied float64 // the floor: what a bare call and a copy cost
	rest            float64 // what the device adds
	total           float64
	ratio           float64 // total over the floor
}

// callEnd is an end of a device in user space, in the words of the report.
type callEnd struct {
	who, did, other string
	file            string // what the names of its charts end in
	calls, others   string // metrics: time in its calls, and on the other side
}

var (
	readEnd  = callEnd{"reader", "read", "sender", "", record.RecvNsPerPkt, record.SendNsPerPkt}
	writeEnd = callEnd{"writer", "write", "receiver", "-written", record.SendNsPerPkt, record.RecvNsPerPkt}
)

// userWrites reports whether user space writes the packets of s, so that its ratio to
// the floor is that of the writer.
func (s *scenario) userWrites() bool { return userWrites(s.head().all[0]) }

func userWrites(t *record.Trial) bool { return axisOf(t, "dir") == "u2k" }

// endOf is that of the calls whose ratio to the floor t has.
func endOf(t *record.Trial) callEnd {
	if userWrites(t) {
		return writeEnd
	}
	return readEnd
}

// callCost takes the medians over the used trials; false where no trial has
// both the time and its ratio to the floor.
func (a arm) callCost(f record.Floor) (callCost, bool) {
	var totals, floors, calls, ratios []float64
	for _, t := range a.used {
		total, ratio := t.Metrics[endOf(t).calls], t.Metrics[record.FloorRatio]
		floor := total / ratio
		if !(ratio >= 1) || !(total > 0) || !sane(total) || !sane(floor) {
			continue
		}
		totals, floors, ratios = append(totals, total), append(floors, floor), append(ratios, ratio)
		calls = append(calls, min(floor, f.SyscallNs/packetsPerCall(t)))
	}
	total, err := stat.Summarize(totals)
	if err != nil {
		return callCost{}, false
	}
	median := func(x []float64) float64 {
		s, _ := stat.Summarize(x) // as long as totals, and as finite
		return s.Median
	}
	c := callCost{total: total.Median, ratio: median(ratios)}
	c.syscall = min(max(0, median(calls)), c.total)
	c.copied = min(max(0, median(floors)-c.syscall), c.total-c.syscall)
	c.rest = c.total - c.syscall - c.copied
	return c, true
}

// packetsPerCall is 1 unless the device moved super-packets, which bring several
// wire segments in one read or write.
func packetsPerCall(t *record.Trial) float64 {
	n := t.Metrics[record.PPS] / t.Metrics[record.SKBPS]
	if w := t.Writes; userWrites(t) && w != nil {
		n = float64(t.Accounting.Accepted) / float64(w.Count())
	}
	if n >= 1 && sane(n) {
		return n
	}
	return 1
}

// sane tells whether ns, or a ratio, is one that a measurement can give. A file
// from elsewhere may hold anything that JSON can spell.
func sane(ns float64) bool { return ns >= 0 && ns < math.MaxInt64 }

// Of the latencies whose mean is taken, this share is left out: the slowest,
// which a stall of the host may have made.
const trimTop = 0.001

// minMean is how many samples a mean needs to be given.
const minMean = 100

// mean is that of the samples but the slowest 0.1 %, each at the middle of its
// bucket, in nanoseconds. It is false where there are too few samples, or so
// many overflows that nobody knows it.
func (l latency) mean() (ns float64, ok bool) {
	keep := (1 - trimTop) * (float64(l.count) + float64(l.overflow))
	if l.count < minMean || float64(l.count) < keep {
		return 0, false
	}
	var seen, sum float64
	for _, b := range l.buckets {
		inside := min(float64(b[1]), keep-seen)
		sum += inside * l.middle(b[0])
		if seen += inside; seen >= keep {
			break
		}
	}
	ns = sum / keep
	return ns, sane(ns)
}

// passage is where the mean time of a packet goes, from the stamp before the
// call that sends it to the return of the read that brings it, in nanoseconds.
type passage struct {
	total     float64
	residency float64 // tun_net_xmit to the dequeue, by the observer
	wake      float64 // the part of it that a packet takes which finds the ring empty
	ring      float64 // the part beyond that
	split     bool    // wake and ring are known apart
	copied    float64 // a system call and a copy of that size, by the floor
	send      float64 // the rest
	resolved  bool    // the rest is not negative
	// strange is true where residency alone is longer than the whole, by more than
	// their buckets explain: they are not of the same packets.
	strange bool
}

// sameSlack is how far two means of histograms may be off: each by half a bucket.
const sameSlack = 2 * 0.016

// passageOf takes the observed trials of s; false where they lack one of the
// latencies. Wake-up and ring are not yet told apart.
func (s *scenario) passageOf() (passage, bool) {
	// Under an open load end to end counts from when the packet was due: a
	// schedule that slipped is not the device's time.
	sent, ok := s.observ.pool(record.Service)
	if !ok {
		sent, ok = s.observ.pool(record.E2E)
	}
	inside, observed := s.observ.pool(record.Residency)
	if !ok || !observed {
		return passage{}, false
	}
	total, ok := sent.mean()
	residency, observed := inside.mean()
	if !ok || !observed {
		return passage{}, false
	}
	p := passage{total: total, residency: residency, strange: residency > (1+sameSlack)*total}
	var floors []float64
	for _, t := range s.observ.used {
		floor := t.Metrics[record.RecvNsPerPkt] / t.Metrics[record.FloorRatio] * packetsPerCall(t)
		if sane(floor) && !userWrites(t) {
			floors = append(floors, floor)
		}
	}
	sum, err := stat.Summarize(floors)
	if err != nil {
		return passage{}, false
	}
	p.copied = min(sum.Median, max(0, total-residency))
	p.send = total - residency - sum.Median
	p.resolved = p.send >= 0
	p.send = max(0, p.send)
	return p, true
}

// apart tells wake-up and ring apart by the residency of a packet that finds
// the reader idle. A packet that stayed for less than that found a reader that
// was mostly awake, and nothing tells its parts apart.
func (p passage) apart(idle float64) passage {
	if p.residency < idle {
		return p
	}
	p.wake, p.ring, p.split = idle, p.residency-idle, true
	return p
}

// idleShare bounds the load at which a reader counts as idle: by Little's law
// rate times residency is the mean number of packets in the ring. At 1,000
// packets/s a wake-up may take 100 µs, as it can where a virtual CPU has halted.
const idleShare = 0.1

// passages gives those of all scenarios that have one.
func passages(list []*scenario) map[*scenario]passage {
	all := map[*scenario]passage{}
	type point struct{ rate, residency float64 }
	idle := map[string]point{} // by family, at its lowest rate
	for _, s := range list {
		p, ok := s.passageOf()
		if !ok {
			continue
		}
		all[s] = p
		rate, ok := s.observ.metric(record.PPS)
		if !ok || p.strange || !s.open() || s.pauses() || rate.Median*p.residency/1e9 > idleShare {
			continue
		}
		if low, known := idle[s.family()]; !known || rate.Median < low.rate {
			idle[s.family()] = point{rate.Median, p.residency}
		}
	}
	for s, p := range all {
		if low, known := idle[s.family()]; known {
			all[s] = p.apart(low.residency)
		}
	}
	return all
}

// axis is the value of an axis of s, "" where it is at its default and not
// recorded.
func (s *scenario) axis(name string) string {
	for _, t := range s.all() {
		return t.Axes[name]
	}
	return ""
}

// open tells whether packets were sent by a schedule, not as fast as they go.
func (s *scenario) open() bool {
	load := s.axis("load")
	return load != "" && load != "max"
}

// pauses tells whether the reader was told to sleep at times.
func (s *scenario) pauses() bool {
	pause := s.axis("pause")
	return pause != "" && pause != "off"
}

// family is the name of s without what differs between the loads of one device
// and one reader.
func (s *scenario) family() string {
	parts := strings.Split(s.name, "/")
	return strings.Join(slices.DeleteFunc(parts, func(part string) bool {
		axis, _, _ := strings.Cut(part, "=")
		return axis == "load" || axis == "spacing" || axis == "pause"
	}), "/")
}

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

// floorsOf gives the floors of list: one, or those of the shards of a merged
// file.
func floorsOf(list []*scenario) (floors []record.Floor) {
	seen := map[*record.Run]bool{}
	for _, s := range list {
		if !seen[s.run] && s.run.Floor.SyscallNs > 0 && s.run.Floor.Fault() == "" {
			floors = append(floors, s.run.Floor)
		}
		seen[s.run] = true
	}
	return floors
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

var spentParts = []part{{"send side", "c"}, {"wake-up", "d"}, {"ring", "b"}, {"wake-up and ring", "bd"}, {"copy", "a"}}

// spent tells on what the time of a packet is spent, open loads first: under a
// closed one the ring is full, which is nearly all there is to see.
func spent(list []*scenario, all map[*scenario]passage) []section {
	if len(all) == 0 {
		return nil
	}
	title := titles(list)
	sec := section{heading: "What the rest is spent on", sub: true}
	var rows []splitRow
	open := passageTable("")
	closed := passageTable("Under a closed load, where the ring is full")
	apart, strange := false, 0
	for _, s := range list {
		p, ok := all[s]
		if !ok {
			continue
		}
		if p.strange {
			strange++
			continue
		}
		apart = apart || p.split
		if !s.open() {
			closed.rows = append(closed.rows, passageRow(p, title(s)))
			continue
		}
		open.rows = append(open.rows, passageRow(p, title(s)))
		lane := splitLane{parts: []float64{p.send, p.wake, p.ring, 0, p.copied}, text: duration(p.total)}
		if !p.split {
			lane.parts[3] = p.residency
		}
		rows = append(rows, splitRow{label: title(s), lanes: []splitLane{lane}})
	}
	sec.blocks = append(sec.blocks, say("The mean time of a packet, from the stamp before the call that sends it to the return of the read that brings it, by the observer's stamps."))
	for i, part := range slices.Collect(slices.Chunk(rows, rowsAChart)) {
		sec.blocks = append(sec.blocks, picture{
			file: numbered("limit-spent", i), alt: "Shares of the mean time from send to read: send side, wake-up, ring and copy",
			chart: splitChart{
				title: "What the time from send to read is spent on", desc: "One bar a scenario at a fixed rate: shares of the mean time from send to read; the mean stands beside it.",
				note: "per cent of the mean time", parts: spentParts, rows: part, shares: true,
			},
		})
	}
	sec.blocks = append(sec.blocks, open.folded("Open loads"), closed)
	sec.blocks = append(sec.blocks, small(say("Means over the observed trials, the slowest 0.1 % left out. ",
		bold("copy"), ": a system call and a copy of that size, from the floor. ",
		bold("residency"), ": from ", mono("tun_net_xmit"), " to the dequeue in ", mono("tun_do_read"), ". ",
		bold("wake-up"), ": residency at the lowest rate of the same scenario, where a packet finds the ring empty and the reader idle (mean occupancy of the ring, rate times residency, at most "+strconv.FormatFloat(idleShare, 'f', -1, 64)+"); a busy reader sleeps less often, so at higher rates it is an upper bound, and where residency is shorter than that the two are given together. ",
		bold("ring"), ": residency beyond that. ",
		bold("send side"), ": what remains, the way to the device and the packets ahead in the same batch. ",
		bold("not resolved"), ": the other parts add up to more than the whole, so it is less than they can tell. Both stamps include the observer's own cost.")))
	if strange > 0 {
		sec.blocks = append(sec.blocks, small(say(plural(strange, "scenario is", "scenarios are")+" left out: the packets whose residency was measured were not those whose whole way was, since residency alone came out longer. A host that is too busy does that.")))
	}
	if !apart {
		sec.blocks = append(sec.blocks, small(say("This run has no point at a rate so low that the reader was idle: wake-up and ring are given together, as residency.")))
	}
	return []section{sec}
}

func passageTable(fold string) table {
	return table{columns: slices.Concat(text("scenario"), numeric("send to read", "send side", "residency", "wake-up", "ring", "copy")), fold: fold}
}

func passageRow(p passage, title string) []prose {
	send, copied, wake, ring := "not resolved", absent, absent, absent
	if p.resolved {
		send, copied = duration(p.send), duration(p.copied)
	}
	if p.split {
		wake, ring = duration(p.wake), duration(p.ring)
	}
	return row(title, duration(p.total), send, duration(p.residency), wake, ring, copied)
}
