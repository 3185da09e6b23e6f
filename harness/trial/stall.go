package trial

import (
	"time"

	"tunbench/harness/spec"
)

const (
	// stallAfter is how long nothing may arrive before the devices of the hosts
	// are looked at, and stallLimit how long it may at all: TCP that lost much
	// waits longer and longer before it tries again.
	stallAfter = 300 * time.Millisecond
	stallLimit = 5 * time.Second
	// guestStalls is the same with a virtual machine, whose CPUs may have to wait for
	// those of the host.
	guestStalls = 30 * time.Second
	// lossyStalls is the same on a link that loses packets: TCP waits 0.2 s before it sends
	// one again, and twice as long each time that it is lost.
	lossyStalls = 15 * time.Second
	guardEvery  = 100 * time.Millisecond
)

// patienceOf is how long nothing may arrive.
func patienceOf(s spec.Spec) time.Duration {
	switch {
	case s.Path == spec.PathGuest:
		return guestStalls
	case s.Drop > 0:
		return lossyStalls
	}
	return stallLimit
}
