package reports

import (
	"strings"
)

// splitChart shows of what a figure is made, one row a scenario and one or more
// lanes in it.
type splitChart struct {
	title, desc string
	note        string // the unit of the scale
	parts       []part // of a lane, in its order
	rows        []splitRow
	shares      bool // each lane is as long as the scale, which is of its sum
}

func (s splitChart) head() (string, string) { return s.title, s.desc }

func (s splitChart) draw(c *canvas) float64 {
	const laneHeight, pad = 15.0, 10.0
	var labels []string
	top, widest, bottom := 0.0, 0.0, headHeight+4
	used := make([]bool, len(s.parts))
	for _, r := range s.rows {
		labels = append(labels, r.label)
		bottom += pad + laneHeight*float64(len(r.lanes))
		for _, l := range r.lanes {
			top = max(top, l.sum())
			widest = max(widest, textWidth(l.text))
			for i, v := range l.parts {
				used[i] = used[i] || v > 0
			}
		}
	}
	if !(top > 0) {
		top = 1
	}
	if s.shares {
		top = 100
	}
	left, chars := labelWidth(labels)
	left += margin
	right := chartWidth - margin - widest - 10
	at := func(v float64) float64 { return left + (right-left)*(v/top) }

	x := margin
	for i, p := range s.parts {
		if used[i] {
			c.rect(p.class, x, 38, 12, 8, ` rx="2"`)
			c.text("muted", x+17, 46, "start", p.name, p.name)
			x += 17 + textWidth(p.name) + 12
		}
	}
	c.text("muted", chartWidth-margin, 46, "end", s.note, s.note)

	y := headHeight + 4
	for i, r := range s.rows {
		h := pad + laneHeight*float64(len(r.lanes))
		if i%2 == 0 {
			c.rect("band", margin/2, y, chartWidth-margin, h, "")
		}
		y += h
	}
	for _, t := range ticks(top, 5) {
		c.line("grid", at(t), headHeight+4, at(t), bottom+4, 1, "")
		c.text("muted", at(t), bottom+18, "middle", figure(t), figure(t))
	}
	y = headHeight + 4
	for _, r := range s.rows {
		h := pad + laneHeight*float64(len(r.lanes))
		c.text("label", left-8, y+h/2+4, "end", clip(r.label, chars), r.label)
		for i, l := range r.lanes {
			l.draw(c, s, y+pad/2+laneHeight*(float64(i)+0.5), at)
			c.tip(0, y+pad/2+laneHeight*float64(i), chartWidth, laneHeight, r.label+": "+l.tip(s.parts))
		}
		y += h
	}
	c.line("axis", left, headHeight+4, left, bottom+4, 1, "")
	return bottom + 32
}

type part struct{ name, class string }

type splitRow struct {
	label string
	lanes []splitLane
}

type splitLane struct {
	parts []float64 // ns, one for each of the chart, not negative
	text  string
}

func (l splitLane) sum() (sum float64) {
	for _, v := range l.parts {
		sum += v
	}
	return sum
}

// tip names each part.
func (l splitLane) tip(parts []part) string {
	var names []string
	for i, v := range l.parts {
		if v > 0 {
			names = append(names, parts[i].name+" "+duration(v))
		}
	}
	return l.text + " (" + strings.Join(names, ", ") + ")"
}

// draw places the parts one behind the other, their middle at height y.
func (l splitLane) draw(c *canvas, s splitChart, y float64, at func(float64) float64) {
	const thick = 11.0
	scale, end := 1.0, 0.0
	if sum := l.sum(); s.shares && sum > 0 {
		scale = 100 / sum
	}
	for i, v := range l.parts {
		if v > 0 {
			c.rect(s.parts[i].class, at(end), y-thick/2, at(end+v*scale)-at(end), thick, "")
			end += v * scale
		}
	}
	c.text("strong", at(end)+7, y+4, "start", l.text, l.text)
}
