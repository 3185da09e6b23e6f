// Package conversation makes the traffic of two hosts that answer each other: TCP
// streams, requests and answers, and the program iperf3.
package conversation

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"tunbench/bpf/hist"
	"tunbench/harness/account"
	"tunbench/harness/netns"
	"tunbench/harness/path"
	"tunbench/harness/spec"
	"tunbench/harness/stream"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// mostAsked is how many streams are asked for their segments at the end of each
// window. Of more, segments are reckoned from payload.
const mostAsked = 256

// maxSuper bounds a super-packet of TCP in bytes (GSO_LEGACY_MAX_SIZE of
// include/linux/netdevice.h).
const maxSuper = 65536

// Streams are the talkers of gen=tcp, tcp-rr and udp-rr: sockets of ours.
//
// The accounting of a TCP trial is of all packets that its connections sent once
// they were there, acknowledgements and those of both directions included: that
// is what the wire carries, and what its counters tell apart no better. A
// segment that TCP sends again is one more packet, and one that comes twice has
// been delivered twice. Sent and received are what the kernel counted on the
// sockets of both hosts; what lies between must be in the counters of the wire.
//
// A super-packet that user space wrote into a device counts as one segment at
// the receiving socket, so that nobody but the sender knows how many came. Then
// accepted are the segments sent, delivered are those that were sent for the
// first time, whose payload is known to have arrived once all of it is
// acknowledged and read, and the others are under record.SentAgain.
type Streams struct {
	spec      spec.Spec
	placement record.Placement
	control   stream.Control
	ways      []*exchange
	tcp       bool
	answered  bool // gen=tcp-rr, udp-rr

	// segments tells that windows count segments, not payload.
	segments bool
	measured bool
	stacks   [2]netns.TCP // of the hosts, when the measured time began
	disorder uint64       // packets that were put in order in the measured time
	bad      [2]uint64    // packets with a wrong checksum, at the start
	badSums  uint64       // from then on
	// since is when that was, in ns of the trial's clock, and lasted how long it
	// all took, in ns.
	since, lasted int64
	headers       int // bytes of a segment before its payload
	// congestion is the name of TCP's congestion control.
	congestion string
}

// exchange is the conversations of which one host has begun to talk.
type exchange struct {
	ends      [2]path.Host // who begins, and the other one
	host      int          // number of the first
	listener  *stream.Listener
	speakers  []*stream.Side
	listeners []*stream.Side
	peers     [2][]*peer // in order of their flows
}

// peer is one end of a TCP connection, and what the kernel said of it.
type peer struct {
	conn              *stream.Conn
	base, begin, last stream.Info // when it was there; when measured time last began; last looked at
	did               did         // in the measured time
}

// did is what a connection did between two looks.
type did struct{ out, again, in, received uint64 }

func between(a, b stream.Info) did {
	return did{
		out: uint64(b.DataOut - a.DataOut), again: uint64(b.Again - a.Again),
		in: uint64(b.DataIn - a.DataIn), received: b.Received - a.Received,
	}
}

func (d did) plus(o did) did {
	return did{d.out + o.out, d.again + o.again, d.in + o.in, d.received + o.received}
}

func NewStreams(s spec.Spec, p record.Placement) *Streams {
	return &Streams{spec: s, placement: p, tcp: s.Gen != spec.GenUDPRR, answered: s.Gen != spec.GenTCP}
}

// roles are those of who begins and of the other one.
func (k *Streams) roles() [2]stream.Role {
	if k.answered {
		return [2]stream.Role{stream.Asks, stream.Answers}
	}
	return [2]stream.Role{stream.Sends, stream.Receives}
}

