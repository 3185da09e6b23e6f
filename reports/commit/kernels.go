package commit

import (
	"slices"
	"strings"

	"tunbench/reports/document/kernels"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// Kernels is l for a commit's message: each kernel against the first. A message about a
// single kernel says that there is nothing to compare.
func Kernels(l *verdict.Lab) string {
	s := kernels.New(l)
	if len(l.Kernels) < 2 {
		return message{titles: []string{book.Text("no comparison", nil)}, warnings: s.Cautions(), tail: []string{book.Text("one kernel", nil)}}.String()
	}
	var parts []string
	verdicts := l.Verdicts()
	for _, next := range l.Rest() {
		base := l.Kernels[0]
		m := message{common: l.Common, within: book.Text("spread", nil)}
		if len(parts) == 0 {
			m.warnings = slices.Concat(s.Headlines(), s.Cautions())
		}
		names := prose.Values{"Base": base.Name, "New": next.Name, "Unit": l.Unit(), "Suites": l.Suites, "Tools": l.Tools}
		m.titles = []string{book.Text("kernels", names), book.Text("short title", names), book.Text("shortest title", names)}
		m.head = append(m.head, book.Text("measured", names))
		threshold, boots, unsettled := "", 0, false
		for _, v := range verdicts {
			if v.NewKernel != next.Name {
				continue
			}
			r := row{scenario: s.Name(v.Scenario), figure: costName(v.Metric), verdict: v.Verdict.Verdict, base: cost(v.Base), new: cost(v.New), change: metric.ChangeText(v.Verdict)}
			if v.Spread != nil {
				r.within = "+-" + strings.TrimPrefix(text.Precisely(*v.Spread), "+") + " %"
			}
			if base.Cost(v.Scenario, v.Metric).Unsettles() || next.Cost(v.Scenario, v.Metric).Unsettles() {
				r.figure, unsettled = r.figure+notSettled, true
			}
			if v.Missing != "" {
				r.change = book.Text("missing", prose.Values{"Side": v.Missing})
			}
			m.rows = append(m.rows, r)
			if v.Threshold > 0 {
				threshold = metric.ThresholdText(v.Verdict)
			}
			boots = max(boots, v.N)
		}
		m.tail = []string{outcome(m.rows, threshold, book.Text("by boots", prose.Values{"N": boots, "Unit": l.Unit()}))}
		if unsettled {
			m.tail = append(m.tail, book.Text("unsettled", prose.Values{"Mark": notSettled}))
		}
		parts = append(parts, m.String())
	}
	return strings.Join(parts, "\n")
}

// notSettled marks a cost that in some boot was not constant.
const notSettled = "*"

// costName is what a cost per packet is called.
func costName(name string) string {
	for _, c := range verdict.PacketCosts {
		if c.Metric == name {
			return c.Name
		}
	}
	return name
}

func cost(v *float64) string {
	if v == nil {
		return text.Absent
	}
	return text.PerPacket(*v)
}
