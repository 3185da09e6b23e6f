package forward

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"golang.org/x/sys/unix"

	"tunbench/harness/uring"
	"tunbench/harness/worker"
)

const (
	mostRing  = 64      // packets of one call
	leastRing = 8       // the same, of GSO packets
	ringBytes = 2 << 20 // bounds the buffers of one forwarder
	// Places of the registered descriptors.
	from, to = 0, 1
	// waiting marks the completion of the read that waits, cancelled that of the
	// request to cancel it; the others are marked with the number of their buffer.
	waiting   = 1 << 62
	cancelled = 1 << 63
	// unknown is the result of a write that was not made.
	unknown = math.MinInt32
)

// ring is the state of a forwarder with Wait URing: it reads all available
// packets by one call, and writes them by another.
type ring struct {
	*uring.Ring
	buffers *uring.Buffers
	plain   bool // no buffers are registered
	// linked: a write that fails cancels those after it, which would otherwise
	// overtake it. Needed if a send buffer can be full.
	linked  bool
	lengths []int   // of the packets in hand
	results []int32 // of the writes of these
}

// Open is New for any kind of forwarder. It sets up the ring.
func Open(c Config) (*Forwarder, error) {
	forwarder := New(c)
	if c.Wait != URing {
		return forwarder, nil
	}
	var err error
	if forwarder.ring, err = openRing(c); err != nil {
		return nil, fmt.Errorf("open the ring of %s: %w", c.Name, err)
	}
	return forwarder, nil
}

func openRing(c Config) (_ *ring, err error) {
	count := min(mostRing, max(leastRing, ringBytes/c.MaxRead))
	count = 1 << (bits.Len(uint(count)) - 1)
	r := &ring{lengths: make([]int, 0, count), results: make([]int32, count)}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if r.buffers, err = uring.NewBuffers(count, c.MaxRead); err != nil {
		return nil, err
	}
	if r.Ring, err = uring.Open(count, 2*count); err != nil {
		return nil, err
	}
	if noWait, err := uring.TakesNoWait(c.From); err != nil {
		return nil, err
	} else if !noWait {
		return nil, &uring.CallError{Call: "IORING_OP_READ RWF_NOWAIT", Err: unix.EOPNOTSUPP}
	}
	if err = r.RegisterFiles(c.From, c.To); err != nil {
		return nil, err
	}
	room, roomErr := unix.IoctlGetInt(c.To, unix.TUNGETSNDBUF)
	r.linked = roomErr != nil || room < math.MaxInt32
	// A device with IFF_NAPI_FRAGS takes the pages of a registered buffer for
	// vectors of user space (tun_napi_alloc_frags of drivers/net/tun.c).
	ifr, ifrErr := unix.NewIfreq("")
	if ifrErr == nil && unix.IoctlIfreq(c.To, unix.TUNGETIFF, ifr) == nil {
		r.plain = ifr.Uint16()&unix.IFF_NAPI_FRAGS != 0
	}
	r.plain = r.plain || r.RegisterBuffers(r.buffers) != nil
	return r, nil
}

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

// read prepares a read into buffer i.
func (r *ring) read(i int, flags uint32) *uring.SQE {
	e := r.Prepare()
	if r.plain {
		e.Read(from, r.buffers.At(i), flags)
	} else {
		e.ReadFixed(from, r.buffers.At(i), i, flags)
	}
	e.Flags |= uring.FixedFile
	e.Data = uint64(i)
	return e
}

// write prepares a write of the packet in buffer i.
func (r *ring) write(i int) *uring.SQE {
	e, b := r.Prepare(), r.buffers.At(i)[:r.lengths[i]]
	if r.plain {
		e.Write(to, b, uring.NoWait)
	} else {
		e.WriteFixed(to, b, i, uring.NoWait)
	}
	e.Flags |= uring.FixedFile
	e.Data = uint64(i)
	return e
}

// ringForwarder is a Forwarder with Wait URing.
type ringForwarder struct{ *Forwarder }

// loop is a hot loop: it does not allocate.
func (c ringForwarder) loop() (err error) {
	defer c.publish()
	if err := c.ring.Enable(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.ring.Release()) }()
	for batch := c.ring.buffers.Len(); ; {
		worker.Turn()
		finish := c.finish.Load()
		if err := c.burst(batch); err != nil {
			return err
		}
		got := len(c.ring.lengths)
		if got == 0 {
			if finish {
				return nil
			}
			c.publish()
			c.barrier.Pass()
			if err := c.await(); err != nil {
				return err
			}
			got = len(c.ring.lengths)
		}
		if err := c.deliverAll(); err != nil {
			return err
		}
		if got == batch {
			got += got/2 + 1
		}
		batch = max(1, min(got, c.ring.buffers.Len()))
	}
}

