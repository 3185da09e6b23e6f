package charttest

import (
	"math"
	"slices"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/text"
)

// curve checks each point, band, name and upright line against the numbers on the axes.
func curve(p *picture, ch chart.Curve) {
	written(p, ch.X.Title)
	written(p, ch.Y.Title)
	for _, word := range strings.Fields(ch.Sub) {
		written(p, word)
	}
	x := ticksOf(p, "xtick", ch.X, func(e *element) float64 { return e.x })
	y := ticksOf(p, "ytick", ch.Y, func(e *element) float64 { return e.y - 4 })
	if !ch.Y.Log && len(y.at) > 0 {
		if i, _ := y.ends(); y.value[i] != 0 {
			p.fault("the scale of %q does not begin at 0", ch.Y.Title)
		}
	}
	if said := slices.ContainsFunc(p.all("text", "muted"), func(e *element) bool { return strings.Contains(e.text, "logarithmic") }); said != (ch.X.Log || ch.Y.Log) {
		p.fault("the note says that a scale is logarithmic: %v", said)
	}
	points, bands := p.all("circle", ""), p.all("path", "")
	next := 0
	for i, l := range ch.Lines {
		class := []string{"a", "b", "c", "d", "e"}[i]
		if len(ch.Lines) > 1 {
			named(p, class, l.Name)
		}
		if len(points) < next+len(l.Points) {
			p.fault("%s: %d points are not drawn", l.Name, next+len(l.Points)-len(points))
			return
		}
		own := points[next : next+len(l.Points)]
		next += len(l.Points)
		for j, q := range l.Points {
			curvePoint(p, x, y, l.Name, class, q, own[j])
		}
		bands = curveBand(p, x, y, l, class, bands)
		curveLine(p, l, class, own)
	}
	if next != len(points) || len(bands) > 0 {
		p.fault("%d points of %d, %d bands too many", len(points), next, len(bands))
	}
	var marks []*element
	for _, e := range p.all("line", "axis") {
		if e.attr["stroke-dasharray"] != "" && e.width() == 0 {
			marks = append(marks, e)
		}
	}
	if len(marks) != len(ch.Marks) {
		p.fault("%d of %d upright lines", len(marks), len(ch.Marks))
		return
	}
	for i, m := range ch.Marks {
		stands(p, x, m.Text, marks[i].left, m.X)
		written(p, m.Text)
	}
}

// ticksOf reads the numbers on an axis, which must be as even as the scale says.
func ticksOf(p *picture, class string, axis chart.CurveAxis, at func(*element) float64) *scale {
	s := &scale{of: evenly}
	if axis.Log {
		s.of = math.Log
	}
	for _, e := range p.all("text", class) {
		v, ok := text.ShownValue(e.text)
		if !ok {
			p.fault("%q on an axis is no number", e.text)
			continue
		}
		if axis.Time != slices.ContainsFunc([]string{" ns", " µs", " ms", " s"}, func(unit string) bool { return strings.HasSuffix(e.text, unit) }) {
			p.fault("%q on the axis %q: durations: %v", e.text, axis.Title, axis.Time)
		}
		s.at, s.value = append(s.at, at(e)), append(s.value, s.of(v))
	}
	if len(s.at) < 2 {
		p.fault("the axis %q has %d numbers", axis.Title, len(s.at))
		return s
	}
	i, j := s.ends()
	for k := range s.at {
		want := s.at[i] + (s.value[k]-s.value[i])/(s.value[j]-s.value[i])*(s.at[j]-s.at[i])
		if math.Abs(want-s.at[k]) > 0.3 {
			p.fault("the axis %q is uneven: %v at %v", axis.Title, s.value, s.at)
			break
		}
	}
	return s
}

// curvePoint checks where a point stands, and whether it may be quoted.
func curvePoint(p *picture, x, y *scale, line, class string, q chart.CurvePoint, e *element) {
	stands(p, x, line, e.x, q.X)
	stands(p, y, line, e.y, q.Y)
	if q.Hollow != e.has("hollow") || !e.has(class) && !e.has(class+"s") {
		p.fault("%s: the point at %v is drawn as %q", line, q.X, e.class)
	}
	if e.tip != text.Printable(q.Text) {
		p.fault("%s: the point at %v says %q", line, q.X, e.tip)
	}
}

// curveBand takes the bands of a line from the front of bands and checks their edges: the
// upper one from left to right, then the lower one back.
func curveBand(p *picture, x, y *scale, l chart.CurveLine, class string, bands []*element) []*element {
	var part []chart.CurvePoint
	check := func() {
		if len(part) < 2 {
			part = nil
			return
		}
		if len(bands) == 0 || len(bands[0].points) != 2*len(part) {
			p.fault("%s: a band of %d points is not drawn", l.Name, len(part))
			part = nil
			return
		}
		e := bands[0]
		bands = bands[1:]
		if !e.has(class) {
			p.fault("%s: the band is drawn as %q", l.Name, e.class)
		}
		for i, q := range part {
			up, down := e.points[i], e.points[len(e.points)-1-i]
			stands(p, x, l.Name+", band", up[0], q.X)
			stands(p, x, l.Name+", band", down[0], q.X)
			stands(p, y, l.Name+", upper edge", up[1], q.High)
			if q.Low > 0 || y.of(0) == 0 {
				stands(p, y, l.Name+", lower edge", down[1], q.Low)
			}
		}
		part = nil
	}
	for _, q := range l.Points {
		if q.High > 0 {
			part = append(part, q)
		} else {
			check()
		}
	}
	check()
	return bands
}

// curveLine makes sure that neighbours are joined, by dashes where one of them is hollow.
func curveLine(p *picture, l chart.CurveLine, class string, own []*element) {
	for i := 1; i < len(own); i++ {
		a, b := own[i-1], own[i]
		dashed := l.Points[i-1].Hollow || l.Points[i].Hollow
		if !slices.ContainsFunc(p.all("polyline", class+"s"), func(e *element) bool {
			for k := 1; k < len(e.points); k++ {
				if near(e.points[k-1], a) && near(e.points[k], b) {
					return dashed == (e.attr["stroke-dasharray"] != "")
				}
			}
			return false
		}) {
			p.fault("%s: the points at %v and %v are not joined as they should be", l.Name, l.Points[i-1].X, l.Points[i].X)
		}
	}
}

func near(point [2]float64, e *element) bool {
	return math.Abs(point[0]-e.x) < 0.11 && math.Abs(point[1]-e.y) < 0.11
}

// named looks for the name of a line: at the end of a line of its class, or in the legend.
func named(p *picture, class, name string) {
	name = text.Printable(name)
	for _, e := range p.all("text", "label") {
		if e.text != name {
			continue
		}
		for _, l := range p.all("line", class+"s") {
			if math.Abs(l.right-(e.left-4)) < 0.2 && e.y-4 > l.top-0.2 && e.y-4 < l.base+0.2 {
				return
			}
		}
	}
	swatch(p, class, name)
}
