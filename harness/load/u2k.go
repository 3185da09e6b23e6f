package load

import (
	"context"
	"errors"

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

// u2k is the load of path=sink dir=u2k: one device; user space writes packets
// into its queues, and sockets, or an XDP program, are the end.
type u2k struct {
	writing
	hook     bpf.Hook
	observer *bpf.Observer
	snapshot *bpf.Snapshot
	own      *record.Observer
	event    *device.Event // nil without one
}

func newU2K(s spec.Spec, hook bpf.Hook, p record.Placement) *u2k {
	return &u2k{hook: hook, writing: writing{spec: s, placement: p}}
}

func (g *u2k) Build(context.Context) (path.Site, error) {
	err := g.construct()
	return siteOf(g.ns, g.observers()), err
}

func (g *u2k) construct() (err error) {
	if g.ns, err = netns.New(); err != nil {
		return err
	}
	if g.device, err = device.New(g.ns, device.Name, g.spec, device.LinkOf(g.spec)); err != nil {
		return err
	}
	if err := g.openXDP(); err != nil {
		return err
	}
	if g.hook != bpf.None {
		g.observer, err = device.Observe(g.hook, g.target(bpf.U2K, device.SampleEvery))
	}
	return err
}

func (g *u2k) Open(_ *traffic.Control, reading *sink.Control) ([]*Direction, error) {
	g.direction = Direction{Direction: account.Direction{Dir: spec.U2K, Written: g.spec.Queues, PerSKB: device.SegmentsPerWrite(g.spec)}}
	// Receivers first: a packet to a port that nobody has would be answered.
	if err := g.openEnds(g.placement.Reader, reading); err != nil {
		return []*Direction{&g.direction}, err
	}
	return []*Direction{&g.direction}, g.openWriters(g.placement.Sender, false)
}

func (g *u2k) Attend(e *device.Event) { g.event, e.Device = e, g.device }

func (g *u2k) observers() device.Observers {
	if g.observer == nil {
		return nil
	}
	return device.Observers{g.observer}
}

func (g *u2k) Collect() (path.Ledger, error) { return g, g.count() }

func (g *u2k) count() (err error) {
	if err := g.writing.count(); err != nil {
		return err
	}
	if g.observer == nil {
		return nil
	}
	g.snapshot, g.own, err = device.LastLook(g.observer)
	return err
}

func (g *u2k) Account(t *record.Trial) {
	t.Device, t.Observer = g.device.Record(), g.own
	t.Writes = writesOf(g.direction.Senders)
	path.NoteVhost(t, g.direction.vhostOwners())
	g.event.Tell(t)
	for reason, n := range g.dropped(g.snapshot) {
		t.Accounting.Dropped[reason] += n
	}
	if g.snapshot == nil {
		return
	}
	for i := range g.snapshot.Queues {
		queue := record.Queue{Queue: i, Flows: g.flowsOn(i)}
		g.onQueue(&queue, g.snapshot)
		t.Queues = append(t.Queues, queue)
	}
}

func (g *u2k) Mismatch(t *record.Trial) string { return g.disagree(t.Accounting, g.snapshot) }

func (g *u2k) Close() error {
	var errs []error
	if g.observer != nil {
		errs = append(errs, g.observer.Close())
	}
	errs = append(errs, g.writing.close(), g.device.Close())
	if g.ns != nil {
		errs = append(errs, g.ns.Close())
	}
	return errors.Join(errs...)
}

// writingWorkers is how many workers send and read where user space writes to
// the device: a writer for each queue, as far as there are flows, and as many
// receivers as there would be senders in the stack. With dir=both those
// come first who send and read as with dir=k2u.
func writingWorkers(s spec.Spec, kernelSide int) (senders, readers int) {
	senders, readers = min(s.Queues, s.Flows), kernelSide
	if s.Gen == spec.GenPacketGSO {
		readers = 1 // a packet socket sees all
	}
	if s.XDP.Drops() {
		readers = 0
	}
	if s.Dir == spec.Both {
		senders, readers = kernelSide+senders, s.Queues+kernelSide
	}
	return senders, readers
}
