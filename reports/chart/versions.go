package chart

import (
	"fmt"
	"math"
	"strings"

	"tunbench/reports/chart/layout"
	"tunbench/reports/text"
)

// Versions shows how costs changed over the versions of several series, each against the
// first of its series: a panel for each kind of cost, below each other, and the series
// beside each other. All panels have one scale.
type Versions struct {
	Title, Desc string
	Note        string
	Threshold   float64 // a smaller change, as a ratio, counts as none: a band shows it
	Series      []VersionSeries
	Panels      []VersionPanel
}

// VersionSeries are versions in their order.
type VersionSeries struct {
	Name     string
	Versions []string
}

// VersionPanel is one kind of cost.
type VersionPanel struct {
	Title string
	Lines []VersionLine
	Marks []VersionMark
}

// VersionLine is a cost over the versions of a series.
type VersionLine struct {
	Name   string
	Series int
	Trend  VersionTrend
	Values []float64 // against the first, as ratios: 0 is no change; NaN is a gap
}

// VersionTrend says what became of a line, by which it is coloured.
type VersionTrend int

const (
	Steady   VersionTrend = iota
	Unjudged              // no step, and neighbours that could not be compared
	Cheaper
	Dearer
)

// versionKeys are the looks and names of the trends.
var versionKeys = [...]struct{ line, fill, name string }{
	Steady: {"fair", "muted", "no step"}, Unjudged: {"ds", "d", "not judged"}, Cheaper: {"as", "a", "cheaper after a step"}, Dearer: {"bs", "b", "dearer after a step"},
}

// VersionMark stands before a version of a series: a step.
type VersionMark struct {
	Series, At int
	Text       string
}

func (v Versions) Head() (string, string) { return v.Title, v.Desc }

// frame is where a panel draws.
type frame struct {
	left, right, low, high float64
	slot                   float64
	first                  []float64 // the first slot of each series
}

func (f frame) x(series int, at float64) float64 {
	return f.left + f.slot*(f.first[series]+at+0.5)
}

func (v Versions) draw(c *canvas) float64 {
	low, high := v.reach()
	c.note(v.Note)
	y := v.legend(c)
	parts := []Versions{v}
	if c.narrow {
		parts = v.each()
	}
	for _, part := range parts {
		y = part.drawPart(c, low, high, y)
	}
	return y
}

// each is a chart for each series of v, with the panels that it has lines in.
func (v Versions) each() (list []Versions) {
	for i, s := range v.Series {
		one := v
		one.Series, one.Panels = []VersionSeries{s}, nil
		for _, p := range v.Panels {
			own := VersionPanel{Title: p.Title}
			for _, l := range p.Lines {
				if l.Series == i {
					l.Series = 0
					own.Lines = append(own.Lines, l)
				}
			}
			for _, m := range p.Marks {
				if m.Series == i {
					m.Series = 0
					own.Marks = append(own.Marks, m)
				}
			}
			if len(own.Lines) > 0 {
				one.Panels = append(one.Panels, own)
			}
		}
		list = append(list, one)
	}
	return list
}

// drawPart draws the panels, the scale of which goes from low to high, below y, and returns
// where they end.
func (v Versions) drawPart(c *canvas, low, high, y float64) float64 {
	const plot, left = 132.0, 60.0
	f := frame{left: left, right: c.width - margin - 8, low: low, high: high}
	slots := 0.0
	for i, s := range v.Series {
		if i > 0 {
			slots++ // a gap
		}
		f.first = append(f.first, slots)
		slots += float64(len(s.Versions))
	}
	f.slot = (f.right - f.left) / max(1, slots)
	for _, p := range v.Panels {
		rows, depth := v.rowsOf(p, f)
		lines := c.lines(p.Title, c.width-2*margin)
		for i, l := range lines {
			c.text("label", margin, y+22+labelLine*float64(i), "start", l, p.Title)
		}
		y += 30 + labelLine*float64(len(lines)-1) + 15*float64(depth)
		v.panel(c, p, f, rows, y, plot)
		y += plot
	}
	return v.foot(c, f, y)
}

// ticks are round values in per cent, no change among them.
func (f frame) ticks() (list []tick) {
	marks := layout.Round(100*(f.high-f.low), 4)
	if len(marks) < 2 {
		return nil
	}
	step := marks[1]
	digits := min(9, max(0, int(math.Ceil(-math.Log10(step)-1e-9))))
	for i := int(math.Ceil(100 * f.low / step)); float64(i)*step <= 100*f.high; i++ {
		list = append(list, tick{float64(i) * step, text.Decimals(float64(i)*step, digits)})
	}
	return list
}

// reach is what the scale goes from and to.
func (v Versions) reach() (low, high float64) {
	low, high = -2*v.Threshold, 2*v.Threshold
	for _, p := range v.Panels {
		for _, l := range p.Lines {
			for _, value := range l.Values {
				if !math.IsNaN(value) {
					low, high = min(low, value), max(high, value)
				}
			}
		}
	}
	pad := max(0.06*(high-low), 1e-9)
	return low - pad, high + pad
}

