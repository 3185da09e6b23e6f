package document

import (
	"tunbench/reports/prose"
	"tunbench/reports/text"
)

type Table struct {
	Columns []Column
	Rows    [][]prose.Prose
	Note    prose.Prose // below the table: what the columns mean
	Fold    string      // if not "", the table is folded behind this summary
	Detail  bool        // only a full report has the table: see Brief
}

func (t Table) Folded(what string) Table {
	if len(t.Rows) > foldAbove {
		t.Fold = what + ": " + text.Plural(len(t.Rows), "row", "rows")
	}
	return t
}

type Column struct {
	Name    string
	Numeric bool // aligned to the right
}

func Text(names ...string) (c []Column) {
	for _, n := range names {
		c = append(c, Column{Name: n})
	}
	return c
}

func Numeric(names ...string) (c []Column) {
	for _, n := range names {
		c = append(c, Column{Name: n, Numeric: true})
	}
	return c
}

// Row builds a row of strings and prose.
func Row(cells ...any) []prose.Prose {
	r := make([]prose.Prose, len(cells))
	for i, c := range cells {
		r[i] = prose.Say(c)
	}
	return r
}

// foldAbove is the number of rows above which a table is folded.
const foldAbove = 24
