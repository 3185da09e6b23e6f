package harness

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"tunbench/bpf"
	"tunbench/harness/host"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

const (
	// stallAfter is how long nothing may arrive before the devices of the hosts
	// are looked at, and stallLimit how long it may at all: TCP that lost much
	// waits longer and longer before it tries again.
	stallAfter = 300 * time.Millisecond
	stallLimit = 5 * time.Second
	guardEvery = 100 * time.Millisecond
)

// talk is the rig for conversations of two hosts over a wire.
type talk struct {
	spec      spec.Spec
	placement record.Placement

	wire     wire
	talkers  talkers
	carriers []carrier
	started  bool
	sliced   bool // talkers and, with toggled, observers wait until release
	toggled  bool // the other side of the pair has another hook
	held     atomic.Bool
	stopping atomic.Bool   // workers may end from now on
	failed   chan error    // the first one of a worker, or a stall
	unguard  chan struct{} // closed when nobody needs to look for a stall any more
	allSent  chan struct{} // closed when the talkers have ended by themselves
}

// talkers are who talk over a wire.
type talkers interface {
	// open makes what both ends need, before any packet can flow.
	open(ends [2]end) error
	// start makes them talk, once the wire carries. What dies is reported; ended
	// is called if they end by themselves.
	start(report func(who string, t *worker.Thread), ended func(error)) error
	// hold makes them stop talking, or, if it is taken back, go on. quiet tells
	// whether all that was said before has been heard.
	hold(on bool)
	quiet() (bool, error)
	measure(on bool) error
	sample(s *sample) error
	cpuTime() (clients, servers int64)
	// heard counts what has arrived so far, in any unit: it moves unless nothing
	// arrives.
	heard() uint64
	// stop ends those who speak.
	stop() error
	// settled tells whether nothing is said any more, acknowledgements included.
	settled() (bool, error)
	// finish takes the last look at counters and ends those who listen.
	finish() error
	// fill makes the record of what was seen, when the wire has filled in its part.
	fill(t *record.Trial)
	// mismatch says which two counters disagree that should not; "" if none do.
	mismatch(t *record.Trial) string
	close() error
}

func newTalk(s spec.Spec, w wire, who talkers, p record.Placement) *talk {
	return &talk{
		spec: s, placement: p, wire: w, talkers: who,
		failed: make(chan error, 1), allSent: make(chan struct{}),
		unguard: make(chan struct{}),
	}
}

func (k *talk) asked() spec.Spec        { return k.spec }
func (k *talk) place() record.Placement { return k.placement }
func (k *talk) slice(toggled bool)      { k.sliced, k.toggled = true, toggled }

func (k *talk) now() int64                             { return worker.Now() }
func (k *talk) after(d time.Duration) <-chan time.Time { return time.After(d) }
func (k *talk) died() <-chan error                     { return k.failed }
func (k *talk) sent() <-chan struct{}                  { return k.allSent }

func (k *talk) build() error {
	if err := k.wire.build(); err != nil {
		return err
	}
	if err := k.talkers.open(k.wire.ends()); err != nil {
		return err
	}
	k.carriers = k.wire.carriers()
	return nil
}

// start lets carriers run, and then the talkers, who find each other by them.
func (k *talk) start() error {
	k.started = true
	for _, c := range k.carriers {
		if err := c.Start(); err != nil {
			return err
		}
		k.watch("a carrier", c.Thread())
	}
	if k.sliced {
		k.held.Store(true)
		k.talkers.hold(true)
	}
	err := k.talkers.start(k.watch, func(err error) {
		if err == nil {
			close(k.allSent)
			return
		}
		k.fail(err)
	})
	if err != nil {
		return errors.Join(err, k.linksDown())
	}
	go k.guard()
	return nil
}

// watch reports a worker that ends with an error.
func (k *talk) watch(who string, t *worker.Thread) {
	go func() {
		if err := t.Wait(); err != nil && !k.stopping.Load() {
			k.fail(fmt.Errorf("%s died: %w", who, err))
		}
	}()
}

// fail ends the trial with err, unless it fails already. What happened to the
// devices says more than what became of those who talked through them.
func (k *talk) fail(err error) {
	if down := k.linksDown(); down != nil {
		err = fmt.Errorf("%w: %w", down, err)
	}
	select {
	case k.failed <- err:
	default:
	}
}

