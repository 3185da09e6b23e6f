// Package hypervisor puts a virtual machine behind a TAP device, QEMU with virtio-net, and
// sends stamped packets to it and from it: path=guest. Both ends are counted.
package hypervisor

import (
	"context"
	"errors"
	"time"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/load"
	"tunbench/harness/path"
	"tunbench/harness/spec"
	"tunbench/harness/vm"
	"tunbench/harness/vm/peer"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// startAfter is what the senders of an open loop have to get ready before the first packet
// is due.
const startAfter = 5 * time.Millisecond

// Guest is a virtual machine behind a TAP device: a path.Path, and what sends and receives
// at its two ends. Its methods are called as those of a path and of a conversation; Close may
// be called twice.
type Guest struct {
	spec    spec.Spec
	site    site
	ends    ends
	machine *machine // from Start on
	still   path.Settling
	closed  bool

	before   peer.Answer  // when no packet was sent yet
	last     peer.Answer  // of the guest, at the end
	measured [2]progress  // what was done when the measured time began, and when it ended
	at       [2]int64     // in ns of the trial's clock
	dirs     []spec.Dir   // in which packets flow
	guest    record.Guest // when it has ended
	notes    []string     // on the guest
	emulated bool         // the CPUs of the guest are
}

// progress is what both ends have done, by direction.
type progress map[spec.Dir]did

// New returns the path to a virtual machine, with its traffic.
func New(s spec.Spec, hook bpf.Hook, p record.Placement) *Guest {
	return &Guest{spec: s, site: site{spec: s, hook: hook}, ends: ends{spec: half(s), placement: p}, dirs: load.DirectionsOf(s)}
}

// half is what each end of dir=both sends: half of the packets.
func half(s spec.Spec) spec.Spec {
	if s.Dir == spec.Both {
		s.Rate /= 2
	}
	return s
}

// Build makes the host's side and looks for what the guest needs. The guest is booted by
// Start.
func (g *Guest) Build(ctx context.Context) (path.Site, error) {
	err := g.site.build(ctx)
	host := path.Host{NS: g.site.ns, Addr: device.HostAddress(g.spec, 0).Addr(), Link: g.site.hostLink()}
	return path.Site{Hosts: [2]path.Host{host}, Observers: g.site.observers()}, err
}

// Open opens the host's sockets.
func (g *Guest) Open(context.Context, [2]path.Host) error { return g.ends.open(g.site.ns) }

// Start boots the guest, and lets the senders start once its receivers wait for packets.
// It is ended with an error if the guest ends by itself.
func (g *Guest) Start(ctx context.Context, watch func(who string, t *worker.Thread), ended func(error)) (err error) {
	c := peer.Config{Spec: half(g.spec)}
	workers := min(g.spec.Queues, g.spec.Flows)
	if g.spec.Dir != spec.U2K {
		c.Receive = workers
	}
	if g.spec.Dir != spec.K2U {
		c.Send = workers
	}
	if g.machine, err = startMachine(ctx, g.spec, g.site.kernel, g.site.device, c, ended); err != nil {
		return err
	}
	// QEMU has passed on what the guest's driver takes.
	if err := g.site.device.Reread(g.site.link); err != nil {
		return err
	}
	if err := g.ends.receive(watch); err != nil {
		return err
	}
	if g.before, err = g.machine.line.ask(peer.Look); err != nil {
		return err
	}
	// The guest first: it answers sooner as long as no packets come.
	if _, err := g.machine.line.ask(peer.Start); err != nil {
		return err
	}
	return g.ends.send(watch)
}

// Stop ends the senders of both ends.
func (g *Guest) Stop(context.Context) error {
	err := g.ends.stop()
	_, guestErr := g.machine.line.ask(peer.Stop)
	return errors.Join(err, guestErr)
}

// Hold does nothing: a guest takes no turns with another trial.
func (g *Guest) Hold(bool) {}

// Quiet and Settled wait for nothing that Empty does not wait for.
func (g *Guest) Quiet() (bool, error)   { return true, nil }
func (g *Guest) Settled() (bool, error) { return true, nil }

// Heard counts what has come to the host's sockets or to QEMU.
func (g *Guest) Heard() uint64 {
	c, err := g.site.device.Counters()
	if err != nil {
		return 0 // the guard of the trial finds out why
	}
	return c.TxPackets + c.RxPackets
}

// Empty reports whether no packet is on its way: the device is empty, each place has taken
// what the one before gave it, and no socket holds a packet.
func (g *Guest) Empty() (bool, error) {
	if ok, err := g.site.device.Empty(); !ok || err != nil {
		return false, err
	}
	now, err := g.machine.line.ask(peer.Look)
	if err != nil {
		return false, err
	}
	if ok, err := g.ends.idle(); !ok || err != nil || !now.Counters.Idle {
		return false, err
	}
	tap, err := g.site.device.Counters()
	if err != nil {
		return false, err
	}
	stack, err := g.site.ns.Stack()
	if err != nil {
		return false, err
	}
	counts := []uint64{}
	in := since(now.Counters, g.before.Counters)
	if g.spec.Dir != spec.U2K {
		// QEMU may have taken a packet that the device has not counted yet.
		sent, _ := g.ends.progress()
		counts = append(counts, sent.accepted, path.EnteredOf(tap), tap.TxPackets, in.Link.RxPackets+in.Link.RxDropped, in.Link.RxPackets, in.Stack.Received)
	}
	if g.spec.Dir != spec.K2U {
		counts = append(counts, now.Accepted, in.Link.TxPackets+in.Link.TxDropped+in.Qdisc, in.Link.TxPackets, tap.RxPackets+tap.RxDropped, tap.RxPackets, stack.Received)
	}
	return g.still.Done(counts...), nil
}

// Measure notes what each direction has done when the measured time begins and ends.
func (g *Guest) Measure(on bool) (err error) {
	i := 0
	if !on {
		i = 1
	}
	if g.measured[i], g.at[i], err = g.progress(); err != nil {
		return err
	}
	if on {
		g.ends.sending.Measured.Begin(g.at[i])
	} else {
		g.ends.sending.Measured.End(g.at[i])
	}
	return nil
}

// progress is what both ends have done so far, and when, in ns of the trial's clock: the
// middle of the time that the guest's answer took.
func (g *Guest) progress() (progress, int64, error) {
	from := worker.Now()
	sent, got := g.ends.progress()
	a, err := g.machine.line.ask(peer.Sample)
	to := worker.Now()
	down, up := sent, got
	down.delivered, down.wireBytes, down.reads, down.readCalls = a.Delivered, a.WireBytes, a.Reads, a.ReadCalls
	up.accepted, up.pushedBack, up.sendCalls = a.Accepted, a.PushedBack, a.SendCalls
	return progress{spec.K2U: down, spec.U2K: up}, from + (to-from)/2, err
}

// Sample is what both ends have done so far.
func (g *Guest) Sample(s *account.Sample) error {
	all, at, err := g.progress()
	*s = account.Sample{At: at, ByDirection: make([]account.DirectionSample, len(g.dirs))}
	for _, d := range all {
		s.Delivered += d.delivered
		s.WireBytes += d.wireBytes
		s.ReadCalls += d.readCalls
		s.SendCalls += d.sendCalls
		s.Accepted += d.accepted
		s.PushedBack += d.pushedBack
	}
	return err
}

// CPUTime is that of the host's senders and receivers in ns. QEMU's belongs to the end that
// the guest is; with dir=both, to the receivers.
func (g *Guest) CPUTime() (senders, receivers int64) {
	senders, receivers = g.ends.cpuTime()
	add := func(sum int64) int64 {
		n := g.machine.cpuTime()
		if sum < 0 || n < 0 {
			return -1
		}
		return sum + n
	}
	if g.spec.Dir == spec.U2K {
		return add(senders), receivers
	}
	return senders, add(receivers)
}

// Finish counts for the last time on both ends, and ends the receivers.
func (g *Guest) Finish() (err error) {
	if err := g.ends.finish(); err != nil {
		return err
	}
	if g.last, err = g.machine.line.ask(peer.Finish); err != nil {
		return err
	}
	return g.site.count()
}

// Collect keeps what is known of the guest, before it is killed.
func (g *Guest) Collect() (path.Ledger, error) {
	accel, remark := g.machine.how()
	g.emulated = accel != vm.KVM
	if remark != "" {
		g.notes = append(g.notes, "guest: "+remark)
	}
	g.guest = record.Guest{Kernel: g.site.kernel.Release, Accel: accel, CPUs: cpusOf(g.spec), BootNs: int64(g.machine.boot), Bridge: g.spec.Bridge}
	for i, q := range queuesSince(g.last.Counters.Queues, g.before.Counters.Queues) {
		g.guest.Queues = append(g.guest.Queues, record.GuestQueue{Queue: i, RxPkts: q.RxPackets, RxDrops: q.RxDrops, TxPkts: q.TxPackets, TxDrops: q.TxDrops})
	}
	return ledger{g}, nil
}

// Close kills the guest, and removes what was made for it.
func (g *Guest) Close() error {
	if g.closed {
		return nil
	}
	g.closed = true
	errs := []error{g.ends.close()}
	if g.machine != nil {
		errs = append(errs, g.machine.close())
	}
	return errors.Join(append(errs, g.site.close())...)
}

// Fill makes the record of what both ends counted.
func (g *Guest) Fill(t *record.Trial) { ledger{g}.fill(t) }

// Mismatch says which two counters disagree that should not; "" if none do.
func (g *Guest) Mismatch(t *record.Trial) string { return ledger{g}.disagree(t) }
