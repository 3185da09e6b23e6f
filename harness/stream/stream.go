// Package stream exchanges TCP streams between two hosts, and requests with their
// answers over TCP or UDP. Each thread serves one end of some connections.
package stream

import (
	"errors"
	"fmt"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/bpf/hist"
	"tunbench/harness/call"
	"tunbench/harness/worker"
)

// Role is what a End does.
type Role int

const (
	Sends    Role = iota // writes as much as its streams accept
	Receives             // reads what the other end sends
	Asks                 // sends a request, and the next one when the answer is there
	Answers              // sends each request back
)

const (
	// bufferSize is what one call writes or reads at most, in bytes. It holds
	// several GSO packets of 64 KiB and stays in the second-level cache.
	bufferSize = 256 << 10
	// waitFor is how long a call waits before it looks whether the trial ends.
	waitFor = 50 // ms
	// lostAfter is when a request over UDP, or its answer, counts as lost, in ns.
	lostAfter = 200_000_000
	// ready is how many conversations one call of epoll returns at most.
	ready = 64
)

// Config is the configuration of a End.
type Config struct {
	Role Role
	CPU  int
	// UDP makes each request and answer a datagram, which may be lost.
	UDP bool
	// Size is the payload of a request and of its answer in bytes: at least
	// MinSize.
	Size int
	// Late is how much later than at once answers may come: requests over UDP count as lost
	// later by so much, and those over TCP are waited for so much longer at the end.
	Late time.Duration
}

// MinSize is the least payload of a request in bytes: its number.
const MinSize = 8

// Control is shared by all ends of a trial.
type Control struct {
	Stop    atomic.Bool    // Sends and Asks end, the latter when the last request is answered
	Done    atomic.Bool    // Receives and Answers end: nothing more will come
	Barrier worker.Barrier // holds back Sends and Asks
	// Measured is the measured time: of transactions that begin in it the time is
	// recorded.
	Measured worker.Span
}

// Counts is what an end has done since its start.
type Counts struct {
	Calls        uint64 // system calls
	Bytes        uint64 // of payload: written by Sends, read by Receives
	Sent         uint64 // requests or answers
	Received     uint64 // requests or answers
	PushedBack   uint64 // datagrams that the kernel did not take, and that were sent again
	Transactions uint64 // answered requests
	Lost         uint64 // requests over UDP without an answer in time
}

// End is one end of some conversations, on a thread of its own.
type End struct {
	Config
	// RTT is the time in ns from before a request is sent to when its answer
	// has been read. Only Asks fills it.
	RTT hist.Histogram

	control *Control
	thread  *worker.Thread
	conns   []*Conn
	epoll   int
	events  [ready]unix.EpollEvent
	buf     []byte
	counts  Counts
	waiting int   // questions without an answer yet
	looked  int64 // when lost requests were looked for, in ns of the trial's clock

	_         [64]byte // keeps what others poll off the cache line that the loop writes
	published struct {
		calls, bytes, sent, received, pushedBack, transactions, lost atomic.Uint64
	}
	_ [64]byte
}

// New makes an end without conversations.
func New(c Config, control *Control) *End {
	size := bufferSize
	if c.Role == Asks || c.Role == Answers {
		size = max(c.Size, MinSize)
	}
	return &End{Config: c, control: control, epoll: -1, buf: make([]byte, size)}
}

// Add gives the end a conversation, before Start. The end closes it.
func (s *End) Add(c *Conn) { s.conns = append(s.conns, c) }

// Conns are the conversations of the end.
func (s *End) Conns() []*Conn { return s.conns }

// Start begins the exchange on a thread of its own.
func (s *End) Start() error {
	loop := map[Role]func() error{Sends: sender{s}.loop, Receives: receiver{s}.loop, Asks: asker{s}.loop, Answers: answerer{s}.loop}[s.Role]
	if err := s.watch(); err != nil {
		return err
	}
	for at := 0; at < len(s.buf); at += 4096 {
		s.buf[at] = byte(at >> 12) // no page is touched for the first time in a trial
	}
	var err error
	if s.thread, err = worker.Start(s.CPU, func() error {
		defer s.publish()
		return loop()
	}); err != nil {
		return fmt.Errorf("start an end of %d conversations: %w", len(s.conns), err)
	}
	return nil
}

// watch makes the calls of an end wait: that of a single conversation by
// itself, for a while; several are watched by epoll.
func (s *End) watch() error {
	timeout := unix.NsecToTimeval(waitFor * 1e6)
	for _, c := range s.conns {
		for _, option := range []int{unix.SO_RCVTIMEO, unix.SO_SNDTIMEO} {
			if err := unix.SetsockoptTimeval(c.fd, unix.SOL_SOCKET, option, &timeout); err != nil {
				return fmt.Errorf("set the timeouts of flow %d: %w", c.Flow, err)
			}
		}
	}
	if s.single() {
		return nil
	}
	var err error
	if s.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("make an epoll: %w", err)
	}
	for i, c := range s.conns {
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if s.Role == Sends {
			event.Events = unix.EPOLLOUT
		}
		if err := unix.EpollCtl(s.epoll, unix.EPOLL_CTL_ADD, c.fd, &event); err != nil {
			return fmt.Errorf("watch flow %d: %w", c.Flow, err)
		}
	}
	return nil
}

