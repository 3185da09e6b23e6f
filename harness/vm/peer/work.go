package peer

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/device"
	"tunbench/harness/load"
	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/harness/worker"
)

const (
	// room is what the socket of a receiver may hold, in bytes: half of the kernel's
	// default (net.core.rmem_default), which the kernel doubles.
	room = 212992 / 2
	// startAfter is what paced senders have to get ready before the first packet is due.
	startAfter = 5 * time.Millisecond
	// endsWithin bounds how long receivers may take to empty their sockets.
	endsWithin = 5 * time.Second
)

// work is the network device of the guest with what sends and receives by it.
type work struct {
	Config
	ns        *netns.NS
	link      string // name of the device
	senders   []*traffic.Sender
	receivers []*sink.Receiver
	sending   traffic.Control
	reading   sink.Control
}

// open sets up the device and starts the receivers. The receivers are there before any
// packet: to a port that nobody has, the stack would answer.
func open(c Config) (*work, error) {
	w := &work{Config: c}
	var err error
	if w.ns, err = netns.Own(); err != nil {
		return nil, err
	}
	if w.link, err = w.ns.ByMAC(MAC.String()); err != nil {
		return nil, fmt.Errorf("find the guest's network device: %w", err)
	}
	l := device.HostLink(c.Spec, 1, true)
	l.MAC, l.Qdisc, l.TxQLen = nil, "", 0 // the guest keeps its kernel's own
	if err := w.ns.Configure(w.link, l); err != nil {
		return nil, err
	}
	if err := w.openReceivers(); err != nil {
		return nil, err
	}
	return w, w.openSenders()
}

func (w *work) openReceivers() error {
	if w.Receive == 0 {
		return nil
	}
	here := device.HostAddress(w.Spec, 1).Addr()
	return w.ns.Do(func() error {
		fds, err := sink.Listen(netip.AddrPortFrom(here, traffic.SinkPort), w.Receive, room, false)
		if err != nil {
			return err
		}
		payload, _ := load.PayloadOf(w.Spec)
		for i := range fds {
			r := sink.NewReceiver(sink.ReceiverConfig{
				FDs: fds[i : i+1], Own: true, CPU: workerCPU(i), Flows: w.Spec.Flows,
				HeaderLen: packet.HeadersLen(true, w.Spec.Family), MaxRead: max(spec.DefaultMTU, w.Spec.Size),
				Open: w.Spec.Open(), Payload: payload,
			}, &w.reading)
			w.receivers = append(w.receivers, r)
		}
		for _, r := range w.receivers {
			if err := r.Start(); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *work) openSenders() error {
	here, there := device.HostAddress(w.Spec, 1).Addr(), device.HostAddress(w.Spec, 0).Addr()
	return w.ns.Do(func() error {
		for i := range w.Send {
			c := load.SenderConfig(w.Spec, i, w.Send, workerCPU(i))
			c.Kind, c.Src, c.Dst = traffic.UDP, here, there
			s, err := traffic.Open(c)
			if err != nil {
				return err
			}
			w.senders = append(w.senders, s)
		}
		return nil
	})
}

// do does what the host asks.
func (w *work) do(id int, word string) (Answer, error) {
	switch word {
	case Start:
		w.sending.Start = worker.Now() + int64(startAfter)
		for _, s := range w.senders {
			if err := s.Start(&w.sending); err != nil {
				return Answer{}, err
			}
		}
	case Sample:
	case Look:
		return w.look(id)
	case Stop:
		w.sending.Stop.Store(true)
		for _, s := range w.senders {
			if s.Thread() == nil {
				continue
			}
			if err := s.Thread().Wait(); err != nil {
				return Answer{}, err
			}
		}
	case Finish:
		return w.finish(id)
	default:
		return Answer{}, fmt.Errorf("%q is nothing that a guest does", word)
	}
	return w.sample(id), nil
}

// sample is what all threads have done so far.
func (w *work) sample(id int) Answer {
	a := Answer{ID: id}
	for _, r := range w.receivers {
		p := r.Seen().Progress()
		a.Delivered += p.Delivered
		a.WireBytes += p.WireBytes
		a.Reads += p.Reads
		a.ReadCalls += p.Calls
	}
	for _, s := range w.senders {
		p := s.Progress()
		a.Accepted += p.Accepted
		a.PushedBack += p.PushedBack
		a.SendCalls += p.Calls
	}
	return a
}

// look is a sample with all counters. These are read first, so that none is ahead of what
// was received.
func (w *work) look(id int) (a Answer, err error) {
	c := &Counters{}
	if c.Link, err = w.ns.Counters(w.link); err != nil {
		return a, err
	}
	if c.Stack, err = w.ns.Stack(); err != nil {
		return a, err
	}
	if c.Queues, err = w.ns.Queues(w.link); err != nil {
		return a, err
	}
	qdisc, err := w.ns.Qdisc(w.link)
	if err != nil {
		return a, err
	}
	c.Qdisc = qdisc.Dropped
	if c.Overruns, c.Idle, err = w.sockets(); err != nil {
		return a, err
	}
	a = w.sample(id)
	a.Counters = c
	return a, nil
}

// sockets is how many packets the sockets of the receivers dropped, and whether all are
// empty.
func (w *work) sockets() (overruns uint64, idle bool, err error) {
	var fds []unix.PollFd
	for _, r := range w.receivers {
		n, err := r.Overruns()
		if err != nil {
			return 0, false, err
		}
		overruns += n
		for _, fd := range r.FDs {
			fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		}
	}
	n, err := unix.Poll(fds, 0)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return 0, false, fmt.Errorf("poll the sockets of the receivers: %w", err)
	}
	return overruns, n == 0 && err == nil, nil
}

// finish ends the receivers and counts for the last time.
func (w *work) finish(id int) (Answer, error) {
	w.reading.Drain.Store(true)
	for deadline := time.Now().Add(endsWithin); ; time.Sleep(time.Millisecond) {
		ended := true
		for _, r := range w.receivers {
			if err := r.Finish(); err != nil {
				return Answer{}, err
			}
			select {
			case <-r.Thread().Done():
			default:
				ended = false
			}
		}
		if ended {
			break
		}
		if time.Now().After(deadline) {
			return Answer{}, fmt.Errorf("a receiver is still busy after %v", endsWithin)
		}
	}
	a, err := w.look(id)
	if err != nil {
		return a, err
	}
	a.Received = &sink.Counts{}
	for _, r := range w.receivers {
		if err := r.Thread().Wait(); err != nil {
			return a, err
		}
		a.Received.Add(r.Counts)
	}
	a.Flows = w.flows()
	return a, nil
}

func (w *work) flows() (list []Flow) {
	for flow := range min(w.Spec.Flows, MostFlows) {
		var f Flow
		if n := len(w.senders); n > 0 {
			f.Sent = w.senders[flow%n].Sent()[flow/n]
		}
		for _, r := range w.receivers {
			seen := r.Flow(flow)
			f.Delivered += seen.Delivered
			f.Duplicates += seen.Duplicates
			f.Reordered += seen.Reordered
		}
		list = append(list, f)
	}
	return list
}
