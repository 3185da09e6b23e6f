package render

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// On a phone, a table that is too wide for it is stacked: the name of a row stands above its
// cells, which are in a grid of four columns, each below the name of its own column. So all
// of a row can be seen, and columns are still below each other.
const (
	phoneRoom   = 350.0 // CSS pixels for a table, on a phone that is 390 wide
	cellGlyph   = 7.4   // the width of a letter in a table
	cellSpace   = 11.0  // left and right of a cell
	sortSpace   = 12.0  // the arrow in the head of a column
	leastName   = 136.0 // the widths of the first column and of others with words, in a table
	leastWords  = 64.0
	leastLong   = 288.0
	quarterText = 11 // letters that a column of the grid has room for, and two of them
	halfText    = 23
)

// On a screen that is 1280 wide, beside the contents, a table has so many CSS pixels. The
// others are of html.css.
const (
	screenRoom      = 984.0
	screenSpace     = 16.0
	leastNameScreen = 144.0
	leastLongName   = 224.0
	leastWordScreen = 96.0
)

// widthOf estimates how wide t is at least on a screen, where cells of words may have
// several lines.
func widthOf(t *pageTable) (width float64) {
	for i, column := range t.Columns {
		letters, word, long := 0, 0, false
		for _, r := range t.Rows {
			n, longest := lettersOf(r.Cells[i].Prose)
			if r.Cells[i].Verdict != "" {
				longest += boxed
			}
			letters, word, long = max(letters, n), max(word, longest), long || r.Cells[i].Long
		}
		_, head := lettersOf([]pagePiece{{Text: column.Name}})
		least := leastWordScreen
		switch {
		case column.Numeric:
			least = cellGlyph * float64(letters)
		case i == 0 && long:
			least = leastLongName
		case i == 0:
			least = leastNameScreen
		case long:
			least = leastLong
		}
		width += max(least, cellGlyph*float64(word), cellGlyph*float64(head)+sortSpace) + screenSpace
	}
	return width
}

// stack says how t is shown where there is little room.
func stack(t *pageTable) {
	room, spans := 0.0, make([]int, len(t.Columns))
	for i, column := range t.Columns {
		if column.Beside {
			continue
		}
		letters, word, long := 0, 0, false
		for _, r := range t.Rows {
			c := r.Cells[i]
			n, longest := lettersOf(c.Prose)
			if c.Verdict != "" {
				n += boxed
			}
			letters, word = max(letters, n, utf8.RuneCountInString(c.Under)*9/10), max(word, longest)
			long = long || c.Long
		}
		_, head := lettersOf([]pagePiece{{Text: column.Name}})
		needs := max(cellGlyph*float64(head)+sortSpace, cellGlyph*float64(word))
		switch {
		case column.Numeric:
			needs = max(needs, cellGlyph*float64(letters))
		case i == 0:
			needs = max(needs, leastName)
		case long:
			needs = max(needs, leastLong)
		default:
			needs = max(needs, leastWords)
		}
		room += needs + cellSpace
		label := utf8.RuneCountInString(column.Name)
		switch {
		case letters > halfText:
			spans[i] = 4
		case letters > quarterText || label > 2*quarterText || head > quarterText+1:
			spans[i] = 2
		}
	}
	if t.Stacked = room > phoneRoom; !t.Stacked {
		return
	}
	for _, r := range t.Rows {
		for i := range r.Cells {
			if c := &r.Cells[i]; !c.Head && !c.Again && !c.Beside {
				c.Label, c.Span = t.Columns[i].Name, spans[i]
			}
		}
	}
}

// boxed is what a box around some letters takes beside them, in letters.
const boxed = 2

// lettersOf counts the letters of p, and those of its longest word.
func lettersOf(p []pagePiece) (all, word int) {
	for _, piece := range p {
		add := 0
		if piece.Code {
			add = boxed
		}
		if piece.Spark { // its blocks are twice as wide
			add = utf8.RuneCountInString(piece.Text)
		}
		all += utf8.RuneCountInString(piece.Text) + add
		for _, w := range strings.FieldsFunc(piece.Text, func(r rune) bool { return unicode.IsSpace(r) || r == '-' }) {
			word = max(word, utf8.RuneCountInString(w)+add)
		}
	}
	return all, word
}
