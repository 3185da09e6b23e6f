package reports

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"tunbench/reports/record"
)

// Summary writes the result of f for a terminal: one line a scenario, then
// what there is to know about the run as a whole.
func Summary(w io.Writer, f *record.File) error {
	var b bytes.Buffer
	list, common := scenarios(f)
	if len(list) == 0 {
		fmt.Fprintln(&b, "Nothing was measured.")
	} else {
		plainTable(&b, brief(list))
		if len(common) > 0 {
			fmt.Fprintf(&b, "\nall scenarios: %s\n", printable(strings.Join(common, " ")))
		}
		fmt.Fprintln(&b)
		for _, p := range points(f, list) {
			fmt.Fprintln(&b, plainText(p))
		}
	}
	searchLines(&b, f, list, common)
	skipLines(&b, f.Skips)
	for _, a := range alerts(f) {
		fmt.Fprintln(&b, "warning:", plainText(a))
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// skipLines gives each cause of skips one line.
func skipLines(b *bytes.Buffer, skips []record.Skip) {
	type cause struct{ reason, detail string }
	var order []cause
	names := map[cause][]string{}
	for _, s := range skips {
		c := cause{s.Reason, s.Detail}
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

// plainTable writes t in columns for a fixed font.
func plainTable(b *bytes.Buffer, t table) {
	lines := [][]string{make([]string, len(t.columns))}
	for i, c := range t.columns {
		lines[0][i] = c.name
	}
	for _, r := range t.rows {
		cells := make([]string, len(r))
		for i, c := range r {
			cells[i] = plainText(c)
		}
		lines = append(lines, cells)
	}
	widths := make([]int, len(t.columns))
	for _, l := range lines {
		for i, c := range l {
			widths[i] = max(widths[i], utf8.RuneCountInString(c))
		}
	}
	for _, l := range lines {
		var line strings.Builder
		for i, c := range l {
			if i > 0 {
				line.WriteString("  ")
			}
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(c))
			if t.columns[i].numeric {
				line.WriteString(pad + c)
			} else {
				line.WriteString(c + pad)
			}
		}
		fmt.Fprintln(b, strings.TrimRight(line.String(), " "))
	}
}
