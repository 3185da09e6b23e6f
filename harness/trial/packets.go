package trial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"tunbench/harness/account"
	"tunbench/harness/condition"
	"tunbench/harness/device"
	"tunbench/harness/flag"
	"tunbench/harness/host"
	"tunbench/harness/load"
	"tunbench/harness/path"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// packetTrial is a trial of stamped packets, each of which is accounted for.
type packetTrial struct {
	spec      spec.Spec
	placement record.Placement // with gen=lockstep one sender, which reads, too
	faults
	probing probing

	traffic    load.Traffic
	ledger     path.Ledger // after collect
	site       path.Site
	directions []*account.Direction
	senders    []*traffic.Sender // of all directions
	readers    []load.Reader
	sending    traffic.Control
	reading    sink.Control
	started    bool
	sliced     bool          // workers and, with toggled, observers wait until release
	toggled    bool          // the other side of the pair has another hook: this one's is taken away while that is measured
	lockstep   *lockstep     // only with gen=lockstep
	event      *device.Event // only with Spec.Event
	// lockstepLasts, if not 0, is how long it goes on, however many blocks that takes.
	lockstepLasts time.Duration
	allSent       chan struct{} // closed when the senders have ended
}

func newPacketTrial(s spec.Spec, g load.Traffic, placement record.Placement) *packetTrial {
	return &packetTrial{spec: s, traffic: g, placement: placement, faults: newFaults(), probing: newProbing(s, placement), allSent: make(chan struct{})}
}

func (b *packetTrial) session() *session {
	return &session{
		spec: b.spec, placement: b.placement, stage: b, meter: b, pauser: b, recorder: b, clock: monotonic{},
		failed: b.first, sent: b.allSent,
	}
}

func (b *packetTrial) slice(toggled bool) { b.sliced, b.toggled = true, toggled }

// build makes the devices, the senders and the readers.
func (b *packetTrial) build(ctx context.Context) (err error) {
	if b.site, err = b.traffic.Build(ctx); err != nil {
		return err
	}
	directions, err := b.traffic.Open(&b.sending, &b.reading)
	err = errors.Join(err, b.probing.open(b.site.Hosts))
	for _, l := range directions {
		b.directions = append(b.directions, &l.Direction)
		b.senders = append(b.senders, l.Senders...)
		b.readers = append(b.readers, l.Ends...)
	}
	if err != nil || b.spec.Event == spec.EventNone {
		return b.site.Forwarders.Blame(err)
	}
	where, ok := b.traffic.(device.Eventful)
	if !ok {
		return fmt.Errorf("event=%s on path=%s dir=%s: not built yet", b.spec.Event, b.spec.Path, b.spec.Dir)
	}
	b.event, err = device.NewEvent(b.spec, where)
	return err
}

// start lets readers run, then forwarders, then senders.
func (b *packetTrial) start(context.Context) error {
	b.started = true
	if b.sliced {
		b.sending.Barrier.Close()
	}
	if b.spec.Gen == spec.GenLockstep {
		return b.startLockstep()
	}
	for _, r := range b.readers {
		if err := r.Start(); err != nil {
			return err
		}
		b.watch("a reader", r.Thread())
	}
	if err := b.site.Forwarders.Start(b.watch); err != nil {
		return err
	}
	if err := errors.Join(b.site.Link.Begin(), b.probing.start(b.watch, !b.sliced)); err != nil {
		return err
	}
	b.sending.Start = worker.Now() + int64(scheduleAfter)
	for _, s := range b.senders {
		if err := s.Start(&b.sending); err != nil {
			return err
		}
		b.watch("a sender", s.Thread())
	}
	go func() {
		for _, s := range b.senders {
			if s.Thread().Wait() != nil {
				return // which watch reports
			}
		}
		close(b.allSent)
	}()
	return nil
}

func (b *packetTrial) startLockstep() error {
	b.lockstep = &lockstep{spec: b.spec, sender: b.senders[0], sending: &b.sending, reading: &b.reading, lasts: b.lockstepLasts}
	for _, r := range b.readers {
		b.lockstep.readers = append(b.lockstep.readers, r.(*sink.Reader))
	}
	if err := b.lockstep.start(b.placement.Sender[0]); err != nil {
		b.lockstep = nil
		return err
	}
	b.watch("the lockstep", b.lockstep.thread)
	go func() {
		if b.lockstep.thread.Wait() == nil {
			close(b.allSent)
		}
	}()
	return nil
}

