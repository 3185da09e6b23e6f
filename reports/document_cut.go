package reports

func cutNote(rows int) prose {
	if rows == 0 {
		return say(bold("The report is too long for a step summary."), " It is in the folder of --out, and on the job's log.")
	}
	return say(bold("Cut: the report is too long for a step summary."), " Of each table and list, the first "+plural(rows, "row is", "rows are")+" shown. The whole report is in the folder of --out.")
}

// longest is the number of characters that a piece of text keeps in a summary
// that is cut.
const longest = 400
