package reports

import (
	"slices"
	"strconv"
)

// document is a report before it is rendered. Every figure in it is computed
// and has its unit; a renderer only escapes, places and draws.
type document struct {
	title    string
	alerts   []prose // what the reader must know before any figure
	lead     prose
	points   []prose // the result in a few lines
	sections []section
}

// atMost is d with so many rows in each table and list, and pieces of text of
// bearable length.
func (d document) atMost(rows int) document {
	short := func(p prose) prose {
		p = slices.Clone(p)
		for i := range p {
			p[i].text = clip(p[i].text, longest)
		}
		return p
	}
	list := func(all []prose) []prose {
		cut := make([]prose, min(rows, len(all)))
		for i := range cut {
			cut[i] = short(all[i])
		}
		return cut
	}
	var blocks func([]block) []block
	blocks = func(all []block) (cut []block) {
		for _, b := range all {
			switch v := b.(type) {
			case prose:
				b = short(v)
			case small:
				b = small(short(prose(v)))
			case bullets:
				b = bullets(list(v))
			case fold:
				b = fold{clip(v.summary, longest), blocks(v.blocks)}
			case table:
				kept := v.rows[:min(rows, len(v.rows))]
				v.rows = nil
				for _, r := range kept {
					v.rows = append(v.rows, slices.Clone(r))
					for i := range r {
						v.rows[len(v.rows)-1][i] = short(r[i])
					}
				}
				b = v
			}
			cut = append(cut, b)
		}
		return cut
	}
	out := document{title: clip(d.title, longest), alerts: append([]prose{cutNote(rows)}, list(d.alerts)...), lead: short(d.lead), points: list(d.points)}
	for _, s := range d.sections {
		out.sections = append(out.sections, section{heading: clip(s.heading, longest), sub: s.sub, blocks: blocks(s.blocks)})
	}
	return out
}

// pictures gives all charts of the document.
func (d document) pictures() (pics []picture) {
	for _, s := range d.sections {
		for _, b := range s.blocks {
			if p, ok := b.(picture); ok {
				pics = append(pics, p)
			}
		}
	}
	return pics
}

type section struct {
	heading string
	sub     bool // one level lower
	blocks  []block
}

// foldedWhole hides all of a section behind its heading.
func (s section) foldedWhole() section {
	return section{blocks: []block{fold{s.heading, s.blocks}}}
}

// block is a paragraph (prose), a table, a list or a figure.
type block any

// picture is a chart in a file of its own beside the report.
type picture struct {
	file  string
	alt   string
	chart chart
}

// mermaid is a chart in the language of mermaid, which GitHub draws.
type mermaid string

// small is a paragraph that explains a table or a chart.
type small prose

// fold hides blocks behind a summary.
type fold struct {
	summary string
	blocks  []block
}

// empty tells whether there is nothing behind the summary.
func (f fold) empty() bool {
	for _, b := range f.blocks {
		switch v := b.(type) {
		case table:
			if len(v.rows) > 0 {
				return false
			}
		case bullets:
			if len(v) > 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

type bullets []prose

// numbered names the i-th file of a kind of chart.
func numbered(name string, i int) string {
	if i > 0 {
		name += "-" + strconv.Itoa(i+1)
	}
	return name + ".svg"
}
