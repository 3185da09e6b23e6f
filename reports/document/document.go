// Package document is a report before it is rendered: headings, prose, tables, lists
// and charts. Each figure in it is computed and has its unit; a renderer only escapes,
// places and draws.
package document

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/prose"
	"tunbench/reports/text"
)

// Document is a report before it is rendered. Every figure in it is computed
// and has its unit; a renderer only escapes, places and draws.
type Document struct {
	Title    string
	Alerts   []prose.Prose // what the reader must know before any figure
	Lead     prose.Prose
	Points   []prose.Prose // the result in a few lines
	Sections []Section
	// Details is each scenario by itself, for renderers that show them on demand.
	Details Details
	// Source says where, when and with what the figures were measured: see SourceOf.
	Source string
	// N says from how many trials the figures of pictures come that do not say it.
	N string
}

// AtMost is d with so many rows in each table and list, and pieces of text of
// bearable length.
func (d Document) AtMost(rows int) Document {
	short := func(p prose.Prose) prose.Prose {
		p = slices.Clone(p)
		for i := range p {
			p[i].Text = text.Clip(p[i].Text, Longest)
		}
		return p
	}
	list := func(all []prose.Prose) []prose.Prose {
		cut := make([]prose.Prose, min(rows, len(all)))
		for i := range cut {
			cut[i] = short(all[i])
		}
		return cut
	}
	var blocks func([]Block) []Block
	blocks = func(all []Block) (cut []Block) {
		for _, b := range all {
			switch v := b.(type) {
			case prose.Prose:
				b = short(v)
			case Small:
				b = Small(short(prose.Prose(v)))
			case Bullets:
				b = Bullets(list(v))
			case Fold:
				b = Fold{text.Clip(v.Summary, Longest), blocks(v.Blocks)}
			case Table:
				kept := v.Rows[:min(rows, len(v.Rows))]
				v.Rows = nil
				for _, r := range kept {
					v.Rows = append(v.Rows, slices.Clone(r))
					for i := range r {
						v.Rows[len(v.Rows)-1][i] = short(r[i])
					}
				}
				b = v
			}
			cut = append(cut, b)
		}
		return cut
	}
	out := Document{Title: text.Clip(d.Title, Longest), Alerts: append([]prose.Prose{CutNote(rows)}, list(d.Alerts)...), Lead: short(d.Lead), Points: list(d.Points), Source: d.Source, N: d.N}
	for _, s := range d.Sections {
		out.Sections = append(out.Sections, Section{Heading: text.Clip(s.Heading, Longest), Sub: s.Sub, Blocks: blocks(s.Blocks)})
	}
	return out
}

// Brief is d without the tables that only a full report has, and Whole without those that
// sum them up.
func (d Document) Brief() Document { return d.without(func(t Table) bool { return t.Detail }) }
func (d Document) Whole() Document { return d.without(func(t Table) bool { return t.Digest }) }

// Bounded is d with so many rows in each table that a reader has to unfold, or in each
// table at all. A table that has more says below it how many are left out.
func (d Document) Bounded(rows int, unfolded bool) Document {
	return d.tables(func(t Table, folded bool) []Block {
		left := len(t.Rows) - rows
		if left <= 0 || !folded && !unfolded {
			return []Block{t}
		}
		t.Rows = t.Rows[:rows]
		said := Small(book.Say("rows left out", prose.Values{"Left": left, "Of": left + rows}))
		if t.Fold == "" {
			return []Block{t, said}
		}
		summary := t.Fold
		t.Fold = ""
		return []Block{Fold{summary, []Block{t, said}}}
	})
}

// without is d without some tables.
func (d Document) without(left func(Table) bool) Document {
	return d.tables(func(t Table, _ bool) []Block {
		if left(t) {
			return nil
		}
		return []Block{t}
	})
}

// tables is d with what shows gives for each table; folded says whether a reader has to
// unfold it.
func (d Document) tables(shows func(t Table, folded bool) []Block) Document {
	var blocks func(all []Block, folded bool) []Block
	blocks = func(all []Block, folded bool) (kept []Block) {
		for _, b := range all {
			switch v := b.(type) {
			case Fold:
				kept = append(kept, Fold{v.Summary, blocks(v.Blocks, true)})
			case Table:
				kept = append(kept, shows(v, folded || v.Fold != "")...)
			default:
				kept = append(kept, b)
			}
		}
		return kept
	}
	sections := make([]Section, len(d.Sections))
	for i, s := range d.Sections {
		s.Blocks = blocks(s.Blocks, false)
		sections[i] = s
	}
	d.Sections = sections
	return d
}

// Pictures gives all charts of the document.
func (d Document) Pictures() (pics []Picture) {
	for _, s := range d.Sections {
		for _, b := range s.Blocks {
			if p, ok := b.(Picture); ok {
				pics = append(pics, p)
			}
		}
	}
	return pics
}

// SourceOf is what stands at the foot of a picture of d.
func (d Document) SourceOf(p Picture) string {
	return joinSource(cmp.Or(p.Source, d.Source), cmp.Or(p.N, d.N))
}

// Details shows each scenario by itself.
type Details struct {
	Heading string
	Each    []Detail
}

// Detail is a scenario by itself. Rows that begin with its label, or with its full name, are
// about it.
type Detail struct {
	Label, Full, Mode string
	Axes              string // axis=value, with spaces between
	Blocks            []Block
}

type Section struct {
	Heading string
	Sub     bool // one level lower
	// Folded hides the section, with those one level lower behind it, on a page that a
	// reader can unfold.
	Folded bool
	// Roomy folds the section where a page has little room, such as on a phone.
	Roomy  bool
	Blocks []Block
}

// FoldedWhole hides all of a section behind its heading.
func (s Section) FoldedWhole() Section {
	return Section{Blocks: []Block{Fold{s.Heading, s.Blocks}}}
}

// Block is a paragraph (prose), a table, a list or a figure.
type Block any

// Picture is a chart in a file of its own beside the report.
type Picture struct {
	File  string
	Alt   string
	Chart chart.Chart
	// N says from how many trials each figure comes, as Counted does.
	N string
	// Source is that of the picture, where it is not that of its document.
	Source string
}

// Mermaid is a chart in the language of mermaid, which GitHub draws.
type Mermaid string

// Listing is program text, or commands, as they are typed.
type Listing struct {
	Language string // for colours: go, c, sh
	Text     string
}

// Small is a paragraph that explains a table or a chart.
type Small prose.Prose

// Fold hides blocks behind a summary.
type Fold struct {
	Summary string
	Blocks  []Block
}

// Empty reports whether there is nothing behind the summary.
func (f Fold) Empty() bool {
	for _, b := range f.Blocks {
		switch v := b.(type) {
		case Table:
			if len(v.Rows) > 0 {
				return false
			}
		case Bullets:
			if len(v) > 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

type Bullets []prose.Prose

// FileName makes a name from outside, such as that of a kernel, one that a file can have.
func FileName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.':
			return r
		}
		return '-'
	}, name)
}

// Numbered names the i-th file of a kind of chart.
func Numbered(name string, i int) string {
	if i > 0 {
		name += "-" + strconv.Itoa(i+1)
	}
	return name + ".svg"
}
