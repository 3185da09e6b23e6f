package run

import (
	"slices"

	"tunbench/reports/document"
	"tunbench/reports/document/ladder"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// OpenLoops makes the tables of latency under an open load, and of how well the
// load was kept. They have no rows if there is no open loop.
func OpenLoops(list []*figure.Scenario, title func(*figure.Scenario) string) (open, kept document.Table) {
	open = document.Table{Columns: slices.Concat(document.Text("scenario"), document.Numeric("offered", "p50", "p90", "p99", "p99.9", "max", "service p50", "service p99", "service p99.9", "loss %", "late %"))}
	kept = document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("offered", "packets due", "late %", "sent − due p99", "sent − due max", "n")),
		Fold:    book.Text("schedule fold", nil),
	}
	top := 0.0
	for _, s := range list {
		if k, ok := s.Head().Schedule(); ok {
			top = max(top, k.Rate)
		}
	}
	sc := text.RateScale(top)
	var lateNs int64
	for _, s := range list {
		h := s.Head()
		k, ok := h.Schedule()
		if !ok {
			continue
		}
		lateNs = max(lateNs, k.LateNs)
		late, p99 := text.Absent, text.Absent
		if k.Sends > 0 {
			late = text.Percent(float64(k.Late) / float64(k.Sends))
		}
		if k.P99 != nil {
			p99 = text.Duration(*k.P99)
		}
		e2e, _ := h.Pool(record.E2E)
		service, _ := h.Pool(record.Service)
		from := ladder.QuantileCells(service)
		cells := append([]any{document.WithFew(title(s), h), sc.Format(k.Rate)}, ladder.QuantileCells(e2e)...)
		cells = append(cells, from[0], from[2], from[3], Cell(h, record.Loss, text.Percent), late)
		open.Rows = append(open.Rows, document.Row(cells...))
		kept.Rows = append(kept.Rows, document.Row(title(s), sc.Format(k.Rate), text.Count(k.Sends), late, p99, text.Duration(float64(k.Max)), k.Trials))
	}
	for _, t := range []*document.Table{&open, &kept} {
		t.Columns[1].Name = "offered " + sc.Unit
	}
	kept.Note = book.Say("schedule note", prose.Values{"Late": text.Duration(float64(lateNs))})
	return open, kept
}
