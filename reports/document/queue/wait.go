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

// Waits shows how long packets stayed in each queue, and how many stood in its ring.
func Waits(list []*figure.Scenario) (document.Section, bool) {
	sec := document.Section{Heading: book.Text("waits heading", nil)}
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("queue", "p50", "p99", "p99.9", "max", "samples", "depth p50", "depth p99", "deepest", "txqlen")),
		Note:    book.Say("waits note", nil),
	}
	title := figure.Titles(list)
	var rows []chart.LadderRow
	for _, s := range list {
		all := figure.Waits(s)
		name := title(s)
		for _, w := range all {
			t.Rows = append(t.Rows, document.Row(name, w.Queue, span(w.P50), span(w.P99), span(w.P999), text.Duration(w.Longest),
				text.Count(w.Samples), packets(w.Half), packets(w.Mostly), w.Deepest, w.TxQLen))
			name = ""
			if len(all) > 1 {
				rows = append(rows, chart.LadderRow{
					Label: book.Text("waits lane", prose.Values{"Scenario": title(s), "Queue": strconv.Itoa(w.Queue), "Deepest": w.Deepest}),
					Lanes: []chart.Lane{{Kind: book.Text("waits kind", nil), At: [4]float64{value(w.P50), 0, value(w.P99), value(w.P999)}, Max: w.Longest}},
				})
			}
		}
	}
	if len(t.Rows) == 0 {
		return document.Section{}, false
	}
	sec.Blocks = []document.Block{t.Folded(book.Text("waits heading", nil))}
	for i, part := range slices.Collect(slices.Chunk(rows, chart.RowsAChart)) {
		sec.Blocks = append(sec.Blocks, document.Picture{
			File: document.Numbered("waits", i), Alt: book.Text("waits chart alt", nil),
			Chart: chart.Ladder{Title: book.Text("waits chart title", nil), Desc: book.Text("waits chart description", nil), Rows: part},
		})
	}
	return sec, true
}

func span(ns *float64) string {
	if ns == nil {
		return text.Absent
	}
	return text.Duration(*ns)
}

func packets(n *float64) string {
	if n == nil {
		return text.Absent
	}
	return text.Decimals(*n, 0)
}

func value(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}
