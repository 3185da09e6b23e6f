package charttest

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/text"
)

// farthest is the change at which the scale of a chart of changes ends at the latest.
const farthest = 2.0

// Faults lists what svg, a drawing of ch, tells otherwise than ch, and what cannot be
// read in it.
func Faults(ch chart.Chart, svg string) []string {
	p := read(svg)
	if len(p.faults) > 0 {
		return p.faults
	}
	p.head(ch)
	p.inside()
	p.apart()
	switch ch := ch.(type) {
	case chart.Bars:
		p.bars(ch)
	case chart.Split:
		p.split(ch)
	case chart.Panels:
		p.panels(ch)
	case chart.Heat:
		p.heat(ch)
	case chart.Ladder:
		p.ladder(ch)
	case chart.Groups:
		p.groups(ch)
	case chart.Changes:
		p.changes(ch)
	case chart.Trend:
		p.trend(ch)
	default:
		p.fault("no rules for a %T", ch)
	}
	return p.faults
}

// head checks the title and what a screen reader says.
func (p *picture) head(ch chart.Chart) {
	title, desc := ch.Head()
	title, desc = text.Printable(title), text.Printable(desc)
	if p.title != title || p.desc != desc {
		p.fault("called %q, %q, not %q, %q", p.title, p.desc, title, desc)
	}
	if shown := p.all("text", "title"); len(shown) != 1 || shown[0].text != title {
		p.fault("the title %q is not written", title)
	}
}

// inside makes sure that nothing leaves the picture.
func (p *picture) inside() {
	for _, e := range p.elements {
		if e.left < -0.1 || e.top < -0.1 || e.right > p.width+0.1 || e.base > p.height+0.1 {
			p.fault("outside of %v by %v: %v", p.width, p.height, e)
		}
	}
}

