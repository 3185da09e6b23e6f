package chart

import (
	"cmp"

	"tunbench/reports/text"
)

// Bars shows one value a scenario, with its interval or the range that it
// was seen in.
type Bars struct {
	Title, Desc string
	Class       string // "a" or "b"
	Unit        string
	Of          string // what the values are; "" is the median
	Bars        []Bar
}

func (b Bars) Head() (string, string) { return b.Title, b.Desc }

func (b Bars) draw(c *canvas) float64 {
	const pitch, thick = 24.0, 14.0
	labels := make([]string, len(b.Bars))
	top, widest, hollow, intervals, ranges := 0.0, 0.0, false, false, false
	for i, r := range b.Bars {
		labels[i] = r.Label
		top = max(top, r.Value, r.High)
		widest = max(widest, textWidth(r.Text))
		hollow = hollow || r.Hollow
		if r.High > r.Low {
			intervals, ranges = intervals || r.Exact, ranges || !r.Exact
		}
	}
	left, chars := labelWidth(labels)
	left += margin
	right := chartWidth - margin - widest - 10
	if !(top > 0) {
		top = 1
	}
	at := func(v float64) float64 { return left + (right-left)*(v/top) }
	bottom := headHeight + pitch*float64(len(b.Bars))

	note := cmp.Or(b.Of, "median") + ", " + b.Unit
	switch {
	case intervals && ranges:
		note += "; line: 95 % interval, or dashed: lowest to highest trial"
	case intervals:
		note += "; line: 95 % interval"
	case ranges:
		note += "; line: lowest to highest trial"
	}
	if hollow {
		note += "; hollow: no valid trial"
	}
	c.text("muted", margin, 46, "start", note, note)
	marks := ticks(top, 5)
	for _, t := range marks {
		c.line("grid", at(t), headHeight, at(t), bottom+4, 1, "")
		c.text("muted", at(t), bottom+18, "middle", text.Figure(t), text.Figure(t))
	}
	for i, r := range b.Bars {
		y := headHeight + pitch*float64(i) + pitch/2
		c.text("label", left-8, y+4, "end", text.Clip(r.Label, chars), r.Label)
		class, extra := b.Class, ""
		if r.Hollow {
			class, extra = "hollow "+b.Class+"s", ` stroke-dasharray="3 2"`
		}
		c.rect(class, left, y-thick/2, at(r.Value)-left, thick, extra)
		end := at(r.Value)
		if r.High > r.Low {
			dashes := ""
			if intervals && !r.Exact {
				dashes = ` stroke-dasharray="3 2"`
			}
			c.line("range", at(r.Low), y, at(r.High), y, 1.5, dashes)
			c.line("range", at(r.Low), y-4, at(r.Low), y+4, 1.5, "")
			c.line("range", at(r.High), y-4, at(r.High), y+4, 1.5, "")
			end = max(end, at(r.High))
		}
		c.text("strong", end+7, y+4, "start", r.Text, r.Text)
		c.tip(0, y-pitch/2, chartWidth, pitch, r.tip(b.Unit))
	}
	c.line("axis", left, headHeight, left, bottom+4, 1, "")
	return bottom + 32
}

type Bar struct {
	Label            string
	Value, Low, High float64 // in unit; high is 0 where there is no range
	Exact            bool    // low to high is the 95 % interval, else lowest to highest
	Text             string
	Hollow           bool // not to be quoted
}

func (r Bar) tip(unit string) string {
	t := r.Label + ": " + r.Text + " " + unit
	switch {
	case !(r.High > r.Low):
	case r.Exact:
		t += ", 95 % interval " + text.Between(text.Figure(r.Low), text.Figure(r.High))
	default:
		t += ", lowest to highest trial " + text.Between(text.Figure(r.Low), text.Figure(r.High))
	}
	if r.Hollow {
		t += ", no valid trial"
	}
	return t
}
