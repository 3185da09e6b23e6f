package queue

import (
	"slices"
	"strconv"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/text"
)

// Flows shows from which queues the packets of each flow came.
func Flows(list []*figure.Scenario) (document.Section, bool) {
	title := figure.Titles(list)
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("flows", "queues", "one queue %", "moved", "same queue %", "Jain", "by chance", "trials")),
		Note:    book.Say("flows note", nil),
	}
	var panels []chart.HeatPanel
	for _, s := range list {
		m, ok := s.FlowMap()
		if !ok {
			continue
		}
		one := text.Absent
		if m.One >= 0 {
			one = text.Percent(m.One)
		}
		alike := text.Absent
		if share, ok := m.Alike(); ok {
			alike = text.Percent(share)
		}
		t.Rows = append(t.Rows, document.Row(title(s), len(m.Flows), m.Queues, one, m.Moved(), alike, text.Decimals(m.Jain, 3), text.Decimals(m.ByChance(), 3), len(m.Trials)))
		if len(m.Flows) <= chart.MostHeatFlows && m.Queues <= chart.MostHeatQueues {
			panels = append(panels, FlowPanel(m, title(s)))
		}
	}
	if len(t.Rows) == 0 {
		return document.Section{}, false
	}
	sec := document.Section{Heading: book.Text("flows heading", nil), Blocks: []document.Block{t.Folded(book.Text("flows fold", nil))}}
	for i, part := range slices.Collect(slices.Chunk(panels, chart.HeatsAChart)) {
		sec.Blocks = append(sec.Blocks, document.Picture{
			File: document.Numbered("flows", i), Alt: book.Text("flows chart alt", nil), N: document.FirstTrial(),
			Chart: chart.Heat{
				Title: book.Text("flows chart title", nil), Desc: book.Text("flows chart description", nil), Panels: part,
			},
		})
	}
	return sec, true
}

// FlowPanel draws the first trial of m: the share of each flow on each queue.
func FlowPanel(m figure.FlowMap, title string) chart.HeatPanel {
	p := chart.HeatPanel{Title: title, Note: book.Text("flows panel", prose.Values{"Flows": len(m.Flows), "Jain": text.Decimals(m.Jain, 3), "Chance": text.Decimals(m.ByChance(), 3)}), Rows: m.Queues}
	for _, flow := range m.Flows {
		byQueue := m.Trials[0][flow]
		total := figure.Sum(byQueue)
		column := chart.HeatColumn{Name: strconv.Itoa(flow), Share: make([]float64, m.Queues), Total: text.Count(total)}
		for queue, n := range byQueue {
			column.Share[queue] = float64(n) / float64(total)
		}
		p.Columns = append(p.Columns, column)
	}
	return p
}