// watch reports a worker that ends with an error.
func (b *packetTrial) watch(who string, t *worker.Thread) {
	b.faults.watch(who, t, func(err error) { b.report(b.site.Forwarders.Blame(err)) })
}

func (b *packetTrial) measure(on bool) error {
	if err := errors.Join(b.site.Observers.Measure(on), b.probing.measure(on)); err != nil {
		return err
	}
	b.reading.Measuring.Store(on)
	now := worker.Now()
	if on {
		b.sending.Measured.Begin(now)
		b.reading.Measured.Begin(now)
		if b.event != nil {
			b.event.Begin(b.first)
		}
	} else {
		b.sending.Measured.End(now)
		b.reading.Measured.End(now)
		if b.event != nil {
			return b.event.End()
		}
	}
	return nil
}

func (b *packetTrial) sample() account.Sample {
	s := account.Sample{At: worker.Now(), ByDirection: make([]account.DirectionSample, 0, len(b.directions))}
	for _, d := range b.directions {
		d.Sample(&s)
	}
	s.ForwardCalls = b.site.Forwarders.Calls()
	return s
}

func (b *packetTrial) look() host.Look { return host.LookAt(host.CPUs(b.placement)) }

func (b *packetTrial) usage() (u account.Usage, err error) {
	if u.Stat, err = host.ReadStat(); err != nil {
		return u, err
	}
	if b.lockstep != nil { // it may end at any moment, and its clock with it
		u.Senders = -1
		return u, nil
	}
	for _, s := range b.senders {
		u.Senders = account.AddCPUTime(u.Senders, s.Thread())
		// What is done for a sender is not the generator's work.
		u.Forwarders = path.AddVhostTime(u.Forwarders, s)
	}
	for _, r := range b.readers {
		u.Readers = account.AddCPUTime(u.Readers, r.Thread())
		if a, ok := r.(path.VhostOwner); ok {
			u.Readers = path.AddVhostTime(u.Readers, a)
		}
	}
	u.Probe = b.probing.probe.CPUTime()
	u.Forwarders = b.site.Forwarders.AddCPUTime(u.Forwarders, u.Senders, u.Readers, u.Probe)
	return u, nil
}

// release lets the workers run.
func (b *packetTrial) release() error {
	if b.toggled {
		if err := b.site.Observers.Attach(); err != nil {
			return err
		}
	}
	b.reading.Barrier.Open()
	b.site.Forwarders.Hold(false)
	err := b.probing.turn()
	b.sending.Barrier.Open()
	return err
}

// hold stops the senders, lets the readers empty the device and stops those
// workers that do not wait in the kernel.
func (b *packetTrial) hold(ctx context.Context) error {
	b.sending.Barrier.Close()
	if err := await(ctx, b.first, "senders to pause", func() (bool, error) { return b.sending.Barrier.Held() == b.running(), nil }); err != nil {
		return err
	}
	if err := await(ctx, b.first, "readers to empty the device", b.probing.emptied(b.traffic.Empty)); err != nil {
		return waitedFor(b.site, err)
	}
	b.reading.Barrier.Close()
	b.site.Forwarders.Hold(true)
	if err := await(ctx, b.first, "workers to fall asleep", b.faults.asleep); err != nil {
		return err
	}
	if b.toggled {
		return b.site.Observers.Detach()
	}
	return nil
}

// running is how many senders have not ended.
func (b *packetTrial) running() (n int) {
	for _, s := range b.senders {
		select {
		case <-s.Thread().Done():
		default:
			n++
		}
	}
	return n
}

// stop ends the senders.
func (b *packetTrial) stop(context.Context) error {
	b.sending.Stop.Store(true)
	b.sending.Barrier.Open()
	b.reading.Barrier.Open()
	b.site.Forwarders.Hold(false)
	if b.lockstep != nil {
		return b.lockstep.thread.Wait()
	}
	var errs []error
	for _, s := range b.senders {
		if s.Thread() != nil {
			errs = append(errs, s.Thread().Wait())
		}
	}
	return errors.Join(errs...)
}

// drain waits until no packet is on its way and ends forwarders and readers.
func (b *packetTrial) drain(ctx context.Context) error {
	if b.lockstep != nil {
		return nil // each round ends with empty queues
	}
	if err := await(ctx, b.first, "packets to arrive", b.probing.emptied(b.traffic.Empty)); err != nil {
		return waitedFor(b.site, err)
	}
	if err := b.finish(); err != nil {
		return err
	}
	errs := []error{b.site.Forwarders.Wait()}
	for _, r := range b.readers {
		if r.Thread() != nil {
			errs = append(errs, r.Thread().Wait())
		}
	}
	return errors.Join(errs...)
}

