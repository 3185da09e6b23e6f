// Package conversation makes the traffic of two hosts that answer each other: TCP
// streams, requests and answers, and the program iperf3.
package conversation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"tunbench/bpf/hist"
	"tunbench/harness/account"
	"tunbench/harness/path"
	"tunbench/harness/spec"
	"tunbench/harness/stream"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// Streams are the conversations of gen=tcp, tcp-rr and udp-rr, over sockets of ours.
type Streams struct {
	spec      spec.Spec
	placement record.Placement
	control   stream.Control
	exchanges []*exchange
	tcp       *connections // nil for gen=udp-rr
	answered  bool         // gen=tcp-rr, udp-rr
}

// NewStreams prepares the conversations of s, with a thread on each CPU of p.
func NewStreams(s spec.Spec, p record.Placement) *Streams {
	k := &Streams{spec: s, placement: p, answered: s.Gen != spec.GenTCP}
	if s.Gen != spec.GenUDPRR {
		k.tcp = &connections{spec: s, answered: k.answered}
	}
	return k
}

// roles are those of who begins and of the other one.
func (k *Streams) roles() [2]stream.Role {
	if k.answered {
		return [2]stream.Role{stream.Asks, stream.Answers}
	}
	return [2]stream.Role{stream.Sends, stream.Receives}
}

// Open makes ends and sockets. TCP connects later.
func (k *Streams) Open(_ context.Context, ends [2]path.Host) error {
	k.exchanges = []*exchange{{ends: ends}}
	if k.spec.Dir == spec.Both {
		k.exchanges = append(k.exchanges, &exchange{ends: [2]path.Host{ends[1], ends[0]}, host: 1})
	}
	if k.tcp != nil {
		k.tcp.exchanges = k.exchanges
	}
	n := len(k.placement.Sender) / len(k.exchanges)
	for i, w := range k.exchanges {
		for j := range n {
			c := stream.Config{UDP: k.tcp == nil, Size: k.payload(), Late: lateOf(k.spec)}
			c.Role, c.CPU = k.roles()[0], k.placement.Sender[i*n+j]
			w.speakers = append(w.speakers, stream.New(c, &k.control))
			c.Role, c.CPU = k.roles()[1], k.placement.Reader[i*n+j]
			w.listeners = append(w.listeners, stream.New(c, &k.control))
		}
		if err := w.open(k.spec.Flows, k.tcp != nil); err != nil {
			return err
		}
	}
	return nil
}

// payload is that of a request and of its answer: their IP length is Size.
func (k *Streams) payload() int {
	headers := k.spec.IPHeader()
	if k.tcp != nil {
		headers += tcpHeaderLen + stream.TimestampsLen
	} else {
		headers += udpHeaderLen
	}
	return k.spec.Size - headers
}

const (
	tcpHeaderLen = 20
	udpHeaderLen = 8
)

// Start connects the hosts, looks at the connections and starts the ends:
// first those who listen.
func (k *Streams) Start(ctx context.Context, watch func(string, *worker.Thread), _ func(error)) error {
	if k.tcp != nil {
		for _, w := range k.exchanges {
			if err := w.connect(ctx); err != nil {
				return err
			}
		}
		if err := k.tcp.lookAtStart(); err != nil {
			return err
		}
	}
	for _, w := range k.exchanges {
		for _, s := range w.listeners {
			if err := s.Start(); err != nil {
				return err
			}
			watch("a listener", s.Thread())
		}
	}
	for _, w := range k.exchanges {
		for _, s := range w.speakers {
			if err := s.Start(); err != nil {
				return err
			}
			watch("a speaker", s.Thread())
		}
	}
	return nil
}

// Hold makes the speakers stop or, with on false, continue.
func (k *Streams) Hold(on bool) {
	if on {
		k.control.Barrier.Close()
	} else {
		k.control.Barrier.Open()
	}
}

