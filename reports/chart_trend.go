package reports

import (
	"fmt"
	"math"
	"strings"
)

// trendChart shows series over time, one panel each, all with the same width of
// a run.
type trendChart struct {
	title, desc string
	panels      []trendPanel
}

func (t trendChart) head() (string, string) { return t.title, t.desc }

func (t trendChart) draw(c *canvas) float64 {
	const tall, plot, left = 168.0, 96.0, 92.0
	note := "a point a run: the median and its interval; hollow: no valid trial; dashed: level; upright line: change; dotted: release; scales do not begin at 0"
	c.text("muted", margin, 46, "start", note, note)
	right := chartWidth - margin - 8
	for i, p := range t.panels {
		top := headHeight + tall*float64(i) + 40
		base := top + plot
		c.text("label", margin, top-22, "start", clip(p.title, 88), p.title)
		c.text("muted", right, top-22, "end", p.note, p.note)
		low, high := math.Inf(1), math.Inf(-1)
		for _, q := range p.points {
			low, high = min(low, q.value, q.low), max(high, q.value, q.high)
		}
		if pad := 0.06 * (high - low); pad > 0 {
			low, high = low-pad, high+pad
		} else {
			pad := max(math.Abs(high)*0.01, p.scale.div*1e-3)
			low, high = low-pad, high+pad
		}
		slot := (right - left) / float64(len(p.points))
		x := func(at float64) float64 { return left + slot*(at+0.5) }
		y := func(v float64) float64 { return base - plot*(v-low)/(high-low) }
		c.rect("band", left, top, right-left, plot, "")
		for _, v := range between3(low/p.scale.div, high/p.scale.div) {
			c.line("grid", left, y(v.value*p.scale.div), right, y(v.value*p.scale.div), 1, "")
			c.text("muted", left-8, y(v.value*p.scale.div)+4, "end", v.text, v.text)
		}
		for _, l := range p.levels {
			c.line("fair", x(float64(l.from)-0.5), y(l.value), x(float64(l.to)-0.5), y(l.value), 1.5, ` stroke-dasharray="5 3"`)
		}
		for _, m := range p.marks {
			if m.dotted {
				c.line("axis", x(float64(m.at)), top, x(float64(m.at)), base, 1, ` stroke-dasharray="1 3"`)
				s := clip(m.text, 16)
				c.text("muted", x(float64(m.at)), base+15, anchorOf(x(float64(m.at)), left, right), s, m.text)
				continue
			}
			c.line(m.class, x(float64(m.at)-0.5), top-4, x(float64(m.at)-0.5), base, 2, "")
			c.text("strong", x(float64(m.at)-0.5), top-6, anchorOf(x(float64(m.at)), left, right), m.text, m.text)
		}
		var line []string
		for at, q := range p.points {
			if q.high > q.low {
				c.line("range", x(float64(at)), y(q.low), x(float64(at)), y(q.high), 1, ` stroke-opacity="0.35"`)
			}
			if !q.hollow {
				line = append(line, num(x(float64(at)))+","+num(y(q.value)))
			}
		}
		fmt.Fprintf(&c.b, "<polyline class=\"as\" fill=\"none\" stroke-width=\"1.5\" points=%q/>\n", strings.Join(line, " "))
		for at, q := range p.points {
			class := "a"
			if q.hollow {
				class = "hollow as"
			}
			fmt.Fprintf(&c.b, "<circle class=%q cx=\"%s\" cy=\"%s\" r=\"2.6\"><title>%s</title></circle>\n", class, num(x(float64(at))), num(y(q.value)), xmlText(q.text))
		}
		c.line("axis", left, top, left, base, 1, "")
		c.text("muted", left, base+30, "start", p.first, p.first)
		c.text("muted", right, base+30, "end", p.last, p.last)
	}
	return headHeight + tall*float64(len(t.panels)) + 8
}

type trendPanel struct {
	title, note string
	scale       scale // of the values
	points      []trendPoint
	levels      []trendLevel
	marks       []trendMark
	first, last string // when the first and the last run began
}

type trendPoint struct {
	value, low, high float64
	hollow           bool // not judged
	text             string
}

// trendLevel is the median of the points from one on up to another.
type trendLevel struct {
	from, to int
	value    float64
}

// trendMark stands before the point at: a change or, if dotted, a release, which
// stands on its point.
type trendMark struct {
	at     int
	class  string // of its line
	text   string
	dotted bool
}

// panelsATrend is how many series one file shows.
const panelsATrend = 12