// guard ends a trial in which nothing arrives any more.
func (k *talk) guard() {
	heard, at := k.talkers.heard(), worker.Now()
	for {
		select {
		case <-k.unguard:
			return
		case <-time.After(guardEvery):
		}
		now := worker.Now()
		if n := k.talkers.heard(); n != heard || k.held.Load() {
			heard, at = n, now
			continue
		}
		quiet := time.Duration(now - at)
		if quiet < stallAfter {
			continue
		}
		if err := k.linksDown(); err != nil {
			k.fail(fmt.Errorf("nothing has arrived for %v", quiet.Round(time.Millisecond)))
			return
		}
		if quiet > stallLimit {
			k.fail(fmt.Errorf("nothing has arrived for %v, and the links of both hosts are up", quiet.Round(time.Millisecond)))
			return
		}
	}
}

// linksDown tells which device of a host is gone or down.
func (k *talk) linksDown() error {
	for _, e := range k.wire.ends() {
		state, err := e.ns.Device(e.link)
		if err != nil {
			return err
		}
		for _, flag := range []string{"IFF_UP", "IFF_RUNNING"} {
			if !slices.Contains(state.Flags, flag) {
				return fmt.Errorf("link %s is down: it has no %s", e.link, flag)
			}
		}
	}
	return nil
}

func (k *talk) measure(on bool) error {
	for _, o := range k.wire.observers() {
		if err := o.Measure(on); err != nil {
			return err
		}
	}
	return k.talkers.measure(on)
}

func (k *talk) sample() sample {
	var s sample
	if err := k.talkers.sample(&s); err != nil {
		k.fail(err)
	}
	for _, c := range k.carriers {
		s.carryCalls += c.Calls()
	}
	return s
}

func (k *talk) look() host.Look { return host.LookAt(cpusOf(k.placement)) }

func (k *talk) usage() (u usage, err error) {
	if u.stat, err = host.ReadStat(); err != nil {
		return u, err
	}
	u.senders, u.readers = k.talkers.cpuTime()
	own := []int64{u.senders, u.readers}
	if k.spec.Gen == spec.GenIPerf3 {
		own = []int64{0} // its processes are not this one
	}
	u.carriers = addCarriersTime(0, k.carriers, own...)
	return u, nil
}

// release lets the talkers go on.
func (k *talk) release() error {
	if k.toggled {
		for _, o := range k.wire.observers() {
			if err := o.Attach(); err != nil {
				return err
			}
		}
	}
	holdCarriers(k.carriers, false)
	k.talkers.hold(false)
	k.held.Store(false)
	return nil
}

// hold stops the talkers, and waits until all that was said is heard and the
// wire is empty. Carriers have nothing left to do then.
func (k *talk) hold() error {
	k.held.Store(true)
	k.talkers.hold(true)
	if err := k.await("talkers to fall silent", k.talkers.quiet); err != nil {
		return err
	}
	if err := k.await("wire to be empty", k.wire.empty); err != nil {
		return err
	}
	holdCarriers(k.carriers, true)
	if k.toggled {
		for _, o := range k.wire.observers() {
			if err := o.Detach(); err != nil {
				return err
			}
		}
	}
	return nil
}

// await waits for a condition that comes as long as packets arrive.
func (k *talk) await(what string, holds func() (bool, error)) error {
	const look = 50 * time.Microsecond
	heard, at := k.talkers.heard(), worker.Now()
	for ; ; time.Sleep(look) {
		ok, err := holds()
		if ok || err != nil {
			return err
		}
		now := worker.Now()
		if n := k.talkers.heard(); n != heard {
			heard, at = n, now
		}
		switch quiet := time.Duration(now - at); {
		case quiet > stallLimit:
			return fmt.Errorf("waited %v for the %s", stallLimit, what)
		case quiet > stallAfter:
			if err := k.linksDown(); err != nil {
				return fmt.Errorf("wait for the %s: %w", what, err)
			}
		}
	}
}

// stop ends those who speak.
func (k *talk) stop() error {
	k.held.Store(true) // from now on silence is as it should be
	return k.talkers.stop()
}

// drain waits until all is heard and acknowledged, and ends carriers and those
// who listen.
func (k *talk) drain() error {
	// Twice: what was on the wire is answered.
	for range 2 {
		for _, w := range []struct {
			what  string
			holds func() (bool, error)
		}{{"talkers to fall silent", k.talkers.quiet}, {"last acknowledgements", k.talkers.settled}, {"wire to be empty", k.wire.empty}} {
			if err := k.await(w.what, w.holds); err != nil {
				return err
			}
		}
	}
	k.stopping.Store(true)
	if err := k.talkers.finish(); err != nil {
		return err
	}
	if err := k.finishCarriers(); err != nil {
		return err
	}
	var errs []error
	for _, c := range k.carriers {
		errs = append(errs, c.Thread().Wait())
	}
	return errors.Join(errs...)
}

