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

// textTable writes t in columns for a fixed font. Where s has no room for its
// lines, what stands at the left, and a text at the right, get a line of their
// own above the figures. Of tones, which may be nil, rows count from 0. It gives
// how many columns a line of all takes.
func textTable(b *bytes.Buffer, s screen.Screen, t document.Table, tones func(row, column int) screen.Tone) int {
	lines, widths := textCells(s, t)
	tone := func(line, column int) screen.Tone {
		switch {
		case line == 0:
			return screen.Strong
		case tones == nil:
			return screen.Plain
		}
		return tones(line-1, column)
	}
	// put writes the cells of some columns of a line.
	put := func(line, from, to int, indent string) {
		b.WriteString(indent)
		gap := ""
		for i := from; i < to; i++ {
			c := lines[line][i]
			pad := strings.Repeat(" ", widths[i]-screen.Width(c))
			painted := s.Paint(tone(line, i), c)
			switch {
			case t.Columns[i].Numeric:
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
	whole := 2 * (len(widths) - 1)
	for _, w := range widths {
		whole += w
	}
	n := len(t.Columns)
	if s.Columns == 0 || whole <= s.Columns || n < 3 {
		for l := range lines {
			put(l, 0, n, "")
		}
		return whole
	}
	last := n
	if !t.Columns[n-1].Numeric {
		last--
	}
	for l, cells := range lines {
		name, mark := cells[0], ""
		if last < n {
			mark = cells[last]
		}
		fits := screen.Width(name)+2+screen.Width(mark) <= s.Columns
		fmt.Fprint(b, s.Paint(tone(l, 0), name))
		switch {
		case mark != "" && fits:
			fmt.Fprint(b, "  "+s.Paint(tone(l, last), mark))
		case mark != "":
			for _, line := range screen.Wrap(mark, s.Columns-2, "") {
				fmt.Fprint(b, "\n  "+s.Paint(tone(l, last), line))
			}
		}
		fmt.Fprintln(b)
		put(l, 1, last, "  ")
	}
	return whole
}

// textCells are the lines of t, its head first, and the width of each column.
func textCells(s screen.Screen, t document.Table) (lines [][]string, widths []int) {
	lines = [][]string{make([]string, len(t.Columns))}
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
	widths = make([]int, len(t.Columns))
	for _, l := range lines {
		for i, c := range l {
			widths[i] = max(widths[i], screen.Width(c))
		}
	}
	return lines, widths
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
