package render

import (
	"bytes"
	"fmt"
	"html/template"
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

// page is what the template shows of a document.
type page struct {
	Title    string
	Policy   template.HTMLAttr
	Style    template.CSS
	Script   template.JS
	Contents []*pageSection
	Alerts   [][]pagePiece
	Blocks   []pageBlock // before the first section
	Sections []*pageSection
	Details  *pageSection // each scenario by itself, in Each; nil if there is none
}

type pageSection struct {
	ID, Heading string
	Sub, Folded bool
	Roomy       bool           // folded where there is little room
	Long        bool           // folded everywhere, since it makes the page very long
	Inner       []*pageSection // in the contents, those one level lower
	Under       []*pageSection // those one level lower, of a section that is folded
	Blocks      []pageBlock
	Each        []pageDetail
}

// pageDetail is a scenario by itself.
type pageDetail struct {
	Title, Axes string
	Blocks      []pageBlock
}

// pageBlock has one of its parts.
type pageBlock struct {
	Paragraph, Note []pagePiece
	Items           [][]pagePiece
	Title           string // of the chart or the fold
	Chart           template.HTML
	Listing         string
	Table           *pageTable
	Folded          []pageBlock
	Long            bool // of a note, which is folded
}

type pagePiece struct {
	Text, To            string
	Code, Strong, Blank bool
	Spark               bool // a course in one line
}

func (p pagePiece) shown() bool { return !p.Blank && p.Text != "" }

type pageTable struct {
	Caption string
	Columns []document.Column
	Rows    []pageRow
	Stacked bool // where there is little room, the cells of a row stand below its name
	Tight   bool // on a screen, it is set closer, and what stands beside a figure below it
}

// pageRow is a row. Of is the number of the detail that it is about, counted from 1; 0 if
// it is about none.
type pageRow struct {
	Cells []pageCell
	Of    int
}

type pageCell struct {
	Prose                              []pagePiece
	Again, Head, Numeric, Long, Beside bool

	Sort, Verdict string
	Under         string // the interval of the figure, which is also in the next cell
	Bar           string // per cent of the cell that a bar behind the figure fills; "" for none
	Worse         bool   // the longer the bar, the worse
	Label         string // the name of the column, in a stacked table
	Span          int    // the columns of the grid that the cell takes there
}

// newPage gives each section an id and each table a caption.
func newPage(d document.Document) (*page, error) {
	style := pageStyle()
	p := &page{Title: text.Printable(d.Title), Policy: policy(style, HTMLScript), Style: template.CSS(style), Script: template.JS(HTMLScript)}
	for _, a := range d.Alerts {
		p.Alerts = append(p.Alerts, pieces(a))
	}
	var err error
	if p.Blocks, err = (&captions{caption: "Result", source: d.SourceOf}).blocks([]document.Block{d.Lead, document.Bullets(d.Points)}); err != nil {
		return nil, err
	}
	ids := map[string]bool{"main": true, "theme": true}
	for _, s := range d.Sections {
		sec := &pageSection{ID: freeID(ids, s.Heading), Heading: text.Printable(s.Heading), Sub: s.Sub, Folded: s.Folded, Roomy: s.Roomy}
		if sec.Blocks, err = (&captions{caption: s.Heading, heading: s.Heading, details: d.Details.Each, source: d.SourceOf}).blocks(s.Blocks); err != nil {
			return nil, err
		}
		n := len(p.Contents)
		if !s.Sub || n == 0 {
			p.Contents, p.Sections = append(p.Contents, sec), append(p.Sections, sec)
			continue
		}
		above := p.Contents[n-1]
		above.Inner = append(above.Inner, sec)
		if above.Folded {
			above.Under = append(above.Under, sec)
		} else {
			p.Sections = append(p.Sections, sec)
		}
	}
	if len(d.Details.Each) > 0 {
		if p.Details, err = newDetails(d, ids); err != nil {
			return nil, err
		}
		p.Contents = append(p.Contents, p.Details)
	}
	foldLong(p)
	return p, nil
}

// newDetails shows each scenario by itself.
func newDetails(of document.Document, ids map[string]bool) (*pageSection, error) {
	d := of.Details
	sec := &pageSection{ID: freeID(ids, d.Heading), Heading: text.Printable(d.Heading), Folded: true}
	for _, one := range d.Each {
		shown, err := (&captions{caption: one.Full, source: of.SourceOf}).blocks(one.Blocks)
		if err != nil {
			return nil, err
		}
		sec.Each = append(sec.Each, pageDetail{text.Printable(one.Full), text.Printable(one.Axes), shown})
	}
	return sec, nil
}

// detailOf is the number of the detail whose label or full name is name, from 1; of two with
// the same label that of the mode that the section is about. It is 0 where none has it.
func (c *captions) detailOf(name string) (of int) {
	for i, d := range c.details {
		switch {
		case d.Full == name, d.Label == name && d.Mode == c.heading:
			return i + 1
		case d.Label == name && of > 0:
			return 0 // which of the two is not known
		case d.Label == name:
			of = i + 1
		}
	}
	return of
}

// freeID gives a heading an id that no other element of the page has.
func freeID(ids map[string]bool, heading string) string {
	name := strings.Trim(notInID.ReplaceAllString(strings.ToLower(heading), "-"), "-")
	if name == "" {
		name = "section"
	}
	id := name
	for i := 2; ids[id]; i++ {
		id = name + "-" + strconv.Itoa(i)
	}
	ids[id] = true
	return id
}

// blocks are the letters of a course in one line, and · for a point that is missing.
var blocks = string(text.Bars) + "·"

func pieces(p prose.Prose) []pagePiece {
	list := make([]pagePiece, 0, len(p))
	for _, piece := range p {
		list = append(list, pagePiece{
			Text: text.Printable(piece.Text), To: piece.To, Code: piece.Look == prose.Code, Strong: piece.Look == prose.Strong,
			Blank: strings.TrimSpace(piece.Text) == "" && piece.Look != prose.Plain, Spark: piece.Text != "" && strings.Trim(piece.Text, blocks) == "",
		})
	}
	return list
}

// captions numbers the tables of a section or fold, which have its name.
type captions struct {
	caption string
	tables  int
	heading string            // of the section
	details []document.Detail // of the document
	source  func(document.Picture) string
}

func (c *captions) blocks(list []document.Block) (shown []pageBlock, err error) {
	for _, b := range list {
		switch v := b.(type) {
		case prose.Prose:
			shown = append(shown, pageBlock{Paragraph: pieces(v)})
		case document.Small:
			shown = append(shown, note(prose.Prose(v)))
		case document.Bullets:
			var items [][]pagePiece
			for _, item := range v {
				items = append(items, pieces(item))
			}
			shown = append(shown, pageBlock{Items: items})
		case document.Listing:
			shown = append(shown, pageBlock{Listing: strings.ReplaceAll(listing(v), "\t", "    ")})
		case document.Picture:
			title, _ := v.Chart.Head()
			var svg bytes.Buffer
			if err := chart.WriteInline(&svg, v.Chart, v.Alt, c.source(v)); err != nil {
				return nil, err
			}
			shown = append(shown, pageBlock{Title: text.Printable(title), Chart: template.HTML(svg.String())})
		case document.Table:
			if v.Fold == "" {
				shown = append(shown, c.table(v)...)
				continue
			}
			own := captions{caption: v.Fold, heading: c.heading, details: c.details, source: c.source}
			shown = append(shown, pageBlock{Title: text.Printable(v.Fold), Folded: own.table(v)})
		case document.Fold:
			if v.Empty() {
				continue
			}
			own := captions{caption: v.Summary, heading: c.heading, details: c.details, source: c.source}
			inner, err := own.blocks(v.Blocks)
			if err != nil {
				return nil, err
			}
			shown = append(shown, pageBlock{Title: text.Printable(v.Summary), Folded: inner})
		default:
			return nil, fmt.Errorf("unknown block %T", b)
		}
	}
	return shown, nil
}

// table gives t and its note.
func (c *captions) table(t document.Table) []pageBlock {
	if len(t.Rows) == 0 {
		return nil
	}
	t = t.LeadFirst()
	caption := c.caption
	if c.tables++; c.tables > 1 {
		caption += ", table " + strconv.Itoa(c.tables)
	}
	shown := &pageTable{Caption: text.Printable(caption)}
	for _, column := range t.Columns {
		shown.Columns = append(shown.Columns, document.Column{Name: text.Printable(column.Name), Numeric: column.Numeric, Beside: column.Beside})
	}
	// Words would be squeezed to one a line before a table scrolls.
	long := make([]bool, len(t.Columns))
	for _, r := range t.Rows {
		for i, cell := range r {
			long[i] = long[i] || utf8.RuneCountInString(document.PlainText(cell)) > longText
		}
	}
	var head []pagePiece
	of := 0
	for _, r := range t.Rows {
		if name := document.PlainText(r[0]); name != "" {
			of = c.detailOf(name)
		}
		cells := make([]pageCell, len(r))
		for i, own := range r {
			cell, plain := pageCell{Prose: pieces(own), Numeric: t.Columns[i].Numeric, Long: long[i], Beside: shown.Columns[i].Beside}, document.PlainText(own)
			if i+1 < len(r) && shown.Columns[i+1].Beside {
				cell.Under = strings.TrimPrefix(text.Printable(document.PlainText(r[i+1])), text.Absent)
			}
			switch {
			case cell.Numeric:
				if v, ok := text.ShownValue(plain); ok {
					cell.Sort = strconv.FormatFloat(v, 'g', -1, 64)
					if full := t.Columns[i].Full; full > 0 && v > 0 {
						cell.Bar, cell.Worse = strconv.FormatFloat(100*min(v/full, 1), 'f', 1, 64), t.Columns[i].Worse
					}
				}
			case i == 0 && !slices.ContainsFunc(cell.Prose, pagePiece.shown):
				// A row below the first of its group: sorted, it must tell by
				// itself whose it is.
				cell.Again, cell.Prose = true, head
			case i == 0:
				cell.Head, head = true, cell.Prose
			default:
				cell.Verdict = verdictLook(plain)
			}
			cells[i] = cell
		}
		shown.Rows = append(shown.Rows, pageRow{cells, of})
	}
	stack(shown)
	shown.Tight = widthOf(shown) > screenRoom
	blocks := []pageBlock{{Table: shown}}
	if len(t.Note) > 0 {
		blocks = append(blocks, note(t.Note))
	}
	return blocks
}

var notInID = regexp.MustCompile(`[^a-z0-9]+`)

// note explains what stands above it. A long one is folded.
func note(p prose.Prose) pageBlock {
	return pageBlock{Note: pieces(p), Long: utf8.RuneCountInString(document.PlainText(p)) > longNote}
}

// longNote is the number of characters above which a note is folded.
const longNote = 240

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
