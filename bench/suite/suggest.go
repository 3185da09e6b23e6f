package suite

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/agnivade/levenshtein"
)

// Printable returns value, quoted if it could spoil a line on a terminal.
func Printable(value string) string {
	if q := strconv.Quote(value); q != `"`+value+`"` || value == "" || strings.Contains(value, " ") {
		return q
	}
	return value
}

// didYouMean suggests the candidate that is nearest to word, if one is near enough.
func didYouMean(word string, candidates []string) string {
	if len(word) > 64 {
		return ""
	}
	best, distance := "", 1+len(word)/3
	for _, c := range candidates {
		if d := levenshtein.ComputeDistance(strings.ToLower(word), c); d <= distance && (best == "" || d < distance) {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %s?)", best)
}
