package trial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/conversation"
	"tunbench/harness/device"
	"tunbench/harness/flag"
	"tunbench/harness/host"
	"tunbench/harness/load"
	"tunbench/harness/path"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// conversationTrial is a trial of conversations between two hosts.
type conversationTrial struct {
	spec      spec.Spec
	placement record.Placement
	faults
	roles
	probing probing

	path      path.Path
	site      path.Site
	ledger    path.Ledger // of the path, after collect
	started   bool
	sliced    bool // speakers and, with toggled, observers wait until release
	toggled   bool // the other side of the pair has another hook
	held      atomic.Bool
	stopGuard chan struct{} // closed when stalls are no longer looked for
	allSent   chan struct{} // closed when the speakers have ended by themselves
}

// prepareConversation makes the session of a conversation.
func prepareConversation(s spec.Spec, hook bpf.Hook, p record.Placement) (*session, error) {
	w, err := load.PathOf(s, hook, p)
	if err != nil {
		return nil, err
	}
	if s.Gen == spec.GenIPerf3 {
		program, s, err := conversation.NewIPerf3(s, p)
		if err != nil {
			return nil, err
		}
		return newConversationTrial(s, w, roles{program, program, program, program}, p).session(), nil
	}
	streams := conversation.NewStreams(s, p)
	return newConversationTrial(s, w, roles{streams, streams, streams, streams}, p).session(), nil
}

func newConversationTrial(s spec.Spec, w path.Path, c roles, p record.Placement) *conversationTrial {
	return &conversationTrial{
		spec: s, placement: p, faults: newFaults(), roles: c, probing: newProbing(s, p), path: w,
		stopGuard: make(chan struct{}), allSent: make(chan struct{}),
	}
}

func (k *conversationTrial) session() *session {
	return &session{
		spec: k.spec, placement: k.placement, stage: k, meter: k, pauser: k, recorder: k, clock: monotonic{},
		failed: k.first, sent: k.allSent,
	}
}

func (k *conversationTrial) slice(toggled bool) { k.sliced, k.toggled = true, toggled }

func (k *conversationTrial) build(ctx context.Context) (err error) {
	if k.site, err = k.path.Build(ctx); err != nil {
		return err
	}
	return k.site.Forwarders.Blame(errors.Join(k.ends.Open(ctx, k.site.Hosts), k.probing.open(k.site.Hosts)))
}

// start lets forwarders run, and then the speakers, who find each other by them.
func (k *conversationTrial) start(ctx context.Context) error {
	k.started = true
	if err := k.site.Forwarders.Start(k.watch); err != nil {
		return err
	}
	if err := k.probing.start(k.watch, !k.sliced); err != nil {
		return err
	}
	if k.sliced {
		k.held.Store(true)
		k.progress.Hold(true)
	}
	err := k.ends.Start(ctx, k.watch, func(err error) {
		if err == nil {
			close(k.allSent)
			return
		}
		k.fail(err)
	})
	if err != nil {
		return errors.Join(k.site.Forwarders.Blame(err), k.linksDown())
	}
	if err := k.site.Link.Begin(); err != nil {
		return err
	}
	go k.guard()
	return nil
}

// watch reports a worker that ends with an error.
func (k *conversationTrial) watch(who string, t *worker.Thread) { k.faults.watch(who, t, k.fail) }

// fail ends the trial with err, unless it has failed already. What happened to the
// devices says more than what became of those who talked through them.
func (k *conversationTrial) fail(err error) {
	err = k.site.Forwarders.Blame(err)
	if down := k.linksDown(); down != nil {
		err = fmt.Errorf("%w: %w", down, err)
	}
	k.report(err)
}