// Quiet reports whether the speakers have stopped, for now or for good, and all that
// they sent has been received or answered.
func (k *Streams) Quiet() (bool, error) {
	running := 0
	for _, w := range k.exchanges {
		for _, s := range w.speakers {
			if t := s.Thread(); t != nil {
				select {
				case <-t.Done():
				default:
					running++
				}
			}
		}
	}
	if k.control.Barrier.Held() != running {
		return false, nil
	}
	if waiting, err := k.waiting(); waiting || err != nil {
		return false, err
	}
	for _, w := range k.exchanges {
		spoke, heard := progress(w.speakers), progress(w.listeners)
		switch {
		case !k.answered && spoke.Bytes != heard.Bytes,
			k.answered && heard.Received != heard.Sent,
			k.answered && k.tcp != nil && spoke.Sent != heard.Sent:
			return false, nil
		}
	}
	return true, nil
}

// waiting reports whether a datagram waits to be answered. With TCP the counts show
// that.
func (k *Streams) waiting() (bool, error) {
	if k.tcp != nil {
		return false, nil
	}
	for _, s := range k.exchanges[0].listeners {
		for _, c := range s.Conns() {
			if ok, err := c.Waiting(); ok || err != nil {
				return ok, err
			}
		}
	}
	return false, nil
}

// Heard counts the transactions or bytes that have arrived.
func (k *Streams) Heard() (n uint64) {
	for _, w := range k.exchanges {
		if k.answered {
			n += progress(w.speakers).Transactions
		} else {
			n += progress(w.listeners).Bytes
		}
	}
	return n
}

// Measure looks at all connections when the measured time begins and when it
// ends, and adds up what they did in it.
func (k *Streams) Measure(on bool) error {
	now := worker.Now()
	if !on {
		k.control.Measured.End(now)
	}
	if k.tcp != nil {
		if err := k.tcp.lookAtMeasured(on); err != nil {
			return err
		}
	}
	if on {
		k.control.Measured.Begin(worker.Now())
	}
	return nil
}

// Sample fills in what has been done so far.
func (k *Streams) Sample(s *account.Sample) error {
	*s = account.Sample{At: worker.Now()}
	if err := k.tcp.lookAtLoad(); err != nil {
		return err
	}
	for _, w := range k.exchanges {
		spoke, heard := progress(w.speakers), progress(w.listeners)
		s.SendCalls += spoke.Calls
		s.ReadCalls += heard.Calls
		s.PushedBack += spoke.PushedBack + heard.PushedBack
		s.Transactions += spoke.Transactions
		if k.answered {
			s.Accepted += spoke.Sent + heard.Sent
			s.Delivered += spoke.Received + heard.Received
			continue
		}
		s.Payload += heard.Bytes
		segments, err := k.tcp.arrived(w, heard.Bytes)
		if err != nil {
			return err
		}
		s.Delivered += segments
	}
	if k.answered {
		s.Payload = s.Delivered * uint64(k.payload())
		s.WireBytes = s.Delivered * uint64(k.spec.Size+frameLen(k.spec))
	} else {
		s.WireBytes = s.Payload + s.Delivered*uint64(k.tcp.headers+frameLen(k.spec))
	}
	return nil
}

// CPUTime is the CPU time in ns of the threads that begin conversations, and of those
// that answer; -1 if one has ended.
func (k *Streams) CPUTime() (clients, servers int64) {
	for _, w := range k.exchanges {
		for _, s := range w.speakers {
			clients = account.AddCPUTime(clients, s.Thread())
		}
		for _, s := range w.listeners {
			servers = account.AddCPUTime(servers, s.Thread())
		}
	}
	return clients, servers
}

// Stop ends those who speak, once they have their answers.
func (k *Streams) Stop(context.Context) error {
	k.control.Stop.Store(true)
	k.control.Barrier.Open()
	return k.join(func(w *exchange) []*stream.End { return w.speakers })
}

// join waits for ends that are told to end.
func (k *Streams) join(of func(*exchange) []*stream.End) error {
	if err := worker.EndAll(k.named(of), path.DrainTimeout); err != nil {
		return err
	}
	var errs []error
	for _, w := range k.exchanges {
		for _, s := range of(w) {
			if s.Thread() != nil {
				errs = append(errs, s.Thread().Wait())
			}
		}
	}
	return errors.Join(errs...)
}

