package queue

import (
	"cmp"
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

// Waits shows how long packets stayed in each queue, and how many stood in its ring.
func Waits(list []*figure.Scenario) (document.Section, bool) {
	sec := document.Section{Heading: book.Text("waits heading", nil)}
	xmit := document.XmitPoint(list)
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("queue", "p50", "p99", "p99.9", "max", "samples", "depth p50", "depth p99", "deepest", "txqlen")),
		Note:    book.Say("waits note", prose.Values{"Xmit": xmit}), Detail: true,
	}
	sum := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("queues", "p50", "p99", "p99.9", "max", "samples", "depth p99", "deepest", "txqlen")),
		Note:    book.Say("slowest queue note", prose.Values{"Xmit": xmit}), Digest: true,
	}
	title := figure.Titles(list)
	var several []*figure.Scenario // with more than one queue
	for _, s := range list {
		all := figure.Waits(s)
		name := title(s)
		for _, w := range all {
			t.Rows = append(t.Rows, document.Row(name, w.Queue, span(w.P50), span(w.P99), span(w.P999), text.Duration(w.Longest),
				text.Count(w.Samples), packets(w.Half), packets(w.Mostly), w.Deepest, w.TxQLen))
			name = ""
		}
		if len(all) > 1 {
			several = append(several, s)
		}
		if len(all) > 0 {
			w := slices.MaxFunc(all, slower)
			sum.Rows = append(sum.Rows, document.Row(title(s), len(all), span(w.P50), span(w.P99), span(w.P999), text.Duration(w.Longest), text.Count(w.Samples), packets(w.Mostly), w.Deepest, w.TxQLen))
		}
	}
	if len(t.Rows) == 0 {
		return document.Section{}, false
	}
	sec.Blocks = []document.Block{sum.Folded(book.Text("slowest queue fold", nil)), t.Folded(book.Text("waits heading", nil))}
	for _, pic := range waitCharts(several) {
		sec.Blocks = append(sec.Blocks, pic)
	}
	sec.Blocks = document.WithLeftOut(sec.Blocks, list, record.Observed)
	return sec, true
}

// slower orders queues by how long packets stayed in them: by the median and, where a queue
// has none, by the longest time.
func slower(a, b figure.Wait) int {
	return cmp.Or(cmp.Compare(value(a.P50), value(b.P50)), cmp.Compare(a.Longest, b.Longest))
}

// waitCharts draws the queues of scenarios, as many scenarios in one chart as fit.
func waitCharts(list []*figure.Scenario) (pics []document.Picture) {
	for len(list) > 0 {
		n, queues := 0, 0
		for n < len(list) {
			own := len(figure.Waits(list[n]))
			if n > 0 && queues+own > chart.RowsAChart {
				break
			}
			n, queues = n+1, queues+own
		}
		part := list[:n]
		list = list[n:]
		name, shared := question.Sharing(part)
		var rows []chart.LadderRow
		medians := newReach(text.Duration)
		for _, s := range part {
			for _, w := range figure.Waits(s) {
				if w.P50 != nil {
					medians.add(*w.P50)
				}
				rows = append(rows, chart.LadderRow{
					Label: book.Text("waits lane", prose.Values{"Scenario": name(s), "Queue": strconv.Itoa(w.Queue), "Deepest": w.Deepest}),
					Lanes: []chart.Lane{{Kind: book.Text("waits kind", nil), At: [4]float64{value(w.P50), 0, value(w.P99), value(w.P999)}, Max: w.Longest}},
				})
			}
		}
		pics = append(pics, document.Picture{
			File: document.Numbered("waits", len(pics)), Alt: book.Text("waits chart alt", nil), N: document.TrialsIn(record.Observed, part),
			Chart: chart.Ladder{Title: book.Text("waits chart title", prose.Values{"Median": medians.text()}), Desc: book.Text("waits chart description", prose.Values{"Xmit": document.XmitPoint(part)}), Note: shared, Rows: rows},
		})
	}
	return pics
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

// FullRings says what scenarios in which the sender goes as fast as it can do to their
// rings, and so to latency: in how many the median packet found at least half of the ring
// filled, that of any of its queues, and of how many this is known. It is empty where there are none.
func FullRings(closed []*figure.Scenario) prose.Prose {
	if len(closed) == 0 {
		return nil
	}
	full, known := 0, 0
	for _, s := range closed {
		deepest, seen := 0.0, false
		for _, w := range figure.Waits(s) {
			if w.Half != nil && w.TxQLen > 0 {
				deepest, seen = max(deepest, *w.Half/float64(w.TxQLen)), true
			}
		}
		if seen {
			known++
		}
		if deepest >= 0.5 {
			full++
		}
	}
	return book.Say("full rings", prose.Values{"Full": full, "Known": known})
}
