package sink

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/bpf/hist"
	"tunbench/harness/packet"
	"tunbench/harness/socket"
	"tunbench/harness/worker"
)

// ReceiverConfig is the configuration of a Receiver.
type ReceiverConfig struct {
	FDs []int // of UDP sockets; blocking or not is set by Start
	// Own: Close closes the sockets. Otherwise they belong to the caller.
	Own  bool
	CPU  int
	Wait Wait // with several sockets Block and Poll both wait in epoll_wait(2)
	// GRO says that the sockets have UDP_GRO: a datagram may then be many
	// segments, each of which is counted.
	GRO       bool
	Each      bool // recvmsg(2) of one datagram instead of recvmmsg(2) of a batch
	Flows     int
	HeaderLen int  // bytes of headers of each segment that count for WireBytes
	MaxRead   int  // payload bytes of the longest datagram; 0 for 65,535
	Open      bool // as in Config
	// Payload is how many bytes each segment carries, 0 where that is not known, and
	// Tail the last one of a GSO packet. If that is too short for a stamp, datagrams must
	// be many segments.
	Payload, Tail int
	Before        int // bytes of each datagram before the stamp
}

// Receiver reads packets that the kernel delivers to UDP sockets.
type Receiver struct {
	ReceiverConfig
	Tally

	// Recv is the time in ns a datagram inside calls that returned some, of
	// which one in sampleEvery is timed. Empty where calls wait.
	Recv hist.Histogram

	thread *worker.Thread
	epoll  int // -1 for a single socket
	events []unix.EpollEvent

	headers []socket.Message
	iovecs  []unix.Iovec
	slab    []byte
	cmsgs   []byte // control messages of all, controlLen each
	stride  int

	publishedAt int64
	batches     uint64 // calls that returned something
}

const (
	receiveBatch = 64
	// controlLen is CMSG_SPACE(sizeof(int)): UDP_GRO's message is the only one.
	controlLen  = unix.SizeofCmsghdr + 8
	maxDatagram = 65535
)

// NewReceiver prepares a receiver: it runs after Start.
func NewReceiver(c ReceiverConfig, control *Control) *Receiver {
	r := &Receiver{ReceiverConfig: c, epoll: -1}
	r.prepare(c.Flows, c.Open, control)
	return r
}

// Start begins to receive on a thread of its own.
func (r *Receiver) Start() (err error) {
	r.buffers()
	if err := r.watch(); err != nil {
		return err
	}
	if r.thread, err = worker.Start(r.CPU, r.loop); err != nil {
		return fmt.Errorf("start a receiver: %w", err)
	}
	return nil
}

// buffers makes room for a batch of datagrams.
func (r *Receiver) buffers() {
	const line = 64
	if r.MaxRead == 0 {
		r.MaxRead = maxDatagram
	}
	// One line more than it takes, so that stamps do not all fall on the same
	// set of the cache.
	r.stride = (r.MaxRead+line-1)/line*line + line
	batch := receiveBatch
	if r.Each {
		batch = 1
	}
	r.slab = make([]byte, batch*r.stride)
	r.headers = make([]socket.Message, batch)
	r.iovecs = make([]unix.Iovec, batch)
	if r.GRO {
		r.cmsgs = make([]byte, batch*controlLen)
	}
	for i := range r.headers {
		r.iovecs[i].Base = &r.slab[i*r.stride]
		r.iovecs[i].SetLen(r.MaxRead)
		h := &r.headers[i].Header
		h.Iov = &r.iovecs[i]
		h.SetIovlen(1)
		if r.GRO {
			h.Control = &r.cmsgs[i*controlLen]
		}
	}
}

// watch makes the sockets wait: a single one in its own call, several in epoll.
func (r *Receiver) watch() error {
	alone := len(r.FDs) == 1
	for _, fd := range r.FDs {
		if err := unix.SetNonblock(fd, !alone || r.Wait != Block); err != nil {
			return fmt.Errorf("set blocking mode of a receiver's socket: %w", err)
		}
	}
	if alone && r.Wait != Poll {
		return nil
	}
	var err error
	if r.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("make the epoll of a receiver: %w", err)
	}
	for i, fd := range r.FDs {
		e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if err := unix.EpollCtl(r.epoll, unix.EPOLL_CTL_ADD, fd, &e); err != nil {
			return fmt.Errorf("add a socket to the epoll of a receiver: %w", err)
		}
	}
	r.events = make([]unix.EpollEvent, min(len(r.FDs), receiveBatch))
	return nil
}

// Thread is the thread that receives; nil before Start.
func (r *Receiver) Thread() *worker.Thread { return r.thread }

// Times is Recv.
func (r *Receiver) Times() *hist.Histogram { return &r.Recv }

// Finish makes the receiver end as soon as its sockets are empty. Control.Drain
// must have been set. A receiver that waits is woken up.
func (r *Receiver) Finish() error {
	if len(r.FDs) == 1 && r.Wait == Block {
		if err := unix.SetNonblock(r.FDs[0], true); err != nil {
			return fmt.Errorf("finish a receiver: %w", err)
		}
	}
	return r.thread.Kick()
}

// Close closes the sockets that are the receiver's own. It must have ended.
func (r *Receiver) Close() error {
	var errs []error
	if r.epoll >= 0 {
		errs = append(errs, unix.Close(r.epoll))
		r.epoll = -1
	}
	if r.Own {
		for _, fd := range r.FDs {
			errs = append(errs, unix.Close(fd))
		}
		r.FDs = nil
	}
	return errors.Join(errs...)
}

// loop is the hot loop: it does not allocate.
func (r *Receiver) loop() error {
	defer r.publish()
	if len(r.FDs) == 1 {
		return r.single(r.FDs[0])
	}
	return r.several()
}

