package document

import (
	"slices"
	"strings"
	"testing"
)

// What matters most comes after the words that a row begins with, with its interval, and no
// cell changes its column.
func TestLeadFirst(t *testing.T) {
	table := Table{
		Columns: slices.Concat(Text("scenario", "metric"), Numeric("base"), Leading(Numeric("change")), Interval("interval"), Numeric("p"), Interval("of p"), Leading(Text("verdict")), Text("notes")),
	}
	var names []string
	for _, c := range table.Columns {
		names = append(names, c.Name)
	}
	cells := make([]any, len(names))
	for i, name := range names {
		cells[i] = name
	}
	table.Rows = append(table.Rows, Row(cells...))
	const want = "scenario metric change interval verdict base p of p notes"
	shown := table.LeadFirst()
	var columns, row []string
	for i, c := range shown.Columns {
		columns, row = append(columns, c.Name), append(row, PlainText(shown.Rows[0][i]))
	}
	if strings.Join(columns, " ") != want || !slices.Equal(columns, row) {
		t.Errorf("columns %q, row %q", columns, row)
	}
	if table.Columns[2].Name != "base" {
		t.Error("the table itself is changed")
	}
	if plain := (Table{Columns: Numeric("a", "b")}).LeadFirst(); plain.Columns[0].Name != "a" {
		t.Error("a table without such columns is changed")
	}
}
