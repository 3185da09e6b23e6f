package record

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// TestNumbersOfReasonsBearTheirKernel: a drop reason that was stored as a number is that
// of the kernel that was measured, and is left alone if it says so, or has a name.
func TestNumbersOfReasonsBearTheirKernel(t *testing.T) {
	for _, c := range []struct{ kernel, want string }{
		{"6.18.44", "reason 77 of 6.18.44"}, {"6.12.1", "reason 77 of 6.12.1"}, {"", "reason 77 of an unknown kernel"},
	} {
		text := `{"kind":"run","schema":1,"id":"x","host":{"kernel":"` + c.kernel + `"}}
{"kind":"trial","scenario":"Tun","arm":"observed","pair":1,"trial":1,"metrics":{},"accounting":{"accepted":9,"dropped":{"reason 77":3,"FULL_RING":5,"reason 78 of 6.1.0":1}},"directions":{"u2k":{"accounting":{"dropped":{"reason 77":2}}}},"hops":[{"name":"a","dropped":{"reason 77":1}}]}
`
		f, err := Read(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		trial := f.Trials[0]
		got := slices.Sorted(maps.Keys(trial.Accounting.Dropped))
		if !slices.Equal(got, []string{"FULL_RING", c.want, "reason 78 of 6.1.0"}) || trial.Accounting.Dropped[c.want] != 3 {
			t.Errorf("of %q: %v, want %s", c.kernel, trial.Accounting.Dropped, c.want)
		}
		if trial.Directions["u2k"].Accounting.Dropped[c.want] != 2 || trial.Hops[0].Dropped[c.want] != 1 {
			t.Errorf("of %q: %v, %v", c.kernel, trial.Directions, trial.Hops)
		}
	}
}
