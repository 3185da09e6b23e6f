// Package charttest reads drawn charts back: tests hold what a reader of the picture
// sees against the chart that it was drawn from.
package charttest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tunbench/reports/chart"
	"tunbench/reports/chart/layout"
)

// Source is where the figures of drawn charts come from.
const Source = "2 × some CPU, virtual (kvm) · Linux 6.18.0 · 2026-11-29 21:44 UTC · tunbench v1.0.0, 0123456789ab · n = 6 trials each"

// Draw returns ch as the content of a file.
func Draw(t testing.TB, ch chart.Chart) string {
	t.Helper()
	var b bytes.Buffer
	if err := chart.WriteSVG(&b, ch, Source); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// element is one of the picture, with the box that it takes.
type element struct {
	name, class            string
	text                   string // of a text, without its tooltip
	tip                    string
	attr                   map[string]string
	x, y                   float64 // a text's anchor, the middle of a circle or of a path
	left, top, right, base float64
	points                 [][2]float64
}

func (e *element) has(class string) bool { return slices.Contains(strings.Fields(e.class), class) }
func (e *element) width() float64        { return e.right - e.left }
func (e *element) height() float64       { return e.base - e.top }
func (e *element) String() string {
	return fmt.Sprintf("<%s class=%q> %q at %.1f,%.1f to %.1f,%.1f", e.name, e.class, e.text, e.left, e.top, e.right, e.base)
}

// picture is an SVG file, its elements in the order in which they are drawn.
type picture struct {
	width, height float64
	title, desc   string
	elements      []*element
	faults        []string
	narrow        bool // an element of a page, with the names of rows above their marks
}

// labels is how the names of rows are anchored.
func (p *picture) labels() string {
	if p.narrow {
		return "start"
	}
	return "end"
}

func (p *picture) fault(format string, args ...any) {
	p.faults = append(p.faults, fmt.Sprintf(format, args...))
}

// read parses svg.
func read(svg string) *picture { return (&picture{}).read(svg) }

func (p *picture) read(svg string) *picture {
	dec := xml.NewDecoder(strings.NewReader(svg))
	var open []*element
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return p
		}
		if err != nil {
			p.fault("not well-formed: %v", err)
			return p
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			e := &element{name: tok.Name.Local, attr: map[string]string{}}
			for _, a := range tok.Attr {
				e.attr[a.Name.Local] = a.Value
				if strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
					p.fault("<%s %s=%q>", e.name, a.Name.Local, a.Value)
				}
			}
			e.class = e.attr["class"]
			open = append(open, e)
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text += string(tok)
			}
		case xml.EndElement:
			e := open[len(open)-1]
			open = open[:len(open)-1]
			p.add(e, open)
		}
	}
}

// add places e, which ends inside of open.
func (p *picture) add(e *element, open []*element) {
	switch e.name {
	case "title", "desc":
		switch {
		case len(open) > 1:
			open[len(open)-1].tip = e.text
		case e.name == "title":
			p.title = e.text
		default:
			p.desc = e.text
		}
	case "svg":
		if p.narrow {
			var left, top, height float64
			if n, err := fmt.Sscanf(e.attr["viewBox"], "%g %g %g %g", &left, &top, &p.width, &height); n != 4 || left != 0 {
				p.fault("the view box is %q: %v", e.attr["viewBox"], err)
			}
			p.height = top + height
			return
		}
		p.width, p.height = p.number(e, "width"), p.number(e, "height")
		if e.attr["viewBox"] != "0 0 "+e.attr["width"]+" "+e.attr["height"] {
			p.fault("the view box is %q, the picture %s by %s", e.attr["viewBox"], e.attr["width"], e.attr["height"])
		}
	case "style":
	case "rect", "line", "circle", "path", "polyline", "text":
		p.place(e)
		p.elements = append(p.elements, e)
	default:
		p.fault("<%s> in a chart", e.name)
	}
}

func (p *picture) number(e *element, name string) float64 {
	v, err := strconv.ParseFloat(e.attr[name], 64)
	if err != nil {
		p.fault("<%s %s=%q>", e.name, name, e.attr[name])
	}
	return v
}

// place gives e its box.
func (p *picture) place(e *element) {
	switch e.name {
	case "rect":
		e.left, e.top = p.number(e, "x"), p.number(e, "y")
		e.right, e.base = e.left+p.number(e, "width"), e.top+p.number(e, "height")
	case "line":
		x1, x2, y1, y2 := p.number(e, "x1"), p.number(e, "x2"), p.number(e, "y1"), p.number(e, "y2")
		e.left, e.right, e.top, e.base = min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2)
	case "circle":
		e.x, e.y = p.number(e, "cx"), p.number(e, "cy")
		r := p.number(e, "r")
		e.left, e.right, e.top, e.base = e.x-r, e.x+r, e.y-r, e.y+r
	case "path", "polyline":
		numbers := strings.FieldsFunc(e.attr["d"]+e.attr["points"], func(r rune) bool { return strings.ContainsRune("MLZ, ", r) })
		e.left, e.top, e.right, e.base = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
		for i := 0; i+1 < len(numbers); i += 2 {
			x, errX := strconv.ParseFloat(numbers[i], 64)
			y, errY := strconv.ParseFloat(numbers[i+1], 64)
			if errX != nil || errY != nil {
				p.fault("<%s> by %q", e.name, numbers)
			}
			e.points = append(e.points, [2]float64{x, y})
			e.left, e.right, e.top, e.base = min(e.left, x), max(e.right, x), min(e.top, y), max(e.base, y)
		}
		if len(e.points) == 0 {
			e.left, e.top, e.right, e.base = 0, 0, 0, 0
		}
		e.x, e.y = (e.left+e.right)/2, (e.top+e.base)/2
	case "text":
		e.x, e.y = p.number(e, "x"), p.number(e, "y")
		size := 12.0
		if e.has("title") {
			size = 15
		} else if e.has("source") {
			size = 10
		}
		w := width(e.text, size)
		switch e.attr["text-anchor"] {
		case "middle":
			e.left = e.x - w/2
		case "end":
			e.left = e.x - w
		default:
			e.left = e.x
		}
		e.right, e.top, e.base = e.left+w, e.y-0.72*size, e.y+0.2*size
	}
}

// foot is where what a chart draws ends: its source follows.
func (p *picture) foot() float64 {
	foot := p.height
	for _, e := range p.all("text", "source") {
		foot = min(foot, e.y-4)
	}
	return foot
}

// all returns the elements with this name and class, if one is given, in their order.
func (p *picture) all(name, class string) (list []*element) {
	for _, e := range p.elements {
		if e.name == name && (class == "" || e.has(class)) {
			list = append(list, e)
		}
	}
	return list
}

func width(s string, size float64) float64 {
	sum := 0
	for _, r := range s {
		if r >= ' ' && r <= '~' {
			sum += layout.Widths[r-' ']
		} else {
			sum += 600
		}
	}
	return float64(sum) * size / 1000
}
