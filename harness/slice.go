package harness

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"tunbench/bpf"
	"tunbench/harness/host"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// Side is one of the two variants of a pair.
type Side struct {
	Spec Spec
	Hook string // of the observer; "none" for bare
}

// RunPair makes one trial of each side, side by side: both devices are there
// from the beginning, and the traffic goes through one or the other in turn, a
// window of Spec.Window at a time, until each has been measured for
// Spec.Measure. A host whose speed wanders over tenths of seconds is the same
// host to both, which trials one after the other do not get. seed decides which
// side comes first in each couple of windows. The records are filled in as by
// Run.
//
// A couple of windows from which the hypervisor stole is measured again, as far
// as three times the planned couples reach: the trials' notes tell how often.
// Sides that cannot be sliced (SideBySide) are an error.
func (l *Lab) RunPair(ctx context.Context, sides [2]Side, seed uint64, floor record.Floor) (trials [2]record.Trial, err error) {
	var rigs [2]setup
	workers := 0
	for i, s := range sides {
		if !s.Spec.SideBySide() {
			return trials, fmt.Errorf("%w: gen=%s event=%s is measured trial by trial, not side by side", ErrImpossible, s.Spec.Gen, s.Spec.Event)
		}
		if rigs[i], err = l.prepare(s.Spec, bpf.Hook(s.Hook)); err != nil {
			return trials, err
		}
		if err := s.Spec.rated(); err != nil {
			return trials, err
		}
		rigs[i].slice(sides[0].Hook != sides[1].Hook)
		workers += len(cpusOf(rigs[i].place()))
	}
	started := time.Now().UTC().Format(time.RFC3339Nano)
	restore := quiet(workers)
	cut := slicing{
		specs: [2]Spec{rigs[0].asked(), rigs[1].asked()}, window: rigs[0].asked().Window,
		want: max(1, int(rigs[0].asked().Measure/rigs[0].asked().Window)),
		rng:  rand.New(rand.NewPCG(seed, 0)),
	}
	err = cut.run(ctx, [2]sliceRig{rigs[0], rigs[1]})
	restore()
	if err != nil {
		return trials, err
	}
	for i, b := range rigs {
		trials[i] = b.trial(cut.seen[i], floor, l.host.Config["CONFIG_IRQ_TIME_ACCOUNTING"] == "y")
		trials[i].Started = started
		if n := cut.tried - cut.kept; n > 0 {
			trials[i].Notes = append(trials[i].Notes, fmt.Sprintf("%d of %d couples of windows were measured again, since CPU time was stolen from them", n, cut.tried))
		}
	}
	return trials, nil
}

// sliceRig is a rig that can be held back while the other one is measured. It
// is held from start to the first release, and after each hold.
type sliceRig interface {
	rig
	release() error
	// hold returns when no worker uses a CPU and the device is empty.
	hold() error
}

// slicing takes two rigs through a pair of trials.
type slicing struct {
	specs  [2]Spec
	window time.Duration
	want   int // couples of windows
	rng    *rand.Rand

	seen        [2]measurement
	tried, kept int
}

const (
	// mostCouples is how often a couple of windows may be measured for each that
	// is wanted.
	mostCouples = 3
	// leastCouples is how many couples make a trial, if the host does not give
	// more that are undisturbed.
	leastCouples = 6
	// settleShare is the share of a window that passes after a release before it
	// begins: caches and the ring fill again.
	settleShare = 8
)

// slice is one window of one rig.
type slice struct {
	from, to           sample
	before, afterwards usage
}

// couple is a window of each rig, one right after the other.
type couple struct {
	of     [2]slice
	stolen float64 // share of the CPU time
}

func (c *slicing) run(ctx context.Context, rigs [2]sliceRig) (err error) {
	defer func() {
		for _, r := range rigs {
			if closeErr := r.close(); closeErr != nil {
				err = errors.Join(err, fmt.Errorf("tear down: %w", closeErr))
			}
		}
	}()
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, r := range rigs {
		if err := r.build(); err != nil {
			return err
		}
	}
	for _, r := range rigs {
		if err := r.start(); err != nil {
			return err
		}
		if err := r.hold(); err != nil {
			return err
		}
	}
	for i, r := range rigs {
		err := released(r, func() (err error) {
			c.seen[i].warm, err = warmUp(ctx, r, c.specs[i])
			return err
		})
		if err != nil {
			return err
		}
	}
	before := rigs[0].look()
	if err := c.couples(ctx, rigs); err != nil {
		return err
	}
	happened := before.Until(rigs[0].look())
	for i := range c.seen {
		c.seen[i].seen = happened
	}
	for _, r := range rigs {
		if err := r.stop(); err != nil {
			return err
		}
		if err := r.drain(); err != nil {
			return fmt.Errorf("drain: %w", err)
		}
	}
	for _, r := range rigs {
		if err := r.collect(); err != nil {
			return err
		}
	}
	return nil
}

// couples measures until enough couples are undisturbed, or the limit is
// reached: then the least disturbed of the others fill up what is missing.
func (c *slicing) couples(ctx context.Context, rigs [2]sliceRig) error {
	var spare []couple
	for c.kept < c.want && c.tried < mostCouples*c.want {
		next, err := c.couple(ctx, rigs)
		if err != nil {
			return err
		}
		c.tried++
		if next.stolen > stealLimit {
			spare = append(spare, next)
			continue
		}
		c.keep(next)
	}
	slices.SortStableFunc(spare, func(a, b couple) int { return cmp.Compare(a.stolen, b.stolen) })
	for len(spare) > 0 && c.kept < min(c.want, leastCouples) {
		c.keep(spare[0])
		spare = spare[1:]
	}
	return nil
}