// named lists ends of all exchanges as workers.
func (k *Streams) named(of func(*exchange) []*stream.End) (list []worker.Named) {
	for _, w := range k.exchanges {
		for i, s := range of(w) {
			list = append(list, worker.Named{Name: fmt.Sprintf("end %d of the conversations of %s", i, w.ends[0].Link), Ender: s})
		}
	}
	return list
}

// Settled reports whether all that was sent is acknowledged.
func (k *Streams) Settled() (bool, error) {
	if k.tcp == nil {
		return true, nil
	}
	return k.tcp.settled()
}

// Finish looks at the connections for the last time and ends those who listen.
func (k *Streams) Finish() error {
	if k.tcp != nil {
		if err := k.tcp.lookAtEnd(); err != nil {
			return err
		}
	} else {
		if err := k.exchanges[0].sweep(); err != nil {
			return err
		}
	}
	k.control.Done.Store(true)
	return k.join(func(w *exchange) []*stream.End { return w.listeners })
}

// Fill adds what the ends of the conversations counted to the record.
func (k *Streams) Fill(t *record.Trial) {
	for _, w := range k.exchanges {
		heard := progress(w.listeners)
		t.Reads.Calls += heard.Calls
		t.Reads.Bytes += heard.Bytes + heard.Received*uint64(max(0, k.payload()))
	}
	if k.answered {
		rtt := new(hist.Histogram)
		for _, s := range k.exchanges[0].speakers {
			rtt.Merge(&s.RTT)
		}
		t.Latency[record.RTT] = account.Latency(rtt, 0)
	}
	if k.tcp == nil {
		spoke, heard := progress(k.exchanges[0].speakers), progress(k.exchanges[0].listeners)
		a := &t.Accounting
		a.Accepted, a.Delivered = spoke.Sent+heard.Sent, spoke.Received+heard.Received
		a.PushedBack = spoke.PushedBack + heard.PushedBack
		k.exchanges[0].explain(k.spec, t)
		if spoke.Lost > 0 {
			t.Notes = append(t.Notes, fmt.Sprintf("%d of %d requests were asked again, since their answers had not come in time", spoke.Lost, spoke.Sent))
		}
		return
	}
	k.tcp.account(t)
	k.tcp.describe(t)
}

// Mismatch compares the packets that an observer saw at the first device, or at both
// if streams flow in both directions, with those that the sockets sent. A TCP socket
// counts from its SYN on; the answer to a SYN is counted by no socket.
func (k *Streams) Mismatch(t *record.Trial) string {
	xmit := t.Accounting.Xmit
	if xmit == nil || k.spec.Holds() { // another drops before the device sees it
		return ""
	}
	sent := path.ProbesSeen(k.spec, t)
	for _, w := range k.exchanges {
		if k.tcp == nil {
			sent += progress(w.speakers).Sent
			continue
		}
		for i, peers := range w.peers {
			if i != w.host && len(k.exchanges) == 1 {
				continue
			}
			for _, p := range peers {
				sent += uint64(p.last.SegsOut)
				if i == 1 {
					sent++
				}
			}
		}
	}
	// A run that was missed may have been of an xmit: of a packet, or a GSO packet.
	most := t.Observer.MissedRuns
	if superPackets(k.spec) {
		most *= uint64(maxSuper/k.payload() + 1)
	}
	if sent < *xmit || sent > *xmit+most {
		return fmt.Sprintf("the sockets sent %d packets, the observer saw %d at xmit", sent, *xmit)
	}
	return ""
}

// Close ends all threads and closes the sockets, from whatever state.
func (k *Streams) Close() error {
	k.control.Stop.Store(true)
	k.control.Done.Store(true)
	k.control.Barrier.Open()
	// Their own errors have been reported, or are why we are here.
	all := func(w *exchange) []*stream.End { return slices.Concat(w.speakers, w.listeners) }
	if err := worker.EndAll(k.named(all), path.DrainTimeout); err != nil {
		return fmt.Errorf("the sockets of the conversations are left as they are: %w", err)
	}
	var errs []error
	for _, w := range k.exchanges {
		for _, s := range all(w) {
			errs = append(errs, s.Close())
		}
		if w.listener != nil {
			errs = append(errs, w.listener.Close())
			w.listener = nil
		}
	}
	return errors.Join(errs...)
}
