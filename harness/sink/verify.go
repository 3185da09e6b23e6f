package sink

import "tunbench/harness/packet"

const (
	verifyFirst = 64
	// verifyEvery is a prime: each place in a GSO packet, or in a mix of sizes, has its
	// turn.
	verifyEvery = 61
)

// blank reports whether a segment holds what its sender put behind the stamp.
func blank(segment []byte) bool {
	return len(segment) <= packet.StampLen || packet.Blank(segment[packet.StampLen:])
}
