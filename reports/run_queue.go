package reports

import (
	"slices"
	"strconv"
)

func queues(list []*scenario) (section, bool) {
	sec := section{heading: "Queues"}
	title := titles(list)
	single, written := 0, false
	type own struct {
		spread
		*scenario
	}
	var multi []own
	for _, s := range list {
		all := s.spreads()
		if len(all) > 0 && len(all[0].queues) == 1 {
			single++
			continue
		}
		for _, sp := range all {
			multi = append(multi, own{sp, s})
			written = written || sp.side == writtenSide
		}
	}
	if single+len(multi) == 0 {
		return section{}, false
	}
	if len(multi) > 0 {
		brief := table{
			columns: slices.Concat(text("scenario"), numeric("queues", "empty", "least %", "most %", "max/mean", "Jain", "effective", "hash p", "n")),
			note: say("From the observed trials. ", bold("least"), " and ", bold("most"), ": share of the packets read from the queue that had the fewest and the most. ",
				bold("max/mean"), ": 1.00 is even. ", bold("Jain"), ": fairness index over the queues, 1 is even and 1 over the number of queues is everything on one. ",
				bold("effective"), ": how many equally loaded queues would spread the packets as well. ",
				bold("hash p"), ": how often hashing at random spreads the flows over the queues less evenly than they were (chi-square); near 0 they are less even than chance leaves them, near 1 more even. The last three are medians over trials."),
		}
		full := table{
			columns: slices.Concat(text("scenario"), numeric("queue", "xmit packets", "read packets", "read bytes", "dropped", "flows", "share %", "range %")),
			note: say(bold("xmit"), " and ", bold("read"), ": what the observer counted at ", mono("tun_net_xmit"), " and ", mono("tun_do_read"),
				", in wire segments, summed over the trials, warm-up and drain included. ", bold("share"), ": of the packets read. ", bold("range"), ": that share in the trial where it was lowest and highest."),
			fold: "Every queue: packets, bytes, flows and share",
		}
		chart := panelChart{title: "Share of packets read, by queue", desc: "One panel a scenario, one bar a queue; the dashed line is an even share."}
		alt := "Share of the packets read from each queue, one panel a scenario"
		if written {
			const meaning = "what user space read from the queues or, with dir=u2k, what it wrote to them and the kernel received; with dir=both there is a row for each"
			brief.columns = slices.Insert(brief.columns, 1, text("packets")...)
			brief.note = append(brief.note, say(" ", bold("packets"), ": "+meaning+". Who writes chooses the queue, so there is no ", bold("hash p"), " of what is received. A dash: the observer saw none of these packets (native XDP ends them before it looks).")...)
			full.columns = slices.Concat(text("scenario", "packets"), numeric("queue", "xmit packets", "read or received", "bytes", "dropped", "flows", "share %", "range %"))
			full.note = say(bold("xmit"), ", ", bold("read"), " and ", bold("received"), ": what the observer counted at ", mono("tun_net_xmit"), ", at ", mono("tun_do_read"), " and behind ", mono("tun_get_user"),
				", in wire segments, summed over the trials, warm-up and drain included. ", bold("dropped"), ": on both sides of the queue. ", bold("share"), ": of the packets read, or of those received. ", bold("range"), ": that share in the trial where it was lowest and highest.")
			chart.title = "Share of packets read or received, by queue"
			alt = "Share of the packets read from each queue, or received by it, one panel a scenario"
		}
		for i, s := range multi {
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
			name := title(s.scenario)
			pan := panel{title: name, note: "Jain " + jain, fair: 1 / float64(len(sp.queues))}
			if written {
				pan.note = sp.side.did() + ", " + pan.note
			}
			if i > 0 && multi[i-1].scenario == s.scenario {
				name = "" // once a scenario
			}
			cells := []any{name, len(sp.queues), empty, lowest, highest, ratio, jain, even, chance, sp.trials}
			if written {
				cells = slices.Insert(cells, 1, any(sp.side.did()))
			}
			brief.rows = append(brief.rows, row(cells...))
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
				if written {
					cells = slices.Insert(cells, 1, any(did))
				}
				full.rows = append(full.rows, row(cells...))
				name, did = "", ""
				pan.bars = append(pan.bars, queueBar{strconv.Itoa(q.Queue.Queue), q.share, decimals(100*q.share, 0)})
			}
			if sp.seen {
				chart.panels = append(chart.panels, pan)
			}
		}
		sec.blocks = append(sec.blocks, brief)
		for i, part := range slices.Collect(slices.Chunk(chart.panels, panelsAChart)) {
			one := chart
			one.panels = part
			sec.blocks = append(sec.blocks, picture{file: numbered("queues", i), alt: alt, chart: one})
		}
		sec.blocks = append(sec.blocks, full)
	}
	if single > 0 {
		sec.blocks = append(sec.blocks, say(plural(single, "scenario has", "scenarios have")+" a single queue: there is nothing to distribute."))
	}
	return sec, true
}
