package compare

import (
	"slices"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

// charts shows the changes of each metric with their intervals.
func charts(s *Text) (document.Section, bool) {
	sec := document.Section{Heading: "Changes and their intervals"}
	for _, g := range slices.Concat(metric.RealGates, metric.VirtualGates) {
		if g.Absolute {
			continue
		}
		rows := changes(s, g.Metric)
		better, of := betterText(g), prose.Values{"Metric": g.Metric}
		for i, part := range slices.Collect(slices.Chunk(rows, chart.RowsAChart)) {
			sec.Blocks = append(sec.Blocks, document.Picture{
				File: document.Numbered("compare-"+strings.ReplaceAll(g.Metric, "_", "-"), i), Alt: words.Text("chart-alt", of),
				Chart: chart.Changes{Title: words.Text("chart-title", of), Desc: words.Text("chart-about", prose.Values{"Better": better}), Note: better, Rows: part},
			})
		}
	}
	return sec, len(sec.Blocks) > 0
}

// changes are the lines of the chart of a metric.
func changes(s *Text, metricName string) (rows []chart.ChangeRow) {
	for _, v := range s.Verdicts {
		if v.Metric != metricName || v.Change == nil || v.CI == nil {
			continue
		}
		class := "muted"
		switch v.Verdict {
		case record.Regression, record.IndicativeRegression:
			class = "b"
		case record.Improvement, record.IndicativeImprovement:
			class = "a"
		}
		rows = append(rows, chart.ChangeRow{Label: s.Name(v.Scenario), Value: *v.Change, Low: v.CI[0], High: v.CI[1], Threshold: v.Threshold, Class: class, Text: metric.ChangeText(v)})
	}
	return rows
}

// betterText says which way is better.
func betterText(g metric.Gate) string {
	if g.Better > 0 {
		return words.Text("higher", nil)
	}
	return words.Text("lower", nil)
}
