package chart

import (
	"strings"

	"tunbench/reports/text"
)

// labels are the names of the rows of a chart, left of it or, in a narrow one, above the
// marks of each row. A name is not cut: it takes as many lines as it needs.
type labels struct {
	names []string
	lines [][]string // of each name
	right float64    // where the marks begin
	above bool
}

// Of labels: the height of a line, what a row has beside its lines, and the characters of
// the narrowest column.
const (
	labelLine  = 13.0
	labelSpace = 8.0
	fewLabel   = 12
)

// newLabels makes the column of names: at most two fifths of the chart, and as narrow as it
// can be without more lines. Above the marks, names leave so much room beside them.
func newLabels(c *canvas, names []string, beside float64) labels {
	const each = 0.97 * glyph
	l := labels{names: names, above: c.narrow}
	if l.above {
		l.right = margin
		for _, name := range names {
			l.lines = append(l.lines, wrap(text.Printable(name), int((c.width-2*margin-4-beside)/each)))
		}
		return l
	}
	most := int((0.4*c.width - 10) / each)
	measure := func(chars int) (all [][]string, lines, widest int) {
		for _, name := range names {
			own := wrap(text.Printable(name), chars)
			all, lines = append(all, own), lines+len(own)
			for _, line := range own {
				widest = max(widest, len([]rune(line)))
			}
		}
		return all, lines, widest
	}
	all, fewest, widest := measure(most)
	for chars := most - 1; chars >= fewLabel; chars-- {
		narrower, lines, wide := measure(chars)
		if lines > fewest {
			break
		}
		all, widest = narrower, wide
	}
	l.lines, l.right = all, margin+float64(widest)*each+10
	return l
}

// height is what row i needs, whose marks need so much.
func (l labels) height(i int, marks float64) float64 {
	name := labelLine * float64(len(l.lines[i]))
	if l.above {
		return name + marks
	}
	return max(marks, name+labelSpace)
}

// draw writes the name of row i, which begins at y and is so high, and returns the height of
// the first line of the name and of the middle of the marks.
func (l labels) draw(c *canvas, i int, y, height float64) (first, mid float64) {
	lines := labelLine * float64(len(l.lines[i]))
	x, anchor, class := l.right-8, "end", "label"
	first, mid = y+height/2+4-(lines-labelLine)/2, y+height/2
	if l.above {
		x, anchor, class = margin+4, "start", "halo label" // beside the axis, over other lines
		first, mid = y+labelLine, y+(lines+height)/2
	}
	at := first
	for _, line := range l.lines[i] {
		if line == "" {
			continue
		}
		c.text(class, x, at, anchor, line, l.names[i])
		at += labelLine
	}
	return first, mid
}

// wrap breaks s at spaces into lines of so many characters. A word that is longer than a
// line is broken too. It gives at least one line.
func wrap(s string, chars int) (lines []string) {
	chars = max(chars, 8)
	line := ""
	for _, word := range strings.Fields(s) {
		switch {
		case line == "":
			line = word
		case len([]rune(line))+1+len([]rune(word)) <= chars:
			line += " " + word
		default:
			lines, line = append(lines, line), word
		}
		for r := []rune(line); len(r) > chars; r = []rune(line) {
			lines, line = append(lines, string(r[:chars])), string(r[chars:])
		}
	}
	return append(lines, line)
}
