package sink

import (
	"sync/atomic"
	"time"

	"tunbench/harness/worker"
)

// Wait is how a reader waits for packets.
type Wait int

const (
	Block Wait = iota // in read(2), on a blocking descriptor
	Poll              // in poll(2), when a non-blocking read gave EAGAIN
	Spin              // not at all
	URing             // in io_uring_enter(2), which asks for many reads at once
)

// Config says what a reader reads.
type Config struct {
	FD      int // of one queue; blocking with Block, else non-blocking
	Queue   int
	CPU     int
	Wait    Wait
	Split   bool      // readv(2), with the headers of the device in a buffer of their own
	Ring    RingReads // with URing
	TAP     bool
	PI      bool
	VnetHdr int // bytes, 0 for none
	Flows   int
	MaxRead int // bytes that a read can return, headers included
	// Every says that the checksums of all packets are verified, not of a sample.
	Every bool
	Stubs Stubs // in which GSO packets end
	// Open says that packets were due at times of their own: latency counts
	// from then, and Service is filled.
	Open  bool
	Pause time.Duration // to sleep once a second while Measured; 0: never
}

// Control is shared by the readers of a trial.
type Control struct {
	Measuring atomic.Bool // latency is recorded
	// Measured is the measured time. In an open loop the latency of a packet is
	// recorded if it was due in that time, whenever it is read.
	Measured worker.Span
	Drain    atomic.Bool    // no more packets will come: end when the queue is empty
	Barrier  worker.Barrier // holds back readers that found their queue empty; those that wait in read(2) are not in the way
}
