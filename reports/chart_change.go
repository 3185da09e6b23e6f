package reports

import (
	"math"
	"slices"
	"strings"
)

// changeChart shows a change a scenario with its interval, about a line at no
// change, and the threshold as a band.
type changeChart struct {
	title, desc string
	note        string // which direction is better
	rows        []changeRow
}

func (f changeChart) head() (string, string) {
	if f.cuts() {
		return f.title, f.desc + " An arrow: it goes on beyond the scale, which ends at ±" + farthestText + " %; the change is written beside it."
	}
	return f.title, f.desc
}

// cuts reports whether something lies beyond the scale.
func (f changeChart) cuts() bool {
	return slices.ContainsFunc(f.rows, func(r changeRow) bool {
		return max(math.Abs(r.value), math.Abs(r.low), math.Abs(r.high)) > farthest
	})
}

func (f changeChart) draw(c *canvas) float64 {
	const pitch = 22.0
	labels := make([]string, len(f.rows))
	reach, widest := 0.0, 0.0
	for i, r := range f.rows {
		labels[i] = r.label
		widest = max(widest, textWidth(r.text))
		reach = max(reach, math.Abs(r.low), math.Abs(r.high), math.Abs(r.value), 1.2*r.threshold)
	}
	reach = min(max(reach, 1e-4), farthest)
	left, chars := labelWidth(labels)
	left += margin
	right := chartWidth - margin - widest - 14
	middle := (left + right) / 2
	at := func(v float64) float64 { return middle + (right-left)/2*min(max(v/reach, -1), 1) }
	bottom := headHeight + pitch*float64(len(f.rows))

	note := "per cent of base; line: 95 % interval; band: within the threshold; " + f.note
	if f.cuts() {
		note += "; arrow: beyond the scale"
	}
	c.text("muted", margin, 46, "start", note, note)
	for i, r := range f.rows {
		if r.threshold > 0 {
			c.rect("band", at(-r.threshold), headHeight+pitch*float64(i), at(r.threshold)-at(-r.threshold), pitch, "")
		}
	}
	for _, t := range ticks(reach, 3) {
		for _, v := range []float64{t, -t} {
			c.line("grid", at(v), headHeight, at(v), bottom+4, 1, "")
			s := strings.TrimSuffix(precisely(v), ".00")
			c.text("muted", at(v), bottom+18, "middle", s, s)
			if t == 0 {
				break
			}
		}
	}
	for i, r := range f.rows {
		y := headHeight + pitch*(float64(i)+0.5)
		c.text("label", left-8, y+4, "end", clip(r.label, chars), r.label)
		c.line("range", at(r.low), y, at(r.high), y, 1.5, "")
		for _, end := range []float64{r.low, r.high} {
			if math.Abs(end) > reach {
				c.arrow("muted", at(end), y, math.Copysign(4, end))
			} else {
				c.line("range", at(end), y-4, at(end), y+4, 1.5, "")
			}
		}
		if math.Abs(r.value) > reach {
			c.arrow(r.class, at(r.value), y, math.Copysign(7, r.value))
		} else {
			c.diamond(r.class, at(r.value), y, 5)
		}
		c.text("strong", right+10, y+4, "start", r.text, r.text)
		c.tip(0, y-pitch/2, chartWidth, pitch, r.label+": "+r.text+", 95 % interval "+precisely(r.low)+" to "+precisely(r.high)+" %")
	}
	c.line("axis", at(0), headHeight, at(0), bottom+4, 1, "")
	return bottom + 32
}

type changeRow struct {
	label            string
	value, low, high float64 // ratios
	threshold        float64
	class            string // of the mark
	text             string // the change
}

// farthest is the largest change that a chart has room for: beyond it the
// others could not be told apart.
const (
	farthest     = 2.0
	farthestText = "200" // per cent
)
