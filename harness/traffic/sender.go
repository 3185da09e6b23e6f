// Package traffic sends packets into a device, from sockets of the kernel or from
// user space, and counts those that the kernel accepted.
package traffic

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/harness/call"
	"tunbench/harness/packet"
	"tunbench/harness/socket"
	"tunbench/harness/vhost"
	"tunbench/harness/worker"
)

// Ports of the flows: flow i goes from FirstPort+i to SinkPort.
const (
	FirstPort = 20000
	SinkPort  = 9 // discard
)

// Kind is the way into the kernel.
type Kind int

const (
	UDP       Kind = iota // connected sockets
	UDPGSO                // the same, UDP_SEGMENT
	Packet                // AF_PACKET
	PacketGSO             // the same with PACKET_VNET_HDR: super-packets of TCP
	Write                 // the descriptors of a device, one packet a call
	WriteGSO              // the same: super-packets of UDP, for a device with a virtio-net header
	WriteTCP              // the same: super-packets of TCP; without a virtio-net header single segments
)

// whole tells whether packets are handed over with all their headers, by one
// socket for all flows.
func (k Kind) whole() bool { return k == Packet || k == PacketGSO }

// written tells whether packets are written into a device.
func (k Kind) written() bool { return k == Write || k == WriteGSO || k == WriteTCP }

// tcp tells whether packets are of TCP.
func (k Kind) tcp() bool { return k == PacketGSO || k == WriteTCP }

// super tells whether messages are super-packets.
func (c Config) super() bool {
	return c.Kind == UDPGSO || c.Kind == WriteGSO || c.Kind == PacketGSO || c.Kind == WriteTCP && c.VnetHdr > 0
}

// Config says what a sender sends.
type Config struct {
	Kind     Kind
	CPU      int
	Src, Dst netip.Addr
	Flows    []int // the flows of this sender
	Size     int   // IP length in bytes; 0 for the IMIX
	TAP      bool
	// Ifindex is for AF_PACKET only, SrcLink and DstLink for whole frames on a TAP.
	Ifindex          int
	SrcLink, DstLink [6]byte
	Bypass           bool // PACKET_QDISC_BYPASS
	Written
	Messages int    // of one batch; 0: as many as a call takes well
	Limit    uint64 // segments to send, rounded up to a batch; 0 for no limit
	Pace     Pace   // the zero value sends as fast as it goes
}

// Written is for packets that are written: how, and where to. Src and
// Dst are those of the packets.
type Written struct {
	FDs      []int // the queue of each of Flows, by position; they stay their owner's
	Answers  bool  // the packets go back: from SinkPort to FirstPort+flow
	PI       bool
	VnetHdr  int  // bytes, 0 for none: then checksums are complete, else they are partial
	Vectored bool // writev(2): what the device wants before the packet stands in a buffer of its own
	Poll     bool // poll(2) for room when a non-blocking descriptor has none
	Ring     bool // io_uring: a batch a call; not with Vectored
	Vhost    bool // through vhost-net, as a guest's virtio driver; it has no use for PI and Vectored
	// Drivers, with Vhost, are the devices to transmit by, of each of FDs; they stay
	// their owner's. Without them a sender has its own.
	Drivers []*vhost.Device
}

// SrcPort and DstPort are those of the packets of a flow that are written.
func (w Written) SrcPort(flow int) uint16 {
	if w.Answers {
		return SinkPort
	}
	return uint16(FirstPort + flow)
}

func (w Written) DstPort(flow int) uint16 {
	if w.Answers {
		return uint16(FirstPort + flow)
	}
	return SinkPort
}

// Control is shared by the senders of a trial.
type Control struct {
	Stop atomic.Bool
	Gate worker.Gate // holds senders back between two batches
	// Start is when the first packet of a paced trial is due, in ns of the
	// trial's clock. It is set before the senders start.
	Start int64
	// Measured is the measured time: of paced packets, those that are due in it
	// count in Kept.
	Measured worker.Span
}

// Counts is what a sender did from its start on. Packets are wire segments.
type Counts struct {
	Calls      uint64
	Accepted   uint64 // taken by the kernel
	PushedBack uint64 // refused before they reached the device, and sent again
	CallNs     uint64 // time inside the calls
}

