package path

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/forward"
	"tunbench/harness/netns"
	"tunbench/harness/refusal"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/vhost"
	"tunbench/reports/record"
)

// relayPath is path=relay: each host has a device, and forwarders copy
// packets from each queue of one to the same queue of the other, as they are.
type relayPath struct {
	spec      spec.Spec
	hook      bpf.Hook
	placement record.Placement

	hosts   [2]Host
	devices [2]*device.Device
	drivers [2][]*vhost.Device // of the queues of each, only with io=vhost
	// relays are the directions in which packets go, the first host's first. Each
	// has an observer on the device into which its packets are sent, if any.
	relays []*relay
	own    *record.Observer // of all observers, at the end
}

// relay is one direction of a relayWire.
type relay struct {
	name       string
	dir        spec.Dir
	from, to   int // of the devices
	forwarders []*forward.Forwarder
	observer   *bpf.Observer

	// What was there at the end.
	moved    forward.Counts // of all forwarders
	sent     netns.Counters
	arrived  netns.Counters
	snapshot *bpf.Snapshot
}

func newRelay(s spec.Spec, hook bpf.Hook, p record.Placement) *relayPath {
	return &relayPath{spec: s, hook: hook, placement: p}
}

// relayNames are those of the devices.
var relayNames = [2]string{"tunbench0", "tunbench1"}

func (w *relayPath) Build(ctx context.Context) (Site, error) {
	err := w.construct(ctx)
	return Site{Hosts: w.hosts, Forwarders: w.forwarders(), Observers: w.observers()}, err
}

