// Package carry moves packets from one device to another.
package carry

// Wait says how a thread waits for packets.
type Wait int

const (
	Block Wait = iota // in a system call, on a blocking descriptor
	Poll              // in poll(2), when a non-blocking call gave EAGAIN
	Spin              // not at all
)

// roomWithin is in ns how long a thread that is to finish waits for a
// descriptor to take a packet.
const roomWithin = int64(1e9)
