package reports

type table struct {
	columns []column
	rows    [][]prose
	note    prose  // below the table: what the columns mean
	fold    string // if not "", the table is folded behind this summary
}

func (t table) folded(what string) table {
	if len(t.rows) > foldAbove {
		t.fold = what + ": " + plural(len(t.rows), "row", "rows")
	}
	return t
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

// foldAbove is the number of rows above which a table is folded.
const foldAbove = 24
