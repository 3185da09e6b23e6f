package charttest

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/text"
)

func ratios(p *picture, ch chart.Ratios) {
	s := readScale(p, evenly)
	fromZero(p, s)
	written(p, cmp.Or(ch.Of, "median")+", "+ch.Unit)
	written(p, ch.Shared)
	var labels []string
	var ranges [][2]float64
	drawn := thick(p, 18)
	next := 0
	for _, g := range ch.Groups {
		if !strings.Contains(joined(p.all("text", "halo")), unspaced(text.Printable(g.Name))) {
			p.fault("the group %q has no name", g.Name)
		}
		for _, b := range g.Bars {
			labels = append(labels, b.Label)
			if next == len(drawn) {
				p.fault("%s is not drawn", b.Label)
				return
			}
			e := drawn[next]
			next++
			stands(p, s, b.Label, e.left, 0)
			stands(p, s, b.Label, e.right, b.Value)
			class := map[int]string{1: "a", -1: "b", 0: "base"}[b.Side]
			if b.Hollow != e.has("hollow") || !e.has(class) && !e.has(class+"s") {
				p.fault("%s is drawn as %q", b.Label, e.class)
			}
			if b.High > b.Low {
				ranges = append(ranges, [2]float64{b.Low, b.High})
			}
			beside(p, b.Text, (e.top+e.base)/2)
			beside(p, b.Ratio, (e.top+e.base)/2)
		}
	}
	if next != len(drawn) {
		p.fault("%d bars of %d", len(drawn), next)
	}
	checkRanges(p, s, ranges)
	order(p, labels)
}

func split(p *picture, ch chart.Split) {
	s := readScale(p, evenly)
	fromZero(p, s)
	written(p, ch.Note)
	drawn, labels := thick(p, 11), []string{}
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
				swatch(p, ch.Parts[i].Class, ch.Parts[i].Name)
				if !e.has(ch.Parts[i].Class) {
					p.fault("%s: %s is drawn as %q", r.Label, ch.Parts[i].Name, e.class)
				}
				stands(p, s, r.Label, e.left, end)
				end += v * each
				stands(p, s, r.Label, e.right, end)
			}
			written(p, l.Text)
		}
	}
	if next != len(drawn) {
		p.fault("%d parts are drawn, the chart has %d", len(drawn), next)
	}
	order(p, labels)
}

func changes(p *picture, ch chart.Changes) {
	s := readScale(p, byRatio)
	written(p, "per cent of "+ch.Of)
	written(p, "line: "+ch.Range)
	written(p, ch.Note)
	if x, ok := s.place(0); ok && math.Abs(x-axis(p)) > 0.2 {
		p.fault("the axis is at %v, no change at %v", axis(p), x)
	}
	var marks []*element
	var labels []string
	for _, e := range p.elements {
		if e.name == "path" && (len(e.points) == 4 || e.width() > 5) { // an arrow at an interval's end is smaller
			marks = append(marks, e)
		}
	}
	measured := slices.DeleteFunc(slices.Clone(ch.Rows), func(r chart.ChangeRow) bool { return r.Absent })
	if len(marks) != len(measured) {
		p.fault("%d marks of %d rows", len(marks), len(measured))
		return
	}
	for _, r := range ch.Rows {
		labels = append(labels, r.Label)
		if r.Absent {
			written(p, r.Text)
		}
	}
	for i, r := range measured {
		e := marks[i]
		switch beyond := math.Abs(math.Log1p(max(r.Value, -1+1e-9))) > math.Log1p(chart.Farthest); {
		case beyond != (len(e.points) == 3):
			p.fault("%s: a change of %v is a mark of %d corners", r.Label, r.Value, len(e.points))
		case !beyond:
			stands(p, s, r.Label, e.x, 100*r.Value)
		case (e.points[1][0] > e.points[0][0]) != (r.Value > 0):
			p.fault("%s: the arrow of %v points the wrong way", r.Label, r.Value)
		}
		if !e.has(r.Class) {
			p.fault("%s is drawn as %q", r.Label, e.class)
		}
		beside(p, r.Text, e.y)
		beside(p, r.Figures, e.y)
	}
	order(p, labels)
}

func ladder(p *picture, ch chart.Ladder) {
	s := readScale(p, math.Log)
	written(p, ch.Note)
	class := map[string]string{}
	var labels []string
	for _, r := range ch.Rows {
		labels = append(labels, r.Label)
		for _, l := range r.Lanes {
			if class[l.Kind] == "" {
				class[l.Kind] = []string{"a", "b"}[min(len(class), 1)]
				swatch(p, class[l.Kind], l.Kind)
			}
		}
	}
	order(p, labels)
	for _, name := range []string{"p50", "p90", "p99", "p99.9", "max"} {
		written(p, name)
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
		stands(p, s, row, e.x, v)
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

func panels(p *picture, ch chart.Panels) {
	written(p, ch.Shared)
	written(p, "per cent of the packets of all trials; Jain: median of the trials; dashed: an even share")
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
		written(p, pan.Title)
		written(p, pan.Note)
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

func heat(p *picture, ch chart.Heat) {
	written(p, ch.Shared)
	written(p, "darker: larger share")
	cells := p.all("rect", "a")
	for _, pan := range ch.Panels {
		written(p, pan.Title)
		written(p, pan.Note)
		for q := range pan.Rows {
			written(p, "queue "+strconv.Itoa(q))
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

func trend(p *picture, ch chart.Trend) {
	written(p, "scales do not begin at 0")
	circles := p.all("circle", "")
	bands := p.all("rect", "band")
	if len(bands) != len(ch.Panels) {
		p.fault("%d of %d panels", len(bands), len(ch.Panels))
		return
	}
	for i, pan := range ch.Panels {
		written(p, pan.Title)
		written(p, pan.Note)
		written(p, pan.First)
		written(p, pan.Last)
		if len(circles) < len(pan.Points) {
			p.fault("%s: %d points are not drawn", pan.Title, len(pan.Points)-len(circles))
			return
		}
		own := circles[:len(pan.Points)]
		circles = circles[len(pan.Points):]
		vertical(p, pan, own, bands[i])
		for _, m := range pan.Marks {
			written(p, text.Clip(text.Printable(m.Text), 16))
		}
	}
	if len(circles) > 0 {
		p.fault("%d points more than runs", len(circles))
	}
}

// vertical checks the points of a panel against the numbers left of it.
func vertical(p *picture, pan chart.TrendPanel, own []*element, band *element) {
	s := scale{of: evenly}
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
