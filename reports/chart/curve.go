package chart

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tunbench/reports/chart/layout"
)

// Curve shows a figure over a number, such as the size of the packets: one line for each
// thing that is compared, its interval as a band. It has the shape of a slide, 16:9.
type Curve struct {
	Title, Desc string
	Sub         string // what all points have in common; "" where the title says so
	X, Y        CurveAxis
	Lines       []CurveLine // at most LinesACurve
	Marks       []CurveMark
}

// CurveAxis is one of the two axes of a Curve. A scale that is not logarithmic begins at 0.
type CurveAxis struct {
	Title string // what it shows, with its unit
	Log   bool   // all values are above 0
	Time  bool   // the values are nanoseconds, written as durations
	// Ticks are the values that are written on the axis, ascending; nil: round ones.
	Ticks []float64
}

func (a CurveAxis) layout() layout.Axis { return layout.Axis{Log: a.Log, Time: a.Time, Ticks: a.Ticks} }

// CurveLine has its points in the order of their X.
type CurveLine struct {
	Name   string
	Points []CurvePoint
}

type CurvePoint struct {
	X, Y      float64
	Low, High float64 // High is 0 where there is no range
	Exact     bool    // low to high is the 95 % interval, else lowest to highest trial
	Hollow    bool    // not to be quoted
	Text      string  // shown where the pointer is
}

// CurveMark is an upright line.
type CurveMark struct {
	X    float64
	Text string
}

// LinesACurve is how many lines a chart can tell apart.
const LinesACurve = len(curveClasses)

// curveClasses are the colours of the lines.
var curveClasses = [...]string{"a", "b", "c", "d", "e"}

const (
	curveHeight = 495.0 // of 880: 16:9
	curveBottom = curveHeight - 52
	curveNarrow = 200.0 // the height of the plot alone, in a narrow chart
	// longestAtEnd is how many characters a name may have that is written at the end of
	// its line. Longer names are in a legend above the chart.
	longestAtEnd = 28
)

func (k Curve) Head() (string, string) { return k.Title, k.Desc }

func (k Curve) draw(c *canvas) float64 {
	f := k.frame(c, k.drawNotes(c))
	height := f.drawAxes(c, k)
	for i, l := range k.Lines {
		l.drawBand(c, f, curveClasses[i])
	}
	for i, m := range k.Marks {
		x := f.x.At(m.X)
		c.line("axis", x, f.top, x, f.bottom, 1.5, ` stroke-dasharray="6 4"`)
		// Each a line lower, so that marks next to each other do not cover each other's names.
		if y := f.top - 6 - 14*float64(i); c.narrow {
			c.within("halo", x, y, m.Text)
		} else {
			c.text("halo", x, y, anchorOf(x, f.left, f.right), m.Text, m.Text)
		}
	}
	for i, l := range k.Lines {
		l.drawLine(c, f, curveClasses[i])
	}
	if k.namesAtEnds(c) {
		k.drawNames(c, f)
	}
	return height
}

// curveFrame is where the points of a curve are drawn.
type curveFrame struct {
	left, right, top, bottom float64
	x, y                     layout.Scale
}

// frame makes room for the numbers left of the chart, and for the names right of it.
func (k Curve) frame(c *canvas, top float64) curveFrame {
	f := curveFrame{top: top, bottom: curveBottom, right: c.width - margin - 8}
	if c.narrow {
		f.bottom = top + curveNarrow
	}
	if k.namesAtEnds(c) {
		widest := 0.0
		for _, l := range k.Lines {
			widest = max(widest, layout.Width(l.Name))
		}
		f.right = c.width - margin - widest - 26
	}
	var xs, ys []float64
	for _, l := range k.Lines {
		for _, p := range l.Points {
			xs, ys = append(xs, p.X), append(ys, p.Y)
			if p.High > 0 {
				ys = append(ys, p.Low, p.High)
			}
		}
	}
	for _, m := range k.Marks {
		xs = append(xs, m.X)
	}
	f.y = layout.NewScale(k.Y.layout(), ys, f.bottom, f.top)
	widest := 0.0
	for _, t := range f.y.Ticks {
		widest = max(widest, layout.Width(t.Text))
	}
	f.left = margin + widest + 8
	f.x = layout.NewScale(k.X.layout(), xs, f.left, f.right)
	return f
}

