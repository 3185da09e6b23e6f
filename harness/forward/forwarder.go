// Package forward moves packets unchanged from one descriptor to another, as a relay,
// an emulator or a bridge in user space does between two devices.
package forward

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/harness/vhost"
	"tunbench/harness/worker"
)

// Wait is how a forwarder waits for packets.
type Wait int

const (
	Block Wait = iota // in read(2), on a blocking descriptor
	Poll              // in poll(2), when a non-blocking read gave EAGAIN
	Spin              // not at all
	URing             // in io_uring_enter(2), which reads and writes many packets at once
)

// Config is what a forwarder carries, from where to where.
type Config struct {
	Name string // such as "relay a to b, queue 0", for errors
	// From and To are descriptors of queues with the same packet format and
	// headers. From blocks with Block and does not with Poll and Spin; To may
	// do either.
	From, To int
	CPU      int
	Wait     Wait
	// Headers, if not 0, is how many bytes of the device's headers are moved by
	// a buffer of their own: readv(2) and writev(2) replace read and write.
	Headers int
	MaxRead int // bytes that a read can return, headers included
	// Vhost, if its devices are not nil, replaces From, To and their options.
	Vhost Vhost
}

// maxErrno is above every errno of a write: those of
// include/uapi/asm-generic/errno.h end at 133.
const maxErrno = 134

// Counts is what a forwarder has done since its start. Packets are those of the
// device: a GSO packet counts as one.
type Counts struct {
	In    uint64 // read
	Out   uint64 // written
	Calls uint64 // system calls, those that waited or found nothing included
	Bytes uint64 // read, headers included
	// Errors counts packets by the errno for which they could not be written.
	Errors [maxErrno]uint64
}

// Failed is how many packets could not be written.
func (c *Counts) Failed() (sum uint64) {
	for _, n := range c.Errors {
		sum += n
	}
	return sum
}

// Add adds the counts of another forwarder.
func (c *Counts) Add(other *Counts) {
	c.In += other.In
	c.Out += other.Out
	c.Calls += other.Calls
	c.Bytes += other.Bytes
	for errno, n := range other.Errors {
		c.Errors[errno] += n
	}
}

// ByName returns the errors by errno name.
func (c *Counts) ByName() map[string]uint64 {
	names := map[string]uint64{}
	for errno, n := range c.Errors {
		if n > 0 {
			names[unix.ErrnoName(unix.Errno(errno))] = n
		}
	}
	return names
}

// Forwarder moves packets one way.
type Forwarder struct {
	Config
	Counts

	thread  *worker.Thread
	buf     []byte
	in, out [2]unix.Iovec
	finish  atomic.Bool
	barrier worker.Barrier // holds back a forwarder that found nothing
	ring    *ring          // with URing
	// Why the workers of vhost are not on the forwarder's CPU, and why their CPU
	// time is not known.
	pinError, timeError error
	triedFrom           int64 // when the write that waits for room was first tried; 0: none waits

	_         [64]byte // keeps what others poll off the cache line that the loop writes
	published struct{ calls, failed atomic.Uint64 }
	_         [64]byte
}

const (
	publishEvery = 64
	pollTimeout  = 50 // ms; a backstop, the end is signalled by a kick
	// roomWithin is in ns how long a forwarder that is to finish waits for a
	// descriptor to take a packet.
	roomWithin = int64(time.Second)
)

// New prepares a forwarder: it runs after Start.
func New(c Config) *Forwarder {
	r := &Forwarder{Config: c, buf: make([]byte, c.MaxRead)}
	for _, v := range []*[2]unix.Iovec{&r.in, &r.out} {
		v[0].Base = &r.buf[0]
		v[0].SetLen(c.Headers)
		v[1].Base = &r.buf[c.Headers]
		v[1].SetLen(c.MaxRead - c.Headers)
	}
	return r
}

// Start begins to forward on a thread of its own.
func (c *Forwarder) Start() (err error) {
	loop := c.loop
	switch {
	case c.Vhost.From != nil:
		c.pinVhosts()
		loop = vhostForwarder{c}.loop
	case c.ring != nil:
		loop = ringForwarder{c}.loop
	}
	if c.thread, err = worker.Start(c.CPU, loop); err != nil {
		return fmt.Errorf("start %s: %w", c.Name, err)
	}
	return nil
}

// Thread is the thread that carries; nil before Start.
func (c *Forwarder) Thread() *worker.Thread { return c.thread }

// Calls is how many system calls the forwarder has made. It may be called while
// the forwarder runs, and lags by some dozens.
func (c *Forwarder) Calls() uint64 { return c.published.calls.Load() }

// Lost is how many packets could not be written so far. It may be called while
// the forwarder runs, and does not lag.
func (c *Forwarder) Lost() uint64 { return c.published.failed.Load() }

func (c *Forwarder) vhosts() (list []*vhost.Device) {
	if c.Vhost.From == nil {
		return nil
	}
	list = append(list, c.Vhost.From)
	if c.Vhost.To.RX == nil {
		list = append(list, c.Vhost.To)
	}
	return list
}

