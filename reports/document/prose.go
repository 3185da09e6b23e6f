package document

import (
	"strings"

	"tunbench/reports/prose"
	"tunbench/reports/text"
)

// PlainText is p without its looks.
func PlainText(p prose.Prose) string {
	var b strings.Builder
	for _, piece := range p {
		b.WriteString(text.Printable(piece.Text))
	}
	return b.String()
}

// And puts a sentence behind others.
func And(p, next prose.Prose) prose.Prose {
	if len(p) == 0 || len(next) == 0 {
		return append(p, next...)
	}
	return append(append(p, prose.Say(" ")...), next...)
}
