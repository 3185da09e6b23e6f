package render

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

type htmlWriter struct {
	b       bytes.Buffer
	ids     map[string]bool // taken
	caption string          // of the tables that follow
	tables  int             // that had this caption
	err     error
}

func (m *htmlWriter) printf(format string, args ...any) { fmt.Fprintf(&m.b, format, args...) }

// id gives a heading one that no other element of the page has.
func (m *htmlWriter) id(heading string) string {
	name := strings.Trim(notInID.ReplaceAllString(strings.ToLower(heading), "-"), "-")
	if name == "" {
		name = "section"
	}
	id := name
	for i := 2; m.ids[id]; i++ {
		id = name + "-" + strconv.Itoa(i)
	}
	m.ids[id] = true
	return id
}

// contents lists the sections, those one level lower inside of the ones above.
func (m *htmlWriter) contents(sections []document.Section, ids []string) {
	if len(sections) == 0 {
		return
	}
	m.printf("<nav aria-label=\"Contents\">\n<details open>\n<summary>Contents</summary>\n<ol>\n")
	inner := false
	for i, s := range sections {
		switch {
		case s.Sub && i > 0 && !inner:
			m.printf("<ol>\n")
		case i > 0 && s.Sub == inner:
			m.printf("</li>\n")
		case i > 0 && !s.Sub:
			m.printf("</li>\n</ol>\n</li>\n")
		}
		inner = s.Sub && i > 0
		m.printf("<li><a href=\"#%s\">%s</a>", ids[i], htmlText(s.Heading))
	}
	if inner {
		m.printf("</li>\n</ol>\n")
	}
	m.printf("</li>\n</ol>\n</details>\n</nav>\n")
}

func (m *htmlWriter) paragraph(p prose.Prose) {
	if len(p) > 0 {
		m.printf("<p>%s</p>\n", htmlInline(p))
	}
}

func (m *htmlWriter) block(b document.Block) {
	switch v := b.(type) {
	case prose.Prose:
		m.paragraph(v)
	case document.Small:
		m.printf("<p class=\"note\">%s</p>\n", htmlInline(prose.Prose(v)))
	case document.Bullets:
		if len(v) == 0 {
			return
		}
		m.printf("<ul>\n")
		for _, item := range v {
			m.printf("<li>%s</li>\n", htmlInline(item))
		}
		m.printf("</ul>\n")
	case document.Picture:
		title, _ := v.Chart.Head()
		m.printf("<figure>\n<figcaption>%s</figcaption>\n<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"%[1]s\">\n", htmlText(title))
		m.err = chart.WriteInline(&m.b, v.Chart, v.Alt)
		m.printf("</div>\n</figure>\n")
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
		caption, tables := m.caption, m.tables
		m.caption, m.tables = v.Summary, 0
		m.printf("<details>\n<summary>%s</summary>\n", htmlText(v.Summary))
		for _, inner := range v.Blocks {
			m.block(inner)
		}
		m.printf("</details>\n")
		m.caption, m.tables = caption, tables
	default:
		m.err = fmt.Errorf("unknown block %T", b)
	}
}

func (m *htmlWriter) table(t document.Table) {
	if len(t.Rows) == 0 {
		return
	}
	caption := m.caption
	if m.tables++; m.tables > 1 {
		caption += ", table " + strconv.Itoa(m.tables)
	}
	m.printf("<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"%s\">\n<table>\n<caption>%[1]s</caption>\n<thead><tr>", htmlText(caption))
	for _, c := range t.Columns {
		name := htmlText(c.Name)
		if name == "" {
			name = "<span class=\"unseen\">value</span>"
		}
		if c.Numeric {
			m.printf("<th scope=\"col\" class=\"n\">%s</th>", name)
		} else {
			m.printf("<th scope=\"col\">%s</th>", name)
		}
	}
	m.printf("</tr></thead>\n<tbody>\n")
	// Words would be squeezed to one a line before a table scrolls.
	long := make([]string, len(t.Columns))
	for _, r := range t.Rows {
		for i, c := range r {
			if utf8.RuneCountInString(document.PlainText(c)) > longText {
				long[i] = " class=\"long\""
			}
		}
	}
	var head string
	for _, r := range t.Rows {
		m.printf("<tr>")
		for i, c := range r {
			cell := htmlInline(c)
			switch {
			case i == 0 && !t.Columns[i].Numeric && cell == "":
				// A row below the first of its group: sorted, it must tell by
				// itself whose it is.
				m.printf("<th scope=\"row\" class=\"again\"><span>%s</span></th>", head)
			case i == 0 && !t.Columns[i].Numeric:
				head = cell
				m.printf("<th scope=\"row\"%s>%s</th>", long[i], cell)
			case t.Columns[i].Numeric:
				if v, ok := text.ShownValue(document.PlainText(c)); ok {
					m.printf("<td class=\"n\" data-sort=\"%s\">%s</td>", strconv.FormatFloat(v, 'g', -1, 64), cell)
				} else {
					m.printf("<td class=\"n\">%s</td>", cell)
				}
			default:
				if look := verdictLook(document.PlainText(c)); look != "" {
					cell = "<span class=\"verdict " + look + "\">" + cell + "</span>"
				}
				m.printf("<td%s>%s</td>", long[i], cell)
			}
		}
		m.printf("</tr>\n")
	}
	m.printf("</tbody>\n</table>\n</div>\n")
	if len(t.Note) > 0 {
		m.block(document.Small(t.Note))
	}
}

var notInID = regexp.MustCompile(`[^a-z0-9]+`)

// longText is the number of characters above which a cell needs some width.
const longText = 36

// verdictLook gives the class of a cell that holds a verdict.
func verdictLook(text string) string {
	switch text {
	case record.Regression, record.IndicativeRegression:
		return "bad"
	case record.Improvement, record.IndicativeImprovement:
		return "good"
	}
	if slices.ContainsFunc(verdict.Kinds, func(k verdict.Kind) bool { return k.Verdict == text }) {
		return "plain"
	}
	return ""
}
