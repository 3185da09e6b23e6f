package chart

import (
	"math"
	"slices"
	"strings"

	"tunbench/reports/chart/layout"
	"tunbench/reports/metric"
	"tunbench/reports/text"
)

// Ladder shows quantiles on a logarithmic scale of nanoseconds, one row a
// scenario and one lane a latency.
type Ladder struct {
	Title, Desc string
	Note        string // what the rows have in common
	Rows        []LadderRow
}

func (l Ladder) Head() (string, string) { return l.Title, l.Desc }

// Of a ladder: the height of a lane, and the space of a row beside its lanes.
const (
	laneHeight = 16.0
	rowSpace   = 10.0
)

func (l Ladder) draw(c *canvas) float64 {
	kinds := l.kinds()
	classes := map[string]string{}
	for i, kind := range kinds {
		classes[kind] = []string{"a", "b"}[min(i, 1)]
	}
	var names []string
	for _, r := range l.Rows {
		names = append(names, r.Label)
	}
	labels := newLabels(c, names, 0)
	if l.Note != "" {
		c.note(l.Note)
	}
	top := l.drawLegend(c, kinds, classes) + 4
	bottom := top
	heights := make([]float64, len(l.Rows))
	for i, r := range l.Rows {
		heights[i] = labels.height(i, rowSpace+laneHeight*float64(len(r.Lanes)))
		bottom += heights[i]
	}
	low, high := l.span()
	left := labels.right
	if labels.above {
		left += 8 // for half of the name of the first step
	}
	scale := newLogScale(low, high, left, c.width-margin-18)

	y := top
	for i, h := range heights {
		if i%2 == 0 {
			c.rect("band", margin/2, y, c.width-margin, h, "")
		}
		y += h
	}
	scale.drawGrid(c, top, bottom)
	y = top
	for i, r := range l.Rows {
		_, mid := labels.draw(c, i, y, heights[i])
		first := mid - laneHeight*float64(len(r.Lanes))/2
		for j, n := range r.Lanes {
			n.draw(c, classes[n.Kind], first+laneHeight*(float64(j)+0.5), scale.at)
			c.tip(0, first+laneHeight*float64(j), c.width, laneHeight, r.Label+": "+n.tip())
		}
		y += heights[i]
	}
	return bottom + 32
}

// kinds returns the latencies that the lanes show, in the order of their first lane.
func (l Ladder) kinds() (kinds []string) {
	for _, r := range l.Rows {
		for _, n := range r.Lanes {
			if !slices.Contains(kinds, n.Kind) {
				kinds = append(kinds, n.Kind)
			}
		}
	}
	return kinds
}

// span returns the smallest and the largest value above 0.
func (l Ladder) span() (low, high float64) {
	low, high = math.Inf(1), 1.0
	for _, r := range l.Rows {
		for _, n := range r.Lanes {
			for _, v := range slices.Concat(n.At[:], []float64{n.Max}) {
				if v > 0 {
					low, high = min(low, v), max(high, v)
				}
			}
		}
	}
	if math.IsInf(low, 0) {
		low = high
	}
	return low, high
}

// drawLegend explains the colours, then the marks, and returns where the rows begin.
func (l Ladder) drawLegend(c *canvas, kinds []string, classes map[string]string) (top float64) {
	keys := make([]key, len(kinds))
	for i, k := range kinds {
		keys[i] = key{class: classes[k], name: k}
	}
	names := []string{"p50", "p90", "p99", "p99.9", "max"}
	wide := 0.0
	for _, name := range names {
		wide += 25 + layout.Width(name)
	}
	top, x := c.legend(keys)
	y := c.y - headLine
	if x += 12; x+wide > c.width-margin {
		x, y = margin, c.y
		c.y += headLine
		top = c.top()
	}
	for i, name := range names {
		mark(c, "axis", "muted", i, x+4, y-4)
		c.text("muted", x+13, y, "start", name, name)
		x += 25 + layout.Width(name)
	}
	return top
}

