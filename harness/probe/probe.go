// Package probe measures round trips between two hosts beside other traffic: requests at a
// low rate that does not depend on the answers, on a flow of their own.
package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf/hist"
	"tunbench/harness/call"
	"tunbench/harness/socket"
	"tunbench/harness/worker"
)

const (
	// Port is that of both hosts: echo (RFC 862).
	Port = 7
	// Every is the time between two requests, on average, while nothing else is on the path.
	Every = time.Millisecond
	// EveryBeside is that beside other traffic, from which each request and its answer take
	// time: they cross the path one by one, and wake a thread at each end.
	EveryBeside = 4 * time.Millisecond
	// Stamp is the least payload in bytes: number, time and phase.
	Stamp = 24
)

// Phase is what requests are sent for.
type Phase uint64

const (
	Silent Phase = iota // none is sent
	Idle                // nothing else is on the path
	Beside              // other traffic is, and is not measured
	Load                // other traffic is measured
)

// Host is one end.
type Host struct {
	Addr netip.Addr
	// Do calls f on a thread in the namespace of the host.
	Do  func(f func() error) error
	CPU int
}

// Probe asks the second host from the first. Its methods may be called on nil, which asks
// nothing.
type Probe struct {
	size  int // payload of a request and of its answer, in bytes
	hosts [2]Host
	fds   [2]int // sockets of who asks, and of who answers
	wake  int    // eventfd, by which the one who asks notices a new phase

	threads  [2]*worker.Thread
	phase    atomic.Uint64
	quit     atomic.Bool
	counts   [2]counts
	idle     hist.Histogram // of the thread that asks, until it has ended
	load     hist.Histogram
	schedule *rand.Rand
}

// counts is what one end has done.
type counts struct{ sent, received, refused atomic.Uint64 }

// Counts is what both ends have done: requests by the first, and answers by the second.
type Counts struct {
	Requests, Arrived uint64 // sent, and received by the other host
	Answers, Received uint64
	Refused           uint64 // that the kernel did not take
}

// Open opens the sockets, for requests with a payload of so many bytes. Nothing is sent yet.
func Open(hosts [2]Host, size int, seed uint64) (*Probe, error) {
	p := &Probe{size: max(size, Stamp), hosts: hosts, fds: [2]int{-1, -1}, wake: -1, schedule: rand.New(rand.NewPCG(seed, 2))}
	for i, h := range hosts {
		err := h.Do(func() (err error) {
			p.fds[i], err = socket.UDP(netip.AddrPortFrom(h.Addr, Port), netip.AddrPortFrom(hosts[1-i].Addr, Port), unix.SOCK_NONBLOCK)
			return err
		})
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open the socket of the probe on host %d: %w", i, err), p.Close())
		}
	}
	var err error
	if p.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, errors.Join(&call.Error{Call: "eventfd", Err: err}, p.Close())
	}
	return p, nil
}

// Start starts both threads, which are given to watch.
func (p *Probe) Start(watch func(who string, t *worker.Thread)) (err error) {
	if p == nil {
		return nil
	}
	for i, loop := range []func() error{p.ask, p.answer} {
		if p.threads[i], err = worker.Start(p.hosts[i].CPU, loop); err != nil {
			return err
		}
		watch([]string{"who asks for the probe", "who answers the probe"}[i], p.threads[i])
	}
	return nil
}

// CPUTime is the CPU time of both threads in ns; -1 if one has ended.
func (p *Probe) CPUTime() (sum int64) {
	if p == nil {
		return 0
	}
	for _, t := range p.threads {
		ns, err := t.CPUTime()
		if err != nil {
			return -1
		}
		sum += ns
	}
	return sum
}

// Enter begins a phase. Requests that were sent before belong to theirs.
func (p *Probe) Enter(phase Phase) error {
	if p == nil {
		return nil
	}
	p.phase.Store(uint64(phase))
	return p.notify()
}

func (p *Probe) notify() error {
	one := binary.NativeEndian.AppendUint64(nil, 1)
	if _, err := unix.Write(p.wake, one); err != nil && !errors.Is(err, unix.EAGAIN) {
		return &call.Error{Call: "write to the eventfd of the probe", Err: err}
	}
	return nil
}