func (c *slicing) couple(ctx context.Context, rigs [2]sliceRig) (couple, error) {
	var next couple
	order := [2]int{0, 1}
	if c.rng.IntN(2) == 1 {
		order = [2]int{1, 0}
	}
	var spent host.CPUTimes
	for _, i := range order {
		err := released(rigs[i], func() (err error) {
			next.of[i], err = c.slice(ctx, rigs[i])
			return err
		})
		if err != nil {
			return next, err
		}
		spent = spent.Plus(next.of[i].before.stat.Until(next.of[i].afterwards.stat, nil))
	}
	next.stolen = spent.StealShare()
	return next, nil
}

// released lets a rig run during f.
func released(r sliceRig, f func() error) error {
	if err := r.release(); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return r.hold()
}

func (c *slicing) slice(ctx context.Context, r sliceRig) (s slice, err error) {
	if err := wait(ctx, r, c.window/settleShare); err != nil {
		return s, err
	}
	if err := r.measure(true); err != nil {
		return s, err
	}
	if s.before, err = r.usage(); err != nil {
		return s, err
	}
	s.from = r.sample()
	if err := wait(ctx, r, time.Duration(s.from.at+int64(c.window)-r.now())); err != nil {
		return s, err
	}
	s.to = r.sample()
	if s.afterwards, err = r.usage(); err != nil {
		return s, err
	}
	return s, r.measure(false)
}

// keep adds a couple to what was seen: as if its windows followed those before
// them without a gap.
func (c *slicing) keep(next couple) {
	c.kept++
	for i, s := range next.of {
		m := &c.seen[i]
		if len(m.samples) == 0 {
			m.samples = []sample{{byQueue: make([]uint64, len(s.from.byQueue)), byLane: make([]laneSample, len(s.from.byLane))}}
			m.first.stat = m.first.stat.Plus(s.before.stat, s.before.stat) // zeros for each CPU
			m.last = m.first
		}
		m.samples = append(m.samples, m.samples[len(m.samples)-1].plus(s.from, s.to))
		m.last = m.last.plus(s.before, s.afterwards)
		if own, other := s.rate(), next.of[1-i].rate(); other > 0 {
			m.against = append(m.against, own/other)
		}
	}
}

// rate is the rate of delivery in packets/ns.
func (s slice) rate() float64 {
	return float64(s.to.delivered-s.from.delivered) / float64(s.to.at-s.from.at)
}

// plus adds what was done between two moments.
func (s sample) plus(from, to sample) sample {
	sum := sample{
		at:         s.at + to.at - from.at,
		delivered:  s.delivered + to.delivered - from.delivered,
		wireBytes:  s.wireBytes + to.wireBytes - from.wireBytes,
		reads:      s.reads + to.reads - from.reads,
		readCalls:  s.readCalls + to.readCalls - from.readCalls,
		sendCalls:  s.sendCalls + to.sendCalls - from.sendCalls,
		carryCalls: s.carryCalls + to.carryCalls - from.carryCalls,
		accepted:   s.accepted + to.accepted - from.accepted,
		pushedBack: s.pushedBack + to.pushedBack - from.pushedBack,
		sendNs:     s.sendNs + to.sendNs - from.sendNs,
		byQueue:    slices.Clone(s.byQueue),
		byLane:     slices.Clone(s.byLane),
		payload:    s.payload + to.payload - from.payload, transactions: s.transactions + to.transactions - from.transactions,
	}
	for i := range sum.byLane {
		sum.byLane[i] = sum.byLane[i].plus(from.byLane[i], to.byLane[i])
	}
	for i := range sum.byQueue {
		sum.byQueue[i] += to.byQueue[i] - from.byQueue[i]
	}
	return sum
}

// plus adds what was used between two moments; a time that is unknown makes
// the sum unknown.
func (u usage) plus(from, to usage) usage {
	add := func(sum, from, to int64) int64 {
		if sum < 0 || from < 0 || to < 0 {
			return -1
		}
		return sum + to - from
	}
	return usage{
		senders:  add(u.senders, from.senders, to.senders),
		readers:  add(u.readers, from.readers, to.readers),
		carriers: add(u.carriers, from.carriers, to.carriers),
		stat:     u.stat.Plus(from.stat, to.stat),
	}
}

// release lets the workers of a bed run.
func (b *bed) release() error {
	if b.toggled {
		for _, o := range b.ground.observers() {
			if err := o.Attach(); err != nil {
				return err
			}
		}
	}
	b.reading.Gate.Open()
	holdCarriers(b.carriers, false)
	b.sending.Gate.Open()
	return nil
}

// hold stops the senders, lets the readers empty the device and stops those
// that do not wait in the kernel.
func (b *bed) hold() error {
	b.sending.Gate.Close()
	if err := b.await("senders to pause", func() (bool, error) { return b.sending.Gate.Held() == b.running(), nil }); err != nil {
		return err
	}
	if err := b.await("readers to empty the device", b.ground.empty); err != nil {
		return err
	}
	b.reading.Gate.Close()
	holdCarriers(b.carriers, true)
	if b.toggled {
		for _, o := range b.ground.observers() {
			if err := o.Detach(); err != nil {
				return err
			}
		}
	}
	return nil
}

// running is how many senders have not ended.
func (b *bed) running() (n int) {
	for _, s := range b.senders {
		select {
		case <-s.Thread().Done():
		default:
			n++
		}
	}
	return n
}

// await looks again and again until the condition holds.
func (b *bed) await(what string, holds func() (bool, error)) error {
	const look = 50 * time.Microsecond
	for deadline := worker.Now() + int64(drainTimeout); ; time.Sleep(look) {
		ok, err := holds()
		if ok || err != nil {
			return err
		}
		if worker.Now() > deadline {
			return fmt.Errorf("waited %v for the %s", drainTimeout, what)
		}
	}
}
