package document

import (
	"tunbench/reports/prose"
)

// CutNote says that a report was shortened to so many rows of each table and list;
// of 0 rows, that all of it was left out.
func CutNote(rows int) prose.Prose {
	if rows == 0 {
		return book.Say("cut all", nil)
	}
	return book.Say("cut rows", prose.Values{"Rows": rows})
}

// Longest is the number of characters that a piece of text keeps in a summary
// that is cut.
const Longest = 400
