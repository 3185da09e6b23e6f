package run

import (
	"slices"
	"strconv"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/text"
)

var spentParts = []chart.Part{{Name: "send side", Class: "c"}, {Name: "wake-up", Class: "d"}, {Name: "ring", Class: "b"}, {Name: "wake-up and ring", Class: "bd"}, {Name: "copy", Class: "a"}}

// spent tells on what the time of a packet is spent, open loads first: under a
// closed one the ring is full, which is nearly all there is to see.
func spent(list []*figure.Scenario, all map[*figure.Scenario]figure.Passage) []document.Section {
	if len(all) == 0 {
		return nil
	}
	title := figure.Titles(list)
	sec := document.Section{Heading: "What the rest is spent on", Sub: true}
	var rows []chart.SplitRow
	open := passageTable("")
	closed := passageTable("Under a closed load, where the ring is full")
	apart, strange := false, 0
	for _, s := range list {
		p, ok := all[s]
		if !ok {
			continue
		}
		if p.Strange {
			strange++
			continue
		}
		apart = apart || p.Split
		if !s.Open() {
			closed.Rows = append(closed.Rows, passageRow(p, title(s)))
			continue
		}
		open.Rows = append(open.Rows, passageRow(p, title(s)))
		lane := chart.SplitLane{Parts: []float64{p.Send, p.Wake, p.Ring, 0, p.Copied}, Text: text.Duration(p.Total)}
		if !p.Split {
			lane.Parts[3] = p.Residency
		}
		rows = append(rows, chart.SplitRow{Label: title(s), Lanes: []chart.SplitLane{lane}})
	}
	sec.Blocks = append(sec.Blocks, prose.Say("The mean time of a packet, from the stamp before the call that sends it to the return of the read that brings it, by the observer's stamps."))
	for i, part := range slices.Collect(slices.Chunk(rows, chart.RowsAChart)) {
		sec.Blocks = append(sec.Blocks, document.Picture{
			File: document.Numbered("limit-spent", i), Alt: "Shares of the mean time from send to read: send side, wake-up, ring and copy",
			Chart: chart.Split{
				Title: "What the time from send to read is spent on", Desc: "One bar a scenario at a fixed rate: shares of the mean time from send to read; the mean stands beside it.",
				Note: "per cent of the mean time", Parts: spentParts, Rows: part, Shares: true,
			},
		})
	}
	sec.Blocks = append(sec.Blocks, open.Folded("Open loads"), closed)
	sec.Blocks = append(sec.Blocks, document.Small(prose.Say("Means over the observed trials, the slowest 0.1 % left out. ",
		prose.Bold("copy"), ": a system call and a copy of that size, from the floor. ",
		prose.Bold("residency"), ": from ", prose.Mono("tun_net_xmit"), " to the dequeue in ", prose.Mono("tun_do_read"), ". ",
		prose.Bold("wake-up"), ": residency at the lowest rate of the same scenario, where a packet finds the ring empty and the reader idle (mean occupancy of the ring, rate times residency, at most "+strconv.FormatFloat(figure.IdleShare, 'f', -1, 64)+"); a busy reader sleeps less often, so at higher rates it is an upper bound, and where residency is shorter than that the two are given together. ",
		prose.Bold("ring"), ": residency beyond that. ",
		prose.Bold("send side"), ": what remains, the way to the device and the packets ahead in the same batch. ",
		prose.Bold("not resolved"), ": the other parts add up to more than the whole, so it is less than they can tell. Both stamps include the observer's own cost.")))
	if strange > 0 {
		sec.Blocks = append(sec.Blocks, document.Small(prose.Say(text.Plural(strange, "scenario is", "scenarios are")+" left out: the packets whose residency was measured were not those whose whole way was, since residency alone came out longer. A host that is too busy does that.")))
	}
	if !apart {
		sec.Blocks = append(sec.Blocks, document.Small(prose.Say("This run has no point at a rate so low that the reader was idle: wake-up and ring are given together, as residency.")))
	}
	return []document.Section{sec}
}

func passageTable(fold string) document.Table {
	return document.Table{Columns: slices.Concat(document.Text("scenario"), document.Numeric("send to read", "send side", "residency", "wake-up", "ring", "copy")), Fold: fold}
}

func passageRow(p figure.Passage, title string) []prose.Prose {
	send, copied, wake, ring := "not resolved", text.Absent, text.Absent, text.Absent
	if p.Resolved {
		send, copied = text.Duration(p.Send), text.Duration(p.Copied)
	}
	if p.Split {
		wake, ring = text.Duration(p.Wake), text.Duration(p.Ring)
	}
	return document.Row(title, text.Duration(p.Total), send, text.Duration(p.Residency), wake, ring, copied)
}