// enter submits what is prepared and waits for that many completions.
func (c ringForwarder) enter(n int, deferred bool) error {
	for ready := -1; ready < n; ready = c.ring.Ready() {
		worker.Turn()
		c.Counts.Calls++
		var errno unix.Errno
		if ready < 0 && !deferred {
			_, errno = c.ring.Submit()
		} else {
			_, errno = c.ring.Enter(n)
		}
		switch errno {
		case 0, unix.EINTR, unix.EAGAIN, unix.EBUSY: // short of memory or of completions for a moment
		default:
			return fmt.Errorf("%s: %w", c.Name, &uring.CallError{Call: "io_uring_enter", Err: errno})
		}
	}
	return nil
}

// burst reads the available packets, up to that many.
func (c ringForwarder) burst(batch int) error {
	r := c.ring
	r.lengths = r.lengths[:0]
	for i := range batch {
		r.read(i, uring.NoWait)
	}
	if err := c.enter(batch, false); err != nil {
		return err
	}
	return c.reap()
}

// await waits until a packet has come or the forwarder is to finish.
func (c ringForwarder) await() error {
	r := c.ring
	r.lengths = r.lengths[:0]
	r.read(0, 0).Data = waiting
	for r.Ready() == 0 {
		if c.finish.Load() {
			e := r.Prepare()
			e.Cancel(waiting)
			e.Data = cancelled
			if err := c.enter(2, true); err != nil {
				return err
			}
			break
		}
		c.Counts.Calls++
		if _, errno := r.Enter(1); errno != 0 && errno != unix.EINTR {
			return fmt.Errorf("%s: %w", c.Name, &uring.CallError{Call: "io_uring_enter", Err: errno})
		}
	}
	return c.reap()
}

// reap notes the packets that were read. The reads of one call complete in
// order, so that the packets are in the first buffers.
func (c ringForwarder) reap() (err error) {
	r := c.ring
	n := r.Ready()
	for i := range n {
		e := r.Completion(i)
		if e.Data == cancelled {
			continue
		}
		switch errno := e.Err(); errno {
		case 0:
			c.In++
			c.Bytes += uint64(e.Res)
			at := int(e.Data &^ waiting)
			if at > len(r.lengths) {
				// A read before it found no packet; this packet came later.
				copy(r.buffers.At(len(r.lengths)), r.buffers.At(at)[:e.Res])
			}
			r.lengths = append(r.lengths, int(e.Res))
		case unix.EAGAIN, unix.EINTR, unix.ECANCELED:
		default:
			err = fmt.Errorf("%s: read: %w", c.Name, errno)
		}
	}
	r.Seen(n)
	return err
}

// deliverAll writes the packets in hand, each once. It waits until there is
// room; a packet that is refused is lost and counted.
func (c ringForwarder) deliverAll() error {
	r := c.ring
	end := len(r.lengths)
	for i := range end {
		r.results[i] = unknown
	}
	for first := 0; first < end; {
		if r.results[first] == unknown {
			if err := c.writeFrom(first, end); err != nil {
				return err
			}
		}
		result := r.results[first]
		errno := unix.Errno(max(0, -result))
		switch {
		case result == unknown:
			continue
		case result >= 0:
			c.Out++
			c.triedFrom = 0
		case errno == unix.EAGAIN:
			ok, err := c.room()
			if err != nil {
				return err
			}
			if ok {
				r.results[first] = unknown
				continue
			}
			c.lose(errno)
		case errno == unix.EBADFD, errno == unix.EBADF: // the device no longer exists
			for ; first < end; first++ {
				c.lose(errno)
			}
			return fmt.Errorf("%s: write: %w", c.Name, errno)
		default:
			c.lose(errno)
		}
		first++
	}
	c.publish()
	return nil
}

// writeFrom writes the packets from first on whose writes have no result yet.
func (c ringForwarder) writeFrom(first, end int) error {
	r := c.ring
	asked := 0
	var last *uring.SQE
	for i := first; i < end && r.results[i] == unknown; i++ {
		last = r.write(i)
		if r.linked {
			last.Flags |= uring.Link
		}
		asked++
	}
	last.Flags &^= uring.Link
	// Links are followed when the thread waits.
	if err := c.enter(asked, r.linked); err != nil {
		return err
	}
	for i := range asked {
		if e := r.Completion(i); e.Err() != unix.ECANCELED {
			r.results[e.Data] = e.Res
		}
	}
	r.Seen(asked)
	return nil
}