// VhostTime is the CPU time in ns of the vhost workers that work for the
// forwarder: that of the device it receives from, and that of the other one if no
// forwarder receives from it.
func (c *Forwarder) VhostTime() (sum int64, err error) {
	for _, d := range c.vhosts() {
		n, err := d.WorkerTime()
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// VhostWorkers reports whether vhost workers work for the forwarder and, since
// Start, why they are not on its CPU and why their CPU time is not known.
func (c *Forwarder) VhostWorkers() (has bool, pin, time error) {
	return c.Vhost.From != nil, c.pinError, c.timeError
}

func (c *Forwarder) pinVhosts() {
	var errs []error
	for _, d := range c.vhosts() {
		errs = append(errs, d.Pin(c.CPU))
	}
	c.pinError = errors.Join(errs...)
	_, c.timeError = c.VhostTime()
}

// Hold pauses a forwarder that does not wait in the kernel as soon as it finds no
// packet.
func (c *Forwarder) Hold() { c.barrier.Close() }

// Release lets it run again.
func (c *Forwarder) Release() { c.barrier.Open() }

// Finish makes the forwarder end as soon as nothing is left to read. One that
// waits in read(2) is woken up.
func (c *Forwarder) Finish() error {
	c.finish.Store(true)
	c.barrier.Open()
	if c.Vhost.From != nil {
		return c.Vhost.From.RX.Wake()
	}
	if err := unix.SetNonblock(c.From, true); err != nil {
		return fmt.Errorf("finish %s: %w", c.Name, err)
	}
	return c.thread.Kick()
}

// Close frees the ring; the descriptors belong to their devices. The forwarder
// must have ended.
func (c *Forwarder) Close() error { return c.ring.close() }

// loop is the hot loop: it does not allocate. Its blocking calls are raw ones
// for the reasons given at sink.Reader.
func (c *Forwarder) loop() error {
	defer c.publish()
	for {
		worker.Turn()
		finish := c.finish.Load()
		got, err := c.step()
		switch {
		case err != nil:
			return err
		case got:
			continue
		case finish:
			return nil
		}
		c.publish()
		c.barrier.Pass()
		if c.Wait == Poll {
			if err := c.poll(c.From, unix.POLLIN); err != nil {
				return err
			}
		}
	}
}

// step carries one packet, if there is one. It returns true for an interrupted
// read, too, since there may be a packet.
func (c *Forwarder) step() (bool, error) {
	n, errno := c.read()
	switch errno {
	case 0:
	case unix.EAGAIN:
		return false, nil
	case unix.EINTR:
		return true, nil
	default:
		return false, fmt.Errorf("%s: read: %w", c.Name, errno)
	}
	c.In++
	c.Bytes += uint64(n)
	if c.In%publishEvery == 0 {
		c.publish()
	}
	return true, c.deliver(n)
}

func (c *Forwarder) read() (int, unix.Errno) {
	c.Counts.Calls++
	call, at, size := uintptr(unix.SYS_READ), unsafe.Pointer(&c.buf[0]), len(c.buf)
	if c.Headers > 0 {
		call, at, size = unix.SYS_READV, unsafe.Pointer(&c.in), len(c.in)
	}
	n, _, errno := syscall.RawSyscall(call, uintptr(c.From), uintptr(at), uintptr(size))
	return int(n), errno
}

func (c *Forwarder) write(n int) unix.Errno {
	c.Counts.Calls++
	call, at, size := uintptr(unix.SYS_WRITE), unsafe.Pointer(&c.buf[0]), n
	if c.Headers > 0 && n > c.Headers {
		c.out[1].SetLen(n - c.Headers)
		call, at, size = unix.SYS_WRITEV, unsafe.Pointer(&c.out), len(c.out)
	}
	_, _, errno := syscall.RawSyscall(call, uintptr(c.To), uintptr(at), uintptr(size))
	return errno
}

// deliver writes the packet of n bytes. It waits until there is room; a packet
// that is refused is lost and counted.
func (c *Forwarder) deliver(n int) error {
	for {
		worker.Turn()
		errno := c.write(n)
		switch errno {
		case 0:
			c.Out++
			c.triedFrom = 0
			return nil
		case unix.EINTR:
		case unix.EAGAIN:
			ok, err := c.room()
			if err != nil {
				return err
			}
			if !ok {
				c.lose(errno)
				return nil
			}
		case unix.EBADFD, unix.EBADF: // the device no longer exists
			c.lose(errno)
			return fmt.Errorf("%s: write: %w", c.Name, errno)
		default:
			c.lose(errno)
			return nil
		}
	}
}

// room waits until To accepts packets, and reports whether to try again: a
// forwarder that is to finish does not wait forever.
func (c *Forwarder) room() (bool, error) {
	if now := worker.Now(); c.triedFrom == 0 {
		c.triedFrom = now
	} else if c.finish.Load() && now-c.triedFrom > roomWithin {
		c.triedFrom = 0
		return false, nil
	}
	if c.Wait == Spin {
		return true, nil
	}
	return true, c.poll(c.To, unix.POLLOUT)
}

func (c *Forwarder) lose(errno unix.Errno) {
	c.Errors[min(int(errno), maxErrno-1)]++
	c.published.failed.Add(1)
}

// poll waits by a raw ppoll(2), which Finish's kick interrupts.
func (c *Forwarder) poll(fd int, events int16) error {
	c.Counts.Calls++
	fds := [1]unix.PollFd{{Fd: int32(fd), Events: events}}
	timeout := unix.NsecToTimespec(int64(pollTimeout * time.Millisecond))
	_, _, errno := syscall.RawSyscall6(unix.SYS_PPOLL, uintptr(unsafe.Pointer(&fds[0])), 1,
		uintptr(unsafe.Pointer(&timeout)), 0, 0, 0)
	if errno != 0 && errno != unix.EINTR {
		return fmt.Errorf("%s: poll: %w", c.Name, errno)
	}
	return nil
}

func (c *Forwarder) publish() { c.published.calls.Store(c.Counts.Calls) }
