package run

import (
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/document/question"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

var passageParts = []chart.Part{
	{Name: book.Text("passage part send", nil), Class: "c"},
	{Name: book.Text("passage part wake", nil), Class: "d"},
	{Name: book.Text("passage part ring", nil), Class: "b"},
	{Name: book.Text("passage part residency", nil), Class: "bd"},
	{Name: book.Text("passage part copy", nil), Class: "a"},
}

// passages shows where the time of a packet goes, open loads first: under a
// closed load, most of it is the ring as far as the sender keeps that full.
func passages(list []*figure.Scenario, all map[*figure.Scenario]figure.Passage) []document.Section {
	if len(all) == 0 {
		return nil
	}
	title := figure.Titles(list)
	sec := document.Section{Heading: book.Text("passage heading", nil), Sub: true}
	var drawn []*figure.Scenario
	open := passageTable("")
	closed := passageTable(book.Text("passage closed fold", nil))
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
		drawn = append(drawn, s)
	}
	sec.Blocks = append(sec.Blocks, book.Say("passage", nil))
	for i, part := range slices.Collect(slices.Chunk(drawn, chart.RowsAChart)) {
		name, shared := question.Sharing(part)
		var rows []chart.SplitRow
		for _, s := range part {
			rows = append(rows, chart.SplitRow{Label: name(s), Lanes: []chart.SplitLane{passageLane(all[s])}})
		}
		sec.Blocks = append(sec.Blocks, document.Picture{
			File: document.Numbered("limit-spent", i), Alt: book.Text("passage chart alt", nil), N: document.TrialsIn(record.Observed, part),
			Chart: chart.Split{
				Title: book.Text("passage chart title", nil), Desc: book.Text("passage chart description", nil),
				Note: strings.Join(text.NonEmpty(book.Text("passage chart unit", nil), shared), "; "), Parts: passageParts, Rows: rows, Shares: true,
			},
		})
	}
	sec.Blocks = append(sec.Blocks, open.Folded(book.Text("passage open fold", nil)), closed)
	sec.Blocks = append(sec.Blocks, document.Small(book.Say("passage note", prose.Values{"Xmit": document.XmitPoint(list), "Idle": strconv.FormatFloat(figure.IdleShare, 'f', -1, 64)})))
	if strange > 0 {
		sec.Blocks = append(sec.Blocks, document.Small(book.Say("passage strange", prose.Values{"N": strange})))
	}
	sec.Blocks = document.WithLeftOut(sec.Blocks, list, record.Observed)
	if !apart {
		sec.Blocks = append(sec.Blocks, document.Small(book.Say("passage together", nil)))
	}
	return []document.Section{sec}
}

// passageLane is the bar of p.
func passageLane(p figure.Passage) chart.SplitLane {
	lane := chart.SplitLane{Parts: []float64{p.Send, p.Wake, p.Ring, 0, p.Copied}, Text: text.Duration(p.Total)}
	if !p.Split {
		lane.Parts[3] = p.Residency
	}
	return lane
}

func passageTable(fold string) document.Table {
	return document.Table{Columns: slices.Concat(document.Text("scenario"), document.Numeric("send to read", "send side", "residency", "wake-up", "ring", "copy")), Fold: fold}
}

func passageRow(p figure.Passage, title string) []prose.Prose {
	send, copied, wake, ring := book.Text("passage unresolved", nil), text.Absent, text.Absent, text.Absent
	if p.Resolved {
		send, copied = text.Duration(p.Send), text.Duration(p.Copied)
	}
	if p.Split {
		wake, ring = text.Duration(p.Wake), text.Duration(p.Ring)
	}
	return document.Row(title, text.Duration(p.Total), send, text.Duration(p.Residency), wake, ring, copied)
}
