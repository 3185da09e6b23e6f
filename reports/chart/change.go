package chart

import (
	"math"
	"slices"
	"strings"

	"tunbench/reports/text"
)

// Changes shows a change a scenario with its interval, about a line at no
// change, and the threshold as a band.
type Changes struct {
	Title, Desc string
	Note        string // which direction is better
	Rows        []ChangeRow
}

func (f Changes) Head() (string, string) {
	if f.Cuts() {
		return f.Title, f.Desc + " An arrow: it goes on beyond the scale, which ends at ±" + FarthestText + " %; the change is written beside it."
	}
	return f.Title, f.Desc
}

// Cuts reports whether something lies beyond the scale.
func (f Changes) Cuts() bool {
	return slices.ContainsFunc(f.Rows, func(r ChangeRow) bool {
		return max(math.Abs(r.Value), math.Abs(r.Low), math.Abs(r.High)) > Farthest
	})
}

func (f Changes) draw(c *canvas) float64 {
	const pitch = 22.0
	labels := make([]string, len(f.Rows))
	reach, widest := 0.0, 0.0
	for i, r := range f.Rows {
		labels[i] = r.Label
		widest = max(widest, textWidth(r.Text))
		reach = max(reach, math.Abs(r.Low), math.Abs(r.High), math.Abs(r.Value), 1.2*r.Threshold)
	}
	reach = min(max(reach, 1e-4), Farthest)
	left, chars := labelWidth(labels)
	left += margin
	right := chartWidth - margin - widest - 14
	middle := (left + right) / 2
	at := func(v float64) float64 { return middle + (right-left)/2*min(max(v/reach, -1), 1) }
	bottom := headHeight + pitch*float64(len(f.Rows))

	note := "per cent of base; line: 95 % interval; band: within the threshold; " + f.Note
	if f.Cuts() {
		note += "; arrow: beyond the scale"
	}
	c.text("muted", margin, 46, "start", note, note)
	for i, r := range f.Rows {
		if r.Threshold > 0 {
			c.rect("band", at(-r.Threshold), headHeight+pitch*float64(i), at(r.Threshold)-at(-r.Threshold), pitch, "")
		}
	}
	for _, t := range ticks(reach, 3) {
		for _, v := range []float64{t, -t} {
			c.line("grid", at(v), headHeight, at(v), bottom+4, 1, "")
			s := strings.TrimSuffix(text.Precisely(v), ".00")
			c.text("muted", at(v), bottom+18, "middle", s, s)
			if t == 0 {
				break
			}
		}
	}
	for i, r := range f.Rows {
		y := headHeight + pitch*(float64(i)+0.5)
		c.text("label", left-8, y+4, "end", text.Clip(r.Label, chars), r.Label)
		c.line("range", at(r.Low), y, at(r.High), y, 1.5, "")
		for _, end := range []float64{r.Low, r.High} {
			if math.Abs(end) > reach {
				c.arrow("muted", at(end), y, math.Copysign(4, end))
			} else {
				c.line("range", at(end), y-4, at(end), y+4, 1.5, "")
			}
		}
		if math.Abs(r.Value) > reach {
			c.arrow(r.Class, at(r.Value), y, math.Copysign(7, r.Value))
		} else {
			c.diamond(r.Class, at(r.Value), y, 5)
		}
		c.text("strong", right+10, y+4, "start", r.Text, r.Text)
		c.tip(0, y-pitch/2, chartWidth, pitch, r.Label+": "+r.Text+", 95 % interval "+text.Precisely(r.Low)+" to "+text.Precisely(r.High)+" %")
	}
	c.line("axis", at(0), headHeight, at(0), bottom+4, 1, "")
	return bottom + 32
}

type ChangeRow struct {
	Label            string
	Value, Low, High float64 // ratios
	Threshold        float64
	Class            string // of the mark
	Text             string // the change
}

// farthest is the largest change that a chart has room for: beyond it the
// others could not be told apart.
const (
	Farthest     = 2.0
	FarthestText = "200" // per cent
)
