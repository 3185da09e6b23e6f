package bench

import "testing"

func TestParseClock(t *testing.T) {
	for name, want := range map[string]string{"": ClockMonotonic, "monotonic": ClockMonotonic, "icount": ClockICount} {
		if got, err := ParseClock(name); got != want || err != nil {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if _, err := ParseClock("sundial"); err == nil {
		t.Error("a sundial was taken")
	}
}
