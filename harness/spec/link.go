package spec

import (
	"fmt"
	"time"
)

const (
	// MaxDelay is the longest Spec.Delay.
	MaxDelay = 200 * time.Millisecond
	// MaxDrop is the highest Spec.Drop: TCP that loses more comes to a standstill.
	MaxDrop = 0.1
	// MaxReorder is the highest Spec.Reorder.
	MaxReorder = 0.5
	// LinkLimit is how many packets or GSO packets a link that delays holds, each way: those
	// of 200 ms at 5 million packets a second. What hosts send at once is bounded below that
	// by the buffers of their sockets.
	LinkLimit = 1 << 20
)

const (
	// fillTrips is how many round trips TCP gets to find its rate on a link that delays.
	fillTrips = 20
	// windowTrips is how many round trips a window of such a link has at least.
	windowTrips = 10
	// leastWindows is in how many windows the measured time is cut all the same.
	leastWindows = 6
)

// linkContradiction is about the link below the path; "" is none.
func linkContradiction(s Spec) string {
	switch {
	case s.Impaired() && !s.Path.Linked():
		return fmt.Sprintf("delay, drop and reorder are those of a link between two hosts, and path=%s has none; set path=vpn, program, veth, wireguard or wireguard-go, or delay=off drop=off reorder=off", s.Path)
	case s.Reorder > 0 && s.Delay == 0:
		return "reorder lets packets overtake those that the link delays, and delay=off delays none; set a delay such as 1ms"
	}
	return ""
}
