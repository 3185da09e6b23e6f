package charttest

import (
	"math"
	"slices"

	"tunbench/reports/chart"
	"tunbench/reports/text"
)

// versionLooks are the fill of a point and the legend of each trend.
var versionLooks = map[chart.VersionTrend][2]string{
	chart.Steady: {"muted", "no step"}, chart.Unjudged: {"d", "not judged"}, chart.Cheaper: {"a", "cheaper after a step"}, chart.Dearer: {"b", "dearer after a step"},
}

// versions reads the scale at the left of each panel, and looks for a point for each value.
func versions(p *picture, ch chart.Versions) {
	written(p, ch.Note)
	for _, s := range ch.Series {
		written(p, s.Name)
		if n := len(s.Versions); n > 0 {
			written(p, s.Versions[n-1])
		}
	}
	points := p.all("circle", "")
	want := 0
	for _, panel := range ch.Panels {
		written(p, panel.Title)
		for _, m := range panel.Marks {
			written(p, m.Text)
		}
		at, value := leftScale(p, panel.Title)
		for _, l := range panel.Lines {
			look := versionLooks[l.Trend]
			swatch(p, look[0], look[1])
			for _, v := range l.Values {
				if math.IsNaN(v) {
					continue
				}
				want++
				tip := text.Printable(l.Name + ": " + text.Precisely(v) + " %")
				ok := slices.ContainsFunc(points, func(e *element) bool {
					if e.tip != tip || !e.has(look[0]) {
						return false
					}
					return len(at) < 2 || math.Abs(at[0]+(100*v-value[0])/(value[1]-value[0])*(at[1]-at[0])-e.y) < 0.3
				})
				if !ok {
					p.fault("%s: no point of class %s stands at %v", l.Name, look[0], v)
				}
			}
		}
	}
	if len(points) != want {
		p.fault("%d points are drawn, the chart has %d", len(points), want)
	}
}

// leftScale gives the heights and the values of the numbers left of the panel of that title:
// the first two below it.
func leftScale(p *picture, title string) (at, value []float64) {
	top := math.Inf(1)
	for _, e := range p.elements {
		if e.name == "text" && e.text == text.Printable(title) {
			top = e.y
		}
	}
	var list []*element
	for _, e := range p.elements {
		if e.name == "text" && e.has("muted") && e.attr["text-anchor"] == "end" && e.y > top {
			list = append(list, e)
		}
	}
	slices.SortFunc(list, func(a, b *element) int { return int(math.Copysign(1, a.y-b.y)) })
	for _, e := range list[:min(2, len(list))] {
		v, ok := text.ShownValue(e.text)
		if !ok {
			p.fault("%q on the scale is no number", e.text)
			return nil, nil
		}
		at, value = append(at, e.y-4), append(value, v)
	}
	return at, value
}
