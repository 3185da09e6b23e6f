package sink

import (
	"errors"
	"math/bits"
	"tunbench/harness/uring"
)

// RingReads is how a reader with Wait URing asks for packets.
type RingReads int

const (
	// RingAuto is RingFixed, or RingPlain where buffers cannot be registered.
	RingAuto RingReads = iota
	// RingFixed asks for many reads at once that do not wait, into registered
	// buffers, as long as they find packets; then for one that waits.
	RingFixed
	// RingPlain is the same without registered buffers.
	RingPlain
	// RingChained is RingPlain for kernels on which every read waits: each read
	// begins when the one before it has found a packet.
	RingChained
	// RingMultishot prepares one request for any number of reads into a group
	// of buffers. It needs Linux 6.7.
	RingMultishot
)

const (
	mostRing  = 64      // reads at once
	leastRing = 8       // the same, of GSO packets
	ringBytes = 2 << 20 // bounds the buffers of one reader
	group     = 0
	// toCancel marks the completion of a request to cancel; the others are marked
	// with the number of their buffer.
	toCancel = 1 << 63
)

// ring is the state of a reader with Wait URing.
type ring struct {
	*uring.Ring
	reads   RingReads
	fd      int // of the queue, or its place among the registered files
	buffers *uring.Buffers
	flags   uint8        // of each request
	group   *uring.Group // with RingMultishot
	armed   bool         // the multishot read is under way
	flying  int          // requests that have not completed, including that to cancel
	calling bool         // one of these is the request to cancel
	// cancelled are reads that ended without having begun, or before a packet came.
	cancelled int
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
	// The kernel takes buffers of a group while it is filled: spare ones keep the
	// multishot read going.
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
		// Nothing is registered on such kernels: 6.1 may take seconds to release a
		// file that a chain has used (io_rsrc_ref_quiesce).
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

// prepare prepares a read into buffer i.
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

// arm prepares the multishot read.
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