// finish ends forwarders, in the order in which packets pass them, and then
// readers, as soon as nothing is left for each of them.
func (b *packetTrial) finish() error {
	b.reading.Drain.Store(true)
	if err := b.site.Forwarders.Finish(time.After(path.DrainTimeout)); err != nil {
		return err
	}
	return worker.EndAll(b.ends(), path.DrainTimeout)
}

// ends are the readers as workers.
func (b *packetTrial) ends() (list []worker.Named) {
	for i, r := range b.readers {
		list = append(list, worker.Named{Name: fmt.Sprintf("reader %d", i), Ender: r})
	}
	return list
}

func (b *packetTrial) collect() (err error) {
	b.ledger, err = b.traffic.Collect()
	return errors.Join(err, b.probing.stop())
}

// close tears everything down, from whatever state.
func (b *packetTrial) close() error {
	b.expected.Store(true)
	var errs []error
	if b.event != nil {
		errs = append(errs, b.event.Close())
	}
	if b.started {
		// The senders' errors have been reported, or are why we are here.
		b.stop(context.Background())
		if b.lockstep == nil {
			errs = append(errs, b.finish())
		}
	}
	errs = append(errs, b.probing.close())
	if err := leftAlone(append(b.site.Forwarders.Named(), b.ends()...)); err != nil {
		return errors.Join(append(errs, err, b.site.Observers.Rest())...)
	}
	for _, s := range b.senders {
		errs = append(errs, s.Close())
	}
	for _, r := range b.readers {
		errs = append(errs, r.Close())
	}
	return errors.Join(append(errs, b.site.Forwarders.Close(), b.traffic.Close())...)
}

// trial makes the record of what was seen, after collect.
func (b *packetTrial) trial(m account.Measurement, floor record.Floor, addSoftirq bool) record.Trial {
	p := &account.Packets{
		Measurement: m, Spec: b.spec, Placement: b.placement, Directions: b.directions, Floor: floor, AddSoftirq: addSoftirq,
	}
	if b.lockstep != nil { // which rests first
		p.Rounds = &b.lockstep.Rounds
		m.Samples[0].At = max(m.Samples[0].At, b.lockstep.Began)
	}
	t := p.Ledger()
	b.probing.describe(&t)
	b.ledger.Account(&t)
	b.probing.apart(&t)
	p.Figures(&t)
	account.Stopped(&t)
	b.flag(&t, p)
	return t
}

// flag marks what stands against a figure of the trial.
func (b *packetTrial) flag(t *record.Trial, p *account.Packets) {
	f := flag.On(t)
	f.Ledger(cmp.Or(b.mismatch(t, p.Counts()), b.probing.fault()))
	f.Host(b.conditions(p.Measurement))
	f.Steady(p.Measurement, p.WindowsTell())
	if b.lockstep != nil && b.lockstep.unsettled {
		f.Add(record.FlagUnsettled, "after %d blocks the last %d differ by more than %.1f %%", mostBlocks, account.Blocks, 100*account.SettledSpread)
	}
	f.Generator(p.GeneratorShare())
	f.Place(b.placement)
	f.Link()
	f.Order()
	f.Observer()
}

// mismatch compares every counter of the trial with the next one down the
// path, and says which two disagree.
func (b *packetTrial) mismatch(t *record.Trial, counts sink.Counts) string {
	a := t.Accounting
	if a.Unexplained != 0 {
		return fmt.Sprintf("accepted %d, delivered %d, dropped %d: %d are missing", a.Accepted, a.Delivered, a.DroppedTotal(), a.Unexplained)
	}
	if counts.Foreign > 0 {
		return fmt.Sprintf("the readers saw %s that the generator did not make", record.Plural(counts.Foreign, "packet", "packets"))
	}
	return b.ledger.Mismatch(t)
}

// conditions is what the host did during the measured time.
func (b *packetTrial) conditions(m account.Measurement) condition.Period {
	c := flag.Conditions(m, b.placement, b.sliced)
	if b.lockstep != nil {
		// Its figures are medians of rounds, which a moment's disturbance does not
		// move, and it runs in guests that have just booted: their other tasks may
		// wait a little, and their kernel may still be choosing its clock.
		c.Seen.Pressure, c.Seen.SourceFrom = -1, ""
	}
	return c
}
