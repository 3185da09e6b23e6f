package forward

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/harness/packet"
	"tunbench/harness/seal"
	"tunbench/harness/socket"
	"tunbench/harness/worker"
)

// TunnelConfig is what one thread of a tunnel moves: packets of one queue of
// one of its two devices.
type TunnelConfig struct {
	Name   string // of the device
	Device int    // descriptor of the queue; blocking with Block, else non-blocking
	Socket int    // UDP, connected to that of the other side; blocking likewise
	CPU    int
	Wait   Wait
	// Vector keeps the headers of the device in a buffer of their own: readv(2),
	// writev(2).
	Vector    bool
	PI        bool
	VnetHdr   int // bytes, 0 for none; such headers must be empty
	MaxPacket int // bytes of IP
}

// TunnelCounts is what a thread of a tunnel has done since its start.
type TunnelCounts struct {
	Calls uint64 // system calls
	In    uint64 // packets that it took
	Out   uint64 // packets that it handed on
	Bytes uint64 // of IP, handed on
	// Dropped counts the packets that it could not hand on, by reason: the name
	// of an errno or of a fault.
	Dropped map[string]uint64
}

const (
	tunnelBatch = 64
	// room is the space before a packet in its buffer, for the header of the
	// tunnel or of the device.
	room = 64
)

// tunnel is common to both directions.
type tunnel struct {
	TunnelConfig
	thread    *worker.Thread
	finishing atomic.Bool
	barrier   worker.Barrier // holds back a thread that found nothing

	slab    []byte
	stride  int
	lengths [tunnelBatch]int // of packets in their buffers
	headers []socket.Message
	iovecs  []unix.Iovec
	device  [2]unix.Iovec // of readv and writev
	fds     [1]unix.PollFd

	calls, in, out, bytes uint64
	errnos                [maxErrno]uint64 // refused by the device
	refused               [3]uint64        // by what the opener found

	_         [64]byte // keeps what others poll off the cache line that the loop writes
	published struct{ calls, in, out, dropped atomic.Uint64 }
	_         [64]byte
}

// refusals are the reasons of an opener, in the order of tunnel.refused.
var refusals = [3]string{"not of the tunnel", "replayed", "not authentic"}

func (t *tunnel) prepare(c TunnelConfig) {
	const line = 64
	t.TunnelConfig = c
	// One cache line more than needed, so that packets do not all fall into the
	// same set of the cache.
	t.stride = (room+c.MaxPacket+seal.TagLen+line-1)/line*line + line
	t.slab = make([]byte, tunnelBatch*t.stride)
	t.headers = make([]socket.Message, tunnelBatch)
	t.iovecs = make([]unix.Iovec, tunnelBatch)
	for i := range t.headers {
		t.iovecs[i].Base = &t.sealed(i)[0]
		t.headers[i].Header.Iov = &t.iovecs[i]
		t.headers[i].Header.SetIovlen(1)
	}
}

// buffer is that of packet i, which begins at room.
func (t *tunnel) buffer(i int) []byte { return t.slab[i*t.stride : (i+1)*t.stride] }

// sealed is packet i as it is sent, with its header.
func (t *tunnel) sealed(i int) []byte { return t.buffer(i)[room-seal.HeaderLen:] }

// head is how many bytes the device puts before a packet.
func (t *tunnel) head() int {
	n := t.VnetHdr
	if t.PI {
		n += packet.PILen
	}
	return n
}

// Thread is the thread that runs; nil before Start.
func (t *tunnel) Thread() *worker.Thread { return t.thread }

// Calls is how many system calls were made so far.
func (t *tunnel) Calls() uint64 { return t.published.calls.Load() }

// Passed returns how many packets the thread took, handed on and dropped. It
// may be called while the thread runs, and lags behind by a batch.
func (t *tunnel) Passed() (in, out, dropped uint64) {
	return t.published.in.Load(), t.published.out.Load(), t.published.dropped.Load()
}

func (t *tunnel) publish() {
	t.published.calls.Store(t.calls)
	t.published.in.Store(t.in)
	t.published.out.Store(t.out)
	t.published.dropped.Store(t.dropped())
}

func (t *tunnel) dropped() uint64 { return t.in - t.out }

// Counts may be called once the thread has ended.
func (t *tunnel) Counts() TunnelCounts {
	c := TunnelCounts{Calls: t.calls, In: t.in, Out: t.out, Bytes: t.bytes, Dropped: map[string]uint64{}}
	for errno, n := range t.errnos {
		if n > 0 {
			c.Dropped[unix.ErrnoName(unix.Errno(errno))] = n
		}
	}
	for i, n := range t.refused {
		if n > 0 {
			c.Dropped[refusals[i]] = n
		}
	}
	return c
}

// Hold pauses a thread that does not wait in the kernel as soon as it finds no
// packet.
func (t *tunnel) Hold() { t.barrier.Close() }

// Release lets it run again.
func (t *tunnel) Release() { t.barrier.Open() }

// finish makes a thread that takes packets from fd end as soon as none is left
// there.
func (t *tunnel) finish(fd int) error {
	t.finishing.Store(true)
	t.barrier.Open()
	if err := unix.SetNonblock(fd, true); err != nil {
		return fmt.Errorf("finish a thread of %s: %w", t.Name, err)
	}
	return t.thread.Kick()
}

// Close does nothing: the descriptors belong to the caller.
func (t *tunnel) Close() error { return nil }

// run takes packets by take, hands them on by give, and waits for more on fd.
// It does not allocate.
func (t *tunnel) run(fd int, take func() (int, error), give func(n int) error) error {
	defer t.publish()
	for {
		worker.Turn()
		// Read before take: no packet comes after finishing was set, so that an
		// empty take is then the last one.
		finishing := t.finishing.Load()
		n, err := take()
		if err != nil {
			return err
		}
		if n > 0 {
			if err := give(n); err != nil {
				return err
			}
			t.publish()
			continue
		}
		if finishing {
			return nil
		}
		t.publish()
		t.barrier.Pass()
		if t.Wait == Poll {
			if err := t.poll(fd, unix.POLLIN); err != nil {
				return err
			}
		}
	}
}

func (t *tunnel) poll(fd int, events int16) error {
	t.calls++
	t.fds[0] = unix.PollFd{Fd: int32(fd), Events: events}
	if _, err := unix.Poll(t.fds[:], pollTimeout); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("poll for %s: %w", t.Name, err)
	}
	return nil
}

// transfer reads or writes packet i, of n bytes of IP, through the device.
func (t *tunnel) transfer(single, vector uintptr, i, n int) (int, unix.Errno) {
	t.calls++
	buf, head := t.buffer(i), t.head()
	if !t.Vector {
		got, _, errno := syscall.RawSyscall(single, uintptr(t.Device), uintptr(unsafe.Pointer(&buf[room-head])), uintptr(head+n))
		return int(got) - head, errno
	}
	t.device[0].Base, t.device[1].Base = &buf[room-head], &buf[room]
	t.device[0].SetLen(head)
	t.device[1].SetLen(n)
	got, _, errno := syscall.RawSyscall(vector, uintptr(t.Device), uintptr(unsafe.Pointer(&t.device[0])), uintptr(len(t.device)))
	return int(got) - head, errno
}