// Sender makes the traffic of some flows.
type Sender struct {
	Config
	control *Control
	thread  *worker.Thread
	fds     []int // one a flow, or one for AF_PACKET
	batch   *batch
	seqs    []uint64 // next sequence number, by position in Flows
	next    int      // position in Flows of the next batch
	counts  Counts
	writes  *writes // of packets that are written
	ring    *ring   // of packets that are written by io_uring
	// Only with Vhost: the drivers, and that of each of Flows by position.
	drivers, driverOf   []*driver
	pinError, timeError error
	driverError         error // with which a driver ended

	schedule schedule // of a paced sender
	message  int      // of the batch, that the next call of a paced sender begins with
	kept     Kept

	// What a test replaces by a clock and a kernel of its own.
	now   func() int64
	sleep func(time.Duration)
	call  func(fd int, messages []mmsghdr) (int, unix.Errno)

	_         [64]byte
	published struct{ calls, accepted, pushedBack, callNs atomic.Uint64 }
	_         [64]byte
}

// MinSize is the least IP length in bytes that holds a stamp.
func MinSize(family int) int { return packet.HeadersLen(false, family) + packet.StampLen }

// Open makes the sockets of a sender. It must be called on a thread in the
// network namespace of the device; the sender may then run anywhere.
func Open(c Config) (*Sender, error) {
	s := newSender(c)
	if err := s.open(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newSender(c Config) *Sender {
	s := &Sender{
		Config: c, seqs: make([]uint64, len(c.Flows)), batch: newBatch(c),
		now: worker.Now, sleep: time.Sleep, call: sendmmsg,
	}
	if c.Kind.written() {
		s.writes = newWrites(len(c.Flows), s.batch.messages())
		s.call = s.write
		if c.Vhost {
			s.call = s.offer
		}
	}
	if c.Pace.Rate > 0 {
		s.schedule = newSchedule(c.Pace, s.batch.segments)
	}
	return s
}

func (s *Sender) open() error {
	switch {
	case s.Kind.whole():
		return s.openPacket()
	case s.Kind.written():
		s.fds = s.FDs
		if s.Ring {
			return s.openRing()
		}
		if s.Vhost {
			return s.openDrivers()
		}
		return nil
	}
	for _, flow := range s.Flows { // fixed ports, so that a flow hashes to the same queue in each trial
		fd, err := socket.UDP(netip.AddrPortFrom(s.Src, uint16(FirstPort+flow)), netip.AddrPortFrom(s.Dst, SinkPort), unix.SOCK_NONBLOCK)
		if err != nil {
			return fmt.Errorf("open the socket of flow %d: %w", flow, err)
		}
		s.fds = append(s.fds, fd)
		if s.Kind == UDPGSO {
			size := s.Size - packet.HeadersLen(false, family(s.Src))
			if err := unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT, size); err != nil {
				return &call.Error{Call: "setsockopt UDP_SEGMENT", Err: err}
			}
		}
	}
	return nil
}

func family(a netip.Addr) int {
	if a.Is6() {
		return 6
	}
	return 4
}

func (s *Sender) openPacket() error {
	// Protocol 0 receives nothing.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return &call.Error{Call: "socket AF_PACKET", Err: err}
	}
	s.fds = append(s.fds, fd)
	if s.Kind == PacketGSO {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
			return &call.Error{Call: "setsockopt PACKET_VNET_HDR", Err: err}
		}
	}
	if s.Bypass {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1); err != nil {
			return &call.Error{Call: "setsockopt PACKET_QDISC_BYPASS", Err: err}
		}
	}
	return nil
}

// Close closes the sockets. The sender must have ended.
func (s *Sender) Close() error {
	errs := []error{s.closeDrivers()}
	if !s.Kind.written() {
		for _, fd := range s.fds {
			errs = append(errs, unix.Close(fd))
		}
	}
	s.fds = nil
	return errors.Join(append(errs, s.ring.close())...)
}

// Start begins to send on a thread of its own.
func (s *Sender) Start(control *Control) error {
	s.control = control
	loop := s.loop
	if s.Pace.Rate > 0 {
		loop = func() error {
			defer worker.Favour()()
			return s.paced()
		}
	}
	if s.ring != nil {
		loop = s.ring.during(loop)
	}
	if s.Vhost {
		s.pinDrivers()
		send := loop
		loop = func() error {
			if err := send(); err != nil {
				return err
			}
			return s.settle()
		}
	}
	var err error
	s.thread, err = worker.Start(s.CPU, func() error {
		if err := loop(); err != nil {
			return err
		}
		return s.inVain()
	})
	if err != nil {
		return fmt.Errorf("start a sender: %w", err)
	}
	return nil
}

// Thread is the thread that sends; nil before Start.
func (s *Sender) Thread() *worker.Thread { return s.thread }

// Progress may be called while the sender runs.
func (s *Sender) Progress() Counts {
	return Counts{
		Calls: s.published.calls.Load(), Accepted: s.published.accepted.Load(),
		PushedBack: s.published.pushedBack.Load(), CallNs: s.published.callNs.Load(),
	}
}

