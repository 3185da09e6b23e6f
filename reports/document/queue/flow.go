package queue

import (
	"math"
	"slices"
	"strconv"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/document/question"
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
	var maps []ownFlows
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
			maps = append(maps, ownFlows{m, s})
		}
	}
	if len(t.Rows) == 0 {
		return document.Section{}, false
	}
	sec := document.Section{Heading: book.Text("flows heading", nil), Blocks: []document.Block{t.Folded(book.Text("flows fold", nil))}}
	for i, part := range slices.Collect(slices.Chunk(maps, chart.HeatsAChart)) {
		sec.Blocks = append(sec.Blocks, document.Picture{
			File: document.Numbered("flows", i), Alt: book.Text("flows chart alt", nil), N: document.FirstTrial(), Chart: flowChart(part),
		})
	}
	return sec, true
}

// ownFlows are the flows of a scenario.
type ownFlows struct {
	figure.FlowMap
	scenario *figure.Scenario
}

// flowChart draws a panel each, and says in the title how even they are.
func flowChart(list []ownFlows) chart.Heat {
	var scenarios []*figure.Scenario
	even, chance := newReach(index), newReach(index)
	for _, m := range list {
		scenarios = append(scenarios, m.scenario)
		even.add(m.Jain)
		chance.add(m.ByChance())
	}
	name, shared := question.Sharing(scenarios)
	h := chart.Heat{Title: book.Text("flows chart title", prose.Values{"Jain": even.text(), "Chance": chance.text()}), Desc: book.Text("flows chart description", nil), Shared: shared}
	for _, m := range list {
		h.Panels = append(h.Panels, FlowPanel(m.FlowMap, name(m.scenario)))
	}
	return h
}

// reach is from the lowest to the highest of some figures.
type reach struct {
	low, high float64
	write     func(float64) string
}

func newReach(write func(float64) string) *reach { return &reach{math.Inf(1), math.Inf(-1), write} }

// index writes an index from 0 to 1.
func index(v float64) string { return text.Decimals(v, 3) }

func (r *reach) add(v float64) { r.low, r.high = min(r.low, v), max(r.high, v) }

// text is the only figure, or the lowest and the highest; "" of none.
func (r *reach) text() string {
	if r.low > r.high {
		return ""
	}
	return text.FromTo(r.write(r.low), r.write(r.high))
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
