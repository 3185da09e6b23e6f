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
