package queue

import (
	"slices"
	"strconv"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/document/question"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// Spreads shows how packets were spread over the queues of a device.
func Spreads(list []*figure.Scenario) (document.Section, bool) {
	sec := document.Section{Heading: book.Text("queues heading", nil)}
	single, written := 0, false
	var multi []ownSpread
	for _, s := range list {
		all := s.Spreads()
		if len(all) > 0 && len(all[0].Queues) == 1 {
			single++
			continue
		}
		for _, sp := range all {
			multi = append(multi, ownSpread{sp, s})
			written = written || sp.End == figure.IntoQueue
		}
	}
	if single+len(multi) == 0 {
		return document.Section{}, false
	}
	if len(multi) > 0 {
		tables := newQueueTables(written, document.XmitPoint(list))
		title := figure.Titles(list)
		for i, s := range multi {
			tables.add(s, title(s.Scenario), i > 0 && multi[i-1].Scenario == s.Scenario)
		}
		sec.Blocks = tables.blocks()
	}
	if single > 0 {
		sec.Blocks = append(sec.Blocks, book.Say("single queue", prose.Values{"N": single}))
	}
	sec.Blocks = document.WithLeftOut(sec.Blocks, list, record.Observed)
	return sec, true
}

// ownSpread is a spread and the scenario that it is of.
type ownSpread struct {
	figure.Spread
	*figure.Scenario
}

// ownPanel is a panel, and the scenario and the evenness that it is of.
type ownPanel struct {
	chart.Panel
	scenario *figure.Scenario
	jain     float64
	trials   int // of its figures
}

// queueTables shows spreads: a line each, a line for each queue, and a panel each.
type queueTables struct {
	written     bool // some of them are of packets that user space wrote
	brief, full document.Table
	shares      []ownPanel
	alt         string // of the charts
}

func newQueueTables(written bool, xmit string) *queueTables {
	t := &queueTables{
		written: written,
		brief: document.Table{
			Columns: slices.Concat(document.Text("scenario"), document.Numeric("queues", "empty", "least %", "most %", "max/mean", "Jain", "effective", "hash p", "n")),
			Note:    book.Say("queues note", nil),
		},
		full: document.Table{
			Columns: slices.Concat(document.Text("scenario"), document.Numeric("queue", "xmit packets", "read packets", "read bytes", "dropped", "flows", "share %", "range %")),
			Note:    book.Say("each queue note", prose.Values{"Xmit": xmit}),
			Fold:    book.Text("each queue fold", nil), Detail: true,
		},
		alt: book.Text("queues chart alt", nil),
	}
	if !written {
		return t
	}
	t.brief.Columns = slices.Insert(t.brief.Columns, 1, document.Text("packets")...)
	t.brief.Note = book.Say("queues note with writes", nil)
	t.full.Columns = slices.Concat(document.Text("scenario", "packets"), document.Numeric("queue", "xmit packets", "read or received", "bytes", "dropped", "flows", "share %", "range %"))
	t.full.Note = book.Say("each queue note with writes", prose.Values{"Xmit": xmit})
	t.alt = book.Text("queues chart alt with writes", nil)
	return t
}

// add shows one spread. Again reports that it is of the same scenario as the one
// before it, which is named once.
func (t *queueTables) add(s ownSpread, name string, again bool) {
	sp := s.Spread
	least, most := 1.0, 0.0
	for _, q := range sp.Queues {
		least, most = min(least, q.Share), max(most, q.Share)
	}
	lowest, highest, empty, ratio, jain, even, chance := text.Absent, text.Absent, text.Absent, text.Absent, text.Absent, text.Absent, text.Absent
	if sp.Seen {
		lowest, highest, empty = text.Percent(least), text.Percent(most), strconv.Itoa(sp.Empty)
		ratio, jain, even = text.Decimals(sp.Ratio, 2), text.Decimals(sp.Jain, 3), text.Decimals(sp.Even, 2)
	}
	if sp.Hashed {
		chance = text.Probability(sp.Chance)
	}
	pan := chart.Panel{Note: "Jain " + jain, Fair: 1 / float64(len(sp.Queues))}
	if t.written {
		pan.Note = sp.End.Did() + ", " + pan.Note
	}
	for _, q := range sp.Queues {
		pan.Bars = append(pan.Bars, chart.QueueBar{Name: strconv.Itoa(q.Queue.Queue), Share: q.Share, Text: text.Decimals(100*q.Share, 0)})
	}
	if sp.Seen {
		t.shares = append(t.shares, ownPanel{pan, s.Scenario, sp.Jain, sp.Trials})
	}
	if again {
		name = ""
	}
	cells := []any{name, len(sp.Queues), empty, lowest, highest, ratio, jain, even, chance, sp.Trials}
	if t.written {
		cells = slices.Insert(cells, 1, any(sp.End.Did()))
	}
	t.brief.Rows = append(t.brief.Rows, document.Row(cells...))
	t.addQueues(sp, name)
}

// addQueues has a row for each queue of sp.
func (t *queueTables) addQueues(sp figure.Spread, name string) {
	did := sp.End.Did()
	for _, q := range sp.Queues {
		rng, share, flows, xmit := text.Absent, text.Absent, text.Absent, text.Absent
		if sp.Seen {
			share = text.Percent(q.Share)
			if sp.Trials > 1 {
				rng = text.Between(text.Percent(q.Lowest), text.Percent(q.Highest))
			}
		}
		if sp.FlowsKnown() {
			flows = text.Between(strconv.Itoa(q.FlowsMin), strconv.Itoa(q.FlowsMax))
		}
		if sp.End == figure.FromQueue {
			xmit = text.Count(q.XmitPkts)
		}
		cells := []any{name, q.Queue.Queue, xmit, text.Count(q.Pkts), text.Size(q.Bytes), text.Count(q.DropPkts), flows, share, rng}
		if t.written {
			cells = slices.Insert(cells, 1, any(did))
		}
		t.full.Rows = append(t.full.Rows, document.Row(cells...))
		name, did = "", ""
	}
}

func (t *queueTables) blocks() []document.Block {
	blocks := []document.Block{t.brief}
	for i, part := range slices.Collect(slices.Chunk(t.shares, chart.PanelsAChart)) {
		blocks = append(blocks, document.Picture{File: document.Numbered("queues", i), Alt: t.alt, N: trialsOf(part), Chart: t.chart(part)})
	}
	return append(blocks, t.full)
}

// trialsOf says from how many trials the figures of panels come.
func trialsOf(list []ownPanel) string {
	var counts []int
	for _, p := range list {
		counts = append(counts, p.trials)
	}
	return document.OfTrials(counts)
}

// chart draws panels, and says in the title how even they are.
func (t *queueTables) chart(list []ownPanel) chart.Panels {
	var scenarios []*figure.Scenario
	even := newReach(index)
	for _, p := range list {
		if !slices.Contains(scenarios, p.scenario) {
			scenarios = append(scenarios, p.scenario)
		}
		even.add(p.jain)
	}
	name, shared := question.Sharing(scenarios)
	shown := chart.Panels{Title: book.Text("queues chart title", prose.Values{"Writes": t.written, "Jain": even.text()}), Desc: book.Text("queues chart description", nil), Shared: shared}
	for _, p := range list {
		p.Title = name(p.scenario)
		shown.Panels = append(shown.Panels, p.Panel)
	}
	return shown
}
