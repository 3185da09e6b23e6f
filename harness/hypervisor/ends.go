package hypervisor

import (
	"errors"
	"fmt"
	"net/netip"

	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/load"
	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/path"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

const (
	// room is what the socket of a receiver on the host may hold, in bytes as the kernel
	// counts them: some thousands of small packets.
	room = 4 << 20
)

// ends are the senders and receivers of the host.
type ends struct {
	spec      spec.Spec
	placement record.Placement
	senders   []*traffic.Sender
	receivers []*sink.Receiver
	sending   traffic.Control
	reading   sink.Control

	received sink.Counts // by all receivers, at the end
	overruns uint64      // of their sockets, at the end
}

// open opens the sockets. Receivers come first: a packet to a port that nobody has would be
// answered.
func (e *ends) open(ns *netns.NS) error {
	here, there := device.HostAddress(e.spec, 0).Addr(), device.HostAddress(e.spec, 1).Addr()
	return ns.Do(func() error {
		if n := len(e.placement.Reader); n > 0 {
			fds, err := sink.Listen(netip.AddrPortFrom(here, traffic.SinkPort), n, room, false)
			if err != nil {
				return err
			}
			payload, _ := load.PayloadOf(e.spec)
			for i, cpu := range e.placement.Reader {
				e.receivers = append(e.receivers, sink.NewReceiver(sink.ReceiverConfig{
					FDs: fds[i : i+1], Own: true, CPU: cpu, Flows: e.spec.Flows,
					HeaderLen: packet.HeadersLen(true, e.spec.Family), MaxRead: max(spec.DefaultMTU, e.spec.Size),
					Open: e.spec.Open(), Payload: payload,
				}, &e.reading))
			}
		}
		for i, cpu := range e.placement.Sender {
			c := load.SenderConfig(e.spec, i, len(e.placement.Sender), cpu)
			c.Kind, c.Src, c.Dst = traffic.UDP, here, there
			s, err := traffic.Open(c)
			if err != nil {
				return err
			}
			e.senders = append(e.senders, s)
		}
		return nil
	})
}

// receive starts the receivers, and send the senders.
func (e *ends) receive(watch func(who string, t *worker.Thread)) error {
	for _, r := range e.receivers {
		if err := r.Start(); err != nil {
			return err
		}
		watch("a receiver", r.Thread())
	}
	return nil
}

func (e *ends) send(watch func(who string, t *worker.Thread)) error {
	e.sending.Start = worker.Now() + int64(startAfter)
	for _, s := range e.senders {
		if err := s.Start(&e.sending); err != nil {
			return err
		}
		watch("a sender", s.Thread())
	}
	return nil
}

// stop ends the senders.
func (e *ends) stop() error {
	e.sending.Stop.Store(true)
	var errs []error
	for _, s := range e.senders {
		if s.Thread() != nil {
			errs = append(errs, s.Thread().Wait())
		}
	}
	return errors.Join(errs...)
}

// idle reports whether no socket of a receiver holds a packet.
func (e *ends) idle() (bool, error) {
	return sink.Idle(e.receivers)
}

// finish ends the receivers and counts for the last time.
func (e *ends) finish() error {
	if err := e.end(); err != nil {
		return err
	}
	for _, r := range e.receivers {
		if r.Thread() == nil {
			continue
		}
		if err := r.Thread().Wait(); err != nil {
			return err
		}
		n, err := r.Overruns()
		if err != nil {
			return err
		}
		e.overruns += n
		e.received.Add(r.Counts)
	}
	return nil
}

// end makes the receivers end as soon as their sockets are empty.
func (e *ends) end() error {
	e.reading.Drain.Store(true)
	var list []worker.Named
	for i, r := range e.receivers {
		list = append(list, worker.Named{Name: fmt.Sprintf("receiver %d", i), Ender: r})
	}
	return worker.EndAll(list, path.DrainTimeout)
}

// did is what the ends of one direction have done so far. Packets are those of all threads.
type did struct {
	accepted, pushedBack, sendCalls        uint64
	delivered, wireBytes, reads, readCalls uint64
}

// progress is what the host has done so far: as sender of one direction, and as receiver of
// the other one.
func (e *ends) progress() (sent, got did) {
	for _, s := range e.senders {
		p := s.Progress()
		sent.accepted += p.Accepted
		sent.pushedBack += p.PushedBack
		sent.sendCalls += p.Calls
	}
	for _, r := range e.receivers {
		p := r.Seen().Progress()
		got.delivered += p.Delivered
		got.wireBytes += p.WireBytes
		got.reads += p.Reads
		got.readCalls += p.Calls
	}
	return sent, got
}

// cpuTime is that of senders and of receivers in ns; -1 if one of them has ended.
func (e *ends) cpuTime() (senders, receivers int64) {
	for _, s := range e.senders {
		senders = account.AddCPUTime(senders, s.Thread())
	}
	for _, r := range e.receivers {
		receivers = account.AddCPUTime(receivers, r.Thread())
	}
	return senders, receivers
}

// close stops all, from whatever state.
func (e *ends) close() error {
	// The errors of the senders have been reported, or are why we are here.
	e.stop()
	if err := e.end(); err != nil {
		return fmt.Errorf("the sockets of the host are left as they are: %w", err)
	}
	var errs []error
	for _, s := range e.senders {
		errs = append(errs, s.Close())
	}
	for _, r := range e.receivers {
		errs = append(errs, r.Close())
	}
	return errors.Join(errs...)
}
