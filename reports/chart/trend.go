package chart

import (
	"fmt"
	"math"
	"strings"

	"tunbench/reports/chart/layout"
	"tunbench/reports/text"
)

// Trend shows series over time, one panel each, all with the same width of
// a run.
type Trend struct {
	Title, Desc string
	Panels      []TrendPanel
}

func (t Trend) Head() (string, string) { return t.Title, t.Desc }

func (t Trend) draw(c *canvas) float64 {
	const tall, plot, left = 168.0, 96.0, 92.0
	note := "a point a run: the median and its interval; hollow: no valid trial; dashed: level; upright line: change; dotted: release; scales do not begin at 0"
	below := c.note(note)
	right := c.width - margin - 8
	for _, p := range t.Panels {
		top := c.titled(below+18, right, p.Title, p.Note) + 22
		base := top + plot
		below = top - 40 + tall
		low, high := math.Inf(1), math.Inf(-1)
		for _, q := range p.Points {
			low, high = min(low, q.Value, q.Low), max(high, q.Value, q.High)
		}
		if pad := 0.06 * (high - low); pad > 0 {
			low, high = low-pad, high+pad
		} else {
			pad := max(math.Abs(high)*0.01, p.Scale.Div*1e-3)
			low, high = low-pad, high+pad
		}
		slot := (right - left) / float64(len(p.Points))
		x := func(at float64) float64 { return left + slot*(at+0.5) }
		y := func(v float64) float64 { return base - plot*(v-low)/(high-low) }
		c.rect("band", left, top, right-left, plot, "")
		for _, v := range between3(low/p.Scale.Div, high/p.Scale.Div) {
			c.line("grid", left, y(v.value*p.Scale.Div), right, y(v.value*p.Scale.Div), 1, "")
			c.text("muted", left-8, y(v.value*p.Scale.Div)+4, "end", v.text, v.text)
		}
		for _, l := range p.Levels {
			c.line("fair", x(float64(l.From)-0.5), y(l.Value), x(float64(l.To)-0.5), y(l.Value), 1.5, ` stroke-dasharray="5 3"`)
		}
		named := 0.0
		for _, m := range p.Marks {
			if m.Dotted {
				c.line("axis", x(float64(m.At)), top, x(float64(m.At)), base, 1, ` stroke-dasharray="1 3"`)
				// A name that would lie on the one before is left out: its line is there.
				s, half := text.Clip(m.Text, 16), layout.Width(text.Clip(m.Text, 16))/2
				if at := min(max(x(float64(m.At)), left+half), right-half); at-half > named {
					c.text("muted", at, base+15, "middle", s, m.Text)
					named = at + half + 4
				}
				continue
			}
			c.line(m.Class, x(float64(m.At)-0.5), top-4, x(float64(m.At)-0.5), base, 2, "")
			c.text("strong", x(float64(m.At)-0.5), top-6, anchorOf(x(float64(m.At)), left, right), m.Text, m.Text)
		}
		var line []string
		for at, q := range p.Points {
			if q.High > q.Low {
				c.line("range", x(float64(at)), y(q.Low), x(float64(at)), y(q.High), 1, ` stroke-opacity="0.35"`)
			}
			if !q.Hollow {
				line = append(line, num(x(float64(at)))+","+num(y(q.Value)))
			}
		}
		fmt.Fprintf(&c.b, "<polyline class=\"as\" fill=\"none\" stroke-width=\"1.5\" points=%q/>\n", strings.Join(line, " "))
		for at, q := range p.Points {
			class := "a"
			if q.Hollow {
				class = "hollow as"
			}
			fmt.Fprintf(&c.b, "<circle class=%q cx=\"%s\" cy=\"%s\" r=\"2.6\"><title>%s</title></circle>\n", class, num(x(float64(at))), num(y(q.Value)), xmlText(q.Text))
		}
		c.line("axis", left, top, left, base, 1, "")
		begin := left
		if c.narrow {
			begin = margin
		}
		c.text("muted", begin, base+30, "start", p.First, p.First)
		c.text("muted", right, base+30, "end", p.Last, p.Last)
	}
	return below + 8
}

type TrendPanel struct {
	Title, Note string
	Scale       text.Scale // of the values
	Points      []TrendPoint
	Levels      []TrendLevel
	Marks       []TrendMark
	First, Last string // when the first and the last run began
}

type TrendPoint struct {
	Value, Low, High float64
	Hollow           bool // not judged
	Text             string
}

// TrendLevel is the median of the points from one on up to another.
type TrendLevel struct {
	From, To int
	Value    float64
}

// TrendMark stands before the point at: a change or, if dotted, a release, which
// stands on its point.
type TrendMark struct {
	At     int
	Class  string // of its line
	Text   string
	Dotted bool
}

// PanelsATrend is how many series one file shows.
const PanelsATrend = 4
