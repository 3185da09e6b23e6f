package chart

import (
	"fmt"

	"tunbench/reports/text"
)

// Groups shows one value a scenario and kernel, the kernels of a scenario
// below each other.
type Groups struct {
	Title, Desc string
	Unit        string
	Names       []string // of the kernels, in the order of the bars
	Groups      []BarGroup
}

func (g Groups) Head() (string, string) { return g.Title, g.Desc }

func (g Groups) draw(c *canvas) float64 {
	const pitch, pad = 15.0, 9.0
	labels := make([]string, len(g.Groups))
	top, widest, hollow, ranges := 0.0, 0.0, false, false
	for i, group := range g.Groups {
		labels[i] = group.Label
		for _, b := range group.Bars {
			widest = max(widest, textWidth(b.Text))
			if b.Measured {
				top = max(top, b.Max)
				hollow = hollow || b.Hollow
				ranges = ranges || b.Max > b.Min
			}
		}
	}
	left, chars := labelWidth(labels)
	left += margin
	right := chartWidth - margin - widest - 10
	if !(top > 0) {
		top = 1
	}
	at := func(v float64) float64 { return left + (right-left)*(v/top) }

	note := "median over boots, " + g.Unit + " a packet; lower is better"
	if ranges {
		note += "; line: lowest to highest boot"
	}
	if hollow {
		note += "; hollow: unsettled or invalid"
	}
	c.text("muted", margin, 46, "start", note, note)
	start := g.drawLegend(c)

	tall := pad + pitch*float64(len(g.Names))
	bottom := start + tall*float64(len(g.Groups))
	for i := range g.Groups {
		if i%2 == 0 {
			c.rect("band", margin/2, start+tall*float64(i), chartWidth-margin, tall, "")
		}
	}
	for _, t := range ticks(top, 5) {
		c.line("grid", at(t), start, at(t), bottom+4, 1, "")
		c.text("muted", at(t), bottom+18, "middle", text.Figure(t), text.Figure(t))
	}
	for i, group := range g.Groups {
		y := start + tall*float64(i)
		c.text("label", left-8, y+tall/2+4, "end", text.Clip(group.Label, chars), group.Label)
		for j, b := range group.Bars {
			mid := y + pad/2 + pitch*(float64(j)+0.5)
			if !b.Measured {
				c.text("muted", left+7, mid+4, "start", b.Text, b.Text)
				continue
			}
			b.draw(c, j, left, mid, at)
		}
		for j, b := range group.Bars {
			c.tip(0, y+pad/2+pitch*float64(j), chartWidth, pitch, group.Label+", "+g.Names[j]+": "+b.Text)
		}
	}
	c.line("axis", left, start, left, bottom+4, 1, "")
	return bottom + 32
}

// drawLegend names the kernels, and returns where the bars begin. Its lines are below
// the head of the chart: releases are long.
func (g Groups) drawLegend(c *canvas) (start float64) {
	x := margin
	start = headHeight + 20
	for i, name := range g.Names {
		class, extra := hue(i)
		shown := text.Clip(name, 40)
		if w := 17 + textWidth(shown) + 14; x+w > chartWidth-margin && x > margin {
			x = margin
			start += 18
		}
		c.rect(class, x, start-22, 12, 8, ` rx="2"`+extra)
		c.text("muted", x+17, start-14, "start", shown, name)
		x += 17 + textWidth(shown) + 14
	}
	return start
}

type BarGroup struct {
	Label string
	Bars  []GroupBar // one a name
}

type GroupBar struct {
	Value, Min, Max float64
	Text            string
	Hollow          bool // not to be quoted
	Measured        bool // without it, only the text is shown
}

// draw draws the measured bar of the i-th kernel from left on, around the height mid.
func (b GroupBar) draw(c *canvas, i int, left, mid float64, at func(float64) float64) {
	const thick = 11.0
	class, extra := hue(i)
	if b.Hollow {
		class, extra = "hollow "+class+"s", ` stroke-dasharray="3 2"`
	}
	c.rect(class, left, mid-thick/2, at(b.Value)-left, thick, extra)
	if b.Max > b.Min {
		c.line("range", at(b.Min), mid, at(b.Max), mid, 1.5, "")
		c.line("range", at(b.Min), mid-3, at(b.Min), mid+3, 1.5, "")
		c.line("range", at(b.Max), mid-3, at(b.Max), mid+3, 1.5, "")
	}
	c.text("label", at(max(b.Value, b.Max))+7, mid+4, "start", b.Text, b.Text)
}

// hue gives the look of the i-th kernel: the colours in turn, paler each time
// they come around again.
func hue(i int) (class, extra string) {
	class = []string{"a", "b"}[i%2]
	if round := i / 2; round > 0 {
		extra = fmt.Sprintf(` fill-opacity="%s"`, num(max(0.2, 1-0.3*float64(round))))
	}
	return class, extra
}