func (r *Receiver) single(fd int) error {
	for {
		worker.Turn()
		drain := r.control.Drain.Load()
		n, err := r.receive(fd, r.Wait != Block)
		if err != nil {
			return err
		}
		if n != 0 {
			continue
		}
		if drain {
			return nil
		}
		r.publish()
		r.control.Barrier.Pass()
		if r.Wait == Poll {
			if _, err := r.ready(pollTimeout); err != nil {
				return err
			}
		}
	}
}

// several reads in turn the sockets that have packets.
func (r *Receiver) several() error {
	for {
		worker.Turn()
		// Read before ready: no packet comes after Drain was set, so that an empty
		// result is then the last one.
		drain := r.control.Drain.Load()
		timeout := pollTimeout
		if drain || r.Wait == Spin {
			timeout = 0
		}
		n, err := r.ready(timeout)
		if err != nil {
			return err
		}
		if n == 0 {
			r.Again++
			if drain {
				return nil
			}
			r.publish()
			r.control.Barrier.Pass()
		}
		for _, e := range r.events[:n] {
			if _, err := r.receive(r.FDs[e.Fd], false); err != nil {
				return err
			}
		}
	}
}

// ready waits at most timeout ms until sockets have packets, and returns how
// many do.
func (r *Receiver) ready(timeout int) (int, error) {
	r.Calls++
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(r.epoll), uintptr(unsafe.Pointer(&r.events[0])),
		uintptr(len(r.events)), uintptr(timeout), 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	}
	return 0, fmt.Errorf("wait for the sockets of a receiver: %w", errno)
}

// receive takes the datagrams of a socket, up to a batch, and returns how many
// there were; -1 if the call was interrupted.
func (r *Receiver) receive(fd int, timed bool) (int, error) {
	if r.GRO {
		for i := range r.headers {
			r.headers[i].Header.SetControllen(controlLen)
		}
	}
	var before int64
	sample := timed && r.Calls%sampleEvery == 0
	if sample {
		before = worker.Now()
	}
	r.Calls++
	n, errno := r.call(fd)
	switch errno {
	case 0:
	case unix.EAGAIN:
		r.Again++
		return 0, nil
	case unix.EINTR:
		return -1, nil
	default:
		return 0, fmt.Errorf("receive from a socket: %w", errno)
	}
	now := worker.Now()
	if sample {
		each := uint64(now-before) / uint64(n)
		for range n {
			r.Recv.Record(each)
		}
	}
	for i := range n {
		r.take(i, now)
	}
	if r.batches++; now-r.publishedAt > publishWithin {
		r.publishedAt = now
		r.publish()
	}
	return n, nil
}

// call waits for datagrams if the socket blocks, and returns how many came.
func (r *Receiver) call(fd int) (int, unix.Errno) {
	if r.Each {
		n, _, errno := syscall.RawSyscall(unix.SYS_RECVMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.headers[0].Header)), 0)
		if errno != 0 {
			return 0, errno
		}
		r.headers[0].Len = uint32(n)
		return 1, 0
	}
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&r.headers[0])),
		uintptr(len(r.headers)), unix.MSG_WAITFORONE, 0, 0)
	return int(n), errno
}

// take counts datagram i: a packet, or many segments of one size.
func (r *Receiver) take(i int, now int64) {
	length := int(r.headers[i].Len)
	r.Reads++
	r.ReadBytes += uint64(length)
	if r.headers[i].Header.Flags&unix.MSG_TRUNC != 0 {
		r.Foreign++
		return
	}
	payload := r.slab[i*r.stride:][:length]
	size := length
	if r.GRO {
		if s := segmentSize(r.cmsgs[i*controlLen:][:r.headers[i].Header.Controllen]); s > 0 {
			size = s
		}
	}
	sampled := r.sampled()
	for known := false; ; {
		segment := payload[:min(size, len(payload))]
		known = r.one(segment, known, sampled, now)
		if payload = payload[len(segment):]; len(payload) == 0 {
			return
		}
	}
}

// one counts a segment, and reports whether it is known, as that before it may be. The kernel has looked at its headers, or trusted them: what it
// gives is as long as the UDP header says. Of a sample its bytes are looked at, too.
func (r *Receiver) one(segment []byte, known, sampled bool, now int64) bool {
	switch {
	case r.Payload > 0 && len(segment) != r.Payload && len(segment) != r.Tail:
		r.spoiled(packet.FaultUDPLength, 1)
	case len(segment) < r.Before:
		r.Foreign++
	case sampled && !blank(segment[r.Before:]):
		r.spoiled(packet.FaultPayload, 1)
	case r.segment(segment[r.Before:], r.HeaderLen+r.Before, now):
		return true
	case known && len(segment) == r.Tail && r.Tail < packet.StampLen:
		r.behind(segment, r.HeaderLen, now)
	default:
		r.Foreign++
	}
	return false
}

// segmentSize is the value of UDP_GRO's control message; 0 without one, for a
// datagram that was not merged.
func segmentSize(control []byte) int {
	if len(control) < unix.SizeofCmsghdr+4 {
		return 0
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
	if h.Level != unix.IPPROTO_UDP || h.Type != unix.UDP_GRO {
		return 0
	}
	return int(*(*int32)(unsafe.Pointer(&control[unix.SizeofCmsghdr])))
}

// Overruns is how many datagrams the kernel dropped because the buffers of the
// sockets were full. With UDP_GRO a datagram may be many segments.
func (r *Receiver) Overruns() (sum uint64, err error) {
	for _, fd := range r.FDs {
		n, err := socket.Drops(fd)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// SocketDrops is the kernel's drop reason of Overruns.
const SocketDrops = "SOCKET_RCVBUFF"
