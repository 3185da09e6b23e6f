// Package layout places figures on the scales of charts, and estimates the room that letters
// need.
package layout

import (
	"math"
	"strings"

	"tunbench/reports/text"
)

// Axis says what a scale shows. A scale that is not logarithmic begins at 0.
type Axis struct {
	Log  bool // all values are above 0
	Time bool // the values are nanoseconds, written as durations
	// Ticks are the values that are written on the axis, ascending; nil: round ones.
	Ticks []float64
}

// Scale places values from low to high between two ends.
type Scale struct {
	log       bool
	low, high float64
	from, to  float64
	Ticks     []Tick
}

// Tick is a line of the grid; only a line with a text is written.
type Tick struct {
	Value float64
	Text  string
}

// Class is the look of the line.
func (t Tick) Class() string {
	if t.Text == "" {
		return "minor"
	}
	return "grid"
}

// At is where v stands.
func (s Scale) At(v float64) float64 {
	v = min(max(v, s.low), s.high)
	if s.log {
		return s.from + (s.to-s.from)*math.Log(v/s.low)/math.Log(s.high/s.low)
	}
	return s.from + (s.to-s.from)*(v-s.low)/(s.high-s.low)
}

// NewScale returns a scale that shows all values between two ends, which are upright if from
// is above to.
func NewScale(a Axis, values []float64, from, to float64) Scale {
	s := Scale{log: a.Log, from: from, to: to}
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if v > 0 || !a.Log {
			low, high = min(low, v), max(high, v)
		}
	}
	if math.IsInf(low, 0) {
		low, high = 1, 1
	}
	switch {
	case a.Log && a.Ticks != nil:
		pad := max(math.Pow(high/low, 0.03), 1.05)
		s.low, s.high = low/pad, high*pad
	case a.Log:
		s.low, s.high = roundStep(low, false), roundStep(high, true)
		if s.low == s.high {
			s.low, s.high = roundStep(low/1.01, false), roundStep(high*1.01, true)
		}
	default:
		s.low, s.high = min(0, low*1.05), high*1.05
		if s.high <= s.low {
			s.high = s.low + 1
		}
	}
	s.Ticks = s.grid(a)
	return s
}

// grid returns the lines of the grid and their texts, of which none is in the way of
// another.
func (s Scale) grid(a Axis) (list []Tick) {
	room := math.Abs(s.to - s.from)
	upright := s.from > s.to
	write := func(v float64) string {
		if a.Time {
			return Duration(v)
		}
		return tickFigure(v)
	}
	switch {
	case a.Ticks != nil:
		// The last one is always written, the others where they are not in its way, or in
		// that of the one before.
		need := func(v float64) float64 { return Width(write(v)) / 2 }
		last := a.Ticks[len(a.Ticks)-1]
		end := math.Inf(-1)
		for _, v := range a.Ticks {
			t := Tick{Value: v}
			if x := s.At(v); v == last || x-need(v) > end+8 && x+need(v) < s.At(last)-need(last)-8 {
				t.Text, end = write(v), x+need(v)
			}
			list = append(list, t)
		}
	case s.log:
		decades := math.Log10(s.high / s.low)
		each := room / decades
		for _, v := range stepsBetween(s.low, s.high) {
			t := Tick{Value: v}
			if decade := math.Abs(math.Log10(v)-math.Round(math.Log10(v))) < 1e-9; decade || each > 170 || upright && each > 60 || decades < 1 {
				t.Text = write(v)
			}
			list = append(list, t)
		}
	default:
		for _, v := range Round(s.high, int(max(2, room/map[bool]float64{true: 45, false: 110}[upright]))) {
			list = append(list, Tick{v, write(v)})
		}
	}
	if !upright {
		s.spread(list)
	}
	return list
}

// spread takes the text of each line that would lie on the one before.
func (s Scale) spread(list []Tick) {
	end := math.Inf(-1)
	for i, t := range list {
		half := Width(t.Text) / 2
		switch x := s.At(t.Value); {
		case t.Text == "":
		case x-half < end+4:
			list[i].Text = ""
		default:
			end = x + half
		}
	}
}

// roundStep is 1, 2 or 5 times a power of ten: the nearest that is not above v, or not
// below it.
func roundStep(v float64, up bool) float64 {
	unit := math.Pow(10, math.Floor(math.Log10(v)+1e-9))
	step := unit
	for _, m := range []float64{1, 2, 5, 10} {
		next := m * unit
		if up && next >= v*(1-1e-9) {
			return next
		}
		if next <= v*(1+1e-9) {
			step = next
		}
	}
	return step
}

// stepsBetween gives 1, 2 and 5 times each power of ten from low to high.
func stepsBetween(low, high float64) (list []float64) {
	for e := math.Floor(math.Log10(low) + 1e-9); len(list) < 200; e++ {
		for _, m := range []float64{1, 2, 5} {
			v := m * math.Pow(10, e)
			if v > high*(1+1e-9) {
				return list
			}
			if v >= low*(1-1e-9) {
				list = append(list, v)
			}
		}
	}
	return list
}

// tickFigure gives a number without digits that say nothing.
func tickFigure(v float64) string {
	s := text.Figure(v)
	if strings.Contains(s, ".") && !strings.Contains(s, "e") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// Duration gives a step without digits that say nothing.
func Duration(ns float64) string {
	number, unit, _ := strings.Cut(text.Duration(ns), " ")
	if strings.Contains(number, ".") {
		number = strings.TrimRight(strings.TrimRight(number, "0"), ".")
	}
	return number + " " + unit
}

// Round gives about n round values from 0 to top.
func Round(top float64, n int) []float64 {
	if !(top > 0) || math.IsInf(top, 0) {
		return []float64{0}
	}
	raw := top / float64(n)
	unit := math.Pow(10, math.Floor(math.Log10(raw)))
	if unit == 0 {
		return []float64{0}
	}
	step := unit
	for _, m := range []float64{1, 2, 5, 10} {
		if step = m * unit; step >= raw {
			break
		}
	}
	var t []float64
	for i := 0; float64(i)*step <= top*1.0001; i++ {
		t = append(t, float64(i)*step)
	}
	return t
}
