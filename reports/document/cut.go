package document

import "tunbench/reports/prose"

// CutNote says that a document was cut to so many rows of each table and list.
func CutNote(rows int) prose.Prose {
	if rows == 0 {
		return book.Say("cut to nothing", nil)
	}
	return book.Say("cut to rows", prose.Values{"Rows": rows})
}

// Longest is the number of characters that a piece of text keeps in a summary
// that is cut.
const Longest = 400
