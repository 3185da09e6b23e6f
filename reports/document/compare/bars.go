package compare

import (
	"strings"
	"unicode"

	"tunbench/reports/text"
)

// MostBars is how many changes a chart shows: mermaid draws no more legibly.
const MostBars = 16

// CutOff marks a bar that would not fit its chart.
const CutOff = "cut off"

// MermaidText quotes s for mermaid, which has no escapes between quotes and
// takes # and ; for entities, %% for comments and backticks for markdown: what
// would mean something is put as a character that looks like it. The tables
// have the true name.
func MermaidText(s string) string {
	return `"` + strings.Map(func(r rune) rune {
		switch {
		case r == '"' || r == '`':
			return '\''
		case strings.ContainsRune(`#;%&<>\[]{}|$`, r) || !unicode.IsPrint(r):
			return '_'
		}
		return r
	}, text.Printable(s)) + `"`
}
