package conversation

import (
	"fmt"
	"slices"

	"tunbench/harness/netns"
	"tunbench/harness/spec"
	"tunbench/harness/stream"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// mostAsked is how many streams are asked for their segments at the end of each
// window. Of more, segments are reckoned from payload.
const mostAsked = 256

// maxSuper bounds a GSO packet of TCP in bytes (GSO_LEGACY_MAX_SIZE of
// include/linux/netdevice.h).
const maxSuper = 65536

// connections are those of TCP, and what the kernel said of them.
//
// The accounting of a TCP trial is of all packets that its connections sent once
// they were there, acknowledgements and those of both directions included: that
// is what the path carries, and what its counters tell apart no better. A
// segment that TCP sends again is one more packet, and one that comes twice has
// been delivered twice. Sent and received are what the kernel counted on the
// sockets of both hosts; what lies between must be in the counters of the path.
//
// A GSO packet that user space wrote into a device counts as one segment at the
// receiving socket, so that only the sender knows how many came. Then accepted are
// the segments sent, delivered are those that were sent for the first time, whose
// payload is known to have arrived once all of it is acknowledged and read, and the
// others are under record.SentAgain.
type connections struct {
	spec      spec.Spec
	exchanges []*exchange // one for each host that begins conversations
	answered  bool        // gen=tcp-rr

	segments bool // windows count segments, not payload
	measured bool
	on       bool // it is measured now
	looks    looks
	stacks   [2]netns.TCP // of the hosts, when the measured time began
	disorder uint64       // packets that were put in order in the measured time
	bad      [2]uint64    // packets with a wrong checksum, at the start
	badSums  uint64       // from then on
	// since is when the measured time last began, in ns of the trial's clock, and
	// lasted how long it all took, in ns.
	since, lasted int64
	headers       int    // bytes of a segment before its payload
	congestion    string // name of TCP's congestion control
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

// all calls f for both ends of each TCP connection.
func (k *connections) all(f func(*peer) error) error {
	for _, w := range k.exchanges {
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
func (k *connections) lookAtStart() error {
	err := k.all(func(p *peer) (err error) {
		p.base, err = p.conn.Info()
		p.last = p.base
		return err
	})
	if err != nil {
		return err
	}
	first := k.exchanges[0].peers[0][0]
	if k.congestion, err = first.conn.Congestion(); err != nil {
		return err
	}
	k.headers = k.spec.IPHeader() + tcpHeaderLen
	if first.base.Timestamps {
		k.headers += stream.TimestampsLen
	}
	for i, e := range k.exchanges[0].ends {
		stack, err := e.NS.TCP()
		if err != nil {
			return err
		}
		k.bad[i] = stack.BadSums
	}
	return nil
}

// lookAtMeasured looks at all connections when the measured time begins and when it
// ends, and adds up what they did in it.
func (k *connections) lookAtMeasured(on bool) error {
	k.on = on
	if on && !k.measured {
		k.measured = true
		k.segments = !superPackets(k.spec) && k.spec.Flows*len(k.exchanges) <= mostAsked
	}
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
	for i, e := range k.exchanges[0].ends {
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

// lookAtLoad looks at the round trips while they are measured.
func (k *connections) lookAtLoad() error {
	if k == nil || !k.on {
		return nil
	}
	return k.looks.look(k.exchanges, k.answered)
}

// lookAtEnd looks at the connections for the last time.
func (k *connections) lookAtEnd() error {
	if err := k.all(func(p *peer) (err error) {
		p.last, err = p.conn.Info()
		return err
	}); err != nil {
		return err
	}
	for i, e := range k.exchanges[0].ends {
		stack, err := e.NS.TCP()
		if err != nil {
			return err
		}
		k.badSums += stack.BadSums - k.bad[i]
	}
	return nil
}

// settled reports whether all that was sent is acknowledged: then no timer runs
// that would send another packet. An acknowledgement that waits for data to go with is sent
// at once.
func (k *connections) settled() (ok bool, err error) {
	ok = true
	for _, w := range k.exchanges {
		for i, peers := range w.peers {
			for flow, p := range peers {
				now, err := p.conn.Info()
				if err != nil {
					return false, err
				}
				if now.Unacked == 0 && now.Unsent == 0 {
					continue
				}
				ok = false
				if err := w.peers[1-i][flow].conn.Acknowledge(); err != nil {
					return false, err
				}
			}
		}
	}
	return ok, nil
}

// arrived is how many segments with data have come, those that came twice
// included, or, if the kernel does not tell, into how many the payload fits.
func (k *connections) arrived(w *exchange, payload uint64) (n uint64, err error) {
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

// crossed is what connections did from their start on, in packets that go from
// the host to the other one.
type crossed struct{ sent, arrived, again uint64 }

func (k *connections) crossed(host int) (c crossed) {
	for _, w := range k.exchanges {
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

// account fills in the accounting of a TCP trial; see streams.
func (k *connections) account(t *record.Trial) {
	a := &t.Accounting
	for host := range 2 {
		c := k.crossed(host)
		a.Accepted += c.sent
		if superPackets(k.spec) {
			a.Delivered += c.sent - c.again
			continue
		}
		a.Delivered += c.arrived
	}
	if superPackets(k.spec) {
		a.Dropped = map[string]uint64{}
		if n := a.Accepted - a.Delivered; n > 0 {
			a.Dropped[record.SentAgain] = n
		}
	} else if k.badSums > 0 {
		a.Dropped[record.TCPChecksum] += k.badSums
	}
}

// describe fills in what TCP says of the streams, and each direction by itself.
func (k *connections) describe(t *record.Trial) {
	tcp := &record.TCP{Reordering: k.disorder}
	var received []uint64
	var sum did
	for _, w := range k.exchanges {
		for i, peers := range w.peers {
			for _, p := range peers {
				sum = sum.plus(p.did)
				if i == 1 && !k.answered {
					received = append(received, p.did.received)
					continue
				}
				if least := uint64(p.last.MinRTT); tcp.MinRTTNs == 0 || least < tcp.MinRTTNs {
					tcp.MinRTTNs = least
				}
				if k.answered && i == 0 {
					received = append(received, p.did.received)
				}
			}
		}
	}
	first := k.exchanges[0].peers[0][0]
	tcp.Streams = len(received)
	tcp.Bytes, tcp.Segments, tcp.Retransmits = sum.received, sum.out, sum.again
	k.looks.describe(tcp)
	tcp.MSS = uint64(first.last.MSS)
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

func (k *connections) reckoned() string {
	if superPackets(k.spec) {
		return "GSO packets arrive, of which the receiver counts each as one"
	}
	return fmt.Sprintf("there are more than %d streams", mostAsked)
}

// directions fills in each direction by itself, where streams flow in both.
func (k *connections) directions(t *record.Trial) {
	if len(k.exchanges) < 2 {
		return
	}
	t.Directions = map[string]record.Direction{}
	seconds := float64(k.lasted) / 1e9 // between the looks at the connections
	for i, w := range k.exchanges {
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
				record.BitPerS:        8 * float64(sum.received+segments*uint64(k.headers+frameLen(k.spec))) / seconds,
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
		if superPackets(k.spec) {
			a.Delivered, reason = c.sent-c.again, record.SentAgain
		}
		if n := a.Accepted - a.Delivered; n > 0 {
			a.Dropped[reason] = n
		}
		t.Directions[string([]spec.Dir{spec.K2U, spec.U2K}[i])] = d
	}
}

// lostOnTheWay is the reason for which packets of one direction are dropped: the
// counters of a path are of both, and tell the reasons of all.
const lostOnTheWay = "on the way"

// middle is the lower median.
func middle(x []uint64) uint64 {
	if len(x) == 0 {
		return 0
	}
	slices.Sort(x)
	return x[(len(x)-1)/2]
}

// superPackets reports whether GSO packets are written into a device on the way, by a
// program that took them from another one.
func superPackets(s spec.Spec) bool {
	whole := s.Offload != spec.OffloadNone && s.Offload != spec.OffloadCsum
	return s.Path == spec.PathWireGuardGo || s.Path == spec.PathProgram || whole && !s.Path.Reference()
}

// frameLen is what stands before an IP packet on the device, and counts.
func frameLen(s spec.Spec) int {
	if s.Mode == spec.TAP {
		return 14
	}
	return 0
}
