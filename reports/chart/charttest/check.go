package charttest

import (
	"math"
	"slices"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/chart/layout"
	"tunbench/reports/text"
)

// Faults lists where svg, a drawing of ch, differs from ch, and what cannot be read
// in it.
func Faults(ch chart.Chart, svg string) []string {
	p := read(svg)
	if len(p.faults) > 0 {
		return p.faults
	}
	head(p, ch)
	inside(p)
	offEdge(p)
	apart(p)
	switch ch := ch.(type) {
	case chart.Ratios:
		ratios(p, ch)
	case chart.Split:
		split(p, ch)
	case chart.Panels:
		panels(p, ch)
	case chart.Heat:
		heat(p, ch)
	case chart.Ladder:
		ladder(p, ch)
	case chart.Changes:
		changes(p, ch)
	case chart.Trend:
		trend(p, ch)
	case chart.Versions:
		versions(p, ch)
	case chart.Curve:
		curve(p, ch)
	default:
		p.fault("no rules for a %T", ch)
	}
	return p.faults
}

// head checks the title and what a screen reader says.
func head(p *picture, ch chart.Chart) {
	title, desc := ch.Head()
	title, desc = text.Printable(title), text.Printable(desc)
	if p.title != title || p.desc != desc {
		p.fault("called %q, %q, not %q, %q", p.title, p.desc, title, desc)
	}
	if shown := joined(p.all("text", "title")); shown != unspaced(title) {
		p.fault("the title %q is not written", title)
	}
	if shown := joined(p.all("text", "source")); shown != unspaced(Source) {
		p.fault("the source is written as %q", shown)
	}
}

// joined is a text that takes several lines, which break at spaces and within long words:
// without any space.
func joined(lines []*element) string {
	var b strings.Builder
	for _, e := range lines {
		b.WriteString(unspaced(e.text))
	}
	return b.String()
}

// unspaced is s without spaces.
func unspaced(s string) string { return strings.ReplaceAll(s, " ", "") }

// inside makes sure that nothing leaves the picture.
func inside(p *picture) {
	for _, e := range p.elements {
		if e.left < -0.1 || e.top < -0.1 || e.right > p.width+0.1 || e.base > p.height+0.1 {
			p.fault("outside of %v by %v: %v", p.width, p.height, e)
		}
	}
}

// edge is how far from the edge of a picture, which is drawn, text stays.
const edge = 8.0

// offEdge makes sure that no text comes too near to the edge, in fonts that are wider than
// that by which elements have their boxes, too.
func offEdge(p *picture) {
	for _, e := range p.elements {
		if e.name != "text" || e.has("source") || e.has("title") { // which are broken by wider letters
			continue
		}
		w := layout.Width(e.text)
		if e.has("strong") {
			w *= layout.Bolder
		}
		left, right := e.x, e.x+w
		switch e.attr["text-anchor"] {
		case "middle":
			left, right = e.x-w/2, e.x+w/2
		case "end":
			left, right = e.x-w, e.x
		}
		if left < edge-0.1 || right > p.width-edge+0.1 {
			p.fault("%v may reach from %.1f to %.1f, too near to the edge of %v", e, left, right, p.width)
		}
	}
}

// apart makes sure that no text lies on another one.
func apart(p *picture) {
	var texts []*element
	for _, e := range p.elements {
		if e.name == "text" && strings.TrimSpace(e.text) != "" {
			texts = append(texts, e)
		}
	}
	slices.SortStableFunc(texts, func(a, b *element) int { return int(math.Copysign(1, a.top-b.top)) })
	for i, a := range texts {
		for _, b := range texts[i+1:] {
			if b.top >= a.base {
				break
			}
			if a.left < b.right-0.5 && b.left < a.right-0.5 {
				p.fault("%v lies on %v", a, b)
			}
		}
	}
}

