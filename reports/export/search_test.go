package export

import (
	"strings"
	"testing"

	"tunbench/reports/fixture"
)

// What is not resolved is never printed as if it were.
func TestSearchIsMarkedUnresolved(t *testing.T) {
	f := fixture.WithSearches()
	text := summaryOf(t, f)
	for _, want := range []string{
		"rate search size=64: NDR 1,004 kpps; PDR 1,020 kpps (quick, 19 trials in 17.2 s)\n",
		"rate search size=1500: NDR unresolved: exceeded even at the lowest load, 1270 packets/s; PDR at least 800 kpps, unresolved: the search was at its cap of 1m0s (",
		"rate search TAP size=64: NDR at least 1,000 kpps, unresolved: not exceeded",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("summary lacks %q:\n%s", want, text)
		}
	}
}
