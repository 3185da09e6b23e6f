package chart

import (
	"strings"

	"tunbench/reports/text"
)

// Split shows of what a figure is made, one row a scenario and one or more
// lanes in it.
type Split struct {
	Title, Desc string
	Note        string // the unit of the scale
	Parts       []Part // of a lane, in its order
	Rows        []SplitRow
	Shares      bool // each lane is as long as the scale, which is of its sum
}

func (s Split) Head() (string, string) { return s.Title, s.Desc }

func (s Split) draw(c *canvas) float64 {
	const laneHeight, pad = 15.0, 10.0
	var labels []string
	top, widest, bottom := 0.0, 0.0, headHeight+4
	used := make([]bool, len(s.Parts))
	for _, r := range s.Rows {
		labels = append(labels, r.Label)
		bottom += pad + laneHeight*float64(len(r.Lanes))
		for _, l := range r.Lanes {
			top = max(top, l.Sum())
			widest = max(widest, textWidth(l.Text))
			for i, v := range l.Parts {
				used[i] = used[i] || v > 0
			}
		}
	}
	if !(top > 0) {
		top = 1
	}
	if s.Shares {
		top = 100
	}
	left, chars := labelWidth(labels)
	left += margin
	right := chartWidth - margin - widest - 10
	at := func(v float64) float64 { return left + (right-left)*(v/top) }

	x := margin
	for i, p := range s.Parts {
		if used[i] {
			c.rect(p.Class, x, 38, 12, 8, ` rx="2"`)
			c.text("muted", x+17, 46, "start", p.Name, p.Name)
			x += 17 + textWidth(p.Name) + 12
		}
	}
	c.text("muted", chartWidth-margin, 46, "end", s.Note, s.Note)

	y := headHeight + 4
	for i, r := range s.Rows {
		h := pad + laneHeight*float64(len(r.Lanes))
		if i%2 == 0 {
			c.rect("band", margin/2, y, chartWidth-margin, h, "")
		}
		y += h
	}
	for _, t := range ticks(top, 5) {
		c.line("grid", at(t), headHeight+4, at(t), bottom+4, 1, "")
		c.text("muted", at(t), bottom+18, "middle", text.Figure(t), text.Figure(t))
	}
	y = headHeight + 4
	for _, r := range s.Rows {
		h := pad + laneHeight*float64(len(r.Lanes))
		c.text("label", left-8, y+h/2+4, "end", text.Clip(r.Label, chars), r.Label)
		for i, l := range r.Lanes {
			l.draw(c, s, y+pad/2+laneHeight*(float64(i)+0.5), at)
			c.tip(0, y+pad/2+laneHeight*float64(i), chartWidth, laneHeight, r.Label+": "+l.tip(s.Parts))
		}
		y += h
	}
	c.line("axis", left, headHeight+4, left, bottom+4, 1, "")
	return bottom + 32
}

type Part struct{ Name, Class string }

type SplitRow struct {
	Label string
	Lanes []SplitLane
}

type SplitLane struct {
	Parts []float64 // ns, one for each of the chart, not negative
	Text  string
}

func (l SplitLane) Sum() (sum float64) {
	for _, v := range l.Parts {
		sum += v
	}
	return sum
}

// tip names each part.
func (l SplitLane) tip(parts []Part) string {
	var names []string
	for i, v := range l.Parts {
		if v > 0 {
			names = append(names, parts[i].Name+" "+text.Duration(v))
		}
	}
	return l.Text + " (" + strings.Join(names, ", ") + ")"
}

// draw places the parts one behind the other, their middle at height y.
func (l SplitLane) draw(c *canvas, s Split, y float64, at func(float64) float64) {
	const thick = 11.0
	scale, end := 1.0, 0.0
	if sum := l.Sum(); s.Shares && sum > 0 {
		scale = 100 / sum
	}
	for i, v := range l.Parts {
		if v > 0 {
			c.rect(s.Parts[i].Class, at(end), y-thick/2, at(end+v*scale)-at(end), thick, "")
			end += v * scale
		}
	}
	c.text("strong", at(end)+7, y+4, "start", l.Text, l.Text)
}
