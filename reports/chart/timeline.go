package chart

import (
	"fmt"
	"math"
	"strings"

	"tunbench/reports/chart/layout"
	"tunbench/reports/text"
)

// Timeline shows what changed over some seconds: panels below each other that share their
// time, each with its own scale from 0.
type Timeline struct {
	Title, Desc string
	Seconds     []float64 // of each point, ascending, at its end
	Panels      []TimePanel
}

// TimePanel is a figure over time, of one thing or of several.
type TimePanel struct {
	Title string
	Scale text.Scale
	Lines []TimeLine // at most five
}

// TimeLine has a value for each point; NaN is a gap.
type TimeLine struct {
	Name   string
	Values []float64
}

func (t Timeline) Head() (string, string) { return t.Title, t.Desc }

// timeClasses are the colours of the lines of a panel.
var timeClasses = [...]string{"as", "bs", "cs", "ds", "es"}

// LinesAPanel is how many lines a panel can tell apart.
const LinesAPanel = len(timeClasses)

func (t Timeline) draw(c *canvas) float64 {
	const tall, plot, left = 132.0, 84.0, 76.0
	right := c.width - margin - 8
	y := c.y - 6
	first, last := 0.0, 1.0
	if len(t.Seconds) > 0 {
		last = max(t.Seconds[len(t.Seconds)-1], 1e-9)
	}
	x := func(s float64) float64 { return left + (right-left)*(s-first)/(last-first) }
	for _, p := range t.Panels {
		top := p.head(c, y, left, right)
		base := top + plot
		y = top + tall - 26
		high := 0.0
		for _, l := range p.Lines {
			for _, v := range l.Values {
				if !math.IsNaN(v) {
					high = max(high, v)
				}
			}
		}
		high = max(high*1.05, p.Scale.Div*1e-9)
		at := func(v float64) float64 { return base - plot*v/high }
		for _, v := range layout.Round(high/p.Scale.Div, 3) {
			c.line("grid", left, at(v*p.Scale.Div), right, at(v*p.Scale.Div), 1, "")
			s := text.Figure(v)
			c.text("muted", left-8, at(v*p.Scale.Div)+4, "end", s, s)
		}
		for i, l := range p.Lines {
			for _, run := range runs(t.Seconds, l.Values) {
				var points []string
				for _, q := range run {
					points = append(points, num(x(q[0]))+","+num(at(q[1])))
				}
				fmt.Fprintf(&c.b, "<polyline class=%q fill=\"none\" stroke-width=\"1.5\" points=%q/>\n", timeClasses[i], strings.Join(points, " "))
			}
		}
		c.line("axis", left, base, right, base, 1, "")
	}
	for _, s := range layout.Round(last, max(2, int(c.width/110))) {
		label := text.Exact(math.Round(s*1e9)/1e9) + " s" // three times 0.2 is not quite 0.6
		c.text("muted", x(s), y-4, anchorOf(x(s), left, right), label, label)
	}
	return y + 12
}

// head writes the title of a panel and the names of its lines below y, and returns where its
// drawing begins. In a narrow chart, the names stand below the title.
func (p TimePanel) head(c *canvas, y, left, right float64) (top float64) {
	top = y + 26
	if c.narrow {
		for i, l := range c.lines(p.Title, c.width-2*margin) {
			top = y + 26 + labelLine*float64(i)
			c.text("label", margin, top-8, "start", l, p.Title)
		}
		if len(p.Lines) < 2 {
			return top
		}
		x := margin
		top += headLine
		for i, l := range p.Lines {
			wide := 20 + layout.Width(l.Name)
			if x > margin && x+wide > c.width-margin {
				x = margin
				top += headLine
			}
			c.line(timeClasses[i], x, top-12, x+14, top-12, 3, "")
			c.text("label", x+20, top-8, "start", l.Name, l.Name)
			x += wide + 12
		}
		return top
	}
	c.text("label", left, top-8, "start", p.Title, p.Title)
	x := right
	for i := len(p.Lines) - 1; i >= 0 && len(p.Lines) > 1; i-- {
		name := p.Lines[i].Name
		c.text("label", x, top-8, "end", name, name)
		x -= layout.Width(name) + 6
		c.line(timeClasses[i], x-14, top-12, x, top-12, 3, "")
		x -= 26
	}
	return top
}

// runs are the points of a line from one gap to the next. A point alone is drawn as a short
// line, since it lasts from the one before it.
func runs(seconds, values []float64) (list [][][2]float64) {
	open := false
	for i, v := range values {
		if math.IsNaN(v) {
			open = false
			continue
		}
		if !open {
			begin := 0.0
			if i > 0 {
				begin = seconds[i-1]
			}
			list = append(list, [][2]float64{{begin, v}})
			open = true
		}
		list[len(list)-1] = append(list[len(list)-1], [2]float64{seconds[i], v})
	}
	return list
}