// Segments is how many wire segments one message of a call stands for.
func (s *Sender) Segments() uint64 { return s.batch.segments }

// Sent gives how many segments of each of Flows were accepted. The sender must
// have ended.
func (s *Sender) Sent() []uint64 {
	if s.writes == nil {
		return s.seqs
	}
	sent := slices.Clone(s.seqs)
	for position, n := range s.writes.refused {
		sent[position] -= n
	}
	return sent
}

// Sockets are those of the flows, by position in Flows: another may receive
// from them what comes back.
func (s *Sender) Sockets() []int { return s.fds }

// First is the first packet of all as it is written to a device, headers
// included.
func (s *Sender) First() []byte {
	s.batch.stampOne(0, 0, 0, 0, 0)
	return s.batch.buffers[0]
}

func (s *Sender) publish() {
	s.published.calls.Store(s.counts.Calls)
	s.published.accepted.Store(s.counts.Accepted)
	s.published.pushedBack.Store(s.counts.PushedBack)
	s.published.callNs.Store(s.counts.CallNs)
}

// Batch is the most messages that one call sends.
func (s *Sender) Batch() int { return s.batch.messages() }

// Kept tells how a paced sender kept its schedule. The sender must have ended.
func (s *Sender) Kept() *Kept { return &s.kept }

// Step sends one batch of the next flow, on the caller's thread. For senders
// that were not started.
func (s *Sender) Step(control *Control) error {
	s.control = control
	defer s.publish()
	return s.send(s.turn())
}

// turn gives the position in Flows of the flow whose turn it is.
func (s *Sender) turn() int {
	position := s.next
	s.next = (s.next + 1) % len(s.Flows)
	return position
}

// loop is the hot loop: flow after flow, a batch each. It allocates nothing.
func (s *Sender) loop() error {
	defer s.publish()
	for s.goesOn() {
		if err := s.Step(s.control); err != nil {
			return err
		}
	}
	return nil
}

// goesOn waits at the gate and then tells whether there is more to send. The
// schedule of an open loop stands still meanwhile.
func (s *Sender) goesOn() bool {
	s.schedule.start += s.control.Gate.Pass()
	return !s.control.Stop.Load() && (s.Limit == 0 || s.counts.Accepted < s.Limit)
}

// send hands one batch of one flow to the kernel.
func (s *Sender) send(position int) error {
	if s.writes == nil || !s.writes.each {
		s.batch.stamp(position, s.seqs[position], s.now())
	}
	return s.hand(position, 0, s.batch.messages(), s.now())
}

// hand gives the messages from first up to end to the kernel, which are of one
// flow and stamped, however many calls it takes. Now is the time.
func (s *Sender) hand(position, first, end int, now int64) error {
	fd := s.fds[0]
	if !s.Kind.whole() {
		fd = s.fds[position]
	}
	before := now
	for first < end {
		worker.Turn()
		if s.control.Stop.Load() {
			if first = s.passOver(position, first, end); first == end {
				break
			}
		}
		if s.writes != nil {
			s.writes.position, s.writes.first = position, first
		}
		n, errno := s.call(fd, s.batch.headers[first:end])
		if s.writes != nil {
			s.writes.took(s.batch, first, n)
		}
		after := s.now()
		s.counts.Calls++
		s.counts.CallNs += uint64(after - before)
		before = after
		done := s.batch.segments * uint64(n)
		s.counts.Accepted += done
		s.seqs[position] += done
		first += n
		switch {
		case errno == 0 && first == end:
		case s.writes != nil && errno != 0 && errno != unix.EINTR:
			again, err := s.refused(position, fd, errno)
			if err != nil {
				return err
			}
			if !again {
				first++
			}
		case errno == 0 && s.Kind.whole(), errno == unix.ENOBUFS && s.Kind.whole():
			// AF_PACKET passes on that the device dropped a packet: it got as
			// far as that and counts as accepted and lost. After a short count
			// the kernel keeps the error to itself (__sys_sendmmsg of
			// net/socket.c). Of a super-packet that the kernel cut before the
			// device, the last segment was dropped.
			s.counts.Accepted += s.batch.segments
			s.seqs[position] += s.batch.segments
			first++
		case errno == 0, errno == unix.EAGAIN, errno == unix.ENOBUFS:
			s.counts.PushedBack += s.batch.segments
		case errno == unix.EINTR:
			if s.driverError != nil {
				return s.driverError
			}
		default:
			return &call.Error{Call: "sendmmsg", Err: errno}
		}
	}
	return nil
}

// mmsghdr is struct mmsghdr of include/linux/socket.h.
type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

func sendmmsg(fd int, messages []mmsghdr) (int, unix.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd),
		uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
