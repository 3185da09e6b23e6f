package load

import (
	"context"
	"errors"
	"fmt"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/netns"
	"tunbench/harness/path"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

// k2u is the load of path=sink dir=k2u: one device; sockets send into it and
// the readers of its queues are the end.
type k2u struct {
	spec      spec.Spec
	hook      bpf.Hook
	placement record.Placement
	observed  bpf.Direction // by the observer: with dir=both, both directions

	ns        *netns.NS
	device    *device.Device
	observer  *bpf.Observer
	direction Direction
	event     *device.Event // nil without one

	counters netns.Counters
	snapshot *bpf.Snapshot
	own      *record.Observer
}

func newK2U(s spec.Spec, hook bpf.Hook, p record.Placement) *k2u {
	return &k2u{spec: s, hook: hook, placement: p}
}

func (g *k2u) Build(context.Context) (path.Site, error) {
	err := g.construct()
	return siteOf(g.ns, g.observers()), err
}

func (g *k2u) construct() (err error) {
	if g.ns, err = netns.New(); err != nil {
		return err
	}
	if g.device, err = device.New(g.ns, device.Name, g.spec, device.LinkOf(g.spec)); err != nil {
		return err
	}
	if g.hook != bpf.None {
		t := g.device.Target(device.SampleEveryOf(g.spec))
		t.Direction = g.observed
		t.GSO = t.GSO || g.observed != bpf.K2U && device.SegmentsPerWrite(g.spec) > 1
		if g.spec.Event == spec.EventCarrier { // which drops GSO packets before they are cut
			t.GSO = true
		}
		g.observer, err = device.Observe(g.hook, t)
	}
	return err
}

func (g *k2u) Open(_ *traffic.Control, reading *sink.Control) ([]*Direction, error) {
	g.direction = Direction{Direction: account.Direction{Dir: spec.K2U, Queues: true}}
	if err := g.openSenders(); err != nil {
		return []*Direction{&g.direction}, err
	}
	if err := g.takesTail(); err != nil {
		return []*Direction{&g.direction}, err
	}
	g.direction.PerSKB = device.SegmentsPerSKB(g.spec, g.device.State)
	readers, err := openReaders(g.device, g.placement.Reader, reading)
	g.direction.add(readers...)
	return []*Direction{&g.direction}, err
}

// openReaders makes a reader for each queue of the device, on a CPU each; none
// with gen=lockstep, whose one thread reads all.
func openReaders(d *device.Device, cpus []int, reading *sink.Control) (readers []Reader, err error) {
	s := d.Spec
	for i, q := range d.Queues() {
		c := sink.Config{
			FD: q.FD(), Queue: q.Index(), Wait: waits[s.IO], Split: s.IO == spec.IOReadv,
			TAP: s.Mode == spec.TAP, PI: s.PI, VnetHdr: s.VnetHdr, Flows: s.Flows,
			MaxRead: s.MaxRead(), Open: s.Open(), Pause: s.Pause, Every: cutBefore(d), Stubs: stubsOf(s),
		}
		if s.PausedQueue != spec.AllQueues && s.PausedQueue != q.Index() {
			c.Pause = 0
		}
		if s.Gen != spec.GenLockstep {
			c.CPU = cpus[i]
		}
		if s.IO == spec.IOVhost {
			v, err := device.OpenVhostReader(d, c, reading)
			if err != nil {
				return readers, err
			}
			readers = append(readers, v)
			continue
		}
		r, err := sink.Open(c, reading)
		if err != nil {
			return readers, err
		}
		readers = append(readers, r)
	}
	return readers, nil
}

// cutBefore reports whether the kernel cuts the generator's GSO packets before the
// device, which does not take them: then each segment is its work, and is verified.
func cutBefore(d *device.Device) bool {
	sent := traffic.Segments(device.Kinds[d.Spec.Gen], d.Spec.Size, d.Spec.Family, d.Spec.Mode == spec.TAP)
	return sent > 1 && device.SegmentsPerSKB(d.Spec, d.State) == 1
}

var waits = map[spec.IO]sink.Wait{
	spec.IORead: sink.Block, spec.IOReadv: sink.Block, spec.IOPoll: sink.Poll, spec.IOSpin: sink.Spin, spec.IOURing: sink.URing,
}

// openSenders opens the sockets in the namespace. Flow i belongs to sender
// i modulo their number.
func (g *k2u) openSenders() error {
	addr, peer := device.Addresses(g.spec)
	n := len(g.placement.Sender)
	return g.ns.Do(func() error {
		for i, cpu := range g.placement.Sender {
			c := SenderConfig(g.spec, i, n, cpu)
			c.Kind, c.Src, c.Dst = device.Kinds[g.spec.Gen], addr.Addr(), peer
			c.Ifindex, c.Bypass = g.device.State.Index, g.spec.Bypass
			s, err := traffic.Open(c)
			if err != nil {
				return err
			}
			g.direction.Senders = append(g.direction.Senders, s)
		}
		return nil
	})
}

// takesTail asks the kernel whether it takes the last segment of GSO packets that a
// packet socket sends; a socket of UDP may end in any.
func (g *k2u) takesTail() error {
	if g.spec.Tail == spec.TailFull || g.spec.Gen != spec.GenPacketGSO {
		return nil
	}
	return g.device.SendsHeader(g.direction.Senders[0].First())
}

// LockstepBatch is a prime, so that each batch begins at another place in the slabs
// that its skbs come from. With 64 it would begin at the same one for ever, and a
// trial would measure where that happens to be: 2.6 % of the cost of sending 1500
// bytes on Linux 6.12.
const LockstepBatch = 61

// SenderConfig is what sender i of n has in common for all loads.
func SenderConfig(s spec.Spec, i, n, cpu int) traffic.Config {
	c := traffic.Config{
		CPU: cpu, Size: max(0, s.Size), TAP: s.Mode == spec.TAP, Held: s.Holds(),
		Limit: (s.Count + uint64(n) - 1) / uint64(n),
		Tail:  tails[s.Tail], Payload: payloads[s.Payload],
		Pace: traffic.Pace{Rate: s.Rate, Senders: n, Turn: i, Poisson: s.Poisson, Seed: s.Seed},
	}
	if s.Gen == spec.GenLockstep {
		c.Messages = LockstepBatch
	}
	copy(c.SrcLink[:], device.MAC)
	copy(c.DstLink[:], device.PeerMAC)
	for flow := i; flow < s.Flows; flow += n {
		c.Flows = append(c.Flows, flow)
	}
	return c
}

func (g *k2u) Attend(e *device.Event) { g.event, e.Device, e.Observer = e, g.device, g.observer }

func (g *k2u) observers() device.Observers {
	if g.observer == nil {
		return nil
	}
	return device.Observers{g.observer}
}

func (g *k2u) Empty() (bool, error) {
	if ok, err := g.device.Empty(); !ok || err != nil {
		return false, err
	}
	return vhostEmpty(g.direction.Ends)
}

func (g *k2u) Collect() (path.Ledger, error) { return g, g.count() }

func (g *k2u) count() (err error) {
	if g.counters, err = g.device.Counters(); err != nil {
		return err
	}
	if g.observer == nil {
		return nil
	}
	g.snapshot, g.own, err = device.LastLook(g.observer)
	return err
}

func (g *k2u) Account(t *record.Trial) {
	t.Device, t.Observer = g.device.Record(), g.own
	path.NoteVhost(t, g.direction.vhostOwners())
	g.event.Tell(t)
	defer func() { g.event.Account(t, g.direction.Senders[0].Segments(), g.direction.PerSKB) }()
	a := &t.Accounting
	if g.snapshot == nil {
		if n := g.counters.TxDropped; n > 0 {
			a.Dropped[record.TxDropped] = n * g.direction.PerSKB
		}
		device.AttributeQdisc(a.Dropped, g.spec, g.counters, false)
		return
	}
	super := g.direction.PerSKB > 1
	t.Queues = append(t.Queues, device.QueueRecords(g.snapshot, super)...)
	lockstep := g.spec.Gen == spec.GenLockstep // whose packets wait for their own batch only
	for i := range t.Queues {
		t.Queues[i].Flows = g.flowsOn(i)
		if lockstep {
			t.Queues[i].Residency, t.Queues[i].Depth = nil, nil
		}
	}
	device.SumQueues(g.snapshot, super).AddTo(a)
	for reason, n := range g.snapshot.Drops {
		a.Dropped[reason] += n
	}
	device.AttributeQdisc(a.Dropped, g.spec, g.counters, true)
	if !lockstep {
		t.Latency[record.Residency] = account.Latency(&g.snapshot.Residency, g.snapshot.Missed)
	}
}

// flowsOn counts the flows whose packets came out of queue i.
func (g *k2u) flowsOn(i int) (n int) {
	seen := g.direction.Readers[i].Seen()
	for flow := range g.spec.Flows {
		if seen.Flow(flow).Delivered > 0 {
			n++
		}
	}
	return n
}

func (g *k2u) Mismatch(t *record.Trial) string {
	a := t.Accounting
	var reads uint64
	for _, r := range g.direction.Readers {
		reads += r.Seen().Reads
	}
	if got := g.counters.TxPackets; reads != got {
		return fmt.Sprintf("the readers got %d packets or GSO packets, the device counted %d", reads, got)
	}
	if g.snapshot == nil {
		return ""
	}
	switch {
	case !g.event.Explains(a.Accepted, device.QdiscDrops(a.Dropped), *a.Xmit):
		return fmt.Sprintf("the generator's %d packets were accepted, the qdisc dropped %d, the observer saw %d at xmit", a.Accepted, device.QdiscDrops(a.Dropped), *a.Xmit)
	case *a.Read != a.Delivered+a.Duplicates+a.CorruptTotal():
		return fmt.Sprintf("the readers got %d packets, the observer saw %d at read", a.Delivered+a.Duplicates+a.CorruptTotal(), *a.Read)
	case g.snapshot.Strays > 0:
		return fmt.Sprintf("the observer saw %d events on queues that the device does not have", g.snapshot.Strays)
	}
	return ""
}

func (g *k2u) Close() error {
	var errs []error
	if g.observer != nil {
		errs = append(errs, g.observer.Close())
	}
	errs = append(errs, g.device.Close())
	if g.ns != nil {
		errs = append(errs, g.ns.Close())
	}
	return errors.Join(errs...)
}
