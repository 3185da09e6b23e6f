package document

import (
	"tunbench/reports/prose"
	"tunbench/reports/text"
)

func CutNote(rows int) prose.Prose {
	if rows == 0 {
		return prose.Say(prose.Bold("The report is too long for a step summary."), " It is in the folder of --out, and on the job's log.")
	}
	return prose.Say(prose.Bold("Cut: the report is too long for a step summary."), " Of each table and list, the first "+text.Plural(rows, "row is", "rows are")+" shown. The whole report is in the folder of --out.")
}

// Longest is the number of characters that a piece of text keeps in a summary
// that is cut.
const Longest = 400