// written looks for a text of the chart, such as its unit, which may take several lines.
func written(p *picture, s string) {
	s = text.Printable(s)
	for _, e := range p.elements {
		if e.name == "text" && (strings.Contains(e.text, s) || e.tip == s) {
			return
		}
	}
	if !strings.Contains(joined(p.all("text", "muted")), unspaced(s)) {
		p.fault("%q is not written", s)
	}
}

// order looks for the labels of rows, each below the one before.
func order(p *picture, labels []string) {
	last := 0.0
	shown := p.all("text", "label")
	for _, l := range labels {
		l = text.Printable(l)
		i := slices.IndexFunc(shown, func(e *element) bool {
			return e.attr["text-anchor"] == p.labels() && (e.text == l || e.tip == l) && e.y > last
		})
		if i < 0 {
			p.fault("the row %q is not where it belongs", l)
			return
		}
		last = shown[i].y
		if shown[i].text == l {
			continue
		}
		var lines []string // all of them, whatever room they need
		for _, e := range shown[i:] {
			if e.tip != l {
				break
			}
			lines, last = append(lines, e.text), e.y
			if unspaced(strings.Join(lines, "")) == unspaced(l) {
				break
			}
		}
		if unspaced(strings.Join(lines, "")) != unspaced(l) {
			p.fault("the row %q is cut: %q", l, lines)
		}
	}
}

// swatch looks for the key of a series: a patch of its class, with its name right of it.
func swatch(p *picture, class, name string) {
	name = text.Printable(name)
	for _, r := range p.all("rect", class) {
		if math.Abs(r.width()-12) > 1e-6 || math.Abs(r.height()-8) > 1e-6 {
			continue
		}
		for _, e := range p.elements {
			if e.name == "text" && (e.text == name || e.tip == name) && math.Abs(e.left-r.right-5) < 0.2 && math.Abs(e.y-r.base) < 0.2 {
				return
			}
		}
	}
	p.fault("the legend has no %q of class %q", name, class)
}

// axis returns where the scale begins.
func axis(p *picture) float64 {
	lines := p.all("line", "axis")
	if len(lines) == 0 {
		p.fault("no axis")
		return 0
	}
	return lines[len(lines)-1].left
}

// fromZero makes sure that the scale has its 0 on the axis.
func fromZero(p *picture, s *scale) {
	i, _ := s.ends()
	if len(s.at) == 0 || s.value[i] != 0 || math.Abs(s.at[i]-axis(p)) > 0.1 {
		p.fault("the scale does not begin with 0 on the axis at %v: %v at %v", axis(p), s.value, s.at)
	}
}

// stands makes sure that x is where the scale has v.
func stands(p *picture, s *scale, what string, x, v float64) {
	if want, ok := s.place(v); ok && math.Abs(x-want) > 0.3 {
		p.fault("%s: %v stands at %.1f, not at %.1f", what, v, x, want)
	}
}

// thick returns the rectangles of that height, but for bands.
func thick(p *picture, height float64) (list []*element) {
	for _, e := range p.elements {
		if e.name == "rect" && math.Abs(e.height()-height) < 0.01 && !e.has("band") {
			list = append(list, e)
		}
	}
	return list
}

// checkRanges makes sure that lines of the class range go from low to high, in this order.
func checkRanges(p *picture, s *scale, want [][2]float64) {
	var lines []*element
	for _, e := range p.all("line", "range") {
		if e.height() == 0 {
			lines = append(lines, e)
		}
	}
	if len(lines) != len(want) {
		p.fault("%d ranges, want %d", len(lines), len(want))
		return
	}
	for i, w := range want {
		stands(p, s, "the range's low end", lines[i].left, w[0])
		stands(p, s, "the range's high end", lines[i].right, w[1])
	}
}

// beside looks for a figure at the height of its bar.
func beside(p *picture, s string, y float64) {
	s = text.Printable(s)
	if s == "" {
		return
	}
	for _, e := range p.elements {
		if e.name == "text" && e.text == s && math.Abs(e.y-4-y) < 0.2 {
			return
		}
	}
	p.fault("%q is not beside its bar at %.1f", s, y)
}
