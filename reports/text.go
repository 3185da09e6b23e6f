package reports

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/screen"
)

// Summary writes the result of f for a terminal: one line a scenario, the worst
// first, then what there is to know about the run as a whole. Where w is a
// terminal, it keeps to its width and its colours.
func Summary(w io.Writer, f *record.File) error {
	if _, err := w.Write(summary(screen.Of(w), f)); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

func summary(s screen.Screen, f *record.File) []byte {
	var b bytes.Buffer
	list, common := scenarios(f)
	if len(list) == 0 {
		fmt.Fprintln(&b, "Nothing was measured.")
	} else {
		worst := worstFirst(list)
		t := brief(worst)
		textTable(&b, s, t, func(row, column int) screen.Tone {
			if column == len(t.columns)-1 || worst[row].head().invalid {
				return toneOf(worst[row])
			}
			return screen.Plain
		})
		if len(list) > 1 {
			fmt.Fprintln(&b)
		}
		if len(common) > 0 { // which one scenario alone has not
			wrapped(&b, s, screen.Plain, "all scenarios: "+printable(strings.Join(common, " ")))
		}
		if len(list) > 1 {
			wrapped(&b, s, screen.Plain, "worst first: "+worstMeans)
		}
		fmt.Fprintln(&b)
		for _, p := range points(f, list) {
			wrapped(&b, s, screen.Plain, plainText(p))
		}
	}
	var lines bytes.Buffer
	searchLines(&lines, f, list, common)
	skipLines(&lines, f.Skips)
	for line := range strings.Lines(lines.String()) {
		wrapped(&b, s, screen.Plain, line)
	}
	for _, a := range alerts(f) {
		wrapped(&b, s, screen.Caution, "warning: "+plainText(a))
	}
	return b.Bytes()
}

// skipLines gives each cause of skips one line.
func skipLines(b *bytes.Buffer, skips []record.Skip) {
	type cause struct {
		reason, detail string
		arm            record.Arm
	}
	var order []cause
	names := map[cause][]string{}
	for _, s := range skips {
		c := cause{s.Reason, s.Detail, s.Arm}
		if names[c] == nil {
			order = append(order, c)
		}
		names[c] = append(names[c], s.Scenario)
	}
	for _, c := range order {
		what := plural(len(names[c]), "scenario", "scenarios")
		if len(names[c]) == 1 {
			what = names[c][0]
		}
		if c.arm != "" {
			what = string(c.arm) + " trials of " + what
		}
		fmt.Fprintf(b, "skipped %s: %s: %s\n", printable(what), printable(c.reason), printable(c.detail))
	}
}

// plainText is p without its looks.
func plainText(p prose) string {
	var b strings.Builder
	for _, piece := range p {
		b.WriteString(printable(piece.text))
	}
	return b.String()
}

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
func textTable(b *bytes.Buffer, s screen.Screen, t table, tones func(row, column int) screen.Tone) int {
	lines := [][]string{make([]string, len(t.columns))}
	for i, c := range t.columns {
		lines[0][i] = s.Text(c.name)
	}
	for _, r := range t.rows {
		cells := make([]string, len(r))
		for i, c := range r {
			cells[i] = s.Text(plainText(c))
		}
		lines = append(lines, cells)
	}
	widths := make([]int, len(t.columns))
	for _, l := range lines {
		for i, c := range l {
			widths[i] = max(widths[i], screen.Width(c))
		}
	}
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
			case t.columns[i].numeric:
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
	n := len(t.columns)
	if s.Columns == 0 || whole <= s.Columns || n < 3 {
		for l := range lines {
			put(l, 0, n, "")
		}
		return whole
	}
	last := n
	if !t.columns[n-1].numeric {
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