// guard ends a trial in which nothing arrives any more.
func (k *conversationTrial) guard() {
	heard, at := k.progress.Heard(), worker.Now()
	for {
		select {
		case <-k.stopGuard:
			return
		case <-time.After(guardEvery):
		}
		now := worker.Now()
		if n := k.progress.Heard(); n != heard || k.held.Load() {
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
		if quiet > patienceOf(k.spec) {
			k.fail(held(k.site, fmt.Errorf("nothing has arrived for %v, and the links of both hosts are up", quiet.Round(time.Millisecond))))
			return
		}
	}
}

// linksDown is an error that names a device of a host that is gone or down.
func (k *conversationTrial) linksDown() error {
	for _, e := range k.site.Hosts {
		if e.NS == nil { // a host that is a virtual machine
			continue
		}
		state, err := e.NS.Device(e.Link)
		if err != nil {
			return err
		}
		for _, flag := range []string{"IFF_UP", "IFF_RUNNING"} {
			if !slices.Contains(state.Flags, flag) {
				return fmt.Errorf("link %s is down: it has no %s", e.Link, flag)
			}
		}
	}
	return nil
}

func (k *conversationTrial) measure(on bool) error {
	if err := errors.Join(k.site.Observers.Measure(on), k.probing.measure(on)); err != nil {
		return err
	}
	return k.meter.Measure(on)
}

func (k *conversationTrial) sample() account.Sample {
	var s account.Sample
	if err := k.meter.Sample(&s); err != nil {
		k.fail(err)
	}
	s.ForwardCalls = k.site.Forwarders.Calls()
	return s
}

func (k *conversationTrial) look() host.Look { return host.LookAt(host.CPUs(k.placement)) }

func (k *conversationTrial) usage() (u account.Usage, err error) {
	if u.Stat, err = host.ReadStat(); err != nil {
		return u, err
	}
	u.Senders, u.Readers = k.meter.CPUTime()
	u.Probe = k.probing.probe.CPUTime()
	own := []int64{u.Senders, u.Readers, u.Probe}
	if k.spec.Gen == spec.GenIPerf3 {
		own = own[2:] // its processes are not this one
	}
	u.Forwarders = k.site.Forwarders.AddCPUTime(0, own...)
	return u, nil
}

// release lets the speakers go on.
func (k *conversationTrial) release() error {
	if k.toggled {
		if err := k.site.Observers.Attach(); err != nil {
			return err
		}
	}
	k.site.Forwarders.Hold(false)
	err := k.probing.turn()
	k.progress.Hold(false)
	k.held.Store(false)
	return err
}

// hold stops the speakers, and waits until all that was said is heard and acknowledged, and
// the path is empty. Then forwarders have nothing left to do, and no packet comes by itself,
// such as a delayed acknowledgement, which an observer would miss that is taken away.
func (k *conversationTrial) hold(ctx context.Context) error {
	k.held.Store(true)
	k.progress.Hold(true)
	if err := k.silence(ctx); err != nil {
		return err
	}
	k.site.Forwarders.Hold(true)
	if err := k.await(ctx, "workers to fall asleep", k.faults.asleep); err != nil {
		return err
	}
	if k.toggled {
		return k.site.Observers.Detach()
	}
	return nil
}

// silence waits until nothing is said any more and nothing is on its way.
func (k *conversationTrial) silence(ctx context.Context) error {
	for _, w := range []struct {
		what  string
		holds func() (bool, error)
	}{{"speakers to fall silent", k.progress.Quiet}, {"last acknowledgements", k.progress.Settled}, {"path to be empty", k.probing.emptied(k.path.Empty)}} {
		if err := k.await(ctx, w.what, w.holds); err != nil {
			return err
		}
	}
	return nil
}

// await is that of phases, but for a condition that comes as long as packets arrive.
func (k *conversationTrial) await(ctx context.Context, what string, holds func() (bool, error)) error {
	heard, at := k.progress.Heard(), worker.Now()
	for began := at; ; time.Sleep(pause(began)) {
		ok, err := holds()
		if ok && err == nil {
			return nil
		}
		if err := cmp.Or(pending(k.first), err, ctx.Err()); err != nil {
			return err
		}
		now := worker.Now()
		if n := k.progress.Heard(); n != heard {
			heard, at = n, now
		}
		switch quiet := time.Duration(now - at); {
		case quiet > patienceOf(k.spec):
			return held(k.site, waited(patienceOf(k.spec), what))
		case quiet > stallAfter:
			if err := k.linksDown(); err != nil {
				return fmt.Errorf("wait for the %s: %w", what, err)
			}
		}
	}
}

// stop ends those who speak.
func (k *conversationTrial) stop(ctx context.Context) error {
	k.held.Store(true) // from now on silence is as it should be
	return k.ends.Stop(ctx)
}

// drain waits until all is heard and acknowledged, and ends forwarders and those
// who listen.
func (k *conversationTrial) drain(ctx context.Context) error {
	// Twice: what was on the path is answered.
	for range 2 {
		if err := k.silence(ctx); err != nil {
			return err
		}
	}
	k.expected.Store(true)
	if err := k.ends.Finish(); err != nil {
		return err
	}
	if err := k.site.Forwarders.Finish(time.After(path.DrainTimeout)); err != nil {
		return err
	}
	return k.site.Forwarders.Wait()
}

func (k *conversationTrial) collect() (err error) {
	k.ledger, err = k.path.Collect()
	return errors.Join(err, k.probing.stop())
}

// trial makes the record of what was seen, after collect.
func (k *conversationTrial) trial(m account.Measurement, _ record.Floor, addSoftirq bool) record.Trial {
	t := record.Trial{
		Kind: record.KindTrial, Metrics: map[string]float64{}, Latency: map[string]record.Latency{},
		CPUs: k.placement, Flags: []string{},
		Accounting: record.Accounting{Dropped: map[string]uint64{}},
		Reads:      record.Reads{Errors: map[string]uint64{}},
	}
	t.Windows, t.DurationNs = m.Windows()
	t.RampNs = int64(m.Ramp)
	k.probing.describe(&t)
	k.ledger.Account(&t)
	k.counted.Fill(&t)
	device.AttributeStreams(&t)
	k.probing.apart(&t) // retransmissions stand for the drops of some, and explain none of the probe's
	a := &t.Accounting
	a.Offered = a.Accepted + a.PushedBack
	a.Unexplained = account.Unexplained(*a)
	k.metrics(&t, m, addSoftirq)
	account.Stopped(&t)
	k.flag(&t, m)
	return t
}

// metrics are those that all conversations have.
func (k *conversationTrial) metrics(t *record.Trial, m account.Measurement, addSoftirq bool) {
	first, last := m.Ends()
	seconds := float64(t.DurationNs) / 1e9
	delivered := float64(last.Delivered - first.Delivered)
	t.Metrics[record.PPS] = delivered / seconds
	t.Metrics[record.BitPerS] = 8 * float64(last.WireBytes-first.WireBytes) / seconds
	if a := t.Accounting; a.Accepted > 0 {
		t.Metrics[record.Loss] = float64(int64(a.Accepted)-int64(a.Delivered)) / float64(a.Accepted)
	}
	t.Metrics[record.Steal] = m.First.Stat.Steal(m.Last.Stat, nil)
	if k.spec.Gen == spec.GenTCPRR || k.spec.Gen == spec.GenUDPRR {
		t.Metrics[record.TPS] = float64(last.Transactions-first.Transactions) / seconds
	} else if _, told := t.Metrics[record.GoodputBitPerS]; !told && k.spec.Gen.Conversation() {
		t.Metrics[record.GoodputBitPerS] = 8 * float64(last.Payload-first.Payload) / seconds
	}
	if delivered == 0 {
		return
	}
	if calls := last.ReadCalls - first.ReadCalls + last.SendCalls - first.SendCalls + last.ForwardCalls - first.ForwardCalls; calls > 0 {
		t.Metrics[record.SyscallsPerPkt] = float64(calls) / delivered
	}
	if cpu, ok := m.CPUTime(addSoftirq, k.placement); ok {
		t.Metrics[record.CPUNsPerPkt] = cpu / delivered
	}
}

// flag marks what stands against a figure of the trial.
func (k *conversationTrial) flag(t *record.Trial, m account.Measurement) {
	f := flag.On(t)
	a := t.Accounting
	if a.Unexplained != 0 {
		f.Add(record.FlagUnexplained, "accepted %d, delivered %d, dropped %d: %d are missing", a.Accepted, a.Delivered, a.DroppedTotal(), a.Unexplained)
	}
	for _, mismatch := range []string{k.ledger.Mismatch(t), k.counted.Mismatch(t)} {
		if mismatch != "" {
			f.Add(record.FlagUnexplained, "%s", mismatch)
		}
	}
	f.Traffic()
	f.Generator(0) // what limits a conversation is never its generator
	f.Host(flag.Conditions(m, k.placement, k.sliced))
	f.Steady(m, true)
	f.Place(k.placement)
	f.Link()
	f.Observer()
}

// close tears everything down, from whatever state.
func (k *conversationTrial) close() error {
	k.expected.Store(true)
	k.held.Store(true)
	var errs []error
	close(k.stopGuard)
	// The errors of the speakers have been reported, or are why we are here.
	errs = append(errs, k.ends.Close(), k.probing.close())
	if k.started {
		errs = append(errs, k.site.Forwarders.Finish(time.After(path.DrainTimeout)))
	}
	if err := leftAlone(k.site.Forwarders.Named()); err != nil {
		return errors.Join(append(errs, err, k.site.Observers.Rest())...)
	}
	errs = append(errs, k.site.Forwarders.Close())
	return errors.Join(append(errs, k.path.Close())...)
}
