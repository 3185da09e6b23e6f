// Package traffic sends packets into a device, from sockets of the kernel or from
// user space, and counts those that the kernel accepted.
package traffic

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/harness/call"
	"tunbench/harness/socket"
	"tunbench/harness/worker"
)

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
	drivers             drivers
	driverOf            []*driver
	pinError, timeError error
	driverError         error // that ended a driver

	schedule schedule // of a paced sender
	message  int      // of the batch, that the next call of a paced sender begins with
	kept     Kept

	// Replaced in tests by a simulated clock and kernel.
	now   func() int64
	sleep func(time.Duration)
	call  func(fd int, messages []socket.Message) (int, unix.Errno)

	_         [64]byte
	published struct{ calls, accepted, pushedBack, callNs, looks atomic.Uint64 }
	_         [64]byte
}

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
	if c.Each {
		s.call = s.sendEach
	}
	if c.Kind.written() {
		s.writes = newWrites(len(c.Flows), s.batch.messages())
		s.call = writeSender{s}.write
		if c.Vhost {
			s.call = driverSender{s}.write
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
		return packetSender{Sender: s}.open()
	case s.Kind.written():
		s.fds = s.FDs
		if s.Ring {
			return ringSender{s}.open()
		}
		if s.Vhost {
			return driverSender{s}.open()
		}
		return nil
	}
	for _, flow := range s.Flows {
		fd, err := openSocket(s.Config, flow)
		if fd >= 0 {
			s.fds = append(s.fds, fd)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Close closes the sockets. The sender must have ended.
func (s *Sender) Close() error {
	errs := []error{s.drivers.close()}
	s.drivers, s.driverOf = nil, nil
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
			return pacer{s}.loop()
		}
	}
	if s.ring != nil {
		loop = s.ring.during(loop)
	}
	if s.Vhost {
		s.pinError = s.drivers.pin(s.CPU)
		_, s.timeError = s.VhostTime()
		send := loop
		loop = func() error {
			if err := send(); err != nil {
				return err
			}
			return driverSender{s}.settle()
		}
	}
	var err error
	s.thread, err = worker.Start(s.CPU, func() error {
		if err := loop(); err != nil {
			return err
		}
		return writeSender{s}.allRefused()
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
		PushedBack: s.published.pushedBack.Load(), CallNs: s.published.callNs.Load(), Looks: s.published.looks.Load(),
	}
}

// Segments is how many wire segments one message of a call stands for.
func (s *Sender) Segments() uint64 { return s.batch.segments }

// Sent returns how many segments of each of Flows were accepted. The sender must
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

// Writes returns the results of all writes. The sender must have ended.
func (s *Sender) Writes() Writes { return s.writes.sum() }

// VhostTime is the CPU time in ns of the vhost workers, which is part of the
// cost of the packets; 0 if the sender has none of its own.
func (s *Sender) VhostTime() (int64, error) { return s.drivers.cpuTime() }

// VhostWorkers reports whether vhost workers work for the sender and, since
// Start, why they are not on its CPU, where write(2) would do their work, and
// why their CPU time is not known.
func (s *Sender) VhostWorkers() (has bool, pin, time error) {
	return s.Vhost && s.Drivers == nil, s.pinError, s.timeError
}

// Settled reports whether the kernel has taken all packets that were offered.
// It may be called while the sender runs.
func (s *Sender) Settled() bool { return s.drivers.idle() }

// Sockets are those of the flows, by position in Flows. A receiver may read the
// answers from them.
func (s *Sender) Sockets() []int { return s.fds }

// First is the very first packet as it is written to a device, headers
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
	s.published.looks.Store(s.counts.Looks)
}

// Batch is the most messages that one call sends.
func (s *Sender) Batch() int { return s.batch.messages() }

// Kept returns how a paced sender kept its schedule. The sender must have
// ended.
func (s *Sender) Kept() *Kept { return &s.kept }

// Step sends one batch of the next flow, on the caller's thread. For senders
// that were not started.
func (s *Sender) Step(control *Control) error {
	s.control = control
	defer s.publish()
	return s.send(s.turn())
}

// turn returns the position in Flows of the next flow.
func (s *Sender) turn() int {
	position := s.next
	s.next = (s.next + 1) % len(s.Flows)
	return position
}

// loop is the hot loop: flow after flow, a batch each. It does not allocate.
func (s *Sender) loop() error {
	defer s.publish()
	for s.more() {
		if err := s.Step(s.control); err != nil {
			return err
		}
	}
	return nil
}

// more waits at the barrier and then reports whether there is more to send. The
// schedule of an open loop stands still meanwhile.
func (s *Sender) more() bool {
	s.schedule.start += s.control.Barrier.Pass()
	return !s.control.Stop.Load() && (s.Limit == 0 || s.counts.Accepted < s.Limit)
}

// send hands one batch of one flow to the kernel.
func (s *Sender) send(position int) error {
	if s.writes == nil || !s.writes.each {
		s.batch.stamp(position, s.seqs[position], s.now())
	}
	return s.hand(position, 0, s.batch.messages(), s.now())
}

// hand passes the messages from first up to end to the kernel, by as many calls
// as needed. They are stamped and of one flow. Now is the time.
func (s *Sender) hand(position, first, end int, now int64) error {
	fd := s.fds[0]
	if !s.Kind.whole() {
		fd = s.fds[position]
	}
	before := now
	for first < end {
		worker.Turn()
		if s.control.Stop.Load() {
			if first = s.nextWritten(position, first, end); first == end {
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
			again, err := writeSender{s}.refused(position, fd, errno)
			if err != nil {
				return err
			}
			if !again {
				first++
			}
		case errno == unix.ENOBUFS && s.Kind.whole():
			// See packetSender. Of a GSO packet that the kernel cut before the
			// device, the last segment was dropped.
			s.counts.Accepted += s.batch.segments
			s.seqs[position] += s.batch.segments
			first++
		// ECONNREFUSED tells of an earlier packet, which met no socket; this one was not taken.
		case errno == 0, errno == unix.EAGAIN, errno == unix.ENOBUFS, errno == unix.ECONNREFUSED:
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

// nextWritten returns the first message from first on that was written and not yet
// counted, or end. Messages before it are not written any more.
func (s *Sender) nextWritten(position, first, end int) int {
	if s.ring == nil {
		return end
	}
	next := first
	for next < end && !s.ring.hasResult(next) {
		next++
	}
	if next < end {
		lost := s.batch.segments * uint64(next-first)
		s.seqs[position] += lost
		s.writes.refused[position] += lost
	}
	return next
}

// sendEach hands messages to a socket, one by each call, until one is refused.
func (s *Sender) sendEach(fd int, messages []socket.Message) (int, unix.Errno) {
	for k := range messages {
		worker.Turn()
		v := messages[k].Header.Iov
		_, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(v.Base)), uintptr(v.Len), unix.MSG_DONTWAIT, 0, 0)
		if errno != 0 {
			s.counts.Calls += uint64(k) // and the one that hand counts
			return k, errno
		}
	}
	s.counts.Calls += uint64(len(messages) - 1)
	return len(messages), 0
}