// Resting reports whether nothing waits in the sockets, and both threads wait for something. In
// the silent phase, with an empty path, all requests then are answered or lost.
func (p *Probe) Resting() (bool, error) {
	if p == nil {
		return true, nil
	}
	fds := []unix.PollFd{{Fd: int32(p.fds[0]), Events: unix.POLLIN}, {Fd: int32(p.fds[1]), Events: unix.POLLIN}, {Fd: int32(p.wake), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, 0)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return false, &call.Error{Call: "poll the sockets of the probe", Err: err}
	}
	if n != 0 || err != nil {
		return false, nil
	}
	for _, t := range p.threads {
		if t == nil {
			continue
		}
		if ok, err := t.Asleep(); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// ask sends requests when they are due, and takes the answers.
func (p *Probe) ask() error {
	defer worker.Favour()()
	buf := make([]byte, p.size)
	var number uint64
	next := worker.Now()
	for !p.quit.Load() {
		phase, now := Phase(p.phase.Load()), worker.Now()
		var wait *unix.Timespec // for ever
		if phase != Silent {
			if now >= next {
				number++
				if err := p.request(buf, number, phase); err != nil {
					return err
				}
				// Not at even distances, which the timers of the host might keep, too.
				every := float64(EveryBeside)
				if phase == Idle {
					every = float64(Every)
				}
				next = max(next, now-int64(every)) + int64(every*(0.5+p.schedule.Float64()))
			}
			left := unix.NsecToTimespec(max(0, next-worker.Now()))
			wait = &left
		}
		if err := p.await(0, wait); err != nil {
			return err
		}
		if err := p.takeAnswers(buf); err != nil {
			return err
		}
	}
	return nil
}

// await waits until something has come for an end, or for the one who asks the time has
// passed or the phase has changed.
func (p *Probe) await(end int, wait *unix.Timespec) error {
	fds := []unix.PollFd{{Fd: int32(p.fds[end]), Events: unix.POLLIN}, {Fd: int32(p.wake), Events: unix.POLLIN}}
	if end == 1 {
		fds = fds[:1]
	}
	if _, err := unix.Ppoll(fds, wait, nil); err != nil && !errors.Is(err, unix.EINTR) {
		return &call.Error{Call: "ppoll of the probe", Err: err}
	}
	if end == 0 && fds[1].Revents != 0 {
		var drained [8]byte
		if _, err := unix.Read(p.wake, drained[:]); err != nil && !errors.Is(err, unix.EAGAIN) {
			return &call.Error{Call: "read the eventfd of the probe", Err: err}
		}
	}
	return nil
}

func (p *Probe) request(buf []byte, number uint64, phase Phase) error {
	binary.LittleEndian.PutUint64(buf, number)
	binary.LittleEndian.PutUint64(buf[8:], uint64(worker.Now()))
	binary.LittleEndian.PutUint64(buf[16:], uint64(phase))
	return p.send(0, buf)
}

// send sends a packet of an end. One that the kernel does not take is not sent again.
func (p *Probe) send(end int, b []byte) error {
	c := &p.counts[end]
	switch _, err := unix.Write(p.fds[end], b); {
	case err == nil:
		c.sent.Add(1)
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.EINTR):
		c.refused.Add(1)
	default:
		return &call.Error{Call: "send of the probe", Err: err}
	}
	return nil
}

// receive takes a packet of an end; n is 0 if there is none.
func (p *Probe) receive(end int, b []byte) (n int, err error) {
	switch n, err = unix.Read(p.fds[end], b); {
	case err == nil:
		p.counts[end].received.Add(1)
		return n, nil
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return 0, nil
	}
	return 0, &call.Error{Call: "receive of the probe", Err: err}
}

func (p *Probe) takeAnswers(buf []byte) error {
	for {
		n, err := p.receive(0, buf)
		if err != nil || n == 0 {
			return err
		}
		took := worker.Now() - int64(binary.LittleEndian.Uint64(buf[8:]))
		switch Phase(binary.LittleEndian.Uint64(buf[16:])) {
		case Idle:
			p.idle.Record(uint64(max(0, took)))
		case Load:
			p.load.Record(uint64(max(0, took)))
		}
	}
}

// answer sends back what comes.
func (p *Probe) answer() error {
	defer worker.Favour()()
	buf := make([]byte, p.size)
	for !p.quit.Load() {
		if err := p.await(1, nil); err != nil {
			return err
		}
		for !p.quit.Load() {
			n, err := p.receive(1, buf)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
			if err := p.send(1, buf[:n]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Stop ends both threads.
func (p *Probe) Stop() error {
	if p == nil {
		return nil
	}
	p.quit.Store(true)
	const again = 5 * time.Millisecond
	var errs []error
	for _, t := range p.threads {
		for t != nil {
			errs = append(errs, p.notify(), t.Kick())
			select {
			case <-t.Done():
				errs = append(errs, t.Wait())
				t = nil
			case <-time.After(again):
			}
		}
	}
	return errors.Join(errs...)
}

// Counts may be called at any time.
func (p *Probe) Counts() Counts {
	a, b := &p.counts[0], &p.counts[1]
	return Counts{
		Requests: a.sent.Load(), Arrived: b.received.Load(), Answers: b.sent.Load(), Received: a.received.Load(),
		Refused: a.refused.Load() + b.refused.Load(),
	}
}

// RoundTrips are those in ns of requests that were sent in the idle phase and under load, once
// the threads have ended.
func (p *Probe) RoundTrips() (idle, load *hist.Histogram) { return &p.idle, &p.load }

// Close closes the sockets. The threads must have ended.
func (p *Probe) Close() error {
	if p == nil {
		return nil
	}
	var errs []error
	for _, fd := range []*int{&p.fds[0], &p.fds[1], &p.wake} {
		if *fd >= 0 {
			errs = append(errs, unix.Close(*fd))
			*fd = -1
		}
	}
	return errors.Join(errs...)
}
