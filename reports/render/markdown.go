package render

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/text"
)

// Options say how to render a report.
type Options struct {
	// Charts links the .svg files that Write puts beside the report. Without
	// it the report stands alone, as on a terminal or in a step summary.
	Charts bool
}

func Markdown(w io.Writer, d document.Document, o Options) error {
	m := markdownWriter{options: o}
	if d.Title != "" { // a part of a page has none
		m.printf("# %s\n\n", escape(d.Title))
	}
	for _, a := range d.Alerts {
		m.printf("> [!WARNING]\n> %s\n\n", inline(a))
	}
	m.paragraph(d.Lead)
	m.block(document.Bullets(d.Points))
	for _, s := range d.Sections {
		level := "##"
		if s.Sub {
			level = "###"
		}
		if s.Heading != "" {
			m.printf("%s %s\n\n", level, escape(s.Heading))
		}
		for _, b := range s.Blocks {
			m.block(b)
		}
	}
	if m.err != nil {
		return fmt.Errorf("render markdown: %w", m.err)
	}
	text := append(bytes.TrimRight(m.b.Bytes(), "\n"), '\n')
	if _, err := w.Write(text); err != nil {
		return fmt.Errorf("write markdown: %w", err)
	}
	return nil
}

// Rows of a table that is bounded: the most that are tried, and the least.
const (
	mostBounded  = 96
	leastBounded = 8
)

type markdownWriter struct {
	b       bytes.Buffer
	options Options
	err     error
}

func (m *markdownWriter) printf(format string, args ...any) { fmt.Fprintf(&m.b, format, args...) }

func (m *markdownWriter) paragraph(p prose.Prose) {
	if len(p) > 0 {
		m.printf("%s\n\n", inline(p))
	}
}

func (m *markdownWriter) block(b document.Block) {
	switch v := b.(type) {
	case prose.Prose:
		m.paragraph(v)
	case document.Small:
		m.printf("<sub>%s</sub>\n\n", inline(prose.Prose(v)))
	case document.Bullets:
		for _, item := range v {
			m.printf("- %s\n", inline(item))
		}
		if len(v) > 0 {
			m.printf("\n")
		}
	case document.Mermaid:
		m.printf("```mermaid\n%s```\n\n", v)
	case document.Listing:
		m.printf("```%s\n%s\n```\n\n", v.Language, strings.ReplaceAll(listing(v), "```", "'''"))
	case document.Picture:
		if m.options.Charts {
			m.printf("![%s](%s)\n\n", escape(v.Alt), v.File)
		}
	case document.Table:
		if v.Fold != "" && len(v.Rows) > 0 {
			v, summary := v, v.Fold
			v.Fold = ""
			m.block(document.Fold{Summary: summary, Blocks: []document.Block{v}})
			return
		}
		m.table(v)
	case document.Fold:
		if v.Empty() {
			return
		}
		// GitHub renders markdown inside of HTML only behind an empty line.
		m.printf("<details>\n<summary>%s</summary>\n\n", escape(v.Summary))
		for _, inner := range v.Blocks {
			m.block(inner)
		}
		m.printf("</details>\n\n")
	default:
		m.err = fmt.Errorf("unknown block %T", b)
	}
}

func (m *markdownWriter) table(t document.Table) {
	if len(t.Rows) == 0 {
		return
	}
	header, numeric := make([]string, len(t.Columns)), make([]bool, len(t.Columns))
	for i, c := range t.Columns {
		header[i], numeric[i] = escape(c.Name), c.Numeric
	}
	tab := tablewriter.NewTable(&m.b,
		tablewriter.WithRenderer(&compact{Markdown: renderer.NewMarkdown(), numeric: numeric}),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		// Otherwise the width of "–" follows the locale.
		tablewriter.WithEastAsian(tw.Off),
	)
	tab.Header(header)
	for _, r := range t.Rows {
		cells := make([]string, len(r))
		for i, c := range r {
			cells[i] = inline(c)
		}
		if err := tab.Append(cells); err != nil {
			m.err = err
			return
		}
	}
	if err := tab.Render(); err != nil {
		m.err = err
		return
	}
	m.printf("\n")
	if len(t.Note) > 0 {
		m.block(document.Small(t.Note))
	}
}

func inline(p prose.Prose) string {
	var b strings.Builder
	for _, piece := range p {
		switch {
		case strings.TrimSpace(piece.Text) == "" && piece.Look != prose.Plain:
		case piece.Look == prose.Code:
			b.WriteString(codeSpan(piece.Text))
		case piece.Look == prose.Strong:
			b.WriteString("**" + escape(piece.Text) + "**")
		default:
			b.WriteString(escape(piece.Text))
		}
	}
	return b.String()
}

// codeSpan sets s in the fixed font. Nothing can be escaped between backticks,
// so what needs it is put between HTML tags.
func codeSpan(s string) string {
	s = text.Printable(s)
	if strings.ContainsAny(s, "`|\\") || strings.TrimSpace(s) != s {
		return "<code>" + escape(s) + "</code>"
	}
	return "`" + s + "`"
}

// special are the characters that mean something in GitHub's markdown, in
// inline HTML, in a table, or in GitHub's own mathematics.
const special = "\\`*_[]<>&|~#$@"

// escape makes s plain text on one line, wherever a line of markdown has text.
func escape(s string) string {
	var b strings.Builder
	for _, r := range text.Printable(s) {
		if strings.ContainsRune(special, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	// GitHub makes links of bare addresses.
	return autolink.Replace(b.String())
}

var autolink = strings.NewReplacer("://", `:\//`, "www.", `www\.`)

// MarkdownFiles are a report and the charts beside it, unless it stands alone.
func MarkdownFiles(d document.Document, alone bool) ([]Output, error) {
	return markdownFiles(d, alone, 0)
}

// LongestReport is how many bytes a report of bearable length has at most: GitHub shows
// it, and a reader can.
const LongestReport = 100_000

// ShortMarkdownFiles is as MarkdownFiles, but the report has at most LongestReport bytes.
func ShortMarkdownFiles(d document.Document, alone bool) ([]Output, error) {
	return markdownFiles(d, alone, LongestReport)
}

// markdownFiles makes a report of at most so many bytes, 0 for any, by leaving out the last
// rows of long tables: first of those that a reader has to unfold.
func markdownFiles(d document.Document, alone bool, most int) ([]Output, error) {
	write := func(d document.Document) ([]byte, error) {
		var b bytes.Buffer
		err := Markdown(&b, d, Options{Charts: !alone})
		return b.Bytes(), err
	}
	whole, err := write(d)
	for _, unfolded := range []bool{false, true} {
		for rows := mostBounded; err == nil && most > 0 && len(whole) > most && rows >= leastBounded; rows = rows * 3 / 4 {
			whole, err = write(d.Bounded(rows, unfolded))
		}
	}
	if err != nil {
		return nil, err
	}
	files := []Output{{ReportName, whole}}
	if alone {
		return files, nil
	}
	for _, p := range d.Pictures() {
		var drawn bytes.Buffer
		if err := chart.WriteSVG(&drawn, p.Chart, d.SourceOf(p)); err != nil {
			return nil, fmt.Errorf("draw %s: %w", p.File, err)
		}
		files = append(files, Output{p.File, drawn.Bytes()})
	}
	return files, nil
}

// listing is the text of l, whose tabs and line breaks stay.
func listing(l document.Listing) string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimRight(l.Text, "\n"), "\n") {
		body := strings.TrimLeft(line, "\t")
		lines = append(lines, strings.Repeat("\t", len(line)-len(body))+text.Printable(body))
	}
	return strings.Join(lines, "\n")
}
