package chart

import (
	"strings"

	"tunbench/reports/chart/layout"
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

// Of a split: the height of a lane, and the space of a row beside its lanes.
const (
	splitLane  = 15.0
	splitSpace = 10.0
)

func (s Split) draw(c *canvas) float64 {
	var names []string
	most, widest := 0.0, 0.0
	used := make([]bool, len(s.Parts))
	for _, r := range s.Rows {
		names = append(names, r.Label)
		for _, l := range r.Lanes {
			most = max(most, l.Sum())
			widest = max(widest, layout.Bolder*layout.Width(l.Text))
			for i, v := range l.Parts {
				used[i] = used[i] || v > 0
			}
		}
	}
	if !(most > 0) {
		most = 1
	}
	if s.Shares {
		most = 100
	}
	labels := newLabels(c, names, 0)
	c.note(s.Note)
	var keys []key
	for i, p := range s.Parts {
		if used[i] {
			keys = append(keys, key{class: p.Class, name: p.Name})
		}
	}
	top, _ := c.legend(keys)
	top += 4
	scale := linear{most, labels.right, c.width - margin - widest - 10}
	heights, bottom := make([]float64, len(s.Rows)), top
	for i, r := range s.Rows {
		heights[i] = labels.height(i, splitSpace+splitLane*float64(len(r.Lanes)))
		if i%2 == 0 {
			c.rect("band", margin/2, bottom, c.width-margin, heights[i], "")
		}
		bottom += heights[i]
	}
	scale.drawGrid(c, top, bottom)
	y := top
	for i, r := range s.Rows {
		_, mid := labels.draw(c, i, y, heights[i])
		first := mid - splitLane*float64(len(r.Lanes))/2
		for j, l := range r.Lanes {
			l.draw(c, s, first+splitLane*(float64(j)+0.5), scale.at)
			c.tip(0, first+splitLane*float64(j), c.width, splitLane, r.Label+": "+l.tip(s.Parts))
		}
		y += heights[i]
	}
	c.line("axis", scale.left, top, scale.left, bottom+4, 1, "")
	return bottom + 32
}

// SplitsAChart is how many rows of two lanes one file shows.
const SplitsAChart = 10

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
