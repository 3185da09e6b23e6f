package document

import (
	"strings"
	"testing"
)

// A long list of differences is told by its number, and none of the host's own.
func TestBriefly(t *testing.T) {
	var notes []string
	for _, n := range []string{"floor: x", "SMT: off → on"} {
		notes = append(notes, n)
	}
	for range 20 {
		notes = append(notes, "kernel option CONFIG_X: y → n")
	}
	notes = append(notes, "sysctl a: 1 → 2", "mitigation retbleed: – → Vulnerable")
	got := Briefly(notes)
	if !strings.HasPrefix(got, "floor: x; SMT: off → on; kernel option CONFIG_X: y → n; ") || !strings.HasSuffix(got, "; mitigation retbleed: – → Vulnerable; 1 more sysctl; 16 more kernel options") {
		t.Errorf("%s", got)
	}
}
