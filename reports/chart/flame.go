package chart

import (
	"fmt"
	"math"

	"tunbench/reports/text"
)

// Flame is a flame graph: each box is a function, as wide as what it costs with all that
// it calls, and stands on the function that calls it. Functions that only call one other
// one, and cost nothing themselves, share a row with it.
type Flame struct {
	Title, Desc string
	Note        string
	Unit        string // of the costs
	// Differential colours a box by what its function itself costs more (red) or less
	// (blue) in the new profile; else kinds of code have colours.
	Differential bool
	Root         FlameNode
}

// FlameNode is a box.
type FlameNode struct {
	Name      string
	Width     float64
	Base, New float64
	Change    float64
	Calls     []FlameNode
}

const (
	flameRow = 19.0
	// leastBox is the width of the narrowest box that is drawn.
	leastBox = 1.0
	// alone is the share of a caller's width that makes the called function its only one.
	alone = 0.99
)

// Colours of boxes, which are the same on light and dark paper: the ink on them is too.
const (
	flameInk    = "#1f2328"
	flameMore   = "#e8432e"
	flameLess   = "#3b82c4"
	flameSame   = "#d9dde2"
	flameKernel = "#f2b46b"
)

func (f Flame) Head() (string, string) { return f.Title, f.Desc }

func (f Flame) draw(c *canvas) float64 {
	boxes, rows := f.boxes(c.width)
	bottom := c.note(f.Note) + flameRow*float64(rows)
	most := 0.0
	for _, b := range boxes {
		most = max(most, math.Abs(b.node.Change))
	}
	for _, b := range boxes {
		b.draw(c, f, bottom-flameRow*float64(b.row+1), most)
	}
	return bottom + margin
}

// box is a place in the graph.
type box struct {
	node  FlameNode // the last of a chain
	chain string    // the functions of the row, if there are several
	row   int       // from 0, at the bottom
	x, w  float64
}

// boxes places all functions that are wide enough in a chart of that width.
func (f Flame) boxes(width float64) (list []box, rows int) {
	scale := (width - 2*margin) / max(f.Root.Width, math.SmallestNonzeroFloat64)
	var place func(n FlameNode, x float64, row int)
	place = func(n FlameNode, x float64, row int) {
		width := n.Width * scale
		if width < leastBox {
			return
		}
		b := box{node: n, row: row, x: x, w: width}
		for {
			next, ok := f.only(b.node)
			if !ok {
				break
			}
			if b.chain == "" {
				b.chain = b.node.Name
			}
			b.chain += " › " + next.Name
			b.node = next
		}
		rows = max(rows, row+1)
		list = append(list, b)
		for _, called := range b.node.Calls {
			place(called, x, row+1)
			x += called.Width * scale
		}
	}
	place(f.Root, margin, 0)
	return list, rows
}

// only is the one function that n does nothing but call.
func (f Flame) only(n FlameNode) (next FlameNode, ok bool) {
	for _, c := range n.Calls {
		if c.Width >= alone*n.Width {
			next, ok = c, true
		}
	}
	// A function that is dearer itself keeps its own box, unless what it calls is so by as
	// much: both are new, or both are gone.
	least := (1 - alone) * n.Width
	if ok && f.Differential && math.Abs(n.Change) > least && math.Abs(n.Change-next.Change) > least {
		return n, false
	}
	return next, ok
}

func (b box) draw(c *canvas, f Flame, y, most float64) {
	const gap = 0.6
	fill, opacity := flameKernel, 0.95-0.35*float64(b.row%2)
	if f.Differential {
		fill, opacity = flameSame, 1
		if share := math.Abs(b.node.Change) / max(most, math.SmallestNonzeroFloat64); share > 0.02 {
			fill, opacity = flameMore, 0.25+0.75*share
			if b.node.Change < 0 {
				fill = flameLess
			}
		}
	}
	full := b.tip(f)
	fmt.Fprintf(&c.b, "<g><title>%s</title><rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" rx=\"1.5\" fill=\"#fff\"/>", xmlText(full), num(b.x), num(y), num(max(b.w-gap, 0.4)), num(flameRow-1))
	fmt.Fprintf(&c.b, "<rect x=\"%s\" y=\"%s\" width=\"%s\" height=\"%s\" rx=\"1.5\" fill=\"%s\" fill-opacity=\"%s\"/>", num(b.x), num(y), num(max(b.w-gap, 0.4)), num(flameRow-1), fill, text.Decimals(opacity, 2))
	if chars := int((b.w - 6) / (glyph * 0.93)); chars >= 3 {
		label := b.node.Name
		if b.chain != "" && len([]rune(b.chain)) <= chars {
			label = b.chain
		}
		fmt.Fprintf(&c.b, "<text x=\"%s\" y=\"%s\" style=\"fill:%s\">%s</text>", num(b.x+3), num(y+13), flameInk, xmlText(text.Clip(label, chars)))
	}
	c.b.WriteString("</g>\n")
}

// tip is the full text of a box.
func (b box) tip(f Flame) string {
	name := b.node.Name
	if b.chain != "" {
		name = b.chain
	}
	if !f.Differential {
		return fmt.Sprintf("%s: %s %s per packet, %s %%", name, text.PerPacket(b.node.New), f.Unit, text.Percent(b.node.New/max(f.Root.New, math.SmallestNonzeroFloat64)))
	}
	return fmt.Sprintf("%s: %s %s per packet before, %s now; itself %s", name, text.PerPacket(b.node.Base), f.Unit, text.PerPacket(b.node.New), text.Plus(b.node.Change))
}
