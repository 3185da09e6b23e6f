package chart

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tunbench/reports/chart/layout"
	"tunbench/reports/text"
)

// Changes shows a change a row with its interval, on a logarithmic scale of ratios about
// a line at no change, and the threshold as a band. A change and its reverse are as long.
type Changes struct {
	Title, Desc string
	Note        string // which direction is better, and what the rows have in common
	Of          string // what the changes are per cent of, such as "base"
	Range       string // what the lines are, such as "95 % interval"
	Rows        []ChangeRow
}

// ChangeRow is a change.
type ChangeRow struct {
	Label            string
	Value, Low, High float64 // ratios less 1: −0.5 is half
	Threshold        float64
	Class            string // of the mark
	Text             string // the change
	Figures          string // both figures, behind the change
	Absent           bool   // only the text is shown
}

func (f Changes) Head() (string, string) {
	if f.Cuts() {
		return f.Title, f.Desc + " An arrow: it goes on beyond the scale, which ends at " + text.Precisely(-Farthest/(1+Farthest)) + " and +" + FarthestText + " %; the change is written beside it."
	}
	return f.Title, f.Desc
}

// Cuts reports whether something lies beyond the scale.
func (f Changes) Cuts() bool {
	return slices.ContainsFunc(f.Rows, func(r ChangeRow) bool { return r.reach() > math.Log1p(Farthest) })
}

// Farthest is the largest change that a chart has room for, and its reverse: beyond it the
// others could not be told apart.
const (
	Farthest     = 2.0
	FarthestText = "200" // per cent
)

const changePitch = 22.0 // the height of a row

// distance is how far a change is from none: the same for a ratio and its inverse.
func distance(v float64) float64 { return math.Abs(math.Log1p(max(v, -1+1e-9))) }

// reach is how far the scale must go to show r.
func (r ChangeRow) reach() float64 {
	if r.Absent {
		return 0
	}
	return max(distance(r.Value), distance(r.Low), distance(r.High))
}

// changeScale places changes by the logarithms of their ratios.
type changeScale struct{ reach, left, right float64 }

func (s changeScale) at(v float64) float64 {
	share := min(max(math.Log1p(max(v, -1+1e-9))/s.reach, -1), 1)
	return (s.left+s.right)/2 + (s.right-s.left)/2*share
}

// marks are round changes for the foot of the scale: of each sign the largest that fits,
// and smaller ones as far as there is room.
func (s changeScale) marks() []float64 {
	const room = 62.0
	list := []float64{0}
	fits := func(v float64) bool {
		return distance(v) <= s.reach*1.0001 && !slices.ContainsFunc(list, func(w float64) bool { return math.Abs(s.at(v)-s.at(w)) < room })
	}
	for _, sign := range []float64{1, -1} {
		for e := 0; e > -7; e-- {
			for _, m := range []float64{2, 1, 0.5} {
				if v := sign * m * math.Pow10(e); v > -0.9 && fits(v) {
					list = append(list, v)
				}
			}
		}
	}
	slices.Sort(list)
	return list
}

func (f Changes) draw(c *canvas) float64 {
	names := make([]string, len(f.Rows))
	reach, widest, figures := 0.0, 0.0, 0.0
	for i, r := range f.Rows {
		names[i] = r.Label
		widest, figures = max(widest, layout.Bolder*layout.Width(r.Text)), max(figures, layout.Width(r.Figures))
		reach = max(reach, r.reach(), 1.2*distance(r.Threshold))
	}
	if figures > 0 {
		figures += 10
	}
	labels := newLabels(c, names, figures)
	top := c.note(f.note())
	beside := widest + figures + 14
	if c.narrow {
		beside = widest + 14
	}
	scale := changeScale{min(max(reach, 1e-4), math.Log1p(Farthest)), labels.right, c.width - margin - beside}
	heights, bottom := make([]float64, len(f.Rows)), top
	for i, r := range f.Rows {
		heights[i] = labels.height(i, changePitch)
		if r.Threshold > 0 {
			c.rect("band", scale.at(-r.Threshold/(1+r.Threshold)), bottom, scale.at(r.Threshold)-scale.at(-r.Threshold/(1+r.Threshold)), heights[i], "")
		}
		bottom += heights[i]
	}
	for _, v := range scale.marks() {
		c.line("grid", scale.at(v), top, scale.at(v), bottom+4, 1, "")
		s := tickChange(v)
		c.text("muted", scale.at(v), bottom+18, "middle", s, s)
	}
	c.line("axis", scale.at(0), top, scale.at(0), bottom+4, 1, "")
	y := top
	for i, r := range f.Rows {
		name, mid := labels.draw(c, i, y, heights[i])
		r.draw(c, scale, mid)
		switch {
		case r.Figures == "" || r.Absent:
		case c.narrow:
			c.text("muted", c.width-margin, name, "end", r.Figures, r.Figures)
		default:
			c.text("muted", scale.right+20+widest, mid+4, "start", r.Figures, r.Figures)
		}
		c.tip(0, y, c.width, heights[i], r.tip(f.Range))
		y += heights[i]
	}
	return bottom + 32
}

// note says how the chart is to be read.
func (f Changes) note() string {
	note := "per cent of " + f.Of + "; line: " + f.Range + "; band: within the threshold; " + f.Note
	if f.Cuts() {
		note += "; arrow: beyond the scale"
	}
	return note
}

// tickChange gives a round change without digits that say nothing.
func tickChange(v float64) string {
	s := text.Precisely(v)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// draw draws the mark of r and writes the change behind it.
func (r ChangeRow) draw(c *canvas, s changeScale, y float64) {
	switch {
	case r.Absent && c.narrow:
		c.text("muted", margin, y+4, "start", r.Text, r.Text)
		return
	case r.Absent:
		c.text("muted", s.right+10, y+4, "start", r.Text, r.Text)
		return
	}
	c.line("range", s.at(r.Low), y, s.at(r.High), y, 1.5, "")
	beyond := func(v float64) bool { return distance(v) > s.reach*1.0001 }
	for _, end := range []float64{r.Low, r.High} {
		if beyond(end) {
			c.arrow("muted", s.at(end), y, math.Copysign(4, end))
		} else {
			c.line("range", s.at(end), y-4, s.at(end), y+4, 1.5, "")
		}
	}
	if beyond(r.Value) {
		c.arrow(r.Class, s.at(r.Value), y, math.Copysign(7, r.Value))
	} else {
		c.diamond(r.Class, s.at(r.Value), y, 5)
	}
	c.text("strong", s.right+10, y+4, "start", r.Text, r.Text)
}

// tip says all of a row.
func (r ChangeRow) tip(span string) string {
	if r.Absent {
		return r.Label + ": " + r.Text
	}
	return fmt.Sprintf("%s: %s, %s %s to %s %%", r.Label, strings.Join(text.NonEmpty(r.Text, r.Figures), ", "), span, text.Precisely(r.Low), text.Precisely(r.High))
}