// legend names the trends that occur, and returns where the drawing begins.
func (v Versions) legend(c *canvas) (top float64) {
	var seen [len(versionKeys)]bool
	for _, p := range v.Panels {
		for _, l := range p.Lines {
			seen[l.Trend] = true
		}
	}
	x, y := margin, c.y+2
	for i, key := range versionKeys {
		if seen[i] {
			wide := 17 + layout.Width(key.name)
			if x+wide > c.width-margin {
				x = margin
				y += headLine
			}
			c.rect(key.fill, x, y-8, 12, 8, ` rx="2"`)
			c.text("muted", x+17, y, "start", key.name, key.name)
			x += wide + 14
		}
	}
	return y + 2
}

// rowsOf places the texts of marks in rows above a panel, so that none lies on another.
func (v Versions) rowsOf(p VersionPanel, f frame) (rows []int, depth int) {
	var ends []float64 // of each row
	for _, m := range p.Marks {
		x, half := f.x(m.Series, float64(m.At)-0.5), layout.Width(m.Text)/2
		from := x - half
		switch anchorOf(x, f.left, f.right) {
		case "start":
			from = x
		case "end":
			from = x - 2*half
		}
		row := 0
		for row < len(ends) && ends[row] > from-6 {
			row++
		}
		if row == len(ends) {
			ends = append(ends, 0)
		}
		ends[row] = from + 2*half
		rows = append(rows, row)
	}
	return rows, len(ends)
}

// panel draws one kind of cost below top.
func (v Versions) panel(c *canvas, p VersionPanel, f frame, rows []int, top, plot float64) {
	base := top + plot
	y := func(value float64) float64 { return base - plot*(value-f.low)/(f.high-f.low) }
	for i, s := range v.Series {
		from, to := f.x(i, -0.5), f.x(i, float64(len(s.Versions))-0.5)
		c.rect("band", from, y(v.Threshold), to-from, y(-v.Threshold)-y(v.Threshold), "")
		for _, t := range f.ticks() {
			c.line("grid", from, y(t.value/100), to, y(t.value/100), 1, "")
		}
	}
	for _, t := range f.ticks() {
		c.text("muted", f.left-8, y(t.value/100)+4, "end", t.text, t.text)
	}
	for i, m := range p.Marks {
		x := f.x(m.Series, float64(m.At)-0.5)
		c.line("fair", x, top-4-15*float64(rows[i]), x, base, 1, ` stroke-dasharray="2 3"`)
		c.text("strong", x, top-7-15*float64(rows[i]), anchorOf(x, f.left, f.right), m.Text, m.Text)
	}
	// What moved is drawn over what did not.
	for trend, key := range versionKeys {
		for _, l := range p.Lines {
			if l.Trend == VersionTrend(trend) {
				l.draw(c, f, y, key.line, key.fill)
			}
		}
	}
	c.line("axis", f.left, top, f.left, base, 1, "")
}

// draw draws a line, from gap to gap.
func (l VersionLine) draw(c *canvas, f frame, y func(float64) float64, line, fill string) {
	var points []string
	end := func() {
		if len(points) > 1 {
			fmt.Fprintf(&c.b, "<polyline class=%q fill=\"none\" stroke-width=\"1.5\" points=%q/>\n", line, strings.Join(points, " "))
		}
		points = nil
	}
	for at, value := range l.Values {
		if math.IsNaN(value) {
			end()
			continue
		}
		points = append(points, num(f.x(l.Series, float64(at)))+","+num(y(value)))
	}
	end()
	for at, value := range l.Values {
		if math.IsNaN(value) {
			continue
		}
		fmt.Fprintf(&c.b, "<circle class=%q cx=\"%s\" cy=\"%s\" r=\"2.4\"><title>%s</title></circle>\n", fill, num(f.x(l.Series, float64(at))), num(y(value)),
			xmlText(l.Name+": "+text.Precisely(value)+" %"))
	}
}

// foot names the versions and the series below y, and returns the height of the chart.
func (v Versions) foot(c *canvas, f frame, y float64) float64 {
	for i, s := range v.Series {
		widest := 1
		for _, name := range s.Versions {
			widest = max(widest, len(name))
		}
		every := int(math.Ceil((float64(widest)*glyph + 6) / f.slot))
		for at, name := range s.Versions {
			// The newest version is named in any case.
			if back := len(s.Versions) - 1 - at; back%max(1, every) == 0 {
				c.text("muted", f.x(i, float64(at)), y+16, "middle", name, name)
			}
		}
		c.line("axis", f.x(i, -0.5), y, f.x(i, float64(len(s.Versions))-0.5), y, 1, "")
		middle := f.x(i, float64(len(s.Versions)-1)/2)
		for i, line := range c.lines(s.Name, c.width-2*margin) {
			if i > 0 {
				y += labelLine
			}
			c.within("label", middle, y+36, line)
		}
	}
	return y + 50
}
