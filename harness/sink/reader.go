// Package sink reads packets from the queues of a device, checks their stamps
// and counts what arrived.
package sink

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/bpf/hist"
	"tunbench/harness/packet"
	"tunbench/harness/worker"
)

// Reader drives one queue.
type Reader struct {
	Config
	Tally

	// Recv is the time in ns inside reads that returned a packet, of which one
	// in sampleEvery is timed. Empty with Block, whose reads wait. With URing it is
	// a packet's equal share of a call that did not wait.
	Recv hist.Histogram
	// Timed is how many calls Recv is of: each bears one look at the clock.
	Timed uint64
	// SweepNs is the time in ns inside the reads of all sweeps.
	SweepNs uint64

	thread  *worker.Thread
	buf     []byte
	iovecs  []unix.Iovec // with Split, for the two parts of buf
	lengths []int        // of one sweep
	// When the next pause begins, and when others were last told of progress, in
	// ns of the trial's clock; 0: not known yet.
	nextPause, publishedAt int64

	see func(b []byte) // what a test looks through at each read; else nil

	ring        *ring // with URing
	unpublished int   // packets
}

const (
	sampleEvery  = 16
	publishEvery = 64
	// publishWithin bounds in ns how long a reader of few packets keeps its
	// counts to itself, so that the windows of a trial hold what came in them.
	publishWithin = 100_000
	pollTimeout   = 50 // ms; a backstop, the end is signalled by a kick
)

// New prepares a reader: it runs after Start, or is driven by Sweep.
func New(c Config, control *Control) *Reader {
	r := &Reader{Config: c}
	r.prepare(c.Flows, c.Open, control)
	r.every = c.Every
	return r
}

// Open is New for any kind of reader. It sets up the ring.
func Open(c Config, control *Control) (*Reader, error) {
	r := New(c, control)
	if c.Wait != URing {
		return r, nil
	}
	var err error
	if r.ring, err = openRing(c); err != nil {
		return nil, fmt.Errorf("open the ring of queue %d: %w", c.Queue, err)
	}
	return r, nil
}

// Start begins to read on a thread of its own.
func (r *Reader) Start() (err error) {
	loop := r.loop
	if r.ring != nil {
		loop = ringReader{r}.loop
	} else {
		r.buffer()
	}
	if r.thread, err = worker.Start(r.CPU, loop); err != nil {
		return fmt.Errorf("start the reader of queue %d: %w", r.Queue, err)
	}
	return nil
}

// splitAt is the offset in the buffer of a packet that is read apart from its
// headers: the start of a cache line.
const splitAt = 64

// buffer makes room for what a read returns.
func (r *Reader) buffer() {
	if !r.Split {
		r.buf = make([]byte, r.MaxRead)
		return
	}
	r.buf = make([]byte, splitAt+r.MaxRead)
	if headers := r.headersLen(); headers > 0 {
		head := unix.Iovec{Base: &r.buf[0]}
		head.SetLen(headers)
		r.iovecs = append(r.iovecs, head)
	}
	rest := unix.Iovec{Base: &r.buf[splitAt]}
	rest.SetLen(r.MaxRead)
	r.iovecs = append(r.iovecs, rest)
}

// headersLen is how many bytes the device puts before a packet.
func (r *Reader) headersLen() int {
	if r.PI {
		return packet.PILen + r.VnetHdr
	}
	return r.VnetHdr
}

// Sweep reads until the queue is empty, at most one packet into each of bufs,
// and then counts the packets. SweepNs is the time of the reads alone.
func (r *Reader) Sweep(bufs [][]byte) error {
	lengths := r.lengths[:0]
	start := worker.Now()
	if r.pause(start) {
		start = worker.Now()
	}
	for _, buf := range bufs {
		worker.Turn()
		r.Calls++
		n, _, errno := syscall.RawSyscall(unix.SYS_READ, uintptr(r.FD), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)))
		if errno == unix.EAGAIN {
			r.Again++
			break
		}
		if errno != 0 {
			return fmt.Errorf("read queue %d: %w", r.Queue, errno)
		}
		lengths = append(lengths, int(n))
	}
	now := worker.Now()
	r.SweepNs += uint64(now - start)
	for i, n := range lengths {
		r.Reads++
		r.ReadBytes += uint64(n)
		r.take(bufs[i][:n], now)
	}
	r.lengths = lengths
	r.publish()
	return nil
}

// Thread is the thread that reads; nil before Start, and for a reader that is
// driven by Sweep.
func (r *Reader) Thread() *worker.Thread { return r.thread }

// Close frees the ring; the descriptor belongs to the device. The reader must
// have ended.
func (r *Reader) Close() error { return r.ring.close() }

// Finish makes the reader end as soon as its queue is empty. Control.Drain must
// have been set. A reader that waits in read(2) is woken up.
func (r *Reader) Finish() error {
	if err := unix.SetNonblock(r.FD, true); err != nil {
		return fmt.Errorf("finish the reader of queue %d: %w", r.Queue, err)
	}
	return r.thread.Kick()
}

