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
	for _, g := range metric.Ratios() {
		rows := changes(s, g.Metric)
		better := betterText(g)
		for i, part := range slices.Collect(slices.Chunk(rows, chart.RowsAChart)) {
			sec.Blocks = append(sec.Blocks, document.Picture{
				File: document.Numbered("compare-"+strings.ReplaceAll(g.Metric, "_", "-"), i), Alt: book.Text("chart alt", prose.Values{"Metric": g.Metric}),
				Chart: chart.Changes{Title: book.Text("chart title", prose.Values{"Metric": g.Metric}), Desc: book.Text("chart about", prose.Values{"Better": better}), Note: better, Rows: part},
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
		return book.Text("higher", nil)
	}
	return book.Text("lower", nil)
}
