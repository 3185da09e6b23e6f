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
	b    strings.Builder
	page bool // part of a page, where the pointer finds tooltips
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

// textWidth is an upper estimate of the width of s.
func textWidth(s string) float64 { return glyph * float64(len([]rune(s))) }

// labelWidth gives the room of the labels left of a chart, and the number of
// characters to clip them to.
func labelWidth(labels []string) (width float64, chars int) {
	const most = 54
	for _, l := range labels {
		chars = max(chars, len([]rune(l)))
	}
	chars = min(chars, most)
	return float64(chars)*glyph*0.97 + 10, chars
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