// namesAtEnds reports whether each line has its name at its end. A line alone needs none.
func (k Curve) namesAtEnds(c *canvas) bool {
	return !c.narrow && len(k.Lines) > 1 && !slices.ContainsFunc(k.Lines, func(l CurveLine) bool { return len([]rune(l.Name)) > longestAtEnd })
}

// drawNotes writes what is above the chart and returns where the chart begins.
func (k Curve) drawNotes(c *canvas) float64 {
	y := c.y
	lines := wrap(k.note(), int((c.width-2*margin)/(0.93*glyph)))
	if k.Sub != "" {
		lines = append(wrap(k.Sub, int((c.width-2*margin)/(0.93*glyph))), lines...)
	}
	for _, line := range lines {
		c.text("muted", margin, y, "start", line, line)
		y += 17
	}
	if !k.namesAtEnds(c) && len(k.Lines) > 1 {
		for i, l := range k.Lines {
			c.rect(curveClasses[i], margin, y-8, 12, 8, ` rx="2"`)
			for _, line := range c.lines(l.Name, c.width-2*margin-17) {
				c.text("label", margin+17, y, "start", line, l.Name)
				y += 17
			}
		}
	}
	y += 6
	for _, line := range c.lines(k.Y.Title, (c.width-2*margin)/layout.Bolder) {
		c.text("strong", margin, y, "start", line, k.Y.Title)
		y += 16
	}
	return y + 14*float64(len(k.Marks))
}

// note says what a point is, and what its band is.
func (k Curve) note() string {
	exact, ranges, hollow := false, false, false
	for _, l := range k.Lines {
		for _, p := range l.Points {
			hollow = hollow || p.Hollow
			if p.High > 0 {
				exact, ranges = exact || p.Exact, ranges || !p.Exact
			}
		}
	}
	note := "median of the trials"
	switch {
	case exact && ranges:
		note += "; band: 95 % interval, or lowest to highest trial where there are too few for one"
	case exact:
		note += "; band: 95 % interval"
	case ranges:
		note += "; band: lowest to highest trial"
	}
	if hollow {
		note += "; hollow: not all trials are valid"
	}
	switch {
	case k.X.Log && k.Y.Log:
		note += "; both scales are logarithmic"
	case k.X.Log:
		note += "; the horizontal scale is logarithmic"
	case k.Y.Log:
		note += "; the vertical scale is logarithmic"
	}
	return note
}

// drawNames writes the name of each line right of the chart, as near to the height of its
// last point as the others permit, and leads the line to it.
func (k Curve) drawNames(c *canvas, f curveFrame) {
	const pitch = 16.0
	order := make([]int, 0, len(k.Lines))
	for i, l := range k.Lines {
		if len(l.Points) > 0 {
			order = append(order, i)
		}
	}
	end := func(i int) CurvePoint { return k.Lines[i].Points[len(k.Lines[i].Points)-1] }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(f.y.At(end(a).Y), f.y.At(end(b).Y)) })
	at := make([]float64, len(order))
	for n, i := range order {
		at[n] = max(f.y.At(end(i).Y), f.top+6)
		if n > 0 {
			at[n] = max(at[n], at[n-1]+pitch)
		}
	}
	for n, lowest := len(order)-1, f.bottom-4; n >= 0; n, lowest = n-1, lowest-pitch {
		at[n] = min(at[n], lowest)
	}
	for n, i := range order {
		name := k.Lines[i].Name
		c.line(curveClasses[i]+"s", f.x.At(end(i).X), f.y.At(end(i).Y), f.right+16, at[n], 1, ` stroke-dasharray="2 3"`)
		c.text("label", f.right+20, at[n]+4, "start", name, name)
	}
}