// apart makes sure that no text lies on another one.
func (p *picture) apart() {
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

// written looks for a text of the chart, such as its unit.
func (p *picture) written(s string) {
	s = text.Printable(s)
	for _, e := range p.elements {
		if e.name == "text" && (strings.Contains(e.text, s) || e.tip == s) {
			return
		}
	}
	p.fault("%q is not written", s)
}

// order looks for the labels of rows, each below the one before.
func (p *picture) order(labels []string) {
	last := 0.0
	shown := p.all("text", "label")
	for _, l := range labels {
		l = text.Printable(l)
		i := slices.IndexFunc(shown, func(e *element) bool {
			return e.attr["text-anchor"] == "end" && (e.text == l || e.tip == l) && e.y > last
		})
		if i < 0 {
			p.fault("the row %q is not where it belongs", l)
			return
		}
		last = shown[i].y
	}
}

// swatch looks for the key of a series: a patch of its class, with its name right of it.
func (p *picture) swatch(class, name string) {
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
func (p *picture) axis() float64 {
	lines := p.all("line", "axis")
	if len(lines) == 0 {
		p.fault("no axis")
		return 0
	}
	return lines[len(lines)-1].left
}

// fromZero makes sure that the scale has its 0 on the axis.
func (p *picture) fromZero(s *scale) {
	i, _ := s.ends()
	if len(s.at) == 0 || s.value[i] != 0 || math.Abs(s.at[i]-p.axis()) > 0.1 {
		p.fault("the scale does not begin with 0 on the axis at %v: %v at %v", p.axis(), s.value, s.at)
	}
}

// stands makes sure that x is where the scale has v.
func (p *picture) stands(s *scale, what string, x, v float64) {
	if want, ok := s.place(v); ok && math.Abs(x-want) > 0.3 {
		p.fault("%s: %v stands at %.1f, not at %.1f", what, v, x, want)
	}
}

// thick returns the rectangles of that height, but for bands.
func (p *picture) thick(height float64) (list []*element) {
	for _, e := range p.elements {
		if e.name == "rect" && math.Abs(e.height()-height) < 0.01 && !e.has("band") {
			list = append(list, e)
		}
	}
	return list
}

// ranges makes sure that lines of the class range go from low to high, in this order.
func (p *picture) ranges(s *scale, want [][2]float64) {
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
		p.stands(s, "the range's low end", lines[i].left, w[0])
		p.stands(s, "the range's high end", lines[i].right, w[1])
	}
}

func (p *picture) bars(ch chart.Bars) {
	s := p.scale(false)
	p.fromZero(s)
	p.written("median, " + ch.Unit)
	var labels []string
	var ranges [][2]float64
	drawn := p.thick(14)
	if len(drawn) != len(ch.Bars) {
		p.fault("%d bars of %d", len(drawn), len(ch.Bars))
		return
	}
	for i, b := range ch.Bars {
		labels = append(labels, b.Label)
		e := drawn[i]
		p.stands(s, b.Label, e.left, 0)
		p.stands(s, b.Label, e.right, b.Value)
		if b.Hollow != e.has("hollow") || !b.Hollow && !e.has(ch.Class) {
			p.fault("%s is drawn as %q", b.Label, e.class)
		}
		if b.High > b.Low {
			ranges = append(ranges, [2]float64{b.Low, b.High})
		}
		p.beside(b.Text, (e.top+e.base)/2)
	}
	p.ranges(s, ranges)
	p.order(labels)
}

// beside looks for a figure at the height of its bar.
func (p *picture) beside(s string, y float64) {
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

func (p *picture) split(ch chart.Split) {
	s := p.scale(false)
	p.fromZero(s)
	if !slices.ContainsFunc(p.all("text", "muted"), func(e *element) bool { return e.text == text.Printable(ch.Note) && e.attr["text-anchor"] == "end" }) {
		p.fault("the unit %q is not written", ch.Note)
	}
	drawn, labels := p.thick(11), []string{}
	next := 0
	for _, r := range ch.Rows {
		labels = append(labels, r.Label)
		for _, l := range r.Lanes {
			end, each := 0.0, 1.0
			if sum := l.Sum(); ch.Shares && sum > 0 {
				each = 100 / sum
			}
			for i, v := range l.Parts {
				if v <= 0 {
					continue
				}
				if next == len(drawn) {
					p.fault("%s: part %d is not drawn", r.Label, i)
					return
				}
				e := drawn[next]
				next++
				p.swatch(ch.Parts[i].Class, ch.Parts[i].Name)
				if !e.has(ch.Parts[i].Class) {
					p.fault("%s: %s is drawn as %q", r.Label, ch.Parts[i].Name, e.class)
				}
				p.stands(s, r.Label, e.left, end)
				end += v * each
				p.stands(s, r.Label, e.right, end)
			}
			p.written(l.Text)
		}
	}
	if next != len(drawn) {
		p.fault("%d parts are drawn, the chart has %d", len(drawn), next)
	}
	p.order(labels)
}

func (p *picture) groups(ch chart.Groups) {
	s := p.scale(false)
	p.fromZero(s)
	p.written(ch.Unit + " a packet")
	for i, name := range ch.Names {
		p.swatch([]string{"a", "b"}[i%2], name)
	}
	drawn, labels := p.thick(11), []string{}
	var ranges [][2]float64
	next := 0
	for _, g := range ch.Groups {
		labels = append(labels, g.Label)
		for j, b := range g.Bars {
			if !b.Measured {
				p.written(b.Text)
				continue
			}
			if next == len(drawn) {
				p.fault("%s: bar %d is not drawn", g.Label, j)
				return
			}
			e, class := drawn[next], []string{"a", "b"}[j%2]
			next++
			if b.Hollow != e.has("hollow") || !e.has(class) && !e.has(class+"s") {
				p.fault("%s: %s is drawn as %q", g.Label, ch.Names[j], e.class)
			}
			p.stands(s, g.Label, e.left, 0)
			p.stands(s, g.Label, e.right, b.Value)
			p.beside(b.Text, (e.top+e.base)/2)
			if b.Max > b.Min {
				ranges = append(ranges, [2]float64{b.Min, b.Max})
			}
		}
	}
	if next != len(drawn) {
		p.fault("%d bars are drawn, the chart has %d", len(drawn), next)
	}
	p.ranges(s, ranges)
	p.order(labels)
}

func (p *picture) changes(ch chart.Changes) {
	s := p.scale(false)
	p.written("per cent of base")
	p.written(ch.Note)
	if x, ok := s.place(0); ok && math.Abs(x-p.axis()) > 0.2 {
		p.fault("the axis is at %v, no change at %v", p.axis(), x)
	}
	var marks []*element
	var labels []string
	for _, e := range p.elements {
		if e.name == "path" && (len(e.points) == 4 || e.width() > 5) { // an arrow at an interval's end is smaller
			marks = append(marks, e)
		}
	}
	if len(marks) != len(ch.Rows) {
		p.fault("%d marks of %d rows", len(marks), len(ch.Rows))
		return
	}
	for i, r := range ch.Rows {
		labels = append(labels, r.Label)
		e := marks[i]
		switch beyond := math.Abs(r.Value) > farthest; {
		case beyond != (len(e.points) == 3):
			p.fault("%s: a change of %v is a mark of %d corners", r.Label, r.Value, len(e.points))
		case !beyond:
			p.stands(s, r.Label, e.x, 100*r.Value)
		case (e.points[1][0] > e.points[0][0]) != (r.Value > 0):
			p.fault("%s: the arrow of %v points the wrong way", r.Label, r.Value)
		}
		if !e.has(r.Class) {
			p.fault("%s is drawn as %q", r.Label, e.class)
		}
		p.beside(r.Text, e.y)
	}
	p.order(labels)
}

func (p *picture) ladder(ch chart.Ladder) {
	s := p.scale(true)
	class := map[string]string{}
	var labels []string
	for _, r := range ch.Rows {
		labels = append(labels, r.Label)
		for _, l := range r.Lanes {
			if class[l.Kind] == "" {
				class[l.Kind] = []string{"a", "b"}[min(len(class), 1)]
				p.swatch(class[l.Kind], l.Kind)
			}
		}
	}
	p.order(labels)
	for _, name := range []string{"p50", "p90", "p99", "p99.9", "max"} {
		p.written(name)
	}
	// The median is a circle, p99 a diamond, the maximum a hollow circle: in the order
	// of the lanes.
	var medians, tails, ends []*element
	for _, e := range p.elements {
		switch {
		case e.name == "circle" && e.has("hollow") && !e.has("axis"):
			ends = append(ends, e)
		case e.name == "circle" && !e.has("muted") && !e.has("axis"):
			medians = append(medians, e)
		case e.name == "path" && !e.has("muted"):
			tails = append(tails, e)
		}
	}
	take := func(list *[]*element, row string, class string, v float64) {
		if v <= 0 {
			return
		}
		if len(*list) == 0 {
			p.fault("%s: %v is not drawn", row, v)
			return
		}
		e := (*list)[0]
		*list = (*list)[1:]
		if !e.has(class) {
			p.fault("%s: %v is drawn as %q", row, v, e.class)
		}
		p.stands(s, row, e.x, v)
	}
	for _, r := range ch.Rows {
		for _, l := range r.Lanes {
			if !slices.ContainsFunc(append(slices.Clone(l.At[:]), l.Max), func(v float64) bool { return v > 0 }) {
				continue
			}
			take(&medians, r.Label, class[l.Kind], l.At[0])
			take(&tails, r.Label, class[l.Kind], l.At[2])
			take(&ends, r.Label, class[l.Kind]+"s", l.Max)
		}
	}
}

func (p *picture) panels(ch chart.Panels) {
	p.written("per cent; dashed: an even share")
	bars, fair := p.all("rect", "a"), p.all("line", "fair")
	var axes []*element
	for _, e := range p.all("line", "axis") {
		if e.height() == 0 {
			axes = append(axes, e)
		}
	}
	if len(fair) != len(ch.Panels) || len(axes) != len(ch.Panels) {
		p.fault("%d levels and %d axes of %d panels", len(fair), len(axes), len(ch.Panels))
		return
	}
	for i, pan := range ch.Panels {
		p.written(pan.Title)
		p.written(pan.Note)
		base := axes[i].top
		each := (base - fair[i].top) / pan.Fair
		last := axes[i].left
		for j, b := range pan.Bars {
			if len(bars) == 0 {
				p.fault("%s: queue %s is not drawn", pan.Title, b.Name)
				return
			}
			e := bars[0]
			bars = bars[1:]
			if math.Abs(e.base-base) > 0.2 || math.Abs(e.height()-b.Share*each) > 0.3+0.1/pan.Fair*b.Share {
				p.fault("%s: queue %s is %.1f high, not %.1f", pan.Title, b.Name, e.height(), b.Share*each)
			}
			if e.left < last-0.2 || e.right > axes[i].right+0.2 {
				p.fault("%s: queue %d leaves its place", pan.Title, j)
			}
			last = e.right
		}
	}
	if len(bars) > 0 {
		p.fault("%d bars more than queues", len(bars))
	}
}

func (p *picture) heat(ch chart.Heat) {
	p.written("darker: larger share")
	cells := p.all("rect", "a")
	for _, pan := range ch.Panels {
		p.written(pan.Title)
		p.written(pan.Note)
		for q := range pan.Rows {
			p.written("queue " + strconv.Itoa(q))
		}
		for _, column := range pan.Columns {
			for q, share := range column.Share[:pan.Rows] {
				if share <= 0 {
					continue
				}
				if len(cells) == 0 {
					p.fault("flow %s, queue %d is not drawn", column.Name, q)
					return
				}
				e := cells[0]
				cells = cells[1:]
				dark, err := strconv.ParseFloat(e.attr["fill-opacity"], 64)
				if err != nil || math.Abs(dark-max(0.06, min(share, 1))) > 0.0051 {
					p.fault("flow %s, queue %d: a share of %v is as dark as %v", column.Name, q, share, dark)
				}
				if !strings.Contains(e.tip, text.Printable("flow "+column.Name+", queue "+strconv.Itoa(q)+":")) {
					p.fault("flow %s, queue %d is called %q", column.Name, q, e.tip)
				}
			}
		}
	}
	if len(cells) > 0 {
		p.fault("%d cells more than shares", len(cells))
	}
}

func (p *picture) trend(ch chart.Trend) {
	p.written("scales do not begin at 0")
	circles := p.all("circle", "")
	bands := p.all("rect", "band")
	if len(bands) != len(ch.Panels) {
		p.fault("%d of %d panels", len(bands), len(ch.Panels))
		return
	}
	for i, pan := range ch.Panels {
		p.written(pan.Title)
		p.written(pan.Note)
		p.written(pan.First)
		p.written(pan.Last)
		if len(circles) < len(pan.Points) {
			p.fault("%s: %d points are not drawn", pan.Title, len(pan.Points)-len(circles))
			return
		}
		own := circles[:len(pan.Points)]
		circles = circles[len(pan.Points):]
		p.vertical(pan, own, bands[i])
		for _, m := range pan.Marks {
			p.written(text.Clip(text.Printable(m.Text), 16))
		}
	}
	if len(circles) > 0 {
		p.fault("%d points more than runs", len(circles))
	}
}

// vertical checks the points of a panel against the numbers left of it.
func (p *picture) vertical(pan chart.TrendPanel, own []*element, band *element) {
	var s scale
	for _, e := range p.all("text", "muted") {
		if e.attr["text-anchor"] != "end" || e.x >= band.left || e.y < band.top || e.y > band.base+8 {
			continue
		}
		v, ok := text.ShownValue(e.text)
		if !ok {
			p.fault("%s: %q on the scale is no number", pan.Title, e.text)
			continue
		}
		s.at, s.value = append(s.at, e.y-4), append(s.value, v*pan.Scale.Div)
	}
	for i, q := range pan.Points {
		e := own[i]
		if q.Hollow != e.has("hollow") || e.tip != text.Printable(q.Text) {
			p.fault("%s: point %d is drawn as %q, %q", pan.Title, i, e.class, e.tip)
		}
		if e.x < band.left || e.x > band.right || e.y < band.top-0.1 || e.y > band.base+0.1 || i > 0 && e.x <= own[i-1].x {
			p.fault("%s: point %d is outside of its place", pan.Title, i)
		}
		if want, ok := s.place(q.Value); ok && math.Abs(want-e.y) > 1 {
			p.fault("%s: point %d, %v, stands at %.1f, not at %.1f", pan.Title, i, q.Value, e.y, want)
		}
		for j := range i {
			if a := pan.Points[j]; a.Value > q.Value && own[j].y > e.y+0.1 || a.Value < q.Value && own[j].y < e.y-0.1 {
				p.fault("%s: points %d and %d are in the wrong order", pan.Title, j, i)
			}
		}
	}
}
