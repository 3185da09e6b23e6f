package sink

import (
	"errors"
	"fmt"

	"tunbench/harness/uring"
	"tunbench/harness/worker"

	"golang.org/x/sys/unix"
)

// ringReader is a Reader with Wait URing.
type ringReader struct{ *Reader }

// loop is a hot loop: it does not allocate.
func (r ringReader) loop() (err error) {
	defer r.publish()
	if err := r.ring.Enable(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.release()) }()
	switch r.ring.reads {
	case RingMultishot:
		return r.multishot()
	case RingChained:
		return r.chains()
	}
	return r.bursts()
}

// chains prepares many reads, each of which begins when the one before it has
// found a packet. It is for kernels on which every read waits: so only one
// does.
func (r ringReader) chains() error {
	ring := r.ring
	for {
		worker.Turn()
		drain := r.control.Drain.Load()
		if ring.flying == 0 {
			last := ring.buffers.Len() - 1
			for i := range last {
				ring.prepare(i, 0, uring.HardLink)
			}
			ring.prepare(last, 0, 0)
		}
		got, err := r.collect()
		switch {
		case err != nil:
			return err
		case got > 0, ring.flying == 0:
			continue
		case drain:
			// The next link may not have begun.
			if left, err := r.readable(); left || err != nil {
				if err != nil {
					return err
				}
				continue
			}
			return r.cancel()
		}
		if err := r.wait(); err != nil {
			return err
		}
	}
}

// readable reports whether the queue holds a packet.
func (r ringReader) readable() (bool, error) {
	r.Calls++
	fds := [1]unix.PollFd{{Fd: int32(r.FD), Events: unix.POLLIN}}
	n, err := unix.Poll(fds[:], 0)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return false, fmt.Errorf("poll queue %d: %w", r.Queue, err)
	}
	return n > 0 || err != nil, nil
}

// collect takes the results of the reads that are under way, and does not wait.
func (r ringReader) collect() (got int, err error) {
	r.Calls++
	before := worker.Now()
	if _, errno := r.ring.Enter(0); errno != 0 && errno != unix.EINTR {
		return 0, r.refused(errno)
	}
	now := worker.Now()
	reads := r.Reads
	if err := r.reap(now); err != nil {
		return 0, err
	}
	if got = int(r.Reads - reads); got > 0 {
		r.record(got, now-before)
		r.progressed(got, now)
	}
	return got, nil
}

// wait waits until a read that is under way has a result, or the reader is to
// end.
func (r ringReader) wait() error {
	r.publish()
	r.control.Barrier.Pass()
	r.Calls++
	if _, errno := r.ring.Enter(1); errno != 0 && errno != unix.EINTR {
		return r.refused(errno)
	}
	now := worker.Now()
	reads := r.Reads
	if err := r.reap(now); err != nil {
		return err
	}
	r.progressed(int(r.Reads-reads), now)
	return nil
}

// bursts prepares as many reads that do not wait as the last ones let expect,
// and one that waits if they found the queue empty. Only for a read that waits
// does the kernel wake the thread.
func (r ringReader) bursts() error {
	ring := r.ring
	most := ring.buffers.Len()
	for batch := most; ; {
		worker.Turn()
		drain := r.control.Drain.Load()
		for i := range batch {
			ring.prepare(i, uring.NoWait, 0)
		}
		r.Calls++
		before := worker.Now()
		_, errno := ring.Submit()
		now := worker.Now()
		// They are done when the call returns, unless the kernel thinks otherwise.
		for errno == 0 && ring.Ready() < batch {
			r.Calls++
			if _, errno = ring.Enter(batch); errno == unix.EINTR {
				errno = 0
			}
			now = worker.Now()
		}
		if errno != 0 {
			return r.refused(errno)
		}
		reads := r.Reads
		if err := r.reap(now); err != nil {
			return err
		}
		got := int(r.Reads - reads)
		if got > 0 {
			r.record(got, now-before)
			r.progressed(got, now)
			// As many as there were, or more if all found one: a read that finds
			// nothing costs half of one that does.
			if got == batch {
				got += got/2 + 1
			}
			batch = min(most, got)
			continue
		}
		if drain {
			return nil
		}
		batch = 1
		if err := r.await(); err != nil {
			return err
		}
	}
}

