package chart

import (
	"slices"
	"testing"
)

// The source breaks between its parts, so that none of them is torn, unless one alone is too
// long.
func TestSourceLines(t *testing.T) {
	for _, test := range []struct {
		source string
		chars  int
		want   []string
	}{
		{"2 × a CPU · Linux 6.18 · n = 6 trials each", 80, []string{"2 × a CPU · Linux 6.18 · n = 6 trials each"}},
		{"2 × a CPU · Linux 6.18 · n = 6 trials each", 30, []string{"2 × a CPU · Linux 6.18 ·", "n = 6 trials each"}},
		{"2 × a CPU · Linux 6.18 · n = 6 trials each", 14, []string{"2 × a CPU ·", "Linux 6.18 ·", "n = 6 trials", "each"}},
		{"2 × a CPU · Linux 6.18 · n = 6", 9, []string{"2 × a CPU", "· Linux", "6.18", "· n = 6"}},
		{"alone", 30, []string{"alone"}},
	} {
		if got := sourceLines(test.source, test.chars); !slices.Equal(got, test.want) {
			t.Errorf("%q in %d: %q, want %q", test.source, test.chars, got, test.want)
		}
	}
}
