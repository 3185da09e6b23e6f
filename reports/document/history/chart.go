package history

import (
	"tunbench/reports/chart"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/series"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// panel is the chart of a series.
func panel(t Text, s *series.Series) chart.TrendPanel {
	points := s.Shown()
	top := 0.0
	for _, p := range points {
		top = max(top, p.Value)
	}
	panel := chart.TrendPanel{Title: panelTitle(t, s), Scale: metric.Scale(s.Metric, s.Unit, top), First: text.Clock(points[0].Started)}
	panel.Note = panel.Scale.Unit
	if len(points) > 1 {
		panel.Last = text.Clock(points[len(points)-1].Started)
	}
	for i, p := range points {
		text := book.Text("point", prose.Values{"Point": pointText(p), "Value": metric.Quantity(s.Metric, &p.Value), "Valid": p.N > 0})
		panel.Points = append(panel.Points, chart.TrendPoint{Value: p.Value, Low: p.Low, High: p.High, Hollow: p.N == 0, Text: text})
		if p.Release != "" {
			panel.Marks = append(panel.Marks, chart.TrendMark{At: i, Text: p.Release, Dotted: true})
		}
	}
	from := 0
	level := func(to int) {
		var x []float64
		for _, p := range points[from:to] {
			if p.N > 0 {
				x = append(x, p.Value)
			}
		}
		if v, err := stat.Median(x); err == nil {
			panel.Levels = append(panel.Levels, chart.TrendLevel{From: from, To: to, Value: v})
		}
	}
	for _, c := range s.Changes {
		at := s.Place(c)
		class := "as"
		if c.Verdict == record.Regression {
			class = "bs"
		}
		panel.Marks = append(panel.Marks, chart.TrendMark{At: at, Class: class, Text: metric.WithUnit(s.Metric, metric.Step(s.Metric, c.Change))})
		level(at)
		from = at
	}
	level(len(points))
	return panel
}