// single reports whether there is one conversation, whose calls may wait.
func (s *End) single() bool { return len(s.conns) == 1 }

// Thread is the thread of the end; nil before Start.
func (s *End) Thread() *worker.Thread { return s.thread }

// Progress may be called while the end runs.
func (s *End) Progress() Counts {
	p := &s.published
	return Counts{
		Calls: p.calls.Load(), Bytes: p.bytes.Load(), Sent: p.sent.Load(), Received: p.received.Load(),
		PushedBack: p.pushedBack.Load(), Transactions: p.transactions.Load(), Lost: p.lost.Load(),
	}
}

func (s *End) publish() {
	p := &s.published
	p.calls.Store(s.counts.Calls)
	p.bytes.Store(s.counts.Bytes)
	p.sent.Store(s.counts.Sent)
	p.received.Store(s.counts.Received)
	p.pushedBack.Store(s.counts.PushedBack)
	p.transactions.Store(s.counts.Transactions)
	p.lost.Store(s.counts.Lost)
}

// Finish wakes a waiting end, so that it ends: Control.Stop or Control.Done
// must have been set.
func (s *End) Finish() error {
	if s.thread == nil {
		return nil
	}
	return s.thread.Kick()
}

// Close closes the conversations. The end must have ended.
func (s *End) Close() error {
	var errs []error
	for _, c := range s.conns {
		errs = append(errs, c.Close())
	}
	s.conns = nil
	if s.epoll >= 0 {
		errs = append(errs, unix.Close(s.epoll))
		s.epoll = -1
	}
	return errors.Join(errs...)
}

// Sweep counts what comes after the end has ended: answers to requests over
// UDP that were given up.
func (s *End) Sweep() error {
	for _, c := range s.conns {
		for {
			n, err := s.read(c, s.buf, unix.MSG_DONTWAIT)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			s.counts.Received++
		}
	}
	s.publish()
	return nil
}

// The calls below are raw, as those of sink.Reader: they keep the processor of
// Go's scheduler while they wait, which is no longer than waitFor. That is safe
// because nothing stops the world during a trial.

// await waits until some conversations are ready, and returns how many. A single
// one is always ready: its calls wait themselves.
func (s *End) await() (int, error) {
	if s.single() {
		return 1, nil
	}
	return s.poll()
}

// at returns the i-th conversation that is ready.
func (s *End) at(i int) *Conn {
	if s.single() {
		return s.conns[0]
	}
	return s.conns[s.events[i].Fd]
}

// poll asks epoll.
func (s *End) poll() (int, error) {
	worker.Turn()
	s.counts.Calls++
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(s.epoll),
		uintptr(unsafe.Pointer(&s.events[0])), ready, waitFor, 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EINTR:
		return 0, nil
	}
	return 0, fmt.Errorf("wait for %d conversations: %w", len(s.conns), errno)
}

// flags are those of a call for an end's conversations.
func (s *End) flags() uintptr {
	if s.single() {
		return unix.MSG_NOSIGNAL
	}
	return unix.MSG_NOSIGNAL | unix.MSG_DONTWAIT
}

// write passes b to the kernel: n is 0 if it accepts nothing now.
func (s *End) write(c *Conn, b []byte, flags uintptr) (n int, err error) {
	worker.Turn()
	s.counts.Calls++
	done, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(c.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), flags, 0, 0)
	switch errno {
	case 0:
		return int(done), nil
	case unix.EAGAIN, unix.EINTR, unix.ENOBUFS:
		return 0, nil
	}
	return 0, &call.Error{Call: fmt.Sprintf("send on flow %d", c.Flow), Err: errno}
}

// errEnd: the other end has closed the conversation.
var errEnd = errors.New("the other end has closed it")

// read fills b with what is there: n is 0 if nothing is.
func (s *End) read(c *Conn, b []byte, flags uintptr) (n int, err error) {
	worker.Turn()
	s.counts.Calls++
	done, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(c.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), flags, 0, 0)
	switch errno {
	case 0:
		if done == 0 {
			return 0, fmt.Errorf("receive on flow %d: %w", c.Flow, errEnd)
		}
		return int(done), nil
	case unix.EAGAIN, unix.EINTR:
		return 0, nil
	}
	return 0, &call.Error{Call: fmt.Sprintf("receive on flow %d", c.Flow), Err: errno}
}

// sendMessage sends one request or answer, of Size bytes in buf. Over TCP it is sent
// completely: it is short, and all earlier data has been read. A datagram that
// the kernel does not accept is tried again in the next turn.
func (s *End) sendMessage(c *Conn) (bool, error) {
	for done := 0; done < s.Size; {
		n, err := s.write(c, s.buf[done:s.Size], unix.MSG_NOSIGNAL)
		if err != nil {
			return false, err
		}
		if n == 0 && s.UDP {
			s.counts.PushedBack++
			return false, nil
		}
		if n == 0 && s.ends() {
			return false, fmt.Errorf("send on flow %d: no room until the end", c.Flow)
		}
		done += n
	}
	s.counts.Sent++
	return true, nil
}

func (s *End) ends() bool { return s.control.Stop.Load() || s.control.Done.Load() }