func (w *relayPath) construct(ctx context.Context) error {
	for i := range w.hosts {
		ns, err := netns.New()
		if err != nil {
			return err
		}
		w.hosts[i] = Host{NS: ns, Addr: device.HostAddress(w.spec, i).Addr(), Link: relayNames[i]}
		if w.devices[i], err = device.New(ns, relayNames[i], w.spec, device.HostLink(w.spec, i, w.spec.Mode == spec.TAP)); err != nil {
			return err
		}
	}
	if err := w.openDrivers(); err != nil {
		return err
	}
	for i := range w.spec.Directions() {
		r := &relay{name: [...]string{"relay a to b", "relay b to a"}[i], dir: [...]spec.Dir{spec.K2U, spec.U2K}[i], from: i, to: 1 - i}
		w.relays = append(w.relays, r)
		if err := w.prepare(r, w.placement.Carrier[i*w.spec.Queues:]); err != nil {
			return err
		}
		if w.hook == bpf.None || i > 0 && w.spec.Dir != spec.Both {
			continue
		}
		var err error
		if r.observer, err = device.Observe(w.hook, w.devices[r.from].Target(device.SampleEveryOf(w.spec))); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the forwarders of a direction: one a queue.
func (w *relayPath) prepare(r *relay, cpus []int) error {
	out := w.devices[r.to].Queues()
	for i, q := range w.devices[r.from].Queues() {
		c := forward.Config{
			Name: fmt.Sprintf("%s, queue %d", r.name, i), From: q.FD(), To: out[i].FD(), CPU: cpus[i],
			Wait: waits[w.spec.IO], MaxRead: w.spec.MaxRead(),
		}
		if w.spec.IO == spec.IOReadv {
			c.Headers = w.spec.DeviceHeaders()
		}
		if w.spec.IO == spec.IOVhost {
			c.Vhost = forward.Vhost{From: w.drivers[r.from][i], To: w.drivers[r.to][i]}
		}
		f, err := forward.Open(c)
		if err != nil {
			return err
		}
		r.forwarders = append(r.forwarders, f)
	}
	return nil
}

var waits = map[spec.IO]forward.Wait{
	spec.IORead: forward.Block, spec.IOReadv: forward.Block, spec.IOPoll: forward.Poll, spec.IOSpin: forward.Spin, spec.IOURing: forward.URing,
}

func (w *relayPath) forwarders() (list forwarders) {
	for _, r := range w.relays {
		for _, c := range r.forwarders {
			list = append(list, c)
		}
	}
	return list
}

func (w *relayPath) vhostOwners() (list []VhostOwner) {
	for _, r := range w.relays {
		for _, c := range r.forwarders {
			list = append(list, c)
		}
	}
	return list
}

func (w *relayPath) observers() (list device.Observers) {
	for _, r := range w.relays {
		if r.observer != nil {
			list = append(list, r.observer)
		}
	}
	return list
}

// Empty reports whether nothing is left in a device, and all that was read from one
// has been written to the other and received by the stack of its host.
func (w *relayPath) Empty() (bool, error) {
	for _, r := range w.relays {
		if ok, err := w.devices[r.from].Empty(); !ok || err != nil {
			return false, err
		}
		sent, err := w.devices[r.from].Counters()
		if err != nil {
			return false, err
		}
		arrived, err := w.devices[r.to].Counters()
		if err != nil {
			return false, err
		}
		var lost uint64
		for _, c := range r.forwarders {
			lost += c.Lost()
		}
		for _, d := range w.drivers[r.from] {
			if ok, err := d.Empty(); !ok || err != nil {
				return false, err
			}
		}
		if sent.TxPackets > arrived.RxPackets+lost {
			return false, nil
		}
		if ok, err := w.received(w.hosts[r.to], arrived); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// received reports whether a host's stack has taken what its device gave it. With
// NAPI that happens later, and TCP's segments may be put together: it is over
// when the count stands still.
func (w *relayPath) received(h Host, device netns.Counters) (bool, error) {
	if w.spec.NAPI == spec.NAPIOff {
		return true, nil // in the write itself
	}
	before, err := h.NS.Received()
	if err != nil || before >= device.RxPackets {
		return true, err
	}
	if !w.spec.Gen.Conversation() {
		return false, nil
	}
	time.Sleep(time.Millisecond)
	later, err := h.NS.Received()
	return later == before, err
}

func (w *relayPath) Collect() (Ledger, error) { return w, w.count() }

func (w *relayPath) count() (err error) {
	for _, r := range w.relays {
		for _, c := range r.forwarders {
			r.moved.Add(&c.Counts)
		}
		if r.sent, err = w.devices[r.from].Counters(); err != nil {
			return err
		}
		if r.arrived, err = w.devices[r.to].Counters(); err != nil {
			return err
		}
		if r.observer == nil {
			continue
		}
		var own *record.Observer
		if r.snapshot, own, err = device.LastLook(r.observer); err != nil {
			return err
		}
		w.own = device.JoinMissed(w.own, own, r.snapshot, r.sent)
	}
	return nil
}

func (w *relayPath) Account(t *record.Trial) {
	t.Device, t.Observer = w.devices[0].Record(), w.own
	t.Devices = []record.Device{t.Device, w.devices[1].Record()}
	NoteVhost(t, w.vhostOwners())
	for _, r := range w.relays {
		perSKB := device.SegmentsPerSKB(w.spec, w.devices[r.from].State)
		dropped := device.Lost(w.spec, r.snapshot, r.sent, perSKB)
		if r.snapshot != nil {
			w.observed(t, r, perSKB)
		}
		for reason, n := range dropped {
			account.Drop(t, r.dir, reason, n)
		}
		for errno, n := range r.moved.ByName() {
			account.Drop(t, r.dir, "relay "+errno, n*perSKB)
		}
		w.hops(t, r, dropped, perSKB)
	}
}

// observed adds what the observer of a direction saw.
func (w *relayPath) observed(t *record.Trial, r *relay, perSKB uint64) {
	super := perSKB > 1
	if r.from == 0 { // queues are those of the first device
		t.Queues = append(t.Queues, device.QueueRecords(r.snapshot, super)...)
	}
	sums := device.SumQueues(r.snapshot, super)
	residency := account.Latency(&r.snapshot.Residency, r.snapshot.Missed)
	if d, ok := t.Directions[string(r.dir)]; ok {
		sums.AddTo(&d.Accounting)
		d.Latency = map[string]record.Latency{record.Residency: residency}
		t.Directions[string(r.dir)] = d
	} else {
		sums.AddTo(&t.Accounting)
	}
	if r.from == 0 {
		t.Latency[record.Residency] = residency
	}
}

// hops follows the packets of a direction from device to device. Packets are
// skbs here, and so are what was dropped.
func (w *relayPath) hops(t *record.Trial, r *relay, dropped map[string]uint64, perSKB uint64) {
	first := record.Hop{Name: "device " + relayNames[r.from], Out: r.sent.TxPackets, Bytes: r.sent.TxBytes}
	first.In = first.Out
	for reason, n := range dropped {
		if first.Dropped == nil {
			first.Dropped = map[string]uint64{}
		}
		first.Dropped[reason] = n / perSKB
		first.In += n / perSKB
	}
	t.Hops = append(t.Hops, first,
		record.Hop{Name: r.name, In: r.moved.In, Out: r.moved.Out, Dropped: r.moved.ByName(), Calls: r.moved.Calls, Bytes: r.moved.Bytes},
		record.Hop{Name: "device " + relayNames[r.to], In: r.moved.Out, Out: r.arrived.RxPackets, Bytes: r.arrived.RxBytes})
}

func (w *relayPath) Mismatch(t *record.Trial) string {
	for _, r := range w.relays {
		from, to := relayNames[r.from], relayNames[r.to]
		switch {
		case r.moved.In != r.sent.TxPackets:
			return fmt.Sprintf("%s read %d packets or GSO packets, %s counted %d", r.name, r.moved.In, from, r.sent.TxPackets)
		case r.moved.In != r.moved.Out+r.moved.Failed():
			return fmt.Sprintf("%s read %d packets or GSO packets, wrote %d and failed to write %d", r.name, r.moved.In, r.moved.Out, r.moved.Failed())
		case r.moved.Out != r.arrived.RxPackets:
			return fmt.Sprintf("%s wrote %d packets or GSO packets, %s counted %d", r.name, r.moved.Out, to, r.arrived.RxPackets)
		case r.snapshot == nil:
		case r.snapshot.Strays > 0:
			return fmt.Sprintf("the observer saw %d events on queues that %s does not have", r.snapshot.Strays, from)
		}
	}
	for from, r := range w.relays {
		a := t.Accounting
		if d, ok := t.Directions[string(r.dir)]; ok {
			a = d.Accounting
		}
		sent := t.Probe.Sent(from)
		if r.snapshot != nil && !w.spec.Gen.Conversation() && *a.Xmit+device.QdiscDrops(a.Dropped) != a.Accepted+sent {
			return fmt.Sprintf("the generator's %d packets were accepted, and %d of the probe, the qdisc dropped %d, the observer saw %d at xmit", a.Accepted, sent, device.QdiscDrops(a.Dropped), *a.Xmit)
		}
	}
	return ""
}

func (w *relayPath) Close() error {
	var errs []error
	for _, o := range w.observers() {
		errs = append(errs, o.Close())
	}
	errs = append(errs, w.closeDrivers())
	for _, d := range w.devices {
		errs = append(errs, d.Close())
	}
	for _, h := range w.hosts {
		if h.NS != nil {
			errs = append(errs, h.NS.Close())
		}
	}
	return errors.Join(errs...)
}

// openDrivers makes a vhost-net device behind each queue of both devices, which
// receives and transmits as far as packets go that way.
func (w *relayPath) openDrivers() error {
	if w.spec.IO != spec.IOVhost {
		return nil
	}
	for i, d := range w.devices {
		c := vhost.Config{VnetHdr: d.VnetHdr}
		buffers := sink.VhostBuffers(d.MaxPacket())
		if i < w.spec.Directions() {
			c.Receive = buffers
		}
		if 1-i < w.spec.Directions() {
			c.Transmit = buffers
		}
		for _, q := range d.Queues() {
			c.Backend = q.FD()
			driver, err := vhost.Open(c)
			if err != nil {
				return refusal.OfVhost(err)
			}
			w.drivers[i] = append(w.drivers[i], driver)
		}
	}
	return nil
}

// closeDrivers leaves them alone while a forwarder still uses their memory.
func (w *relayPath) closeDrivers() error {
	for _, c := range w.forwarders() {
		if t := c.Thread(); t != nil {
			select {
			case <-t.Done():
			default:
				return errors.New("a forwarder has not ended")
			}
		}
	}
	var errs []error
	for _, drivers := range w.drivers {
		for _, d := range drivers {
			errs = append(errs, d.Close())
		}
	}
	return errors.Join(errs...)
}
