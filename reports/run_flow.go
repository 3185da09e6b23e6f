package reports

import (
	"fmt"
	"slices"
	"strconv"
)

func flowQueues(list []*scenario) (section, bool) {
	title := titles(list)
	t := table{
		columns: slices.Concat(text("scenario"), numeric("flows", "queues", "one queue %", "moved", "alike %", "Jain", "by chance", "trials")),
		note: say("From the readers of each queue. ", bold("one queue"), ": share of the flows that one queue alone brought, median over the trials. ",
			bold("moved"), ": flows of which a hundredth or more came out of a second queue, in the trial that had most of them. ",
			bold("alike"), ": share of the flows that came out of the same queue in every trial; sockets may get another hash in each. ",
			bold("Jain"), ": of the packets over the queues. ", bold("by chance"), ": what hashing at random gives so many flows of one rate, F / (F + Q − 1)."),
	}
	var panels []heatPanel
	for _, s := range list {
		m, ok := s.flowMap()
		if !ok {
			continue
		}
		one := absent
		if m.one >= 0 {
			one = percent(m.one)
		}
		alike := absent
		if share, ok := m.alike(); ok {
			alike = percent(share)
		}
		t.rows = append(t.rows, row(title(s), len(m.flows), m.queues, one, m.moved(), alike, decimals(m.jain, 3), decimals(m.byChance(), 3), len(m.trials)))
		if len(m.flows) <= mostHeatFlows && m.queues <= mostHeatQueues {
			panels = append(panels, flowPanel(m, title(s)))
		}
	}
	if len(t.rows) == 0 {
		return section{}, false
	}
	sec := section{heading: "Flows by queue", blocks: []block{t.folded("Flows by queue")}}
	for i, part := range slices.Collect(slices.Chunk(panels, heatsAChart)) {
		sec.blocks = append(sec.blocks, picture{
			file: numbered("flows", i), alt: "Flows by queues, one panel a scenario: the darker, the larger the share of a flow's packets that came out of that queue",
			chart: heatChart{
				title: "Flows by queue", desc: "One panel a scenario, one column a flow, one row a queue; the darker, the larger the share of the flow's packets, in the first trial.", panels: part,
			},
		})
	}
	return sec, true
}

// panel draws the first trial of m: the share of each flow on each queue.
func flowPanel(m flowMap, title string) heatPanel {
	p := heatPanel{title: title, note: fmt.Sprintf("%s, Jain %s, by chance %s", plural(len(m.flows), "flow", "flows"), decimals(m.jain, 3), decimals(m.byChance(), 3)), rows: m.queues}
	for _, flow := range m.flows {
		byQueue := m.trials[0][flow]
		total := sum(byQueue)
		column := heatColumn{name: strconv.Itoa(flow), share: make([]float64, m.queues), total: count(total)}
		for queue, n := range byQueue {
			column.share[queue] = float64(n) / float64(total)
		}
		p.columns = append(p.columns, column)
	}
	return p
}
