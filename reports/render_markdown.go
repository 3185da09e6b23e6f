package reports

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// Options say how to render a report.
type Options struct {
	// Charts links the .svg files that Write puts beside the report. Without
	// it the report stands alone, as on a terminal or in a step summary.
	Charts bool
}

func markdown(w io.Writer, d document, o Options) error {
	m := markdownWriter{options: o}
	m.printf("# %s\n\n", escape(d.title))
	for _, a := range d.alerts {
		m.printf("> [!WARNING]\n> %s\n\n", inline(a))
	}
	m.paragraph(d.lead)
	m.block(bullets(d.points))
	for _, s := range d.sections {
		level := "##"
		if s.sub {
			level = "###"
		}
		if s.heading != "" {
			m.printf("%s %s\n\n", level, escape(s.heading))
		}
		for _, b := range s.blocks {
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

type markdownWriter struct {
	b       bytes.Buffer
	options Options
	err     error
}

func (m *markdownWriter) printf(format string, args ...any) { fmt.Fprintf(&m.b, format, args...) }

func (m *markdownWriter) paragraph(p prose) {
	if len(p) > 0 {
		m.printf("%s\n\n", inline(p))
	}
}

func (m *markdownWriter) block(b block) {
	switch v := b.(type) {
	case prose:
		m.paragraph(v)
	case small:
		m.printf("<sub>%s</sub>\n\n", inline(prose(v)))
	case bullets:
		for _, item := range v {
			m.printf("- %s\n", inline(item))
		}
		if len(v) > 0 {
			m.printf("\n")
		}
	case mermaid:
		m.printf("```mermaid\n%s```\n\n", v)
	case picture:
		if m.options.Charts {
			m.printf("![%s](%s)\n\n", escape(v.alt), v.file)
		}
	case table:
		if v.fold != "" && len(v.rows) > 0 {
			v, summary := v, v.fold
			v.fold = ""
			m.block(fold{summary, []block{v}})
			return
		}
		m.table(v)
	case fold:
		if v.empty() {
			return
		}
		// GitHub renders markdown inside of HTML only behind an empty line.
		m.printf("<details>\n<summary>%s</summary>\n\n", escape(v.summary))
		for _, inner := range v.blocks {
			m.block(inner)
		}
		m.printf("</details>\n\n")
	default:
		m.err = fmt.Errorf("unknown block %T", b)
	}
}

func (m *markdownWriter) table(t table) {
	if len(t.rows) == 0 {
		return
	}
	align := make(tw.Alignment, len(t.columns))
	header := make([]string, len(t.columns))
	for i, c := range t.columns {
		header[i] = escape(c.name)
		align[i] = tw.AlignLeft
		if c.numeric {
			align[i] = tw.AlignRight
		}
	}
	tab := tablewriter.NewTable(&m.b,
		tablewriter.WithRenderer(renderer.NewMarkdown()),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone),
		tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithAlignment(align),
		// Otherwise the width of "–" follows the locale, and so do the bytes.
		tablewriter.WithEastAsian(tw.Off),
	)
	tab.Header(header)
	for _, r := range t.rows {
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
	if len(t.note) > 0 {
		m.block(small(t.note))
	}
}

func inline(p prose) string {
	var b strings.Builder
	for _, piece := range p {
		switch {
		case strings.TrimSpace(piece.text) == "" && piece.look != plain:
		case piece.look == code:
			b.WriteString(codeSpan(piece.text))
		case piece.look == strong:
			b.WriteString("**" + escape(piece.text) + "**")
		default:
			b.WriteString(escape(piece.text))
		}
	}
	return b.String()
}

// codeSpan sets s in the fixed font. Nothing can be escaped between backticks,
// so what needs it is put between HTML tags.
func codeSpan(s string) string {
	s = printable(s)
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
	for _, r := range printable(s) {
		if strings.ContainsRune(special, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	// GitHub makes links of bare addresses.
	return autolink.Replace(b.String())
}

var autolink = strings.NewReplacer("://", `:\//`, "www.", `www\.`)

// markdownFiles are a report and the charts beside it, unless it stands alone.
func markdownFiles(d document, alone bool) ([]Output, error) {
	var b bytes.Buffer
	if err := markdown(&b, d, Options{Charts: !alone}); err != nil {
		return nil, err
	}
	files := []Output{{ReportName, b.Bytes()}}
	if alone {
		return files, nil
	}
	for _, p := range d.pictures() {
		var drawn bytes.Buffer
		if err := drawSVG(&drawn, p.chart); err != nil {
			return nil, fmt.Errorf("draw %s: %w", p.file, err)
		}
		files = append(files, Output{p.file, drawn.Bytes()})
	}
	return files, nil
}
