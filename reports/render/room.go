package render

import (
	"math"
	"regexp"
	"strconv"
	"unicode/utf8"
)

// A phone shows folded what would make a page longer than phoneLength, and any window what
// would make it longer than wideLength, whatever kind of page it is. The heights are estimates,
// in CSS pixels: of a window that is 390 wide and, for charts and tables, of one of 1280.
const (
	phoneLength   = 7000.0
	wideLength    = 20000.0
	wideScale     = 960.0 / 880 // of a chart: see html.css
	wideRow       = 30.0        // of a table
	textLine      = 25.0
	textLetters   = 38 // in a line of text, with the narrowest of fonts
	noteLine      = 22.0
	noteLetters   = 45
	headLetters   = 26
	headingHeight = 90.0
	foldedHeight  = 55.0
	stackedName   = 22.0 // of a row in a stacked table
	stackedLine   = 42.0
	stackedMost   = 448.0 // of a table that scrolls in a box of its own: see html.css
	tableLine     = 29.0
	tableMost     = 304.0
)

// foldLong folds what does not fit, from the first section that does not.
func foldLong(p *page) {
	left := phoneLength - foldedHeight*float64(len(p.Contents)) - heightOf(p.Blocks)
	for _, a := range p.Alerts {
		left -= linesOf(a, textLetters)*textLine + 30
	}
	wide := wideLength
	for _, s := range p.Sections {
		if s.Folded || s.Roomy {
			continue
		}
		left -= headingHeight + heightOf(s.Blocks)
		wide -= headingHeight + wideHeight(s.Blocks)
		s.Roomy, s.Long = left < 0, wide < 0
	}
}

// wideHeight is the height of the charts and tables of blocks where there is room.
func wideHeight(blocks []pageBlock) (sum float64) {
	for _, b := range blocks {
		switch {
		case b.Table != nil:
			sum += wideRow * float64(1+len(b.Table.Rows))
		case b.Chart != "":
			sum += wideScale*boxHeight(b, wideBox) + 60
		}
	}
	return sum
}

// boxHeight is the height of a chart of b, which box finds.
func boxHeight(b pageBlock, box *regexp.Regexp) (high float64) {
	if m := box.FindStringSubmatch(string(b.Chart)); m != nil {
		high, _ = strconv.ParseFloat(m[1], 64)
	}
	return high
}

func heightOf(blocks []pageBlock) (sum float64) {
	for _, b := range blocks {
		sum += blockHeight(b)
	}
	return sum
}

func blockHeight(b pageBlock) float64 {
	switch {
	case b.Long, b.Folded != nil:
		return foldedHeight
	case b.Note != nil:
		return linesOf(b.Note, noteLetters)*noteLine + 14
	case b.Paragraph != nil:
		return linesOf(b.Paragraph, textLetters)*textLine + 12
	case b.Table != nil:
		return tableHeight(b.Table)
	case b.Chart != "":
		return boxHeight(b, narrowBox) + textLine*math.Ceil(float64(utf8.RuneCountInString(b.Title))/headLetters) + 40
	}
	high := 24.0
	for _, item := range b.Items {
		high += linesOf(item, textLetters-3) * textLine
	}
	return high + noteLine*float64(utf8.RuneCountInString(b.Listing))/textLetters
}

// narrowBox finds the height of the chart for a phone, and wideBox that of the other.
var (
	narrowBox = regexp.MustCompile(`<svg class="chart narrow" viewBox="\S+ \S+ \S+ (\S+)"`)
	wideBox   = regexp.MustCompile(`<svg class="chart" viewBox="\S+ \S+ \S+ (\S+)"`)
)

func tableHeight(t *pageTable) float64 {
	if !t.Stacked {
		return min(tableLine*float64(1+len(t.Rows)), tableMost) + 40
	}
	high := 24.0
	for _, r := range t.Rows {
		high += stackedName + 16
		columns := 0
		for _, c := range r.Cells {
			if c.Label != "" {
				columns += max(1, c.Span)
			}
		}
		high += stackedLine * math.Ceil(float64(columns)/4)
	}
	if len(t.Rows) > 4 {
		high = min(high, stackedMost)
	}
	return high + 24
}

// linesOf is how many lines of so many letters p takes.
func linesOf(p []pagePiece, letters int) float64 {
	n, _ := lettersOf(p)
	return math.Ceil(float64(n) / float64(letters))
}
