package traffic

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sys/unix"

	"tunbench/harness/socket"
	"tunbench/harness/uring"
	"tunbench/harness/worker"
)

// ring is the state of a sender that writes by io_uring, a batch by one call.
// The result of each write is kept until hand asks for it.
type ring struct {
	*uring.Ring
	buffers *uring.Buffers
	files   []int // place among the registered ones, by position of the flow
	plain   bool  // no buffers are registered
	// linked: a write that fails cancels those after it, which would otherwise
	// overtake it when it is written again. Needed if a send buffer can be
	// full.
	linked  bool
	flags   uint32  // of each write: where it can be told not to wait, it is
	results []int32 // of each message: bytes, a negative errno, or unknown
	broken  error   // of the ring itself: nothing more can be written
}

// unknown is the result of a write that was not made.
const unknown = math.MinInt32

// ringSender is a Sender that writes by io_uring.
type ringSender struct{ *Sender }

// open makes the ring, and moves the batch to memory that the kernel may read
// at any time.
func (s ringSender) open() (err error) {
	r := &ring{results: make([]int32, s.batch.messages())}
	s.ring = r
	for i := range r.results {
		r.results[i] = unknown
	}
	longest := 0
	for _, buf := range s.batch.buffers {
		longest = max(longest, len(buf))
	}
	if r.buffers, err = uring.NewBuffers(len(r.results), longest); err != nil {
		return err
	}
	for i, buf := range s.batch.buffers {
		s.batch.replace(i, r.buffers.At(i)[:len(buf)])
	}
	if r.Ring, err = uring.Open(len(r.results), 2*len(r.results)); err != nil {
		return fmt.Errorf("open the ring of a sender: %w", err)
	}
	var files []int
	for _, fd := range s.FDs {
		place := slices.Index(files, fd)
		if place < 0 {
			place = len(files)
			files = append(files, fd)
			room, err := unix.IoctlGetInt(fd, unix.TUNGETSNDBUF)
			r.linked = r.linked || err != nil || room < math.MaxInt32
			r.plain = r.plain || takesApart(fd)
		}
		r.files = append(r.files, place)
	}
	if err := r.RegisterFiles(files...); err != nil {
		return err
	}
	if noWait, err := uring.TakesNoWait(s.FDs[0]); err != nil {
		return err
	} else if noWait {
		r.flags = uring.NoWait
	}
	r.plain = r.plain || r.RegisterBuffers(r.buffers) != nil
	s.writes.each = false
	s.call = s.write
	return nil
}

// takesApart reports whether the device makes a fragment of each piece of
// memory that is written at once. It takes the pages of a registered buffer for
// such pieces, and for vectors of user space (tun_napi_alloc_frags of
// drivers/net/tun.c).
func takesApart(fd int) bool {
	ifr, err := unix.NewIfreq("")
	return err == nil && unix.IoctlIfreq(fd, unix.TUNGETIFF, ifr) == nil && ifr.Uint16()&unix.IFF_NAPI_FRAGS != 0
}

// close frees the ring; the descriptors belong to the caller.
func (r *ring) close() error {
	if r == nil {
		return nil
	}
	var errs []error
	if r.Ring != nil {
		errs = append(errs, r.Ring.Close())
	}
	return errors.Join(append(errs, r.buffers.Close())...)
}

// during wraps a loop that has the ring to itself.
func (r *ring) during(loop func() error) func() error {
	return func() (err error) {
		if err := r.Enable(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, r.Release()) }()
		return loop()
	}
}

// hasResult reports whether message i has a result that was not asked for yet.
func (r *ring) hasResult(i int) bool { return r.results[i] != unknown }

// write is Sender.call by io_uring: it returns how many of the messages were
// written, up to the first that was not, and why that was not. The next call
// returns the results of those after it.
func (s ringSender) write(_ int, messages []socket.Message) (int, unix.Errno) {
	r, first := s.ring, s.writes.first
	end := first + len(messages)
	s.counts.Calls-- // hand counts one
	if !r.hasResult(first) {
		if errno := s.submit(first, end); errno != 0 {
			return 0, errno
		}
	}
	for i := first; i < end; i++ {
		result := r.results[i]
		r.results[i] = unknown
		switch {
		case result == unknown:
			return i - first, unix.EINTR // on with the rest
		case result < 0:
			return i - first, unix.Errno(-result)
		}
	}
	return len(messages), 0
}

// submit writes the messages that have no result yet, in one call unless the
// kernel needs another, and notes their results.
func (s ringSender) submit(first, end int) unix.Errno {
	r := s.ring
	asked := 0
	var last *uring.SQE
	for i := first; i < end && !r.hasResult(i); i++ {
		e, buf := r.Prepare(), s.batch.buffers[i]
		if r.plain {
			e.Write(r.files[s.writes.position], buf, r.flags)
		} else {
			e.WriteFixed(r.files[s.writes.position], buf, i, r.flags)
		}
		e.Flags |= uring.FixedFile
		if r.linked {
			e.Flags |= uring.Link
		}
		e.Data = uint64(i)
		last = e
		asked++
	}
	last.Flags &^= uring.Link
	// Links are followed when the thread waits. Others are done when the call
	// returns, unless the kernel thinks otherwise.
	waits := r.linked
	for done := 0; done < asked; waits = true {
		worker.Turn()
		s.counts.Calls++
		var errno unix.Errno
		if waits {
			_, errno = r.Enter(asked - done)
		} else {
			_, errno = r.Submit()
		}
		switch errno {
		case 0, unix.EINTR, unix.EAGAIN, unix.EBUSY: // short of memory or of completions for a moment
		default:
			r.broken = &uring.CallError{Call: "io_uring_enter", Err: errno}
			return errno
		}
		n := r.Ready()
		for k := range n {
			e := r.Completion(k)
			if e.Err() != unix.ECANCELED {
				r.results[e.Data] = e.Res
			}
		}
		r.Seen(n)
		done += n
	}
	return 0
}
