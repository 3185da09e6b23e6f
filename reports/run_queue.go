package reports

import (
	"slices"
	"strconv"
)

// queues shows how packets were spread over the queues of a device.
func queues(list []*scenario) (section, bool) {
	sec := section{heading: "Queues"}
	single, written := 0, false
	var multi []ownSpread
	for _, s := range list {
		all := s.spreads()
		if len(all) > 0 && len(all[0].queues) == 1 {
			single++
			continue
		}
		for _, sp := range all {
			multi = append(multi, ownSpread{sp, s})
			written = written || sp.side == writtenSide
		}
	}
	if single+len(multi) == 0 {
		return section{}, false
	}
	if len(multi) > 0 {
		tables := newQueueTables(written)
		title := titles(list)
		for i, s := range multi {
			tables.add(s, title(s.scenario), i > 0 && multi[i-1].scenario == s.scenario)
		}
		sec.blocks = tables.blocks()
	}
	if single > 0 {
		sec.blocks = append(sec.blocks, say(plural(single, "scenario has", "scenarios have")+" a single queue: there is nothing to distribute."))
	}
	return sec, true
}

// ownSpread is a spread and the scenario that it is of.
type ownSpread struct {
	spread
	*scenario
}

// queueTables shows spreads: a line each, a line for each queue, and a panel each.
type queueTables struct {
	written     bool // some of them are of packets that user space wrote
	brief, full table
	shares      panelChart
	alt         string // of the chart
}

func newQueueTables(written bool) *queueTables {
	t := &queueTables{
		written: written,
		brief: table{
			columns: slices.Concat(text("scenario"), numeric("queues", "empty", "least %", "most %", "max/mean", "Jain", "effective", "hash p", "n")),
			note: say("From the observed trials. ", bold("least"), " and ", bold("most"), ": share of the packets read from the queue that had the fewest and the most. ",
				bold("max/mean"), ": 1.00 is even. ", bold("Jain"), ": fairness index over the queues, 1 is even and 1 over the number of queues is everything on one. ",
				bold("effective"), ": how many equally loaded queues would spread the packets as well. ",
				bold("hash p"), ": how often hashing at random spreads the flows over the queues less evenly than they were (chi-square); near 0 they are less even than chance leaves them, near 1 more even. The last three are medians over trials."),
		},
		full: table{
			columns: slices.Concat(text("scenario"), numeric("queue", "xmit packets", "read packets", "read bytes", "dropped", "flows", "share %", "range %")),
			note: say(bold("xmit"), " and ", bold("read"), ": what the observer counted at ", mono("tun_net_xmit"), " and ", mono("tun_do_read"),
				", in wire segments, summed over the trials, warm-up and drain included. ", bold("share"), ": of the packets read. ", bold("range"), ": that share in the trial where it was lowest and highest."),
			fold: "Every queue: packets, bytes, flows and share",
		},
		shares: panelChart{title: "Share of packets read, by queue", desc: "One panel a scenario, one bar a queue; the dashed line is an even share."},
		alt:    "Share of the packets read from each queue, one panel a scenario",
	}
	if !written {
		return t
	}
	const meaning = "what user space read from the queues or, with dir=u2k, what it wrote to them and the kernel received; with dir=both there is a row for each"
	t.brief.columns = slices.Insert(t.brief.columns, 1, text("packets")...)
	t.brief.note = append(t.brief.note, say(" ", bold("packets"), ": "+meaning+". Who writes chooses the queue, so there is no ", bold("hash p"), " of what is received. A dash: the observer saw none of these packets (native XDP ends them before it looks).")...)
	t.full.columns = slices.Concat(text("scenario", "packets"), numeric("queue", "xmit packets", "read or received", "bytes", "dropped", "flows", "share %", "range %"))
	t.full.note = say(bold("xmit"), ", ", bold("read"), " and ", bold("received"), ": what the observer counted at ", mono("tun_net_xmit"), ", at ", mono("tun_do_read"), " and behind ", mono("tun_get_user"),
		", in wire segments, summed over the trials, warm-up and drain included. ", bold("dropped"), ": on both sides of the queue. ", bold("share"), ": of the packets read, or of those received. ", bold("range"), ": that share in the trial where it was lowest and highest.")
	t.shares.title = "Share of packets read or received, by queue"
	t.alt = "Share of the packets read from each queue, or received by it, one panel a scenario"
	return t
}

// add shows one spread. Again reports that it is of the same scenario as the one
// before it, which is named once.
func (t *queueTables) add(s ownSpread, name string, again bool) {
	sp := s.spread
	least, most := 1.0, 0.0
	for _, q := range sp.queues {
		least, most = min(least, q.share), max(most, q.share)
	}
	lowest, highest, empty, ratio, jain, even, chance := absent, absent, absent, absent, absent, absent, absent
	if sp.seen {
		lowest, highest, empty = percent(least), percent(most), strconv.Itoa(sp.empty)
		ratio, jain, even = decimals(sp.ratio, 2), decimals(sp.jain, 3), decimals(sp.even, 2)
	}
	if sp.hashed {
		chance = probability(sp.chance)
	}
	pan := panel{title: name, note: "Jain " + jain, fair: 1 / float64(len(sp.queues))}
	if t.written {
		pan.note = sp.side.did() + ", " + pan.note
	}
	for _, q := range sp.queues {
		pan.bars = append(pan.bars, queueBar{strconv.Itoa(q.Queue.Queue), q.share, decimals(100*q.share, 0)})
	}
	if sp.seen {
		t.shares.panels = append(t.shares.panels, pan)
	}
	if again {
		name = ""
	}
	cells := []any{name, len(sp.queues), empty, lowest, highest, ratio, jain, even, chance, sp.trials}
	if t.written {
		cells = slices.Insert(cells, 1, any(sp.side.did()))
	}
	t.brief.rows = append(t.brief.rows, row(cells...))
	t.addQueues(sp, name)
}

// addQueues has a row for each queue of sp.
func (t *queueTables) addQueues(sp spread, name string) {
	did := sp.side.did()
	for _, q := range sp.queues {
		rng, share, flows, xmit := absent, absent, absent, absent
		if sp.seen {
			share = percent(q.share)
			if sp.trials > 1 {
				rng = between(percent(q.lowest), percent(q.highest))
			}
		}
		if sp.flowsKnown() {
			flows = between(strconv.Itoa(q.flowsMin), strconv.Itoa(q.flowsMax))
		}
		if sp.side == readSide {
			xmit = count(q.XmitPkts)
		}
		cells := []any{name, q.Queue.Queue, xmit, count(q.pkts), size(q.bytes), count(q.DropPkts), flows, share, rng}
		if t.written {
			cells = slices.Insert(cells, 1, any(did))
		}
		t.full.rows = append(t.full.rows, row(cells...))
		name, did = "", ""
	}
}

func (t *queueTables) blocks() []block {
	blocks := []block{t.brief}
	for i, part := range slices.Collect(slices.Chunk(t.shares.panels, panelsAChart)) {
		one := t.shares
		one.panels = part
		blocks = append(blocks, picture{file: numbered("queues", i), alt: t.alt, chart: one})
	}
	return append(blocks, t.full)
}
