package reports

import (
	"slices"
	"strconv"
)

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