// Open makes sides and sockets. TCP connects later.
func (k *Streams) Open(ends [2]path.Host) error {
	k.ways = []*exchange{{ends: ends}}
	if k.spec.Dir == spec.Both {
		k.ways = append(k.ways, &exchange{ends: [2]path.Host{ends[1], ends[0]}, host: 1})
	}
	n := len(k.placement.Sender) / len(k.ways)
	for i, w := range k.ways {
		for j := range n {
			c := stream.Config{UDP: !k.tcp, Size: k.payload()}
			c.Role, c.CPU = k.roles()[0], k.placement.Sender[i*n+j]
			w.speakers = append(w.speakers, stream.New(c, &k.control))
			c.Role, c.CPU = k.roles()[1], k.placement.Reader[i*n+j]
			w.listeners = append(w.listeners, stream.New(c, &k.control))
		}
		if err := k.sockets(w); err != nil {
			return err
		}
	}
	return nil
}

// payload is that of a request and of its answer: their IP length is Size.
func (k *Streams) payload() int {
	headers := k.spec.IPHeader()
	if k.tcp {
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

// sockets opens the sockets of an exchange. Flow i belongs to thread i modulo
// their number, on both sides.
func (k *Streams) sockets(w *exchange) error {
	add := func(sides []*stream.Side, c *stream.Conn, err error) error {
		if err == nil {
			sides[c.Flow%len(sides)].Add(c)
		}
		return err
	}
	for i, side := range [][]*stream.Side{w.speakers, w.listeners} {
		here, there := w.ends[i], w.ends[1-i]
		err := here.NS.Do(func() (err error) {
			if k.tcp && i == 1 {
				const backlog = 128
				w.listener, err = stream.Listen(here.Addr, backlog)
				return err
			}
			for flow := range k.spec.Flows {
				var c *stream.Conn
				if k.tcp {
					c, err = stream.Socket(here.Addr, flow)
				} else {
					c, err = stream.Datagrams(here.Addr, there.Addr, flow)
				}
				if err := add(side, c, err); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Start connects the hosts, looks at the connections and lets the sides talk:
// first those who listen.
func (k *Streams) Start(watch func(string, *worker.Thread), _ func(error)) error {
	if k.tcp {
		for _, w := range k.ways {
			if err := w.connect(); err != nil {
				return err
			}
		}
		if err := k.lookAtStart(); err != nil {
			return err
		}
	}
	for _, w := range k.ways {
		for _, s := range w.listeners {
			if err := s.Start(); err != nil {
				return err
			}
			watch("a listener", s.Thread())
		}
	}
	for _, w := range k.ways {
		for _, s := range w.speakers {
			if err := s.Start(); err != nil {
				return err
			}
			watch("a speaker", s.Thread())
		}
	}
	return nil
}

// connect connects one flow after the other, so that the listener's are in the
// same order.
func (w *exchange) connect() error {
	n := len(w.speakers)
	for flow := 0; ; flow++ {
		conns := w.speakers[flow%n].Conns()
		if flow/n >= len(conns) {
			return nil
		}
		c := conns[flow/n]
		if err := c.Connect(w.ends[1].Addr); err != nil {
			return err
		}
		other, err := w.listener.Accept()
		if err != nil {
			return fmt.Errorf("accept flow %d: %w", flow, err)
		}
		w.listeners[flow%n].Add(other)
		if other.Flow != flow {
			return fmt.Errorf("accept flow %d: flow %d came", flow, other.Flow)
		}
		w.peers[0] = append(w.peers[0], &peer{conn: c})
		w.peers[1] = append(w.peers[1], &peer{conn: other})
	}
}

// all calls f for both ends of each TCP connection.
func (k *Streams) all(f func(*peer) error) error {
	for _, w := range k.ways {
		for _, peers := range w.peers {
			for _, p := range peers {
				if err := f(p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// lookAtStart is the first look at connections and stacks.
func (k *Streams) lookAtStart() error {
	err := k.all(func(p *peer) (err error) {
		p.base, err = p.conn.Info()
		p.last = p.base
		return err
	})
	if err != nil {
		return err
	}
	first := k.ways[0].peers[0][0]
	if k.congestion, err = first.conn.Congestion(); err != nil {
		return err
	}
	k.headers = k.spec.IPHeader() + tcpHeaderLen
	if first.base.Timestamps {
		k.headers += stream.TimestampsLen
	}
	for i, e := range k.ways[0].ends {
		stack, err := e.NS.TCP()
		if err != nil {
			return err
		}
		k.bad[i] = stack.BadSums
	}
	return nil
}

func (k *Streams) Hold(on bool) {
	if on {
		k.control.Gate.Close()
	} else {
		k.control.Gate.Open()
	}
}

// Quiet tells whether who speaks has stopped, for now or for good, and all of it
// has been heard, or answered.
func (k *Streams) Quiet() (bool, error) {
	running := 0
	for _, w := range k.ways {
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
	if k.control.Gate.Held() != running {
		return false, nil
	}
	if waiting, err := k.waiting(); waiting || err != nil {
		return false, err
	}
	for _, w := range k.ways {
		spoke, heard := progress(w.speakers), progress(w.listeners)
		switch {
		case !k.answered && spoke.Bytes != heard.Bytes,
			k.answered && heard.Received != heard.Sent,
			k.answered && k.tcp && spoke.Sent != heard.Sent:
			return false, nil
		}
	}
	return true, nil
}

// waiting tells whether a datagram waits for who answers. Of TCP the counts tell
// that.
func (k *Streams) waiting() (bool, error) {
	if k.tcp {
		return false, nil
	}
	for _, s := range k.ways[0].listeners {
		for _, c := range s.Conns() {
			if ok, err := c.Waiting(); ok || err != nil {
				return ok, err
			}
		}
	}
	return false, nil
}

func progress(sides []*stream.Side) (sum stream.Counts) {
	for _, s := range sides {
		p := s.Progress()
		sum.Calls += p.Calls
		sum.Bytes += p.Bytes
		sum.Sent += p.Sent
		sum.Received += p.Received
		sum.PushedBack += p.PushedBack
		sum.Transactions += p.Transactions
		sum.Lost += p.Lost
	}
	return sum
}

func (k *Streams) Heard() (n uint64) {
	for _, w := range k.ways {
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
	if on && !k.measured {
		k.measured = true
		k.segments = !k.super() && k.spec.Flows*len(k.ways) <= mostAsked
	}
	if !on {
		k.control.Measured.End(now)
	}
	if k.tcp {
		if err := k.lookAtMeasured(on); err != nil {
			return err
		}
	}
	if on {
		k.control.Measured.Begin(worker.Now())
	}
	return nil
}

func (k *Streams) lookAtMeasured(on bool) error {
	if now := worker.Now(); on {
		k.since = now
	} else {
		k.lasted += now - k.since
	}
	err := k.all(func(p *peer) (err error) {
		if p.last, err = p.conn.Info(); err != nil {
			return err
		}
		if on {
			p.begin = p.last
		} else {
			p.did = p.did.plus(between(p.begin, p.last))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, e := range k.ways[0].ends {
		stack, err := e.NS.TCP()
		if err != nil {
			return err
		}
		if on {
			k.stacks[i] = stack
		} else {
			k.disorder += stack.OutOfOrder - k.stacks[i].OutOfOrder
		}
	}
	return nil
}

// super tells whether super-packets are written into a device on the way, by a
// program that took them from another one.
func (k *Streams) super() bool {
	s := k.spec
	whole := s.Offload != spec.OffloadNone && s.Offload != spec.OffloadCsum
	return s.Path == spec.PathWireGuardGo || whole && !s.Path.Yardstick()
}

func (k *Streams) Sample(s *account.Sample) error {
	*s = account.Sample{At: worker.Now()}
	for _, w := range k.ways {
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
		segments, err := k.arrived(w, heard.Bytes)
		if err != nil {
			return err
		}
		s.Delivered += segments
	}
	if k.answered {
		s.Payload = s.Delivered * uint64(k.payload())
		s.WireBytes = s.Delivered * uint64(k.spec.Size+k.frame())
	} else {
		s.WireBytes = s.Payload + s.Delivered*uint64(k.headers+k.frame())
	}
	return nil
}

// frame is what stands before an IP packet on the device, and counts.
func (k *Streams) frame() int {
	if k.spec.Mode == spec.TAP {
		return 14
	}
	return 0
}

// arrived is how many segments with data have come, those that came twice
// included, or, if the kernel does not tell, into how many the payload fits.
func (k *Streams) arrived(w *exchange, payload uint64) (n uint64, err error) {
	if k.segments {
		for _, p := range w.peers[1] {
			now, err := p.conn.Info()
			if err != nil {
				return 0, err
			}
			n += uint64(now.DataIn - p.base.DataIn)
		}
		return n, nil
	}
	mss := uint64(max(1, w.peers[0][0].last.MSS))
	return (payload + mss - 1) / mss, nil
}

func (k *Streams) CPUTime() (clients, servers int64) {
	for _, w := range k.ways {
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
func (k *Streams) Stop() error {
	k.control.Stop.Store(true)
	k.control.Gate.Open()
	return k.join(func(w *exchange) []*stream.Side { return w.speakers })
}

// join waits for sides that are told to end.
func (k *Streams) join(of func(*exchange) []*stream.Side) error {
	if err := k.endAll(of); err != nil {
		return err
	}
	var errs []error
	for _, w := range k.ways {
		for _, s := range of(w) {
			if s.Thread() != nil {
				errs = append(errs, s.Thread().Wait())
			}
		}
	}
	return errors.Join(errs...)
}

// endAll is join without the errors with which they end.
func (k *Streams) endAll(of func(*exchange) []*stream.Side) error {
	deadline := time.After(path.DrainTimeout)
	for _, w := range k.ways {
		for i, s := range of(w) {
			if err := path.AwaitEnd(fmt.Sprintf("side %d of the conversations", i), s.Thread(), s.Finish, deadline); err != nil {
				return err
			}
		}
	}
	return nil
}

// Settled tells whether all that was sent is acknowledged: then no timer runs
// that would send another packet.
func (k *Streams) Settled() (ok bool, err error) {
	ok = true
	if !k.tcp {
		return true, nil
	}
	err = k.all(func(p *peer) error {
		if !ok {
			return nil
		}
		now, err := p.conn.Info()
		ok = now.Unacked == 0 && now.Unsent == 0
		return err
	})
	return ok, err
}

// Finish looks at the connections for the last time.
func (k *Streams) Finish() error {
	if k.tcp {
		if err := k.all(func(p *peer) (err error) {
			p.last, err = p.conn.Info()
			return err
		}); err != nil {
			return err
		}
		for i, e := range k.ways[0].ends {
			stack, err := e.NS.TCP()
			if err != nil {
				return err
			}
			k.badSums += stack.BadSums - k.bad[i]
		}
	}
	for _, s := range k.ways[0].speakers {
		if k.tcp {
			break
		}
		if err := s.Sweep(); err != nil {
			return err
		}
	}
	k.control.Done.Store(true)
	return k.join(func(w *exchange) []*stream.Side { return w.listeners })
}

// Reasons for which packets of a conversation are dropped at its ends.
const badChecksum = "TCP_CSUM" // SKB_DROP_REASON_TCP_CSUM of include/net/dropreason-core.h

func (k *Streams) Fill(t *record.Trial) {
	for _, w := range k.ways {
		heard := progress(w.listeners)
		t.Reads.Calls += heard.Calls
		t.Reads.Bytes += heard.Bytes + heard.Received*uint64(max(0, k.payload()))
	}
	if k.answered {
		rtt := new(hist.Histogram)
		for _, s := range k.ways[0].speakers {
			rtt.Merge(&s.RTT)
		}
		t.Latency[record.RTT] = account.Latency(rtt, 0)
	}
	if !k.tcp {
		spoke, heard := progress(k.ways[0].speakers), progress(k.ways[0].listeners)
		a := &t.Accounting
		a.Accepted, a.Delivered = spoke.Sent+heard.Sent, spoke.Received+heard.Received
		a.PushedBack = spoke.PushedBack + heard.PushedBack
		if spoke.Lost > 0 {
			t.Notes = append(t.Notes, fmt.Sprintf("%d of %d requests were asked again, since their answers had not come in time", spoke.Lost, spoke.Sent))
		}
		return
	}
	k.Account(t)
	k.describe(t)
}

// crossed is what connections did from their start on, in packets that go from
// the host to the other one.
type crossed struct{ sent, arrived, again uint64 }

func (k *Streams) crossed(host int) (c crossed) {
	for _, w := range k.ways {
		from := 0
		if w.host != host {
			from = 1
		}
		for _, p := range w.peers[from] {
			c.sent += uint64(p.last.SegsOut - p.base.SegsOut)
			c.again += uint64(p.last.Again - p.base.Again)
		}
		for _, p := range w.peers[1-from] {
			c.arrived += uint64(p.last.SegsIn - p.base.SegsIn)
		}
	}
	return c
}

// Account fills in the accounting of a TCP trial; see streams.
func (k *Streams) Account(t *record.Trial) {
	a := &t.Accounting
	for host := range 2 {
		c := k.crossed(host)
		a.Accepted += c.sent
		if k.super() {
			a.Delivered += c.sent - c.again
			continue
		}
		a.Delivered += c.arrived
	}
	if k.super() {
		a.Dropped = map[string]uint64{}
		if n := a.Accepted - a.Delivered; n > 0 {
			a.Dropped[record.SentAgain] = n
		}
	} else if k.badSums > 0 {
		a.Dropped[badChecksum] += k.badSums
	}
}

// Mismatch holds the packets that an observer saw at the first device, or at both
// if streams flow in both directions, against what the sockets sent: a TCP
// socket counts from its SYN on, and a SYN's answer is not counted by any.
func (k *Streams) Mismatch(t *record.Trial) string {
	xmit := t.Accounting.Xmit
	if xmit == nil || k.spec.Qdisc != "noqueue" { // another drops before the device sees it
		return ""
	}
	var sent uint64
	for _, w := range k.ways {
		if !k.tcp {
			sent += progress(w.speakers).Sent
			continue
		}
		for i, peers := range w.peers {
			if i != w.host && len(k.ways) == 1 {
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
	// A run that was missed may have been of an xmit: of a packet, or a super-packet.
	most := t.Observer.MissedRuns
	if k.super() {
		most *= uint64(maxSuper/k.payload() + 1)
	}
	if sent < *xmit || sent > *xmit+most {
		return fmt.Sprintf("the sockets sent %d packets, the observer saw %d at xmit", sent, *xmit)
	}
	return ""
}

// describe fills in what TCP says of the streams, and each direction by itself.
func (k *Streams) describe(t *record.Trial) {
	tcp := &record.TCP{Reordering: k.disorder}
	var rtts, vars, cwnds, received []uint64
	var sum did
	for _, w := range k.ways {
		for i, peers := range w.peers {
			for _, p := range peers {
				sum = sum.plus(p.did)
				if i == 1 && !k.answered {
					received = append(received, p.did.received)
					continue
				}
				rtts = append(rtts, uint64(p.last.RTT))
				vars = append(vars, uint64(p.last.RTTVar))
				cwnds = append(cwnds, uint64(p.last.Cwnd))
				if least := uint64(p.last.MinRTT); tcp.MinRTTNs == 0 || least < tcp.MinRTTNs {
					tcp.MinRTTNs = least
				}
				if k.answered && i == 0 {
					received = append(received, p.did.received)
				}
			}
		}
	}
	first := k.ways[0].peers[0][0]
	tcp.Streams = len(received)
	tcp.Bytes, tcp.Segments, tcp.Retransmits = sum.received, sum.out, sum.again
	tcp.RTTNs, tcp.RTTVarNs, tcp.Cwnd, tcp.MSS = middle(rtts), middle(vars), middle(cwnds), uint64(first.last.MSS)
	var total uint64
	for _, n := range received {
		total += n
	}
	if total > 0 {
		tcp.Slowest = float64(slices.Min(received)) * float64(len(received)) / float64(total)
	}
	tcp.Congestion = k.congestion
	t.TCP = tcp
	if tcp.Segments > 0 {
		t.Metrics[record.Retransmits] = float64(tcp.Retransmits) / float64(tcp.Segments)
	}
	if !k.segments && !k.answered {
		t.Notes = append(t.Notes, "segments are reckoned from payload, as many as it fits into: "+k.reckoned())
	}
	k.directions(t)
}

func (k *Streams) reckoned() string {
	if k.super() {
		return "super-packets arrive, of which the receiver counts each as one"
	}
	return fmt.Sprintf("there are more than %d streams", mostAsked)
}

// middle is the lower median.
func middle(x []uint64) uint64 {
	if len(x) == 0 {
		return 0
	}
	slices.Sort(x)
	return x[(len(x)-1)/2]
}

// directions fills in each direction by itself, where streams flow in both.
func (k *Streams) directions(t *record.Trial) {
	if len(k.ways) < 2 {
		return
	}
	t.Directions = map[string]record.Direction{}
	seconds := float64(k.lasted) / 1e9 // between the looks at the connections
	for i, w := range k.ways {
		var sum did
		for _, p := range w.peers[0] {
			sum.out += p.did.out
			sum.again += p.did.again
		}
		for _, p := range w.peers[1] {
			sum.in += p.did.in
			sum.received += p.did.received
		}
		segments := sum.in
		if !k.segments {
			mss := uint64(max(1, w.peers[0][0].last.MSS))
			segments = (sum.received + mss - 1) / mss
		}
		d := record.Direction{
			Metrics: map[string]float64{
				record.PPS:            float64(segments) / seconds,
				record.BitPerS:        8 * float64(sum.received+segments*uint64(k.headers+k.frame())) / seconds,
				record.GoodputBitPerS: 8 * float64(sum.received) / seconds,
			},
			Latency: map[string]record.Latency{},
		}
		if sum.out > 0 {
			d.Metrics[record.Retransmits] = float64(sum.again) / float64(sum.out)
		}
		c := k.crossed(w.host)
		a := &d.Accounting
		a.Offered, a.Accepted, a.Dropped = c.sent, c.sent, map[string]uint64{}
		a.Delivered = c.arrived
		reason := lostOnTheWay
		if k.super() {
			a.Delivered, reason = c.sent-c.again, record.SentAgain
		}
		if n := a.Accepted - a.Delivered; n > 0 {
			a.Dropped[reason] = n
		}
		t.Directions[string([]spec.Dir{spec.K2U, spec.U2K}[i])] = d
	}
}

// lostOnTheWay is the reason for which packets of one direction are dropped: the
// counters of a wire are of both, and tell the reasons of all.
const lostOnTheWay = "on the way"

func (k *Streams) Close() error {
	k.control.Stop.Store(true)
	k.control.Done.Store(true)
	k.control.Gate.Open()
	// Their own errors have been reported, or are why we are here.
	errs := []error{k.endAll(func(w *exchange) []*stream.Side { return slices.Concat(w.speakers, w.listeners) })}
	for _, w := range k.ways {
		for _, s := range slices.Concat(w.speakers, w.listeners) {
			errs = append(errs, s.Close())
		}
		if w.listener != nil {
			errs = append(errs, w.listener.Close())
			w.listener = nil
		}
	}
	return errors.Join(errs...)
}