// loop is a hot loop: it does not allocate. A blocking read, too, is a raw
// system call, which keeps its processor from Go's scheduler while it waits.
// That is safe only because nothing stops the world during a trial (the
// collector is off) and because Finish interrupts the wait.
func (r *Reader) loop() error {
	defer r.publish()
	fd, number, base, size := uintptr(r.FD), uintptr(unix.SYS_READ), uintptr(unsafe.Pointer(&r.buf[0])), uintptr(len(r.buf))
	if r.Split {
		number, base, size = unix.SYS_READV, uintptr(unsafe.Pointer(&r.iovecs[0])), uintptr(len(r.iovecs))
	}
	timed := r.Wait != Block
	for {
		worker.Turn()
		drain := r.control.Drain.Load()
		sample := timed && r.Calls%sampleEvery == 0
		var before int64
		if sample {
			before = worker.Now()
		}
		r.Calls++
		n, _, errno := syscall.RawSyscall(number, fd, base, size)
		switch errno {
		case 0:
			now := worker.Now()
			if sample {
				r.Timed++
				r.Recv.Record(uint64(now - before))
			}
			r.Reads++
			r.ReadBytes += uint64(n)
			if r.Split {
				r.takeSplit(int(n), now)
			} else {
				r.take(r.buf[:n], now)
			}
			if r.Reads%publishEvery == 0 || now-r.publishedAt > publishWithin {
				r.publishedAt = now
				r.publish()
			}
			r.pause(now)
		case unix.EAGAIN:
			r.Again++
			if drain {
				return nil
			}
			if r.Again%publishEvery == 1 || r.Wait == Poll {
				r.publish()
			}
			r.control.Barrier.Pass()
			if r.Wait == Poll {
				if err := r.poll(); err != nil {
					return err
				}
			}
		case unix.EINTR:
		default:
			return fmt.Errorf("read queue %d: %w", r.Queue, errno)
		}
	}
}

// PauseAfter is how long after the first packet of the measured time the first
// pause comes; the next ones follow at pauseEvery.
const (
	PauseAfter = 100 * time.Millisecond
	pauseEvery = time.Second
)

// pause sleeps if Pause is set and it is time to, and reports whether it did.
// It never sleeps outside the measured time, so that the packets left in the
// queue are read without delay.
func (r *Reader) pause(now int64) bool {
	if r.Pause == 0 || !r.control.Measured.Holds(now) {
		return false
	}
	if r.nextPause == 0 {
		r.nextPause = now + int64(PauseAfter)
	}
	if now < r.nextPause {
		return false
	}
	r.nextPause = now + int64(pauseEvery)
	time.Sleep(r.Pause)
	return true
}

func (r *Reader) poll() error {
	r.Calls++
	fds := [1]unix.PollFd{{Fd: int32(r.FD), Events: unix.POLLIN}}
	if _, err := unix.Poll(fds[:], pollTimeout); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("poll queue %d: %w", r.Queue, err)
	}
	return nil
}

// take counts one read: a packet, or a GSO packet of many segments, behind the
// headers of the device.
func (r *Reader) take(b []byte, now int64) {
	if r.see != nil {
		r.see(b)
	}
	n := r.headersLen()
	if len(b) < n {
		r.Foreign++
		return
	}
	r.packet(b[:n], b[n:], now)
}

// takeSplit is take of n bytes in two buffers.
func (r *Reader) takeSplit(n int, now int64) {
	headers := r.headersLen()
	if n < headers {
		r.Foreign++
		return
	}
	if r.see != nil {
		r.see(slices.Concat(r.buf[:headers], r.buf[splitAt:][:n-headers]))
	}
	r.packet(r.buf[:headers], r.buf[splitAt:][:n-headers], now)
}

// packet counts the packet behind the headers of the device.
func (r *Reader) packet(headers, b []byte, now int64) {
	var layout packet.Layout
	if !layout.Parse(b, r.TAP) {
		r.stray(packet.Broken(b, r.TAP))
		return
	}
	payload := b[layout.Payload:]
	segments, size, partial := 1, len(payload), false
	if r.VnetHdr != 0 {
		var vnet packet.VnetHdr
		if !r.Vnet.take(&vnet, headers[len(headers)-r.VnetHdr:], b, &layout) {
			r.Foreign++
			return
		}
		var err error
		if segments, size, err = vnet.Segments(len(payload)); err != nil {
			r.Foreign++
			return
		}
		// A checksum that the kernel says it has verified may be left out.
		partial = vnet.Flags&(packet.VnetNeedsCsum|packet.VnetDataValid) != 0
	}
	fault, sampled := layout.Lengths(b), false
	if fault == packet.FaultNone && r.sampled() {
		sampled = true
		fault = r.verify(b, &layout, partial)
	}
	if fault != packet.FaultNone {
		r.spoiled(fault, segments)
		return
	}
	known := false // the segment before this one
	for range segments {
		segment := payload[:min(size, len(payload))]
		switch {
		case sampled && partial && !blank(segment): // which no checksum tells
			known = false
			r.spoiled(packet.FaultPayload, 1)
		case r.segment(segment, layout.Payload, now):
			known = true
		case !r.stub(segment, known, b, &layout, now):
			known = false
			r.stray(layout.Verify(b, partial))
		}
		payload = payload[len(segment):]
	}
}

// verify adds up the checksums of a packet.
func (r *Reader) verify(b []byte, l *packet.Layout, partial bool) packet.Fault {
	if r.VnetHdr != 0 && !partial && l.HasChecksum(b) {
		r.Vnet.Summed++
	}
	return l.Verify(b, partial)
}

// stray counts a packet or segment that bears no stamp of ours: it is corrupt if a
// fault was found, else it is not ours.
func (r *Reader) stray(fault packet.Fault) {
	if fault == packet.FaultNone {
		r.Foreign++
		return
	}
	r.spoiled(fault, 1)
}

// stub counts a segment of the packet b that is too short for a stamp, if GSO packets
// may end in one. The segment before it is known or not. It is false for any other.
func (r *Reader) stub(segment []byte, known bool, b []byte, l *packet.Layout, now int64) bool {
	switch {
	case r.Stubs.Segments == 0 || len(segment) >= packet.StampLen:
		return false
	case len(segment) == len(b)-l.Payload:
		return r.alone(&r.Stubs, b, l, now)
	case known:
		r.behind(segment, l.Payload, now)
	}
	return known
}
