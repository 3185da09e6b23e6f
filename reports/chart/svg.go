// Package chart draws SVG, as a file of its own or as a part of a page.
package chart

import (
	"fmt"
	"io"

	"tunbench/reports/chart/style"
)

// Chart draws itself as the content of a standalone .svg file.
type Chart interface {
	// Head gives the title and what a screen reader says.
	Head() (title, desc string)
	// draw places everything below the title and gives the height of what it drew.
	draw(c *canvas) (height float64)
}

// WriteSVG writes ch as one .svg file. source says where, when and with what its figures
// were measured, in small type at the foot; "" says nothing.
func WriteSVG(w io.Writer, ch Chart, source string) error {
	return write(w, ch, source, chartWidth)
}

// WriteSlide is WriteSVG for a picture of 16:9: the chart is as wide as it fills most of it,
// so that its letters are as large as they can be.
func WriteSlide(w io.Writer, ch Chart, source string) error {
	best, most := chartWidth, 0.0
	for width := leastSlide; width <= mostSlide; width *= 1.06 {
		title, _ := ch.Head()
		c := canvas{width: width}
		c.title(title)
		height := c.source(ch.draw(&c), source)
		if scale := min(16/width, 9/height); scale > most {
			best, most = width, scale
		}
	}
	return write(w, ch, source, best)
}

func write(w io.Writer, ch Chart, source string, width float64) error {
	title, desc := ch.Head()
	c := canvas{width: width}
	heading := c.title(title)
	height := c.source(ch.draw(&c), source)
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]s" height="%[2]s" viewBox="0 0 %[1]s %[2]s" role="img" aria-labelledby="t d">
<title id="t">%[3]s</title>
<desc id="d">%[4]s</desc>
<style>
%[5]s</style>
<rect class="bg" x="0.5" y="0.5" width="%[6]s" height="%[7]s" rx="6"/>
%[8]s%[9]s</svg>
`, num(width), num(height), xmlText(title), xmlText(desc), style.File, num(width-1), num(height-1), heading, c.b.String())
	return err
}

// WriteInline writes ch as an element of a page, which sets its title. alt says
// what it shows; source is as in WriteSVG. The chart is there twice: the element of class
// narrow is for a phone, and the page shows one of the two.
func WriteInline(w io.Writer, ch Chart, alt, source string) error {
	err := inline(w, ch, alt, source, "chart", &canvas{page: true, width: chartWidth, y: headTop})
	if err == nil {
		err = inline(w, ch, alt, source, "chart narrow", &canvas{page: true, narrow: true, width: narrowWidth, y: headTop})
	}
	return err
}

func inline(w io.Writer, ch Chart, alt, source, class string, c *canvas) error {
	const top = headTop - 20 // above it a file has the title
	_, desc := ch.Head()
	height := c.source(ch.draw(c), source)
	_, err := fmt.Fprintf(w, `<svg class="%s" viewBox="0 %s %s %s" role="img" aria-label="%s">
<desc>%s</desc>
%s</svg>
`, class, num(top), num(c.width), num(height-top), xmlText(alt), xmlText(desc), c.b.String())
	return err
}

// Sizes of the charts, in SVG units. GitHub shows a file about 900 wide.
const (
	chartWidth   = 880.0
	narrowWidth  = 360.0 // of a chart on a phone
	margin       = 16.0
	titleTop     = 27.0 // base line of the title
	titleLine    = 20.0
	headTop      = 46.0 // base line of the note or the legend, below a title of one line
	headLine     = 16.0
	headHeight   = 58.0 // title and legend of a line each
	sourceLine   = 13.0
	leastSlide   = 600.0 // the widths of a chart for a slide
	mostSlide    = 2400.0
	RowsAChart   = 16 // rows in one file: more are too small on a slide
	PanelsAChart = 6  // panels in one file

	// glyph is a width that no average of 12-unit text in a system font
	// exceeds: lines are broken by it.
	glyph       = 7.2
	titleGlyph  = 9.0 // of the title, which is larger and bold
	sourceGlyph = 5.8 // of the source, which is smaller
)
