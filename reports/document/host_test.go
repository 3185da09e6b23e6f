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

// What the figures of a picture come from is counted in the singular where there is one.
func TestCounted(t *testing.T) {
	for _, c := range []struct {
		counts []int
		of     string
		want   string
	}{
		{nil, "trials", ""},
		{[]int{7, 7}, "trials each", "n = 7 trials each"},
		{[]int{5, 7}, "trials each", "n = 5–7 trials each"},
		{[]int{1, 1}, "trials each", "n = 1 trial each"},
		{[]int{1}, Boots(), "n = 1 boot"},
		{[]int{1}, EachSide(), "n = 1 trial on each side"},
	} {
		if got := Counted(c.counts, c.of); got != c.want {
			t.Errorf("%v %s: %q, want %q", c.counts, c.of, got, c.want)
		}
	}
}
