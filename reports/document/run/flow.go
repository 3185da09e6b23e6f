package run

import (
	"fmt"
	"slices"
	"strconv"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/text"
)

func flowQueues(list []*figure.Scenario) (document.Section, bool) {
	title := figure.Titles(list)
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("flows", "queues", "one queue %", "moved", "alike %", "Jain", "by chance", "trials")),
		Note: prose.Say("From the readers of each queue. ", prose.Bold("one queue"), ": share of the flows that one queue alone brought, median over the trials. ",
			prose.Bold("moved"), ": flows of which a hundredth or more came out of a second queue, in the trial that had most of them. ",
			prose.Bold("alike"), ": share of the flows that came out of the same queue in every trial; sockets may get another hash in each. ",
			prose.Bold("Jain"), ": of the packets over the queues. ", prose.Bold("by chance"), ": what hashing at random gives so many flows of one rate, F / (F + Q − 1)."),
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
	sec := document.Section{Heading: "Flows by queue", Blocks: []document.Block{t.Folded("Flows by queue")}}
	for i, part := range slices.Collect(slices.Chunk(panels, chart.HeatsAChart)) {
		sec.Blocks = append(sec.Blocks, document.Picture{
			File: document.Numbered("flows", i), Alt: "Flows by queues, one panel a scenario: the darker, the larger the share of a flow's packets that came out of that queue",
			Chart: chart.Heat{
				Title: "Flows by queue", Desc: "One panel a scenario, one column a flow, one row a queue; the darker, the larger the share of the flow's packets, in the first trial.", Panels: part,
			},
		})
	}
	return sec, true
}

// panel draws the first trial of m: the share of each flow on each queue.
func FlowPanel(m figure.FlowMap, title string) chart.HeatPanel {
	p := chart.HeatPanel{Title: title, Note: fmt.Sprintf("%s, Jain %s, by chance %s", text.Plural(len(m.Flows), "flow", "flows"), text.Decimals(m.Jain, 3), text.Decimals(m.ByChance(), 3)), Rows: m.Queues}
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
