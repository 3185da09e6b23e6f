// Package reports turns the records of a run into a report. Every figure is
// computed once, into a document of prose, tables and charts; a renderer
// escapes, places and draws what it finds there.
package reports

import "fmt"

// document is a report before it is rendered. Every figure in it is computed
// and has its unit; a renderer only escapes, places and draws.
type document struct {
	title    string
	alerts   []prose // what the reader must know before any figure
	lead     prose
	points   []prose // the result in a few lines
	sections []section
}

type section struct {
	heading string
	sub     bool // one level lower
	blocks  []block
}

// block is a paragraph (prose), a table, a list or a figure.
type block any

// prose is text in pieces. No piece is escaped: renderers do that.
type prose []piece

type piece struct {
	text string
	look look
}

type look int

const (
	plain look = iota
	code
	strong
)

// say builds prose of strings and pieces.
func say(parts ...any) prose {
	var p prose
	for _, part := range parts {
		switch v := part.(type) {
		case string:
			p = append(p, piece{text: v})
		case piece:
			p = append(p, v)
		case prose:
			p = append(p, v...)
		default:
			p = append(p, piece{text: fmt.Sprint(v)})
		}
	}
	return p
}

func mono(s string) piece { return piece{s, code} }
func bold(s string) piece { return piece{s, strong} }

type bullets []prose

type table struct {
	columns []column
	rows    [][]prose
	note    prose  // below the table: what the columns mean
	fold    string // if not "", the table is folded behind this summary
}

type column struct {
	name    string
	numeric bool // aligned to the right
}

func text(names ...string) (c []column) {
	for _, n := range names {
		c = append(c, column{name: n})
	}
	return c
}

func numeric(names ...string) (c []column) {
	for _, n := range names {
		c = append(c, column{n, true})
	}
	return c
}

// row builds a row of strings and prose.
func row(cells ...any) []prose {
	r := make([]prose, len(cells))
	for i, c := range cells {
		r[i] = say(c)
	}
	return r
}

// picture is a chart in a file of its own beside the report.
type picture struct {
	file  string
	alt   string
	chart chart
}

// foldAbove is the number of rows above which a table is folded.
const foldAbove = 24

func (t table) folded(what string) table {
	if len(t.rows) > foldAbove {
		t.fold = what + ": " + plural(len(t.rows), "row", "rows")
	}
	return t
}

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
