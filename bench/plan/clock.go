package plan

import (
	"fmt"

	"tunbench/reports/record"
)

// ParseClock checks the name of a clock; an empty one is record.ClockMonotonic.
// A guest cannot find out that its time is virtual: whatever boots it sets the clock.
func ParseClock(name string) (string, error) {
	switch name {
	case "":
		return record.ClockMonotonic, nil
	case record.ClockMonotonic, record.ClockICount:
		return name, nil
	}
	return "", fmt.Errorf("no clock %q: choose %s or %s", name, record.ClockMonotonic, record.ClockICount)
}
