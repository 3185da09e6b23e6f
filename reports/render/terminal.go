package render

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/screen"
)

// wrapped writes text in the lines that s has room for; what continues is
// indented. A file has room for any.
func wrapped(b *bytes.Buffer, s screen.Screen, tone screen.Tone, text string) {
	for _, line := range screen.Wrap(s.Text(text), s.Columns, "  ") {
		fmt.Fprintln(b, s.Paint(tone, line))
	}
}

// textTable writes t in columns for a fixed font. Where s has no room for its lines, the
// first column, and a text in the last, get a line of their own above the figures.
// tones, which may be nil, gives the tone of a cell; its rows count from 0. textTable
// returns the number of terminal columns of a line with all cells.
func textTable(b *bytes.Buffer, s screen.Screen, t document.Table, tones func(row, column int) screen.Tone) int {
	g := newGrid(s, t, tones)
	whole := 2 * (len(g.widths) - 1)
	for _, w := range g.widths {
		whole += w
	}
	n := len(t.Columns)
	if s.Columns == 0 || whole <= s.Columns || n < 3 {
		for l := range g.lines {
			g.put(b, l, 0, n, "")
		}
		return whole
	}
	last := n
	if !t.Columns[n-1].Numeric {
		last--
	}
	for l := range g.lines {
		g.putHead(b, l, last)
		g.put(b, l, 1, last, "  ")
	}
	return whole
}

// grid is the text of a table: its heading and its rows, as lines of cells.
type grid struct {
	screen  screen.Screen
	columns []document.Column
	lines   [][]string
	widths  []int // of each column
	tones   func(row, column int) screen.Tone
}

func newGrid(s screen.Screen, t document.Table, tones func(row, column int) screen.Tone) grid {
	lines := [][]string{make([]string, len(t.Columns))}
	for i, c := range t.Columns {
		lines[0][i] = s.Text(c.Name)
	}
	for _, r := range t.Rows {
		cells := make([]string, len(r))
		for i, c := range r {
			cells[i] = s.Text(document.PlainText(c))
		}
		lines = append(lines, cells)
	}
	widths := make([]int, len(t.Columns))
	for _, l := range lines {
		for i, c := range l {
			widths[i] = max(widths[i], screen.Width(c))
		}
	}
	return grid{screen: s, columns: t.Columns, lines: lines, widths: widths, tones: tones}
}

func (g grid) tone(line, column int) screen.Tone {
	switch {
	case line == 0:
		return screen.Strong
	case g.tones == nil:
		return screen.Plain
	}
	return g.tones(line-1, column)
}

// put writes the cells of some columns of a line.
func (g grid) put(b *bytes.Buffer, line, from, to int, indent string) {
	b.WriteString(indent)
	gap := ""
	for i := from; i < to; i++ {
		c := g.lines[line][i]
		pad := strings.Repeat(" ", g.widths[i]-screen.Width(c))
		painted := g.screen.Paint(g.tone(line, i), c)
		switch {
		case g.columns[i].Numeric:
			b.WriteString(gap + pad + painted)
			gap = ""
		case c != "":
			b.WriteString(gap + painted)
			gap = pad
		default:
			gap += pad
		}
		gap += "  "
	}
	fmt.Fprintln(b)
}

// putHead writes the first cell of a line and the one in column mark, if there is
// such a column: side by side, or, where there is no room, below each other.
func (g grid) putHead(b *bytes.Buffer, line, mark int) {
	name, text := g.lines[line][0], ""
	if mark < len(g.columns) {
		text = g.lines[line][mark]
	}
	fits := screen.Width(name)+2+screen.Width(text) <= g.screen.Columns
	fmt.Fprint(b, g.screen.Paint(g.tone(line, 0), name))
	switch {
	case text != "" && fits:
		fmt.Fprint(b, "  "+g.screen.Paint(g.tone(line, mark), text))
	case text != "":
		for _, part := range screen.Wrap(text, g.screen.Columns-2, "") {
			fmt.Fprint(b, "\n  "+g.screen.Paint(g.tone(line, mark), part))
		}
	}
	fmt.Fprintln(b)
}

// proseScreen is that of w, with lines that are not too long to be read.
func proseScreen(w io.Writer) screen.Screen {
	to := screen.Of(w)
	if to.Columns == 0 || to.Columns > summaryWidth {
		to.Columns = summaryWidth
	}
	return to
}

// summaryWidth is the number of columns that a summary keeps to.
const summaryWidth = 99

func flush(w io.Writer, b *bytes.Buffer) error {
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}
