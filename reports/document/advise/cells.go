package advise

import (
	"cmp"
	"slices"

	"tunbench/reports/advice"
	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/text"
)

// columns are those of a comparison: what matters most comes first, for narrow screens.
var columns = slices.Concat(document.Numeric("packets"), document.Interval("95 % interval"), document.Text("verdict"), document.Numeric("CPU"), document.Interval("95 % interval"))

// row gives the columns of a comparison between others.
func row(c advice.Comparison, label string, last ...any) []prose.Prose {
	return document.Row(append([]any{prose.Mono(label), ratio(c.PPS), range95(c.PPS), Verdict(c), ratio(c.CPU), range95(c.CPU)}, last...)...)
}

// ratio and range95 are the cells of r and of its interval.
func ratio(r advice.Ratio) string {
	if r.N == 0 {
		return text.Absent
	}
	return text.Ratio(r.Value)
}

func range95(r advice.Ratio) string { return cmp.Or(interval(r), text.Absent) }

// figure is the cell of a median, which is 0 where there is none.
func figure(v float64, format func(float64) string) string {
	if v == 0 {
		return text.Absent
	}
	return format(v)
}

// interval is that of r; "" without one.
func interval(r advice.Ratio) string {
	if r.CI == nil {
		return ""
	}
	return text.Between(text.Ratio(r.CI[0]), text.Ratio(r.CI[1]))
}
