package plan

import (
	"testing"

	"tunbench/reports/record"
)

func TestParseClock(t *testing.T) {
	for name, want := range map[string]string{"": record.ClockMonotonic, "monotonic": record.ClockMonotonic, "icount": record.ClockICount} {
		if got, err := ParseClock(name); got != want || err != nil {
			t.Errorf("%q: %q, %v", name, got, err)
		}
	}
	if _, err := ParseClock("sundial"); err == nil {
		t.Error("a sundial was taken")
	}
}
