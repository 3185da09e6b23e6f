package harness

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"tunbench/harness/host"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

const (
	// scheduleAfter is what the senders of an open loop have to get ready before
	// the first packet is due.
	scheduleAfter = 5 * time.Millisecond
	// drainTimeout bounds the wait for what is on its way to come out.
	drainTimeout = 5 * time.Second
	kickEvery    = 5 * time.Millisecond
)

// bed is the rig for packets that are followed one by one: senders and readers
// on a ground, and the observers on its devices.
type bed struct {
	spec      spec.Spec
	placement record.Placement // with gen=lockstep one sender, which reads, too

	ground   ground
	lanes    []*lane
	senders  []*traffic.Sender // of all lanes
	readers  []reader
	carriers []carrier
	sending  traffic.Control
	reading  sink.Control
	started  bool
	sliced   bool      // workers and, with toggled, observers wait until release
	toggled  bool      // the other side of the pair has another hook: this one's is taken away while that is measured
	lockstep *lockstep // only with gen=lockstep
	event    *event    // only with Spec.Event
	// lockstepLasts, if not 0, is how long it goes on, however many blocks that takes.
	lockstepLasts time.Duration
	stopping      atomic.Bool   // workers may end from now on
	failed        chan error    // the first worker's error
	allSent       chan struct{} // closed when the senders have ended
}

func newBed(s spec.Spec, g ground, placement record.Placement) *bed {
	return &bed{
		spec: s, ground: g, placement: placement,
		failed: make(chan error, 1), allSent: make(chan struct{}),
	}
}

func (b *bed) asked() spec.Spec        { return b.spec }
func (b *bed) place() record.Placement { return b.placement }
func (b *bed) slice(toggled bool)      { b.sliced, b.toggled = true, toggled }

func (b *bed) now() int64                             { return worker.Now() }
func (b *bed) after(d time.Duration) <-chan time.Time { return time.After(d) }
func (b *bed) died() <-chan error                     { return b.failed }
func (b *bed) sent() <-chan struct{}                  { return b.allSent }

// build makes the ground, the senders and the readers.
func (b *bed) build() (err error) {
	if err := b.ground.build(); err != nil {
		return err
	}
	b.lanes, err = b.ground.lanes(&b.sending, &b.reading)
	for _, l := range b.lanes {
		b.senders = append(b.senders, l.senders...)
		b.readers = append(b.readers, l.readers...)
	}
	b.carriers = b.ground.carriers()
	if err != nil || b.spec.Event == spec.EventNone {
		return err
	}
	b.event, err = newEvent(b.spec, b.ground)
	return err
}

