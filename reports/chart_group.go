package reports

import (
	"fmt"
)

// groupChart shows one value a scenario and kernel, the kernels of a scenario
// below each other.
type groupChart struct {
	title, desc string
	unit        string
	names       []string // of the kernels, in the order of the bars
	groups      []barGroup
}

func (g groupChart) head() (string, string) { return g.title, g.desc }

func (g groupChart) draw(c *canvas) float64 {
	const pitch, thick, pad = 15.0, 11.0, 9.0
	labels := make([]string, len(g.groups))
	top, widest, hollow, ranges := 0.0, 0.0, false, false
	for i, group := range g.groups {
		labels[i] = group.label
		for _, b := range group.bars {
			widest = max(widest, textWidth(b.text))
			if b.measured {
				top = max(top, b.max)
				hollow = hollow || b.hollow
				ranges = ranges || b.max > b.min
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

	note := "median over boots, " + g.unit + " a packet; lower is better"
	if ranges {
		note += "; line: lowest to highest boot"
	}
	if hollow {
		note += "; hollow: unsettled or invalid"
	}
	c.text("muted", margin, 46, "start", note, note)
	// The legend has a line of its own: releases are long.
	x := margin
	start := headHeight + 20
	for i, name := range g.names {
		class, extra := hue(i)
		shown := clip(name, 40)
		if w := 17 + textWidth(shown) + 14; x+w > chartWidth-margin && x > margin {
			x = margin
			start += 18
		}
		c.rect(class, x, start-22, 12, 8, ` rx="2"`+extra)
		c.text("muted", x+17, start-14, "start", shown, name)
		x += 17 + textWidth(shown) + 14
	}

	tall := pad + pitch*float64(len(g.names))
	bottom := start + tall*float64(len(g.groups))
	for i := range g.groups {
		if i%2 == 0 {
			c.rect("band", margin/2, start+tall*float64(i), chartWidth-margin, tall, "")
		}
	}
	for _, t := range ticks(top, 5) {
		c.line("grid", at(t), start, at(t), bottom+4, 1, "")
		c.text("muted", at(t), bottom+18, "middle", figure(t), figure(t))
	}
	for i, group := range g.groups {
		y := start + tall*float64(i)
		c.text("label", left-8, y+tall/2+4, "end", clip(group.label, chars), group.label)
		for j, b := range group.bars {
			mid := y + pad/2 + pitch*(float64(j)+0.5)
			if !b.measured {
				c.text("muted", left+7, mid+4, "start", b.text, b.text)
				continue
			}
			class, extra := hue(j)
			if b.hollow {
				class, extra = "hollow "+class+"s", ` stroke-dasharray="3 2"`
			}
			c.rect(class, left, mid-thick/2, at(b.value)-left, thick, extra)
			if b.max > b.min {
				c.line("range", at(b.min), mid, at(b.max), mid, 1.5, "")
				c.line("range", at(b.min), mid-3, at(b.min), mid+3, 1.5, "")
				c.line("range", at(b.max), mid-3, at(b.max), mid+3, 1.5, "")
			}
			c.text("label", at(max(b.value, b.max))+7, mid+4, "start", b.text, b.text)
		}
		for j, b := range group.bars {
			c.tip(0, y+pad/2+pitch*float64(j), chartWidth, pitch, group.label+", "+g.names[j]+": "+b.text)
		}
	}
	c.line("axis", left, start, left, bottom+4, 1, "")
	return bottom + 32
}

type barGroup struct {
	label string
	bars  []groupBar // one a name
}

type groupBar struct {
	value, min, max float64
	text            string
	hollow          bool // not to be quoted
	measured        bool // without it, only the text is shown
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
