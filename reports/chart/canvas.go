package chart

import (
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"

	"tunbench/reports/text"
)

// canvas collects SVG elements.
type canvas struct {
	b      strings.Builder
	page   bool // part of a page, where the pointer finds tooltips
	narrow bool // names of rows stand above their marks
	width  float64
	y      float64 // base line of the next line of the head: title, note, legend
}

// title gives the elements of the title, which takes as many lines as it needs.
func (c *canvas) title(title string) string {
	var t canvas
	lines := wrap(text.Printable(title), int((c.width-2*margin)/titleGlyph))
	for i, l := range lines {
		t.text("title", margin, titleTop+titleLine*float64(i), "start", l, l)
	}
	c.y = headTop + titleLine*float64(len(lines)-1)
	return t.b.String()
}

// note writes what a chart says below its title, in as many lines as it needs, and
// returns where the drawing begins.
func (c *canvas) note(note string) (top float64) {
	for _, l := range wrap(text.Printable(note), int((c.width-2*margin)/(0.93*glyph))) {
		c.text("muted", margin, c.y, "start", l, l)
		c.y += headLine
	}
	return c.top()
}

// top is where the drawing begins, below the head.
func (c *canvas) top() float64 { return max(c.y-4, headHeight) }

// key is an entry of a legend: the name of a class of marks.
type key struct{ class, extra, name string }

// legend writes keys, in as many lines as they need, and returns where the drawing
// begins and where the last line ends.
func (c *canvas) legend(keys []key) (top, x float64) {
	x = margin
	for _, k := range keys {
		wide := 17 + textWidth(k.name)
		if x > margin && x+wide > c.width-margin {
			x = margin
			c.y += headLine
		}
		shown := text.Clip(k.name, int((c.width-2*margin-17)/glyph))
		c.rect(k.class, x, c.y-8, 12, 8, ` rx="2"`+k.extra)
		c.text("muted", x+17, c.y, "start", shown, k.name)
		x += wide + 12
	}
	c.y += headLine
	return c.top(), x
}

// source writes where the figures come from below a drawing of that height, and returns
// the height of both.
func (c *canvas) source(height float64, source string) float64 {
	if source == "" {
		return height
	}
	lines := wrap(text.Printable(source), int((c.width-2*margin)/sourceGlyph))
	for i, l := range lines {
		c.text("source", margin, height+4+sourceLine*float64(i), "start", l, l)
	}
	return height + sourceLine*float64(len(lines)) + 1
}

// cell is a rectangle with a tooltip.
func (c *canvas) cell(class string, x, y, w, h float64, opacity, tip string) {
	fmt.Fprintf(&c.b, "<rect class=%q x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" fill-opacity=\"%s\"><title>%s</title></rect>\n",
		class, num(x), num(y), num(max(w, 0)), num(max(h, 0)), opacity, xmlText(tip))
}

// tip says what is to be read where the pointer is in that rectangle. A file is
// shown as an image, which has no tooltips.
func (c *canvas) tip(x, y, w, h float64, text string) {
	if c.page {
		fmt.Fprintf(&c.b, "<rect class=\"tip\" x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"><title>%s</title></rect>\n", num(x), num(y), num(max(w, 0)), num(max(h, 0)), xmlText(text))
	}
}

func (c *canvas) rect(class string, x, y, w, h float64, extra string) {
	fmt.Fprintf(&c.b, "<rect class=%q x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\"%s/>\n", class, num(x), num(y), num(max(w, 0)), num(max(h, 0)), extra)
}

func (c *canvas) line(class string, x1, y1, x2, y2, width float64, extra string) {
	fmt.Fprintf(&c.b, "<line class=%q x1=\"%s\" y1=\"%s\" x2=\"%s\" y2=\"%s\" stroke-width=\"%s\"%s/>\n", class, num(x1), num(y1), num(x2), num(y2), num(width), extra)
}

// text places s; anchor is start, middle or end. What was clipped of full is
// in a tooltip.
func (c *canvas) text(class string, x, y float64, anchor, s, full string) {
	tip := ""
	if s != full {
		tip = "<title>" + xmlText(full) + "</title>"
	}
	fmt.Fprintf(&c.b, "<text class=%q x=\"%s\" y=\"%s\" text-anchor=%q>%s%s</text>\n", class, num(x), num(y), anchor, tip, xmlText(s))
}

func (c *canvas) circle(class string, x, y, r float64, extra string) {
	fmt.Fprintf(&c.b, "<circle class=%q cx=\"%s\" cy=\"%s\" r=\"%s\"%s/>\n", class, num(x), num(y), num(r), extra)
}

// over places s on top of other things, with the background around its
// letters.
func (c *canvas) over(x, y float64, s string) { c.text("halo", x, y, "middle", s, s) }

func (c *canvas) diamond(class string, x, y, r float64) {
	fmt.Fprintf(&c.b, "<path class=%q d=\"M%s %sL%s %sL%s %sL%s %sZ\"/>\n", class, num(x-r), num(y), num(x), num(y-r), num(x+r), num(y), num(x), num(y+r))
}

// arrow points right from x or, with a negative length, left: what is meant lies
// beyond.
func (c *canvas) arrow(class string, x, y, length float64) {
	half := math.Abs(length) * 0.7
	fmt.Fprintf(&c.b, "<path class=%q d=\"M%s %sL%s %sL%s %sZ\"/>\n", class, num(x), num(y-half), num(x+length), num(y), num(x), num(y+half))
}

func num(v float64) string {
	s := strconv.FormatFloat(v, 'f', 1, 64)
	return strings.TrimSuffix(s, ".0")
}

func xmlText(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(text.Printable(s))); err != nil {
		return "" // a strings.Builder takes everything
	}
	return b.String()
}

// ticks gives about n round values from 0 to top.
func ticks(top float64, n int) []float64 {
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

// linear places values from 0 to top between left and right.
type linear struct{ top, left, right float64 }

func (l linear) at(v float64) float64 { return l.left + (l.right-l.left)*(v/l.top) }

// drawGrid draws a line for each of about five round values, and names them below.
func (l linear) drawGrid(c *canvas, top, bottom float64) {
	for _, t := range ticks(l.top, max(2, min(5, int((l.right-l.left)/70)))) {
		c.line("grid", l.at(t), top, l.at(t), bottom+4, 1, "")
		c.text("muted", l.at(t), bottom+18, "middle", text.Figure(t), text.Figure(t))
	}
}

// tick is a value of a scale and how it is written.
type tick struct {
	value float64
	text  string
}

// between3 gives about three round values from low to high, with as many digits
// as tell them apart.
func between3(low, high float64) (list []tick) {
	marks := ticks(high-low, 3)
	if len(marks) < 2 {
		return nil
	}
	step := marks[1]
	digits := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	for i := math.Ceil(low / step); i*step <= high; i++ {
		list = append(list, tick{i * step, text.Decimals(i*step, min(digits, 9))})
	}
	return list
}

// anchorOf keeps a text near an edge inside of the chart.
func anchorOf(x, left, right float64) string {
	switch {
	case x < left+60:
		return "start"
	case x > right-60:
		return "end"
	}
	return "middle"
}
