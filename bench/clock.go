package bench

import "fmt"

// Clocks of a run.
const (
	ClockMonotonic = "monotonic"
	// ClockICount is virtual time: a nanosecond is an instruction of the guest.
	ClockICount = "icount"
)

// ParseClock checks the name of a clock; an empty one is ClockMonotonic. Who
// boots a guest in virtual time tells it so: the guest cannot see it.
func ParseClock(name string) (string, error) {
	switch name {
	case "":
		return ClockMonotonic, nil
	case ClockMonotonic, ClockICount:
		return name, nil
	}
	return "", fmt.Errorf("no clock %q: choose %s or %s", name, ClockMonotonic, ClockICount)
}
