// Package commit writes a comparison as plain text for the message of a commit: what was
// compared, a line for each figure, and what it comes to.
package commit

import (
	"embed"
	"slices"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/screen"
	"tunbench/reports/text"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))

// Width is the longest line in columns, as git's own documentation asks of a message
// (SubmittingPatches). Only a word that is longer than that makes a longer line.
const Width = 72

// mostWarnings is how many warnings are quoted.
const mostWarnings = 3

// ascii replaces what reports are typeset with: a message may pass through mail.
var ascii = strings.NewReplacer(
	"−", "-", "–", "-", "×", "x", "µ", "u", "→", "->", "…", "...", " %", "%", "\u00a0", " ", "\u202f", " ", "`", "", "**", "",
)

// row is one figure on both sides.
type row struct {
	scenario, figure string // names, as they are shown
	base, new        string
	change, within   string // and its interval, or its spread
	verdict          string
}

// group is a heading and the verdicts whose rows stand below it.
type group struct {
	name     string
	verdicts []string
}

// groups are in the order of the message. Each verdict is in one.
var groups = []group{
	{"worse", []string{record.Regression, record.IndicativeRegression}},
	{"better", []string{record.Improvement, record.IndicativeImprovement}},
	{"no change", []string{record.Equivalent}},
	{"cannot tell", []string{record.Inconclusive}},
	{"not judged", []string{record.InvalidVerdict, record.NotComparable, record.UnsupportedVerdict}},
}

// message is what a commit says of one pair of sides.
type message struct {
	titles   []string // the subject of the commit, from the longest to the shortest
	head     []string // sentences
	warnings []prose.Prose
	common   []string // axes of all scenarios
	within   string   // what stands behind a change
	rows     []row
	tail     []string // sentences
}

// String is the message, without a line that git would take for a comment.
func (m message) String() string {
	var b strings.Builder
	put := func(s, indent string) {
		for _, line := range screen.Wrap(strings.TrimPrefix(ascii.Replace(text.Printable(s)), "#"), Width, indent) {
			b.WriteString(line + "\n")
		}
	}
	// git takes all lines up to an empty one as the subject: it has to be a single line.
	for i, s := range m.titles {
		if s = ascii.Replace(text.Printable(s)); screen.Width(s) <= Width || i == len(m.titles)-1 {
			b.WriteString(strings.TrimLeft(s, "#") + "\n\n")
			if i > 0 {
				put(m.titles[0], "  ")
			}
			break
		}
	}
	for _, s := range m.head {
		put(s, "  ")
	}
	if len(m.common) > 0 {
		put(book.Text("common", prose.Values{"Axes": strings.Join(m.common, " ")}), "  ")
	}
	for i, w := range m.warnings {
		if i == mostWarnings {
			put(book.Text("more warnings", prose.Values{"N": len(m.warnings) - i}), "  ")
			break
		}
		put(book.Text("warning", prose.Values{"Text": document.PlainText(w)}), "  ")
	}
	for _, g := range groups {
		rows := slices.DeleteFunc(slices.Clone(m.rows), func(r row) bool { return !slices.Contains(g.verdicts, r.verdict) })
		if len(rows) == 0 {
			continue
		}
		b.WriteString("\n")
		put(book.Text("group "+g.name, prose.Values{"Within": m.within}), "")
		table(&b, rows)
	}
	b.WriteString("\n")
	for _, s := range m.tail {
		put(s, "  ")
	}
	return b.String()
}

// table writes rows in columns. A name for which there is no room has a line of its own.
func table(b *strings.Builder, rows []row) {
	const indent, gap = 2, 2
	cells := make([][]string, len(rows))
	widths := make([]int, 5)
	for i, r := range rows {
		cells[i] = []string{strings.TrimSpace(r.scenario + " " + r.figure), r.base, r.new, r.change, r.within}
		for c := range cells[i] {
			cells[i][c] = ascii.Replace(text.Printable(cells[i][c]))
			widths[c] = max(widths[c], screen.Width(cells[i][c]))
		}
	}
	figures := 0
	for _, w := range widths[1:] {
		figures += gap + w
	}
	widths[0] = min(widths[0], max(0, Width-indent-figures))
	pad := func(n int) string { return strings.Repeat(" ", max(0, n)) }
	for _, c := range cells {
		line := pad(indent) + c[0]
		if screen.Width(c[0]) > widths[0] {
			for i, part := range screen.Wrap(c[0], Width-indent, "      ") {
				if i == 0 {
					part = pad(indent) + part
				}
				b.WriteString(part + "\n")
			}
			line = pad(indent)
		}
		line += pad(indent + widths[0] - screen.Width(line))
		for i := 1; i < len(c); i++ {
			line += pad(gap+widths[i]-screen.Width(c[i])) + c[i]
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}

// mixed are the scenarios of which one figure is worse and another one better.
const mixed = "mixed"

// counted returns the number of scenarios in each group, and of all scenarios. A scenario
// counts for the first group, in the order below, that has one of its figures: it is
// unchanged only if all of its figures are.
func counted(rows []row) (n map[string]int, all int) {
	order := []string{mixed, "worse", "better", "not judged", "cannot tell", "no change"}
	const worse, better = 1, 2
	at := map[string]int{}
	for _, r := range rows {
		i := slices.IndexFunc(groups, func(g group) bool { return slices.Contains(g.verdicts, r.verdict) })
		if i < 0 {
			continue
		}
		rank := slices.Index(order, groups[i].name)
		switch old, seen := at[r.scenario]; {
		case seen && min(old, rank) == worse && max(old, rank) == better:
			at[r.scenario] = 0
		case !seen || rank < old:
			at[r.scenario] = rank
		}
	}
	n = map[string]int{}
	for _, rank := range at {
		n[order[rank]]++
	}
	return n, len(at)
}

// outcome is the last line: what the rows come to, by how much was measured.
func outcome(rows []row, threshold, by string) string {
	n, all := counted(rows)
	if all == 0 {
		return book.Text("nothing", nil)
	}
	if n["no change"] == all {
		return book.Text("all equal", prose.Values{"Threshold": threshold, "N": all, "By": by})
	}
	var parts []string
	for _, g := range append([]group{{name: mixed}}, groups...) {
		if n[g.name] > 0 {
			parts = append(parts, book.Text("count "+g.name, prose.Values{"N": n[g.name], "Threshold": threshold}))
		}
	}
	return book.Text("some", prose.Values{"Parts": parts, "All": all, "By": by})
}
