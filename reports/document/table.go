package document

import (
	"slices"

	"tunbench/reports/prose"
	"tunbench/reports/text"
)

type Table struct {
	Columns []Column
	Rows    [][]prose.Prose
	Note    prose.Prose // below the table: what the columns mean
	Fold    string      // if not "", the table is folded behind this summary
	Detail  bool        // only a full report has the table: see Brief
	Digest  bool        // a full report leaves it out, since a table with Detail has more: see Whole
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
	// Beside says that the column has the intervals of the figures in the column before it. On
	// a phone they stand below the figures.
	Beside bool
	// Lead says that the column matters more than those before it: a page, which may be
	// narrow, shows it, with the intervals beside it, next to the words that a row begins with.
	Lead bool
	// Full is the figure whose bar fills its cell, in a page that draws bars behind the
	// figures; 0 for no bars. Worse says that a long bar is no good sign.
	Full  float64
	Worse bool
}

// Fill gives columns of some name bars that are as long in all tables as their figures: the
// largest figure of all fills its cell.
func Fill(tables []Table, name string, worse bool) {
	full := 0.0
	each := func(of func(column *Column, cells []prose.Prose)) {
		for _, t := range tables {
			for i := range t.Columns {
				if t.Columns[i].Name != name {
					continue
				}
				var cells []prose.Prose
				for _, r := range t.Rows {
					cells = append(cells, r[i])
				}
				of(&t.Columns[i], cells)
			}
		}
	}
	each(func(_ *Column, cells []prose.Prose) {
		for _, c := range cells {
			if v, ok := text.ShownValue(PlainText(c)); ok {
				full = max(full, v)
			}
		}
	})
	each(func(c *Column, _ []prose.Prose) { c.Full, c.Worse = full, worse })
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

// Leading are columns that matter most.
func Leading(columns []Column) []Column {
	for i := range columns {
		columns[i].Lead = true
	}
	return columns
}

// LeadFirst is t with the columns that matter most before others, but after the words that
// a row begins with.
func (t Table) LeadFirst() Table {
	var begin, lead, rest []int
	for i, c := range t.Columns {
		switch {
		case c.Lead, c.Beside && len(lead) > 0 && lead[len(lead)-1] == i-1:
			lead = append(lead, i)
		case !c.Numeric && len(lead)+len(rest) == 0:
			begin = append(begin, i)
		default:
			rest = append(rest, i)
		}
	}
	order := slices.Concat(begin, lead, rest)
	shown := t
	shown.Columns, shown.Rows = nil, make([][]prose.Prose, len(t.Rows))
	for _, i := range order {
		shown.Columns = append(shown.Columns, t.Columns[i])
		for at, r := range t.Rows {
			shown.Rows[at] = append(shown.Rows[at], r[i])
		}
	}
	return shown
}

// Interval is the column of the intervals of the column before it.
func Interval(name string) []Column { return []Column{{Name: name, Numeric: true, Beside: true}} }

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
