package history

import (
	"math"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/metric"
	"tunbench/reports/series"
	"tunbench/reports/text"
)

// delta is the change from one point to another.
func delta(s *series.Series, from, to series.Point) string {
	v := to.Value - from.Value
	if !s.Absolute() {
		if !(from.Value > 0) {
			return text.Absent
		}
		v = to.Value/from.Value - 1
	}
	if math.IsInf(v, 0) {
		return text.Absent
	}
	return metric.WithUnit(s.Metric, metric.Step(s.Metric, v))
}

// ends returns the first and the newest point shown that are valid, the one
// before the newest, and the last release before it; nil where there is none.
func ends(s *series.Series) (first, before, release, newest *series.Point) {
	for i := range s.Shown() {
		p := &s.Shown()[i]
		if p.N == 0 {
			continue
		}
		if first == nil {
			first = p
		}
		if newest != nil && newest.Release != "" {
			release = newest
		}
		before, newest = newest, p
	}
	return first, before, release, newest
}

// Trend is the row of a series: what it is now, and since when.
func Trend(s *series.Series) []any {
	first, before, release, newest := ends(s)
	if newest == nil {
		return []any{text.Absent, text.Absent, text.Absent, text.Absent}
	}
	cells := []any{metric.Quantity(s.Metric, &newest.Value)}
	for _, p := range []*series.Point{first, before, release} {
		switch {
		case p == nil || p == newest:
			cells = append(cells, text.Absent)
		case p == release:
			cells = append(cells, delta(s, *p, *newest)+" ("+text.Clip(text.Printable(p.Release), 16)+")")
		default:
			cells = append(cells, delta(s, *p, *newest))
		}
	}
	return cells
}

var TrendColumns = document.Numeric("newest", "since first", "since last", "since release")

const sparkWidth = 32

// TrendLine draws the newest values in one line of text. A run without a valid trial
// is a dot.
func TrendLine(s *series.Series) string {
	points := s.Shown()
	points = points[max(0, len(points)-sparkWidth):]
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range points {
		if p.N > 0 {
			low, high = min(low, p.Value), max(high, p.Value)
		}
	}
	var b strings.Builder
	for _, p := range points {
		switch {
		case p.N == 0:
			b.WriteRune('·')
		case high > low:
			b.WriteRune(text.Bar(text.Bars, (p.Value/2-low/2)/(high/2-low/2)))
		default:
			b.WriteRune(text.Bar(text.Bars, 0.4))
		}
	}
	return b.String()
}

// TrendNote explains the column on a terminal.
func TrendNote() string { return book.Text("trends", nil) }
