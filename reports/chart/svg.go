// Package chart draws SVG, as a file of its own or as a part of a page.
package chart

import (
	"fmt"
	"io"
)

// Chart draws itself as the content of a standalone .svg file.
type Chart interface {
	// Head gives the title and what a screen reader says.
	Head() (title, desc string)
	// draw places everything below the title and gives the height of the file.
	draw(c *canvas) (height float64)
}

// WriteSVG writes ch as one .svg file.
func WriteSVG(w io.Writer, ch Chart) error {
	title, desc := ch.Head()
	var c canvas
	height := ch.draw(&c)
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]s" height="%[2]s" viewBox="0 0 %[1]s %[2]s" role="img" aria-labelledby="t d">
<title id="t">%[3]s</title>
<desc id="d">%[4]s</desc>
<style>
%[5]s</style>
<rect class="bg" x="0.5" y="0.5" width="%[6]s" height="%[7]s" rx="6"/>
<text class="title" x="%[8]s" y="27">%[3]s</text>
%[9]s</svg>
`, num(chartWidth), num(height), xmlText(title), xmlText(desc), style, num(chartWidth-1), num(height-1), num(margin), c.b.String())
	return err
}

// WriteInline writes ch as an element of a page, which sets its title. alt says
// what it shows.
func WriteInline(w io.Writer, ch Chart, alt string) error {
	const top = 26 // above it a file has the title
	_, desc := ch.Head()
	c := canvas{page: true}
	height := ch.draw(&c)
	_, err := fmt.Fprintf(w, `<svg class="chart" viewBox="0 %d %s %s" role="img" aria-label="%s">
<desc>%s</desc>
%s</svg>
`, top, num(chartWidth), num(height-top), xmlText(alt), xmlText(desc), c.b.String())
	return err
}

// Sizes of the charts, in SVG units. GitHub shows a file about 900 wide.
const (
	chartWidth   = 880.0
	margin       = 16.0
	headHeight   = 58.0 // title and legend
	RowsAChart   = 40   // scenarios in one file
	PanelsAChart = 24   // panels in one file

	fontSize = 12.0
	// glyph is a width that no average of 12-unit text in a system font
	// exceeds: texts are placed by an estimate, since nothing here measures them.
	glyph = 7.2
)