// finishCarriers ends carriers in the order in which packets pass them.
func (k *talk) finishCarriers() error {
	deadline := time.After(drainTimeout)
	for i, c := range k.carriers {
		if err := awaitEnd(fmt.Sprintf("carrier %d", i), c.Thread(), c.Finish, deadline); err != nil {
			return err
		}
	}
	return nil
}

func (k *talk) collect() error { return k.wire.collect() }

// trial makes the record of what was seen, after collect.
func (k *talk) trial(m measurement, _ record.Floor, addSoftirq bool) record.Trial {
	t := record.Trial{
		Kind: record.KindTrial, Metrics: map[string]float64{}, Latency: map[string]record.Latency{},
		CPUs: k.placement, Flags: []string{},
		Accounting: record.Accounting{Dropped: map[string]uint64{}},
		Reads:      record.Reads{Errors: map[string]uint64{}},
	}
	t.Windows, t.DurationNs = windows(m)
	k.wire.account(&t)
	k.talkers.fill(&t)
	a := &t.Accounting
	a.Offered = a.Accepted + a.PushedBack
	a.Unexplained = int64(a.Accepted) - int64(a.Delivered) - int64(a.DroppedTotal())
	k.metrics(&t, m, addSoftirq)
	k.flag(&t, m)
	return t
}

// metrics are those that all talkers have.
func (k *talk) metrics(t *record.Trial, m measurement, addSoftirq bool) {
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	seconds := float64(t.DurationNs) / 1e9
	delivered := float64(last.delivered - first.delivered)
	t.Metrics[record.PPS] = delivered / seconds
	t.Metrics[record.BitPerS] = 8 * float64(last.wireBytes-first.wireBytes) / seconds
	if a := t.Accounting; a.Accepted > 0 {
		t.Metrics[record.Loss] = float64(int64(a.Accepted)-int64(a.Delivered)) / float64(a.Accepted)
	}
	t.Metrics[record.Steal] = m.first.stat.Steal(m.last.stat, nil)
	if k.spec.Gen == spec.GenTCPRR || k.spec.Gen == spec.GenUDPRR {
		t.Metrics[record.TPS] = float64(last.transactions-first.transactions) / seconds
	} else if _, told := t.Metrics[record.GoodputBitPerS]; !told {
		t.Metrics[record.GoodputBitPerS] = 8 * float64(last.payload-first.payload) / seconds
	}
	if delivered == 0 {
		return
	}
	if calls := last.readCalls - first.readCalls + last.sendCalls - first.sendCalls + last.carryCalls - first.carryCalls; calls > 0 {
		t.Metrics[record.SyscallsPerPkt] = float64(calls) / delivered
	}
	if cpu, ok := cpuTime(m, addSoftirq, k.placement); ok {
		t.Metrics[record.CPUNsPerPkt] = cpu / delivered
	}
}

// flag marks what stands against a figure of the trial.
func (k *talk) flag(t *record.Trial, m measurement) {
	f := flags{t}
	a := t.Accounting
	if a.Unexplained != 0 {
		f.add(record.FlagUnexplained, "accepted %d, delivered %d, dropped %d: %d are missing", a.Accepted, a.Delivered, a.DroppedTotal(), a.Unexplained)
	}
	for _, mismatch := range []string{k.wire.mismatch(t), k.talkers.mismatch(t)} {
		if mismatch != "" {
			f.add(record.FlagUnexplained, "%s", mismatch)
		}
	}
	if t.Metrics[record.PPS] == 0 {
		f.add(record.FlagNoTraffic, "%s accepted, none was delivered in the measured time", record.Plural(a.Accepted, "packet was", "packets were"))
	}
	f.host(conditionsOf(m, k.placement, k.sliced))
	f.steady(m, true)
	f.place(k.placement)
	f.observer()
}

// close tears everything down, from whatever state.
func (k *talk) close() error {
	k.stopping.Store(true)
	k.held.Store(true)
	var errs []error
	close(k.unguard)
	// The errors of talkers have been reported, or are why we are here.
	errs = append(errs, k.talkers.close())
	if k.started {
		errs = append(errs, k.finishCarriers())
	}
	for _, c := range k.carriers {
		errs = append(errs, c.Close())
	}
	return errors.Join(append(errs, k.wire.close())...)
}

// prepareTalk makes the rig of a conversation.
func prepareTalk(s spec.Spec, hook bpf.Hook, p record.Placement) (setup, error) {
	w, err := wireFor(s, hook, p)
	if err != nil {
		return nil, err
	}
	if s.Gen == spec.GenIPerf3 {
		program, s, err := newProgram(s, p)
		if err != nil {
			return nil, err
		}
		return newTalk(s, w, program, p), nil
	}
	return newTalk(s, w, newStreams(s, p), p), nil
}