// start lets readers run, then carriers, then senders.
func (b *bed) start() error {
	b.started = true
	if b.sliced {
		b.sending.Gate.Close()
	}
	if b.spec.Gen == spec.GenLockstep {
		return b.startLockstep()
	}
	for _, r := range b.readers {
		if err := r.Start(); err != nil {
			return err
		}
		b.watch(r.Thread(), "a reader")
	}
	for _, c := range b.carriers {
		if err := c.Start(); err != nil {
			return err
		}
		b.watch(c.Thread(), "a carrier")
	}
	b.sending.Start = worker.Now() + int64(scheduleAfter)
	for _, s := range b.senders {
		if err := s.Start(&b.sending); err != nil {
			return err
		}
		b.watch(s.Thread(), "a sender")
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

// watch reports a worker that ends with an error.
func (b *bed) watch(t *worker.Thread, who string) {
	if t == nil {
		return
	}
	go func() {
		if err := t.Wait(); err != nil && !b.stopping.Load() {
			select {
			case b.failed <- fmt.Errorf("%s died: %w", who, err):
			default:
			}
		}
	}()
}

func (b *bed) measure(on bool) error {
	for _, o := range b.ground.observers() {
		if err := o.Measure(on); err != nil {
			return err
		}
	}
	b.reading.Measuring.Store(on)
	now := worker.Now()
	if on {
		b.sending.Measured.Begin(now)
		b.reading.Measured.Begin(now)
		if b.event != nil {
			b.event.begin(b.failed)
		}
	} else {
		b.sending.Measured.End(now)
		b.reading.Measured.End(now)
		if b.event != nil {
			return b.event.end()
		}
	}
	return nil
}

func (b *bed) sample() sample {
	s := sample{at: worker.Now(), byLane: make([]laneSample, len(b.lanes))}
	for i, l := range b.lanes {
		of := &s.byLane[i]
		for _, r := range l.readers {
			p := r.Seen().Progress()
			of.delivered += p.Delivered
			of.wireBytes += p.WireBytes
			s.reads += p.Reads
			s.readCalls += p.Calls
			if l.queues {
				of.byQueue = append(of.byQueue, p.Delivered)
			}
		}
		if l.written > 0 {
			of.byQueue = make([]uint64, l.written) // of more queues than flows, some get nothing
		}
		for j, sender := range l.senders {
			p := sender.Progress()
			if l.written > 0 {
				of.byQueue[j] = p.Accepted
			}
			s.sendCalls += p.Calls
			of.accepted += p.Accepted
			of.pushedBack += p.PushedBack
			s.sendNs += p.CallNs
			if sender.Stamps() { // in the time of each call is one look at the clock
				s.sendNs -= min(p.CallNs, uint64(float64(p.Calls)*clockCost()))
			}
		}
		s.delivered += of.delivered
		s.wireBytes += of.wireBytes
		s.accepted += of.accepted
		s.pushedBack += of.pushedBack
	}
	for _, c := range b.carriers {
		s.carryCalls += c.Calls()
	}
	return s
}

func (b *bed) look() host.Look { return host.LookAt(cpusOf(b.placement)) }

// cpusOf lists the CPU of each worker.
func cpusOf(p record.Placement) []int { return slices.Concat(p.Sender, p.Reader, p.Carrier) }

func (b *bed) usage() (u usage, err error) {
	if u.stat, err = host.ReadStat(); err != nil {
		return u, err
	}
	if b.lockstep != nil { // it may end at any moment, and its clock with it
		u.senders, u.readers, u.carriers = -1, -1, -1
		return u, nil
	}
	for _, s := range b.senders {
		u.senders = addCPUTime(u.senders, s.Thread())
		// What is done for a sender is not the generator's work.
		u.carriers = addAideTime(u.carriers, s)
	}
	for _, r := range b.readers {
		u.readers = addCPUTime(u.readers, r.Thread())
		if a, ok := r.(aided); ok {
			u.readers = addAideTime(u.readers, a)
		}
	}
	u.carriers = addCarriersTime(u.carriers, b.carriers, u.senders, u.readers)
	return u, nil
}

// addCarriersTime adds the time of carriers. That of a diffuse one is what the
// process used beside its own senders and readers, whose times are given; -1,
// unknown, if one of these is.
func addCarriersTime(sum int64, carriers []carrier, own ...int64) int64 {
	for _, c := range carriers {
		if d, ok := c.(diffuse); ok {
			all, err := d.CPUTime()
			if err != nil || sum < 0 || slices.Min(own) < 0 {
				return -1
			}
			for _, n := range own {
				all -= n
			}
			sum += all
			continue
		}
		sum = addCPUTime(sum, c.Thread())
		if a, ok := c.(aided); ok {
			sum = addAideTime(sum, a)
		}
	}
	return sum
}

// addCPUTime adds the time of a thread, if there is one; the sum is -1, unknown,
// once one of them has ended.
func addCPUTime(sum int64, t *worker.Thread) int64 {
	if t == nil {
		return sum
	}
	n, err := t.CPUTime()
	if err != nil || sum < 0 {
		return -1
	}
	return sum + n
}

// stop ends the senders.
func (b *bed) stop() error {
	b.sending.Stop.Store(true)
	b.sending.Gate.Open()
	b.reading.Gate.Open()
	holdCarriers(b.carriers, false)
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

// drain waits until nothing is on its way and ends carriers and readers.
func (b *bed) drain() error {
	if b.lockstep != nil {
		return nil // each round ends with empty queues
	}
	if err := b.await("packets to arrive", b.ground.empty); err != nil {
		return err
	}
	b.reading.Drain.Store(true)
	if err := b.finish(); err != nil {
		return err
	}
	var errs []error
	for _, c := range b.carriers {
		errs = append(errs, c.Thread().Wait())
	}
	for _, r := range b.readers {
		if r.Thread() != nil {
			errs = append(errs, r.Thread().Wait())
		}
	}
	return errors.Join(errs...)
}

// finish ends carriers, in the order in which packets pass them, and then
// readers, as soon as nothing is left for each of them.
func (b *bed) finish() error {
	b.reading.Drain.Store(true)
	deadline := time.After(drainTimeout)
	for i, c := range b.carriers {
		if err := awaitEnd(fmt.Sprintf("carrier %d", i), c.Thread(), c.Finish, deadline); err != nil {
			return err
		}
	}
	// All are told before one is waited for: there may be hundreds.
	for _, r := range b.readers {
		if r.Thread() == nil {
			continue
		}
		if err := r.Finish(); err != nil {
			return err
		}
	}
	for i, r := range b.readers {
		if err := awaitEnd(fmt.Sprintf("reader %d", i), r.Thread(), r.Finish, deadline); err != nil {
			return err
		}
	}
	return nil
}

// awaitEnd makes a worker end, if it was started. One that waits is woken up, again
// and again: a wake-up that comes just before the wait begins is lost.
func awaitEnd(what string, t *worker.Thread, finish func() error, deadline <-chan time.Time) error {
	for t != nil {
		if err := finish(); err != nil {
			return err
		}
		select {
		case <-t.Done():
			return nil
		case <-time.After(kickEvery):
		case <-deadline:
			return fmt.Errorf("%s is still busy %v after the last packet was sent", what, drainTimeout)
		}
	}
	return nil
}

func (b *bed) collect() error { return b.ground.collect() }

// close tears everything down, from whatever state.
func (b *bed) close() error {
	b.stopping.Store(true)
	var errs []error
	if b.event != nil {
		errs = append(errs, b.event.close())
	}
	if b.started {
		// The senders' errors have been reported, or are why we are here.
		b.stop()
		if b.lockstep == nil {
			errs = append(errs, b.finish())
		}
	}
	for _, s := range b.senders {
		errs = append(errs, s.Close())
	}
	for _, r := range b.readers {
		errs = append(errs, r.Close())
	}
	for _, c := range b.carriers {
		errs = append(errs, c.Close())
	}
	return errors.Join(append(errs, b.ground.close())...)
}
