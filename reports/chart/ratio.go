package chart

import (
	"cmp"

	"tunbench/reports/chart/layout"
	"tunbench/reports/text"
)

// Ratios answers one question by a few bars: the base of each group comes first, and each
// other bar has its ratio to it, with the interval.
type Ratios struct {
	Title, Desc string
	Unit        string // of the bars
	Of          string // what the bars are; "" is the median
	Shared      string // what the scenarios of the chart have in common
	Groups      []RatioGroup
}

// RatioGroup is a base and what is compared with it.
type RatioGroup struct {
	Name string // what its bars have in common, where the chart has several groups
	Bars []RatioBar
}

// RatioBar is the rate of a scenario.
type RatioBar struct {
	Label            string
	Value, Low, High float64 // in the unit of the chart; high is 0 where there is no range
	Exact            bool    // low to high is the 95 % interval, else lowest to highest
	Text             string  // the value; "" where Ratio is it
	Ratio            string  // to the base, with the interval; "" for the base itself
	Side             int     // of the base on which the ratio is: 1 above, −1 below, 0 where no difference is shown
	Hollow           bool    // not to be quoted
}

func (r Ratios) Head() (string, string) { return r.Title, r.Desc }

// Of a chart of ratios: the height of a row and of a bar, and that of the name of a group.
const (
	ratioPitch = 30.0
	narrowRow  = 24.0 // below its name
	ratioThick = 18.0
	ratioName  = 24.0
)

func (r Ratios) draw(c *canvas) float64 {
	var names []string
	top, ratio, value := 0.0, 0.0, 0.0
	for _, g := range r.Groups {
		for _, b := range g.Bars {
			names = append(names, b.Label)
			top = max(top, b.Value, b.High)
			ratio, value = max(ratio, layout.Bolder*layout.Width(b.Ratio)), max(value, layout.Width(b.Text))
		}
	}
	if !(top > 0) {
		top = 1
	}
	labels := newLabels(c, names, value+12)
	beside, pitch := value, ratioPitch
	if c.narrow {
		beside, pitch = 0, narrowRow
	}
	y := c.note(r.note()) + 4
	if r.Shared != "" {
		y = c.note(r.Shared) + 4
	}
	scale := linear{top, labels.right, c.width - margin - beside - ratio - 20}
	bottom := y
	row := 0
	for _, g := range r.Groups {
		if g.Name != "" {
			bottom += ratioName + labelLine*float64(len(r.nameLines(c, g))-1)
		}
		for range g.Bars {
			bottom += labels.height(row, pitch)
			row++
		}
	}
	scale.drawGrid(c, y, bottom)
	c.line("axis", scale.left, c.top()+4, scale.left, bottom+4, 1, "") // names of groups cover it
	row = 0
	for _, g := range r.Groups {
		if g.Name != "" {
			lines := r.nameLines(c, g)
			for i, l := range lines {
				c.text("halo strong", margin, y+16+labelLine*float64(i), "start", l, l)
			}
			y += ratioName + labelLine*float64(len(lines)-1)
		}
		for _, b := range g.Bars {
			h := labels.height(row, pitch)
			name, mid := labels.draw(c, row, y, h)
			b.draw(c, scale, mid)
			if !c.narrow {
				name = mid + 4
			}
			if b.Text != "" {
				c.text("muted", c.width-margin, name, "end", b.Text, b.Text)
			}
			c.tip(0, y, c.width, h, b.tip(r.Unit))
			y += h
			row++
		}
	}
	return bottom + 32
}

// nameLines are the lines of the name of g.
func (r Ratios) nameLines(c *canvas, g RatioGroup) []string {
	return wrap(text.Printable(g.Name), int((c.width-2*margin)/glyph))
}

// note says what the bars and their lines are.
func (r Ratios) note() string {
	intervals, ranges, hollow := false, false, false
	for _, g := range r.Groups {
		for _, b := range g.Bars {
			if b.High > b.Low {
				intervals, ranges = intervals || b.Exact, ranges || !b.Exact
			}
			hollow = hollow || b.Hollow
		}
	}
	note := cmp.Or(r.Of, "median") + ", " + r.Unit
	switch {
	case intervals && ranges:
		note += "; line: 95 % interval, or dashed: lowest to highest trial"
	case intervals:
		note += "; line: 95 % interval"
	case ranges:
		note += "; dashed line: lowest to highest trial"
	}
	note += "; grey: the first of its group, or not clearly different from it"
	if hollow {
		note += "; hollow: no valid trial"
	}
	return note
}

// class is the look of b: blue above its base, orange below it, else grey.
func (b RatioBar) class() string {
	switch {
	case b.Side > 0:
		return "a"
	case b.Side < 0:
		return "b"
	}
	return "base"
}

func (b RatioBar) draw(c *canvas, scale linear, y float64) {
	class, extra := b.class(), ""
	if b.Hollow {
		class, extra = "hollow "+class+"s", ` stroke-dasharray="3 2"`
	}
	end := scale.at(b.Value)
	c.rect(class, scale.left, y-ratioThick/2, end-scale.left, ratioThick, extra)
	if b.High > b.Low {
		dashes := ""
		if !b.Exact {
			dashes = ` stroke-dasharray="3 2"`
		}
		c.line("range", scale.at(b.Low), y, scale.at(b.High), y, 1.5, dashes)
		c.line("range", scale.at(b.Low), y-4, scale.at(b.Low), y+4, 1.5, "")
		c.line("range", scale.at(b.High), y-4, scale.at(b.High), y+4, 1.5, "")
		end = max(end, scale.at(b.High))
	}
	c.text("strong", end+7, y+4, "start", b.Ratio, b.Ratio)
}

// tip says all of a bar.
func (b RatioBar) tip(unit string) string {
	t := b.Label + ": " + cmp.Or(b.Text, b.Ratio)
	switch {
	case b.Text == "":
		return t
	case !(b.High > b.Low):
	case b.Exact:
		t += ", 95 % interval " + text.Between(text.Figure(b.Low), text.Figure(b.High)) + " " + unit
	default:
		t += ", lowest to highest trial " + text.Between(text.Figure(b.Low), text.Figure(b.High)) + " " + unit
	}
	t += ", " + cmp.Or(b.Ratio, "the base")
	if b.Hollow {
		t += ", no valid trial"
	}
	return t
}

// BarsAChart is how many bars one chart of ratios has at most.
const BarsAChart = 8
