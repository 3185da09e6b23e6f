package kernels

import (
	"cmp"
	"slices"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// charts shows both sides of every scenario on each later kernel, in per cent of the
// first: costs of 5,000 and of 138,000 have no axis in common. There is none of a single
// kernel.
func charts(l Text) (document.Section, bool) {
	sec := document.Section{Heading: book.Text("charts heading", prose.Values{"Base": l.Kernels[0].Short}), Sub: true}
	for i, next := range l.Rest() {
		for _, side := range verdict.PacketCosts {
			rows := changeRows(l, next, side.Metric)
			if !slices.ContainsFunc(rows, func(r chart.ChangeRow) bool { return !r.Absent }) {
				continue
			}
			file := map[string]string{record.SendNsPerPkt: "kernels-send", record.RecvNsPerPkt: "kernels-receive"}[side.Metric]
			if i > 0 {
				file += "-" + next.Short
			}
			for j, part := range slices.Collect(slices.Chunk(rows, chart.RowsAChart)) {
				sec.Blocks = append(sec.Blocks, document.Picture{
					File: document.Numbered(document.FileName(file), j), Alt: book.Text("chart alt", prose.Values{"Side": side.Name, "New": next.Short, "Base": l.Kernels[0].Short}),
					Chart: chart.Changes{
						Title: book.Text("chart title", prose.Values{"Side": side.Name, "New": next.Short, "Base": l.Kernels[0].Short, "Changes": shiftsOf(l, next, side.Metric).brief()}),
						Desc:  book.Text("chart about", nil), Note: book.Text("chart note", prose.Values{"Unit": l.Unit(), "Common": l.Common}),
						Of: l.Kernels[0].Short, Range: book.Text("chart range", nil), Rows: part,
					},
					N: document.Counted([]int{l.Kernels[0].Boots - len(l.Kernels[0].Lost), next.Boots - len(next.Lost)}, document.Boots()),
				})
			}
		}
	}
	return sec, len(sec.Blocks) > 0
}

// changeRows are the changes of a cost on next, a row for each scenario.
func changeRows(l Text, next *verdict.Kernel, metric string) (rows []chart.ChangeRow) {
	base := l.Kernels[0]
	for _, scenario := range rowsFor(l, next) {
		row := chart.ChangeRow{Label: l.Name(scenario)}
		v := l.Verdict(base, next, scenario, metric)
		s := verdict.NewShift(base.Cost(scenario, metric), next.Cost(scenario, metric))
		if s.Change == nil {
			why, _ := next.Why(scenario)
			row.Absent, row.Text = true, cmp.Or(why, book.Text("chart missing", nil))
			rows = append(rows, row)
			continue
		}
		old, young := s.Shown()
		row.Value, row.Threshold = *s.Change, v.Threshold
		row.Low, row.High = min(*s.Change, s.New.Min/s.Base.Max-1), max(*s.Change, s.New.Max/s.Base.Min-1)
		row.Text, row.Figures = text.Precisely(*s.Change)+" %", costCell(old)+" → "+costCell(young)
		row.Class = look(s)
		rows = append(rows, row)
	}
	return rows
}

// look is the class of the mark of a change: dearer, cheaper, or within the spread.
func look(s verdict.Shift) string {
	switch seen, _ := s.Seen(); {
	case !seen:
		return "muted"
	case *s.Change > 0:
		return "b"
	}
	return "a"
}
