package question

import (
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/finding"
	"tunbench/reports/prose"
)

// Commands has, for each finding, the command that checks it; no block where there is none.
func Commands(found []finding.Finding) document.Fold {
	var lines []string
	for _, f := range found {
		if c := f.Command(); c != "" {
			subject, base := f.Names()
			lines = append(lines, book.Text("command", prose.Values{"A": base, "B": subject}), c)
		}
	}
	if len(lines) == 0 {
		return document.Fold{}
	}
	return document.Fold{
		Summary: book.Text("commands", prose.Values{"N": len(lines) / 2}),
		Blocks:  []document.Block{document.Listing{Language: "sh", Text: strings.Join(lines, "\n")}},
	}
}
