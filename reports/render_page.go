package reports

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tunbench/reports/record"
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
func (m *htmlWriter) contents(sections []section, ids []string) {
	if len(sections) == 0 {
		return
	}
	m.printf("<nav aria-label=\"Contents\">\n<details open>\n<summary>Contents</summary>\n<ol>\n")
	inner := false
	for i, s := range sections {
		switch {
		case s.sub && i > 0 && !inner:
			m.printf("<ol>\n")
		case i > 0 && s.sub == inner:
			m.printf("</li>\n")
		case i > 0 && !s.sub:
			m.printf("</li>\n</ol>\n</li>\n")
		}
		inner = s.sub && i > 0
		m.printf("<li><a href=\"#%s\">%s</a>", ids[i], htmlText(s.heading))
	}
	if inner {
		m.printf("</li>\n</ol>\n")
	}
	m.printf("</li>\n</ol>\n</details>\n</nav>\n")
}

func (m *htmlWriter) paragraph(p prose) {
	if len(p) > 0 {
		m.printf("<p>%s</p>\n", htmlInline(p))
	}
}

func (m *htmlWriter) block(b block) {
	switch v := b.(type) {
	case prose:
		m.paragraph(v)
	case small:
		m.printf("<p class=\"note\">%s</p>\n", htmlInline(prose(v)))
	case bullets:
		if len(v) == 0 {
			return
		}
		m.printf("<ul>\n")
		for _, item := range v {
			m.printf("<li>%s</li>\n", htmlInline(item))
		}
		m.printf("</ul>\n")
	case picture:
		title, _ := v.chart.head()
		m.printf("<figure>\n<figcaption>%s</figcaption>\n<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"%[1]s\">\n", htmlText(title))
		m.err = drawInline(&m.b, v.chart, v.alt)
		m.printf("</div>\n</figure>\n")
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
		caption, tables := m.caption, m.tables
		m.caption, m.tables = v.summary, 0
		m.printf("<details>\n<summary>%s</summary>\n", htmlText(v.summary))
		for _, inner := range v.blocks {
			m.block(inner)
		}
		m.printf("</details>\n")
		m.caption, m.tables = caption, tables
	default:
		m.err = fmt.Errorf("unknown block %T", b)
	}
}

func (m *htmlWriter) table(t table) {
	if len(t.rows) == 0 {
		return
	}
	caption := m.caption
	if m.tables++; m.tables > 1 {
		caption += ", table " + strconv.Itoa(m.tables)
	}
	m.printf("<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"%s\">\n<table>\n<caption>%[1]s</caption>\n<thead><tr>", htmlText(caption))
	for _, c := range t.columns {
		name := htmlText(c.name)
		if name == "" {
			name = "<span class=\"unseen\">value</span>"
		}
		if c.numeric {
			m.printf("<th scope=\"col\" class=\"n\">%s</th>", name)
		} else {
			m.printf("<th scope=\"col\">%s</th>", name)
		}
	}
	m.printf("</tr></thead>\n<tbody>\n")
	// Words would be squeezed to one a line before a table scrolls.
	long := make([]string, len(t.columns))
	for _, r := range t.rows {
		for i, c := range r {
			if utf8.RuneCountInString(plainText(c)) > longText {
				long[i] = " class=\"long\""
			}
		}
	}
	var head string
	for _, r := range t.rows {
		m.printf("<tr>")
		for i, c := range r {
			cell := htmlInline(c)
			switch {
			case i == 0 && !t.columns[i].numeric && cell == "":
				// A row below the first of its group: sorted, it must tell by
				// itself whose it is.
				m.printf("<th scope=\"row\" class=\"again\"><span>%s</span></th>", head)
			case i == 0 && !t.columns[i].numeric:
				head = cell
				m.printf("<th scope=\"row\"%s>%s</th>", long[i], cell)
			case t.columns[i].numeric:
				if v, ok := shownValue(plainText(c)); ok {
					m.printf("<td class=\"n\" data-sort=\"%s\">%s</td>", strconv.FormatFloat(v, 'g', -1, 64), cell)
				} else {
					m.printf("<td class=\"n\">%s</td>", cell)
				}
			default:
				if look := verdictLook(plainText(c)); look != "" {
					cell = "<span class=\"verdict " + look + "\">" + cell + "</span>"
				}
				m.printf("<td%s>%s</td>", long[i], cell)
			}
		}
		m.printf("</tr>\n")
	}
	m.printf("</tbody>\n</table>\n</div>\n")
	if len(t.note) > 0 {
		m.block(small(t.note))
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
	if slices.ContainsFunc(kinds, func(k struct{ verdict, meaning string }) bool { return k.verdict == text }) {
		return "plain"
	}
	return ""
}