// logScale places durations between left and right.
type logScale struct{ first, last, left, right float64 }

// newLogScale returns a scale of low to high that ends at 1, 2 or 5 times a power of
// ten.
func newLogScale(low, high, left, right float64) logScale {
	l := logScale{left: left, right: right}
	for _, v := range steps() {
		if v <= low {
			l.first = v
		}
		if l.last < high {
			l.last = v
		}
	}
	if l.first == 0 {
		l.first = 1
	}
	if l.last <= l.first {
		l.last = 10 * l.first
	}
	return l
}

func (l logScale) at(v float64) float64 {
	v = min(max(v, l.first), l.last)
	return l.left + (l.right-l.left)*math.Log(v/l.first)/math.Log(l.last/l.first)
}

// drawGrid draws a line for each step of the scale, and names the steps as far as
// there is room.
func (l logScale) drawGrid(c *canvas, top, bottom float64) {
	space := (l.right - l.left) / math.Log10(l.last/l.first) // of a decade
	for _, v := range steps() {
		if v < l.first || v > l.last {
			continue
		}
		decade := math.Abs(math.Log10(v)-math.Round(math.Log10(v))) < 1e-9
		class := "minor"
		if decade {
			class = "grid"
		}
		c.line(class, l.at(v), top, l.at(v), bottom+4, 1, "")
		if decade || space > 170 {
			s := layout.Duration(v)
			c.within("muted", l.at(v), bottom+18, s)
		}
	}
}

// LaddersAChart is how many rows of lanes one file shows.
const LaddersAChart = 10

type LadderRow struct {
	Label string
	Lanes []Lane
}

type Lane struct {
	Kind string
	At   [4]float64 // the quantiles, 0 where not known
	Max  float64
}

// tip names each quantile that is known.
func (n Lane) tip() string {
	var known []string
	for i, v := range n.At {
		if v > 0 {
			known = append(known, metric.Quantiles[i].Name+" "+text.Duration(v))
		}
	}
	return n.Kind + ", " + strings.Join(append(known, "max "+text.Duration(n.Max)), ", ")
}

func (n Lane) draw(c *canvas, class string, y float64, at func(float64) float64) {
	values := append(slices.Clone(n.At[:]), n.Max)
	start := n.Max
	for _, v := range values {
		if v > 0 {
			start = min(start, v)
		}
	}
	if start <= 0 {
		return
	}
	c.line(class+"s", at(start), y, at(n.Max), y, 1.5, "")
	if n.At[0] > 0 && n.At[2] > 0 {
		c.line(class+"s", at(n.At[0]), y, at(n.At[2]), y, 4, ` stroke-opacity="0.45"`)
	}
	// Drawn from the tail, so that the median lies on top.
	for i := len(values) - 1; i >= 0; i-- {
		if values[i] > 0 {
			mark(c, class+"s", class, i, at(values[i]), y)
		}
	}
}

// mark draws the sign of the i-th of p50, p90, p99, p99.9 and max. They differ
// in shape, not in colour.
func mark(c *canvas, stroke, fill string, i int, x, y float64) {
	switch i {
	case 0:
		c.circle(fill, x, y, 4.5, "")
	case 1:
		c.line(stroke, x, y-5, x, y+5, 2, "")
	case 2:
		c.diamond(fill, x, y, 4.5)
	case 3:
		c.line(stroke, x, y-3.5, x, y+3.5, 1.5, "")
	default:
		c.circle("hollow "+stroke, x, y, 3.2, ` stroke-width="1.5"`)
	}
}

// steps gives 1, 2 and 5 times each power of ten, from 1 ns up.
func steps() []float64 {
	var s []float64
	for e := 0; e < 19; e++ {
		for _, m := range []float64{1, 2, 5} {
			s = append(s, m*math.Pow10(e))
		}
	}
	return s
}
