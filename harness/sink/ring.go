package sink

import (
	"errors"
	"math/bits"
	"tunbench/harness/uring"
)

// RingReads says how a reader with Wait URing asks for packets.
type RingReads int

const (
	// RingAuto is RingFixed, or RingPlain where buffers cannot be registered.
	RingAuto RingReads = iota
	// RingFixed asks for many reads at once that do not wait, into registered
	// buffers, as long as they find packets; then for one that waits.
	RingFixed
	// RingPlain is the same without registered buffers.
	RingPlain
	// RingChained is RingPlain as it is where reads cannot be told not to wait:
	// each begins when the one before it has found a packet.
	RingChained
	// RingMultishot asks once, for reads without end into a group of buffers. It
	// needs Linux 6.7.
	RingMultishot
)

const (
	mostRing  = 64      // reads at once
	leastRing = 8       // the same, of super-packets
	ringBytes = 2 << 20 // bounds the buffers of one reader
	group     = 0
	// cancelled marks the completion of a request to cancel; the others are marked
	// with the number of their buffer.
	cancelled = 1 << 63
)

// ring is what a reader with Wait URing has beside it.
type ring struct {
	*uring.Ring
	reads   RingReads
	fd      int // of the queue, or its place among the registered files
	buffers *uring.Buffers
	flags   uint8        // of each request
	group   *uring.Group // with RingMultishot
	armed   bool         // a read without end is under way
	flying  int          // requests that have not completed, their cancelling included
	calling bool         // of these, one cancels the others
}

func openRing(c Config) (_ *ring, err error) {
	r := &ring{reads: c.Ring}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	count := min(mostRing, max(leastRing, ringBytes/c.MaxRead))
	count = 1 << (bits.Len(uint(count)) - 1)
	// A ring of buffers is taken from while it is filled: some to spare keep the
	// reads without end going.
	if c.Ring == RingMultishot {
		count *= 2
	}
	if r.buffers, err = uring.NewBuffers(count, c.MaxRead); err != nil {
		return nil, err
	}
	if r.Ring, err = uring.Open(count, 2*count); err != nil {
		return nil, err
	}
	noWait, err := uring.TakesNoWait(c.FD)
	if err != nil {
		return nil, err
	}
	if !noWait {
		// Nothing is registered on kernels that old: 6.1 may take seconds to let go
		// of a file that a chain has used (io_rsrc_ref_quiesce).
		r.reads, r.fd = RingChained, c.FD
		return r, nil
	}
	if err = r.RegisterFiles(c.FD); err != nil {
		return nil, err
	}
	r.flags = uring.FixedFile
	switch r.reads {
	case RingMultishot:
		r.group, err = r.RegisterGroup(group, r.buffers)
	case RingFixed:
		err = r.RegisterBuffers(r.buffers)
	case RingAuto:
		r.reads = RingFixed
		if r.RegisterBuffers(r.buffers) != nil {
			r.reads = RingPlain
		}
	}
	return r, err
}

// prepare asks for one read into buffer i.
func (r *ring) prepare(i int, flags uint32, link uint8) {
	e := r.Prepare()
	if r.reads == RingFixed {
		e.ReadFixed(r.fd, r.buffers.At(i), i, flags)
	} else {
		e.Read(r.fd, r.buffers.At(i), flags)
	}
	e.Flags |= r.flags | link
	e.Data = uint64(i)
	r.flying++
}

// arm asks for reads without end.
func (r *ring) arm() {
	e := r.Prepare()
	e.ReadMultishot(r.fd, group)
	e.Flags |= r.flags
	r.armed = true
	r.flying++
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
