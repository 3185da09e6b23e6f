package compare

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

// charts shows the changes of each metric with their intervals: one chart for each, what
// changed first.
func charts(s *Text) (document.Section, bool) {
	sec := document.Section{Heading: "Changes and their intervals"}
	for _, g := range metric.Ratios() {
		list := withInterval(s, g.Metric)
		if len(list) == 0 {
			continue
		}
		shown := list[:min(chart.RowsAChart, len(list))]
		names := make([]string, len(shown))
		for i, v := range shown {
			names[i] = v.Scenario
		}
		name, shared := s.named(names)
		better := betterText(g)
		ch := chart.Changes{
			Title: book.Text("chart title", prose.Values{"Metric": g.Metric, "New": s.New.Called(), "Base": s.Base.Called(), "Worse": count(list, "b"), "Better": count(list, "a"), "N": len(list)}),
			Desc:  book.Text("chart about", prose.Values{"Better": better}),
			Note:  book.Text("chart note", prose.Values{"Better": better, "Shared": shared, "Hidden": len(list) - len(shown)}),
			Of:    s.Base.Called(), Range: book.Text("chart range", nil),
		}
		var counts []int
		for _, v := range shown {
			counts = append(counts, v.N)
			ch.Rows = append(ch.Rows, chart.ChangeRow{
				Label: name(v.Scenario), Value: *v.Change, Low: v.CI[0], High: v.CI[1], Threshold: v.Threshold, Class: look(v), Text: metric.ChangeText(v),
				Figures: metric.FigureText(v, v.Base) + " → " + metric.FigureText(v, v.New),
			})
		}
		of := document.Pairs()
		if !s.Paired {
			of = document.EachSide()
		}
		sec.Blocks = append(sec.Blocks, document.Picture{
			File: document.Numbered("compare-"+strings.ReplaceAll(g.Metric, "_", "-"), 0), Alt: book.Text("chart alt", prose.Values{"Metric": g.Metric}),
			Chart: ch, N: document.Counted(counts, of),
		})
	}
	return sec, len(sec.Blocks) > 0
}

// withInterval are the verdicts on a metric that a chart can show: what is worse first,
// then what is better, then the rest, and of each the largest changes first.
func withInterval(s *Text, metricName string) (list []record.Verdict) {
	for _, v := range s.Verdicts {
		if v.Metric == metricName && v.Change != nil && v.CI != nil {
			list = append(list, v)
		}
	}
	rank := func(v record.Verdict) int { return slices.Index([]string{"b", "a", "muted"}, look(v)) }
	slices.SortStableFunc(list, func(a, b record.Verdict) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(math.Abs(math.Log1p(*b.Change)), math.Abs(math.Log1p(*a.Change))))
	})
	return list
}

// look is the class of the mark of v.
func look(v record.Verdict) string {
	switch v.Verdict {
	case record.Regression, record.IndicativeRegression:
		return "b"
	case record.Improvement, record.IndicativeImprovement:
		return "a"
	}
	return "muted"
}

func count(list []record.Verdict, class string) (n int) {
	for _, v := range list {
		if look(v) == class {
			n++
		}
	}
	return n
}

// betterText says which way is better.
func betterText(g metric.Gate) string {
	if g.Better > 0 {
		return book.Text("higher", nil)
	}
	return book.Text("lower", nil)
}
