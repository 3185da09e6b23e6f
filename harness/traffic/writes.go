package traffic

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/harness/call"
	"tunbench/harness/socket"
	"tunbench/harness/worker"
)

const (
	// giveUp is after how many writes, none of which the kernel took, a sender
	// ends: nothing of what it writes will ever be taken.
	giveUp = 1000
	// pollTimeout in ms bounds how long a sender does not look at Control.Stop.
	pollTimeout = 50
	// maxErrno is that of include/linux/err.h of those that user space can see.
	maxErrno = 134
)

// writes is what a sender knows about its writes.
type writes struct {
	each bool    // calls take one packet each, which is stamped right before: call does not know of batches
	due  []int64 // of a paced sender: when each message of the batch is due
	// The flow and the first message of the call that is made.
	position, first int

	sizes   [bits.UintSize]uint64 // packets by the power of two that their length fits in
	bytes   uint64
	errors  [maxErrno]uint64
	refused []uint64 // segments of each flow that will not be written again
	failed  int      // writes without success, until the first that had it: then -1
	last    unix.Errno
	gone    int // writes in a row that found no device
}

// Writes is the result of the writes of a sender.
type Writes struct {
	Bytes  uint64            // accepted, headers of the device included
	Errors map[string]uint64 // packets or GSO packets by errno name; EAGAIN is written again
	Sizes  map[string]uint64 // accepted packets or GSO packets by their length rounded up to a power of two
}

func newWrites(flows, messages int) *writes {
	return &writes{each: true, due: make([]int64, messages), refused: make([]uint64, flows)}
}

// writeSender is a Sender that writes packets into a device, by whatever call.
type writeSender struct{ *Sender }

// timedEvery is of how many packets one bears the time, in a closed loop in which each
// packet has a call of its own: reading the clock for all of them costs 1 % of the rate.
const timedEvery = 8

// write passes messages of one flow to the device, one by each call, until one
// is refused. Each is stamped right before its call.
func (s writeSender) write(fd int, messages []socket.Message) (int, unix.Errno) {
	w := s.writes
	seq := s.seqs[w.position]
	for k := range messages {
		worker.Turn()
		var due, now int64
		switch {
		case s.Pace.Rate > 0:
			now, due = s.now(), w.due[w.first+k]
			s.counts.Looks++
		case s.batch.segments > 1 || (w.first+k)%timedEvery == 0:
			now = s.now()
			due = now
			s.counts.Looks++
		}
		s.batch.stampOne(w.first+k, w.position, seq, due, now)
		seq += s.batch.segments
		header := &messages[k].Header
		var errno unix.Errno
		if s.Vectored {
			_, _, errno = syscall.RawSyscall(unix.SYS_WRITEV, uintptr(fd), uintptr(unsafe.Pointer(header.Iov)), uintptr(header.Iovlen))
		} else {
			_, _, errno = syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(header.Iov.Base)), uintptr(header.Iov.Len))
		}
		if errno != 0 {
			s.counts.Calls += uint64(k) // and the one that hand counts
			return k, errno
		}
	}
	s.counts.Calls += uint64(len(messages) - 1)
	return len(messages), 0
}

// sum summarises the writes; w may be nil.
func (w *writes) sum() Writes {
	out := Writes{Errors: map[string]uint64{}, Sizes: map[string]uint64{}}
	if w == nil {
		return out
	}
	out.Bytes = w.bytes
	for power, n := range w.sizes {
		if n > 0 {
			out.Sizes[strconv.Itoa(1<<power)] += n
		}
	}
	for errno, n := range w.errors {
		if n == 0 {
			continue
		}
		name := unix.ErrnoName(unix.Errno(errno))
		if name == "" {
			name = fmt.Sprintf("errno %d", errno)
		}
		out.Errors[name] += n
	}
	return out
}

// took counts n messages from first on.
func (w *writes) took(b *batch, first, n int) {
	for i := first; i < first+n; i++ {
		length := uint64(len(b.buffers[i]))
		if b.config.Vectored {
			length += uint64(len(b.device))
		}
		w.bytes += length
		w.sizes[bits.Len64(length-1)]++
	}
	if n > 0 {
		w.failed, w.gone = -1, 0
	}
}

// refused counts a packet that the kernel refused, and reports whether to write
// it again.
func (s writeSender) refused(position, fd int, errno unix.Errno) (again bool, err error) {
	if s.ring != nil && s.ring.broken != nil {
		return false, s.ring.broken
	}
	s.counts.PushedBack += s.batch.segments
	s.writes.errors[min(int(errno), maxErrno-1)]++
	if errno == unix.EAGAIN {
		return true, s.room(fd)
	}
	s.writes.last = errno
	s.seqs[position] += s.batch.segments
	s.writes.refused[position] += s.batch.segments
	if s.writes.failed >= 0 {
		s.writes.failed++
	}
	if errno == unix.EBADFD { // the queue has no device: it was deleted
		s.writes.gone++
	}
	if s.writes.failed >= giveUp || s.writes.gone >= giveUp {
		return false, &call.Error{Call: "write", Err: errno}
	}
	return false, nil
}

// allRefused returns an error if every write was refused.
func (s writeSender) allRefused() error {
	if s.writes == nil || s.writes.failed <= 0 {
		return nil
	}
	return &call.Error{Call: "write", Err: s.writes.last}
}

// room waits until the descriptor accepts packets again, with Poll.
func (s writeSender) room(fd int) error {
	if !s.Poll {
		return nil
	}
	s.counts.Calls++
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}
	if _, err := unix.Poll(fds[:], pollTimeout); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("poll a queue that is written to: %w", err)
	}
	return nil
}