// await returns when a packet has come, or the reader is to end.
func (r ringReader) await() error {
	r.publish()
	r.control.Barrier.Pass()
	r.ring.prepare(0, 0, 0)
	for r.ring.Ready() == 0 {
		if r.control.Drain.Load() {
			return r.cancel()
		}
		r.Calls++
		if _, errno := r.ring.Enter(1); errno != 0 && errno != unix.EINTR {
			return r.refused(errno)
		}
	}
	now := worker.Now()
	err := r.reap(now)
	r.progressed(1, now)
	return err
}

// multishot keeps the multishot read going and takes its results.
func (r ringReader) multishot() error {
	for {
		worker.Turn()
		drain := r.control.Drain.Load()
		if !r.ring.armed {
			r.ring.arm()
		}
		got, err := r.collect()
		switch {
		case err != nil:
			return err
		case got > 0, !r.ring.armed:
			continue
		case drain:
			return r.cancel()
		}
		if err := r.wait(); err != nil {
			return err
		}
	}
}

// record records the equal share of each of got packets in a call that did not
// wait.
func (r ringReader) record(got int, ns int64) {
	if r.Calls%sampleEvery != 0 {
		return
	}
	r.Timed++
	for range got {
		r.Recv.Record(uint64(ns) / uint64(got))
	}
}

// progressed publishes progress and pauses, if it is time to, after got packets.
func (r ringReader) progressed(got int, now int64) {
	r.unpublished += got
	if r.unpublished >= publishEvery || now-r.publishedAt > publishWithin {
		r.publishedAt, r.unpublished = now, 0
		r.publish()
	}
	r.pause(now)
}

// reap takes all available completions.
func (r ringReader) reap(now int64) error {
	ring := r.ring
	n := ring.Ready()
	for i := range n {
		e := ring.Completion(i)
		if !e.More() {
			ring.flying--
		}
		if e.Data == toCancel {
			ring.calling = false
			continue
		}
		number, taken := int(e.Data), false
		if ring.group != nil {
			ring.armed = e.More()
			number, taken = e.Buffer()
		}
		switch errno := e.Err(); errno {
		case 0:
			r.Reads++
			r.ReadBytes += uint64(e.Res)
			r.take(ring.buffers.At(number)[:e.Res], now)
		case unix.EAGAIN:
			r.Again++
		case unix.ECANCELED:
			ring.cancelled++
		case unix.EINTR:
		case unix.ENOBUFS:
			if ring.group == nil {
				return fmt.Errorf("read queue %d: %w", r.Queue, errno)
			}
		default:
			return fmt.Errorf("read queue %d: %w", r.Queue, errno)
		}
		if taken {
			ring.group.Give(number)
		}
	}
	if ring.group != nil {
		ring.group.Publish()
	}
	ring.Seen(n)
	return nil
}

// cancel ends the reads that are under way and takes their results. It may have
// to repeat the request: the next link of a chain may begin after the kernel
// has looked for what to cancel.
func (r ringReader) cancel() error {
	ring := r.ring
	for ring.flying > 0 {
		if !ring.calling {
			e := ring.Prepare()
			e.CancelAll()
			e.Data = toCancel
			ring.flying++
			ring.calling = true
		}
		r.Calls++
		if _, errno := ring.Enter(1); errno != 0 && errno != unix.EINTR {
			return r.refused(errno)
		}
		if err := r.reap(worker.Now()); err != nil {
			return err
		}
	}
	return nil
}

// release releases the queue, on the thread that has used the ring.
func (r ringReader) release() error {
	return errors.Join(r.cancel(), r.ring.Release())
}

func (r ringReader) refused(errno unix.Errno) error {
	return fmt.Errorf("read queue %d: %w", r.Queue, &uring.CallError{Call: "io_uring_enter", Err: errno})
}
