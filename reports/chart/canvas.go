package chart

import (
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"

	"tunbench/reports/chart/layout"
	"tunbench/reports/text"
)

// canvas collects SVG elements.
type canvas struct {
	b      strings.Builder
	page   bool // part of a page, where the pointer finds tooltips
	narrow bool // for a phone: names of rows stand above their marks
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
		wide := 17 + layout.Width(k.name)
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
	letter := sourceGlyph
	if c.narrow {
		letter *= 1.1 // its page makes it larger
	}
	lines := sourceLines(text.Printable(source), int((c.width-2*margin)/letter))
	for i, l := range lines {
		c.text("source", margin, height+4+sourceLine*float64(i), "start", l, l)
	}
	return height + sourceLine*float64(len(lines)) + 1
}

// sourceLines breaks source into lines of so many characters, between its parts where it can.
func sourceLines(source string, chars int) (lines []string) {
	const between = " ·"
	line := ""
	for i, part := range strings.Split(source, between) {
		switch part = strings.TrimSpace(part); {
		case i == 0:
			line = part
		case len([]rune(line+between+part))+1+len(between) <= chars:
			line += between + " " + part
		case len([]rune(line+between)) <= chars:
			lines, line = append(lines, line+between), part
		default: // the sign has no room, and is no line of its own
			lines, line = append(lines, wrap(line, chars)...), strings.TrimSpace(between)+" "+part
		}
	}
	return append(lines, wrap(line, chars)...)
}

// cell is a rectangle with a tooltip.
func (c *canvas) cell(class string, x, y, w, h float64, opacity, tip string) {
	fmt.Fprintf(&c.b, "<rect class=%q x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" fill-opacity=\"%s\"><title>%s</title></rect>\n",
		class, num(x), num(y), num(max(w, 0)), num(max(h, 0)), opacity, xmlText(tip))
}

// lines breaks s into lines of the labels of a chart, which have so much room.
func (c *canvas) lines(s string, room float64) []string {
	return wrap(text.Printable(s), int(room/(0.97*glyph)))
}

// within places s near x, its middle there if the chart has room on both sides.
func (c *canvas) within(class string, x, y float64, s string) {
	half := layout.Width(s) / 2
	c.text(class, min(max(x, half+margin/2), c.width-half-margin/2), y, "middle", s, s)
}

// titled writes the title of a panel, in as many lines as it needs, and its note at the end
// of the first or, in a narrow chart, below the last. y is the base line of the first line;
// it returns that of the last.
func (c *canvas) titled(y, right float64, title, note string) float64 {
	room, at := c.width-2*margin-layout.Width(note)-12, y
	if c.narrow {
		room = c.width - 2*margin
	}
	for i, l := range c.lines(title, room) {
		at = y + labelLine*float64(i)
		c.text("label", margin, at, "start", l, title)
	}
	if !c.narrow {
		c.text("muted", right, y, "end", note, note)
		return at
	}
	for _, l := range c.lines(note, room) {
		at += labelLine
		c.text("muted", margin, at, "start", l, note)
	}
	return at
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

// linear places values from 0 to top between left and right.
type linear struct{ top, left, right float64 }

func (l linear) at(v float64) float64 { return l.left + (l.right-l.left)*(v/l.top) }

// drawGrid draws a line for each of about five round values, and names them below.
func (l linear) drawGrid(c *canvas, top, bottom float64) {
	for _, t := range layout.Round(l.top, max(2, min(5, int((l.right-l.left)/70)))) {
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
	marks := layout.Round(high-low, 3)
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
