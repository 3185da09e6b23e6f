package compare

import (
	"math"
	"slices"

	"tunbench/reports/document"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// sight tells what the hosts could see at all, where A/A runs told.
func sight(s *Text) (p []prose.Prose) {
	for _, side := range []verdict.Side{s.Base, s.New} {
		if side.Run == nil {
			continue
		}
		line := document.Detectable(side.Run.Sees)
		if len(line) > 0 && !slices.ContainsFunc(p, func(other prose.Prose) bool { return slices.Equal(other, line) }) {
			p = append(p, line)
		}
	}
	return p
}

// mean is the geometric mean of new/base over scenarios.
type mean struct {
	Metric string
	Ratio  float64
	Cells  int
}

// Means gives one for each metric that is compared by its ratio, over the
// scenarios that both sides measured and that can be compared.
func Means(s *Text) (list []mean) {
	for _, g := range metric.Ratios() {
		m := mean{Metric: g.Metric}
		sum := 0.0
		for _, v := range s.Verdicts {
			if v.Metric != g.Metric || v.Base == nil || v.New == nil || *v.Base <= 0 || *v.New <= 0 ||
				v.Verdict == record.NotComparable || v.Verdict == record.InvalidVerdict {
				continue
			}
			sum += math.Log(*v.New) - math.Log(*v.Base)
			m.Cells++
		}
		if m.Cells > 1 {
			m.Ratio = math.Exp(sum / float64(m.Cells))
			list = append(list, m)
		}
	}
	return list
}
