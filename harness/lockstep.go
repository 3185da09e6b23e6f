package harness

import (
	"fmt"
	"slices"
	"time"

	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
)

const (
	// lockstepBatch is a prime, so that each batch begins at another place in
	// the slabs that its skbs come from. With 64 it would begin at the same one
	// for ever, and a trial would measure where that happens to be: 2.6 % of
	// the cost of sending 1500 bytes on Linux 6.12.
	lockstepBatch = 61
	// A block is so many rounds of a batch each. Its figure is the mean of the
	// middle half of its rounds: those that hold a tick of the timer are not
	// among them.
	lockstepBytes  = 16 << 20 // of IP a block, at most
	mostRounds     = 40
	leastRounds    = 4
	lockstepBlocks = 5 // in a trial; in virtual time, the last ones that must agree
	mostBlocks     = 12
	settledSpread  = 0.001 // by which they may differ: largest over smallest, less 1
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

// lockstep is the one worker of gen=lockstep and what it has seen.
type lockstep struct {
	thread     *worker.Thread
	send, recv []float64 // ns a packet, block by block
	began      int64     // when it had rested, in ns of the trial's clock
	until      int64     // when it may end, in ns of the trial's clock; 0: after its blocks
	unsettled  bool
}

// startLockstep lets one thread send and read in turn.
func (b *bed) startLockstep() error {
	sender := b.senders[0]
	bufs := make([][]byte, sender.Batch())
	for i := range bufs {
		bufs[i] = make([]byte, spec.MaxSize+spec.Headroom)
		for at := 0; at < len(bufs[i]); at += 4096 {
			bufs[i][at] = 1 // a page that is first touched in a trial costs a fault
		}
	}
	l := &lockstep{}
	thread, err := worker.Start(b.placement.Sender[0], func() error {
		time.Sleep(lockstepRest)
		now := worker.Now()
		b.reading.Measured.Begin(now)
		l.began = now
		if b.lockstepLasts > 0 {
			l.until = now + int64(b.lockstepLasts)
		}
		return b.blocks(l, bufs)
	})
	if err != nil {
		return fmt.Errorf("start the lockstep: %w", err)
	}
	l.thread = thread
	b.lockstep = l
	go b.watch(thread, "the lockstep")
	go func() {
		if thread.Wait() == nil {
			close(b.allSent)
		}
	}()
	return nil
}

// blocks measures as many blocks as the trial needs.
func (b *bed) blocks(l *lockstep, bufs [][]byte) error {
	rounds := lockstepRounds(b.spec.Size, len(bufs))
	send, recv := make([]float64, rounds), make([]float64, rounds)
	// The first round warms caches, routes and the slab up; it is sent, read and
	// accounted for like the others, but not timed.
	if err := b.round(bufs, &send[0], &recv[0]); err != nil {
		return err
	}
	for !l.enough(b.spec.Settle) && (l.until > 0 || len(l.send) < mostBlocks) {
		for i := range rounds {
			if b.sending.Stop.Load() {
				return nil
			}
			if err := b.round(bufs, &send[i], &recv[i]); err != nil {
				return err
			}
		}
		l.send = append(l.send, middleHalf(send))
		l.recv = append(l.recv, middleHalf(recv))
	}
	l.unsettled = !l.enough(b.spec.Settle)
	return nil
}

// enough tells whether the trial has its figures: five blocks, which in virtual
// time must agree. A guest that has just booted still does other things. Where
// the reader pauses, the trial is long enough for most batches to meet none.
func (l *lockstep) enough(settle bool) bool {
	if l.until > 0 {
		return len(l.send) >= lockstepBlocks && worker.Now() >= l.until
	}
	if !settle || len(l.send) < lockstepBlocks {
		return len(l.send) >= lockstepBlocks
	}
	return agree(lastBlocks(l.send)) && agree(lastBlocks(l.recv))
}

func lastBlocks(x []float64) []float64 { return x[max(0, len(x)-lockstepBlocks):] }

func agree(x []float64) bool {
	return slices.Max(x) <= slices.Min(x)*(1+settledSpread)
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

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

// round sends one batch and reads it back. It stores the time inside the calls
// of each side, in ns a packet: those sent, and those received. Reads that find
// a queue empty are part of it, one for each queue.
func (b *bed) round(bufs [][]byte, send, recv *float64) error {
	sender := b.senders[0]
	before := sender.Progress()
	if err := sender.Step(&b.sending); err != nil {
		return err
	}
	after := sender.Progress()
	*send = float64(after.CallNs-before.CallNs) / float64(max(1, after.Accepted-before.Accepted))
	var ns, delivered uint64
	for _, r := range b.readers {
		sweeper := r.(*sink.Reader)
		ns -= sweeper.SweepNs
		delivered -= sweeper.Delivered
		if err := sweeper.Sweep(bufs); err != nil {
			return err
		}
		ns += sweeper.SweepNs
		delivered += sweeper.Delivered
	}
	*recv = float64(ns) / float64(max(1, delivered))
	return nil
}

// lockstepNs gives the figure of one side: the median of the last blocks.
func lockstepNs(blocks []float64) (float64, bool) {
	if len(blocks) == 0 {
		return 0, false
	}
	return median(lastBlocks(blocks)), true
}