// drawAxes draws the grid, the numbers beside it and the title below it, and returns the
// height of the chart.
func (f curveFrame) drawAxes(c *canvas, k Curve) (height float64) {
	for _, t := range f.y.Ticks {
		c.line(t.Class(), f.left, f.y.At(t.Value), f.right, f.y.At(t.Value), 1, "")
		if t.Text != "" {
			c.text("muted ytick", f.left-8, f.y.At(t.Value)+4, "end", t.Text, t.Text)
		}
	}
	for _, t := range f.x.Ticks {
		c.line(t.Class(), f.x.At(t.Value), f.top, f.x.At(t.Value), f.bottom+4, 1, "")
		if t.Text != "" {
			c.within("muted xtick", f.x.At(t.Value), f.bottom+18, t.Text)
		}
	}
	c.line("axis", f.left, f.top, f.left, f.bottom, 1, "")
	c.line("axis", f.left, f.bottom, f.right, f.bottom, 1, "")
	if !c.narrow {
		c.text("strong", (f.left+f.right)/2, f.bottom+38, "middle", k.X.Title, k.X.Title)
		return curveHeight
	}
	lines := c.lines(k.X.Title, (c.width-2*margin)/layout.Bolder)
	for i, line := range lines {
		c.text("strong", c.width/2, f.bottom+38+16*float64(i), "middle", line, k.X.Title)
	}
	return f.bottom + 52 + 16*float64(len(lines)-1)
}

// drawBand fills what is between the ends of the ranges, from each point without a range
// to the next one. A point alone has an upright line.
func (l CurveLine) drawBand(c *canvas, f curveFrame, class string) {
	var part []CurvePoint
	flush := func() {
		if len(part) == 1 {
			x := f.x.At(part[0].X)
			c.line(class+"s", x, f.y.At(part[0].Low), x, f.y.At(part[0].High), 5, ` stroke-opacity="0.3"`)
		}
		if len(part) > 1 {
			var d strings.Builder
			for i, p := range part {
				fmt.Fprintf(&d, "%s%s %s", map[bool]string{true: "M", false: "L"}[i == 0], num(f.x.At(p.X)), num(f.y.At(p.High)))
			}
			for _, p := range slices.Backward(part) {
				fmt.Fprintf(&d, "L%s %s", num(f.x.At(p.X)), num(f.y.At(p.Low)))
			}
			fmt.Fprintf(&c.b, "<path class=%q fill-opacity=\"0.2\" d=\"%sZ\"/>\n", class, d.String())
		}
		part = nil
	}
	for _, p := range l.Points {
		if p.High > 0 {
			part = append(part, p)
		} else {
			flush()
		}
	}
	flush()
}

// drawLine joins the points, by dashes where one of the two is hollow, and draws them.
func (l CurveLine) drawLine(c *canvas, f curveFrame, class string) {
	for i := 1; i < len(l.Points); {
		dashed := l.Points[i-1].Hollow || l.Points[i].Hollow
		points := num(f.x.At(l.Points[i-1].X)) + "," + num(f.y.At(l.Points[i-1].Y))
		for ; i < len(l.Points) && dashed == (l.Points[i-1].Hollow || l.Points[i].Hollow); i++ {
			points += " " + num(f.x.At(l.Points[i].X)) + "," + num(f.y.At(l.Points[i].Y))
		}
		dashes := ""
		if dashed {
			dashes = ` stroke-dasharray="5 4"`
		}
		fmt.Fprintf(&c.b, "<polyline class=%q fill=\"none\" stroke-width=\"2\"%s points=%q/>\n", class+"s", dashes, points)
	}
	for _, p := range l.Points {
		look, extra := class, ""
		if p.Hollow {
			look, extra = "hollow "+class+"s", ` stroke-width="1.5"`
		}
		fmt.Fprintf(&c.b, "<circle class=%q cx=\"%s\" cy=\"%s\" r=\"3.6\"%s><title>%s</title></circle>\n", look, num(f.x.At(p.X)), num(f.y.At(p.Y)), extra, xmlText(p.Text))
	}
}
