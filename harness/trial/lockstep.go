package trial

import (
	"fmt"
	"slices"
	"time"

	"tunbench/harness/account"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/harness/worker"
)

const (
	// A block is so many rounds of a batch each. Its figure is the mean of the
	// middle half of its rounds: those that hold a tick of the timer are not
	// among them.
	lockstepBytes = 16 << 20 // of IP a block, at most
	mostRounds    = 40
	leastRounds   = 4
	mostBlocks    = 12
	// lockstepRest is how long the kernel is left alone with what building the
	// device, and tearing the last one down, has left to do. In virtual time,
	// where a guest without work jumps to its next timer, it costs nothing.
	lockstepRest = 300 * time.Millisecond
	// lockstepLimit ends a trial whose packets do not come back.
	lockstepLimit = 2 * time.Minute
)

// lockstepRounds is how many rounds a block has. IMIX packets are small.
func lockstepRounds(size, batch int) int {
	return max(leastRounds, min(mostRounds, lockstepBytes/(max(size, spec.MinSize)*batch)))
}

// lockstep is the one worker of gen=lockstep: it sends a batch, reads it back, and
// so on.
type lockstep struct {
	account.Rounds
	spec    spec.Spec
	sender  *traffic.Sender
	readers []*sink.Reader // of all queues
	sending *traffic.Control
	reading *sink.Control
	// lasts, if not 0, is how long it goes on, however many blocks that takes.
	lasts time.Duration

	thread    *worker.Thread
	until     int64 // when it may end, in ns of the trial's clock; 0: after its blocks
	unsettled bool
	bufs      [][]byte
}

// start lets one thread send and read in turn.
func (l *lockstep) start(cpu int) (err error) {
	l.bufs = make([][]byte, l.sender.Batch())
	for i := range l.bufs {
		l.bufs[i] = make([]byte, spec.MaxSize+spec.Headroom)
		for at := 0; at < len(l.bufs[i]); at += 4096 {
			l.bufs[i][at] = 1 // a page that is first touched in a trial costs a fault
		}
	}
	l.thread, err = worker.Start(cpu, func() error {
		time.Sleep(lockstepRest)
		now := worker.Now()
		l.reading.Measured.Begin(now)
		l.Began = now
		if l.lasts > 0 {
			l.until = now + int64(l.lasts)
		}
		return l.blocks()
	})
	if err != nil {
		return fmt.Errorf("start the lockstep: %w", err)
	}
	return nil
}

// blocks measures as many blocks as the trial needs.
func (l *lockstep) blocks() error {
	n := lockstepRounds(l.spec.Size, len(l.bufs))
	send, recv := make([]float64, n), make([]float64, n)
	// The first round warms caches, routes and the slab up; it is sent, read and
	// accounted for like the others, but not timed.
	if err := l.round(&send[0], &recv[0]); err != nil {
		return err
	}
	for !l.enough(l.spec.Settle) && (l.until > 0 || len(l.Send) < mostBlocks) {
		for i := range n {
			if l.sending.Stop.Load() {
				return nil
			}
			if err := l.round(&send[i], &recv[i]); err != nil {
				return err
			}
		}
		l.Send = append(l.Send, middleHalf(send))
		l.Recv = append(l.Recv, middleHalf(recv))
	}
	l.unsettled = !l.enough(l.spec.Settle)
	return nil
}

// enough reports whether the trial has its figures: five blocks, which in virtual
// time must agree, since a guest that has just booted still does other things.
// Where the reader pauses, the trial is long enough for most batches to meet no
// pause.
func (l *lockstep) enough(settle bool) bool {
	if l.until > 0 {
		return len(l.Send) >= account.Blocks && worker.Now() >= l.until
	}
	if !settle || len(l.Send) < account.Blocks {
		return len(l.Send) >= account.Blocks
	}
	return l.Agree()
}

// middleHalf is the interquartile mean of x, which it sorts.
func middleHalf(x []float64) float64 {
	slices.Sort(x)
	middle := x[len(x)/4 : len(x)-len(x)/4]
	var sum float64
	for _, v := range middle {
		sum += v
	}
	return sum / float64(len(middle))
}

// round sends one batch and reads it back. It stores the time inside the calls
// of each end, in ns per packet: of those sent, and of those received. Reads that
// find a queue empty count, one for each queue.
func (l *lockstep) round(send, recv *float64) error {
	before := l.sender.Progress()
	if err := l.sender.Step(l.sending); err != nil {
		return err
	}
	after := l.sender.Progress()
	*send = float64(after.CallNs-before.CallNs) / float64(max(1, after.Accepted-before.Accepted))
	var ns, delivered uint64
	for _, r := range l.readers {
		ns -= r.SweepNs
		delivered -= r.Delivered
		if err := r.Sweep(l.bufs); err != nil {
			return err
		}
		ns += r.SweepNs
		delivered += r.Delivered
	}
	*recv = float64(ns) / float64(max(1, delivered))
	return nil
}
