package harness

import (
	"fmt"
	"time"

	"tunbench/harness/sink"
	"tunbench/harness/worker"
)

const (
	lockstepPackets = 4096     // a trial, if they are small
	lockstepBytes   = 32 << 20 // of IP a trial, at most
	lockstepLeast   = 256      // packets a trial
	// lockstepLimit ends a trial whose packets do not come back.
	lockstepLimit = 2 * time.Minute
)

// lockstepCount is how many packets a trial in lockstep sends.
func lockstepCount(size int) uint64 {
	if size <= 0 {
		return lockstepPackets
	}
	return uint64(max(lockstepLeast, min(lockstepPackets, lockstepBytes/size)))
}

// startLockstep lets one thread send and read in turn.
func (b *bed) startLockstep() error {
	sender := b.senders[0]
	bufs := make([][]byte, sender.Batch())
	for i := range bufs {
		bufs[i] = make([]byte, MaxSize+headroom)
		for at := 0; at < len(bufs[i]); at += 4096 {
			bufs[i][at] = 1 // a page that is first touched in a trial costs a fault
		}
	}
	for i, q := range b.device.Queues() {
		b.readers = append(b.readers, sink.New(b.sinkConfig(i, q), &b.reading))
	}
	count := lockstepCount(b.spec.Size)
	var err error
	b.lockstep, err = worker.Start(b.placement.Sender[0], func() error {
		// The first round warms caches, routes and the slab up; it is sent,
		// read and accounted for like the others, but not timed.
		if err := b.round(bufs); err != nil {
			return err
		}
		warm := sender.Progress()
		b.warmSend, b.warmAccepted = warm.CallNs, warm.Accepted
		for _, r := range b.readers {
			b.warmSweep += r.SweepNs
			b.warmDelivered += r.Delivered
		}
		for sender.Progress().Accepted < warm.Accepted+count {
			if err := b.round(bufs); err != nil {
				return err
			}
			if b.sending.Stop.Load() {
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("start the lockstep: %w", err)
	}
	go b.watch(b.lockstep, "the lockstep")
	go func() {
		if b.lockstep.Wait() == nil {
			close(b.allSent)
		}
	}()
	return nil
}

// round sends one batch and reads it back.
func (b *bed) round(bufs [][]byte) error {
	if err := b.senders[0].Step(&b.sending); err != nil {
		return err
	}
	for _, r := range b.readers {
		if err := r.Sweep(bufs); err != nil {
			return err
		}
	}
	return nil
}

// lockstepSendNs is the time inside the calls of the sender for each packet,
// the first round left out.
func (b *bed) lockstepSendNs() (float64, bool) {
	sent := b.senders[0].Progress()
	if sent.Accepted == b.warmAccepted {
		return 0, false
	}
	return float64(sent.CallNs-b.warmSend) / float64(sent.Accepted-b.warmAccepted), true
}

// lockstepRecvNs is the same for the reads, those that find a queue empty
// included: one for each queue and batch.
func (b *bed) lockstepRecvNs() (float64, bool) {
	var sweep, delivered uint64
	for _, r := range b.readers {
		sweep += r.SweepNs
		delivered += r.Delivered
	}
	if delivered == b.warmDelivered {
		return 0, false
	}
	return float64(sweep-b.warmSweep) / float64(delivered-b.warmDelivered), true
}
