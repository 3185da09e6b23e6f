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
	"tunbench/harness/condition"
	"tunbench/harness/host"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// Side is one of the two variants of a pair.
type Side struct {
	Spec spec.Spec
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
	var parties [2]Party
	workers := 0
	for i, s := range sides {
		p, err := l.party(s, sides[0].Hook != sides[1].Hook, floor)
		if err != nil {
			return trials, err
		}
		parties[i] = p
		workers += p.workers
	}
	defer quiet(workers)()
	return TakeTurns(ctx, parties, sides[0].Spec, seed)
}

// Party is one side of a pair that is measured by turns: in this process, or in
// another one. Its methods are called in this order. Between them it uses no
// CPU; what it built stays until Close, which is called whatever happens.
type Party interface {
	// Build makes the device, Start the workers, which are held at once.
	Build(ctx context.Context) error
	Start(ctx context.Context) error
	// Warm lets the traffic flow for Spec.Warmup, or until it is steady.
	Warm(ctx context.Context) error
	// Look notes the state of the host: before the first turn and after the last.
	Look(ctx context.Context) error
	// Turn measures a window.
	Turn(ctx context.Context) (Turn, error)
	// Keep makes the turn of that number, from 0, part of the trial. The other
	// side's rate in the turn beside it is given.
	Keep(ctx context.Context, turn int, other float64) error
	// Stop ends the traffic and waits for what is on its way.
	Stop(ctx context.Context) error
	// Trial tears down what was built, and gives what was seen in the turns that
	// were kept.
	Trial(ctx context.Context) (record.Trial, error)
	Close() error
}

// Turn is what one side did in a window of its own.
type Turn struct {
	Rate float64 `json:"rate"` // of delivery, in packets/ns
	// Spent is the CPU time of the whole host in ns, Stolen what the hypervisor
	// took of it.
	Spent  int64 `json:"spent_ns"`
	Stolen int64 `json:"stolen_ns"`
}

// TakeTurns makes a trial of each party, as RunPair says. Windows and measured
// time are those of s.
func TakeTurns(ctx context.Context, parties [2]Party, s spec.Spec, seed uint64) (trials [2]record.Trial, err error) {
	started := time.Now().UTC().Format(time.RFC3339Nano)
	cut := slicing{want: max(1, int(s.Measure/s.Window)), rng: rand.New(rand.NewPCG(seed, 0))}
	if trials, err = cut.run(ctx, parties); err != nil {
		return trials, err
	}
	for i := range trials {
		trials[i].Started = started
		if n := cut.tried - cut.kept; n > 0 {
			trials[i].Notes = append(trials[i].Notes, fmt.Sprintf("%d of %d couples of windows were measured again, since CPU time was stolen from them", n, cut.tried))
		}
	}
	return trials, nil
}

// Party makes s one side of a pair whose other side is in another process. With
// toggled, its observer is taken away while the other side is measured.
func (l *Lab) Party(s Side, toggled bool, floor record.Floor) (Party, error) {
	p, err := l.party(s, toggled, floor)
	if err != nil {
		return nil, err
	}
	return &loneParty{party: p}, nil
}

func (l *Lab) party(s Side, toggled bool, floor record.Floor) (*party, error) {
	if !s.Spec.SideBySide() {
		return nil, fmt.Errorf("%w: gen=%s event=%s is measured trial by trial, not side by side", spec.ErrImpossible, s.Spec.Gen, s.Spec.Event)
	}
	rig, err := l.prepare(s.Spec, bpf.Hook(s.Hook))
	if err != nil {
		return nil, err
	}
	if err := s.Spec.Rated(); err != nil {
		return nil, err
	}
	rig.slice(toggled)
	return &party{
		rig: rig, spec: rig.asked(), workers: len(cpusOf(rig.place())),
		record: func(m measurement) record.Trial {
			return rig.trial(m, floor, l.host.Config["CONFIG_IRQ_TIME_ACCOUNTING"] == "y")
		},
	}, nil
}

// sliceRig is a rig that can be held back while the other one is measured. It
// is held from start to the first release, and after each hold.
type sliceRig interface {
	rig
	release() error
	// hold returns when no worker uses a CPU and the device is empty.
	hold() error
}

// slicing takes two parties through a pair of trials.
type slicing struct {
	want int // couples of windows
	rng  *rand.Rand

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

// couple is a turn of each party, one right after the other.
type couple struct {
	number int
	of     [2]Turn
	stolen float64 // share of the CPU time
}

func (c *slicing) run(ctx context.Context, parties [2]Party) (trials [2]record.Trial, err error) {
	defer func() {
		for _, p := range parties {
			if closeErr := p.Close(); closeErr != nil {
				err = errors.Join(err, fmt.Errorf("tear down: %w", closeErr))
			}
		}
	}()
	if err := ctx.Err(); err != nil {
		return trials, err
	}
	each := func(does ...func(Party, context.Context) error) error {
		for _, do := range does {
			for _, p := range parties {
				if err := do(p, ctx); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := each(Party.Build, Party.Start, Party.Warm, Party.Look); err != nil {
		return trials, err
	}
	if err := c.couples(ctx, parties); err != nil {
		return trials, err
	}
	if err := each(Party.Look, Party.Stop); err != nil {
		return trials, err
	}
	for i, p := range parties {
		if trials[i], err = p.Trial(ctx); err != nil {
			return trials, err
		}
	}
	return trials, nil
}

// couples measures until enough couples are undisturbed, or the limit is
// reached: then the least disturbed of the others fill up what is missing.
func (c *slicing) couples(ctx context.Context, parties [2]Party) error {
	var spare []couple
	for c.kept < c.want && c.tried < mostCouples*c.want {
		next, err := c.couple(ctx, parties)
		if err != nil {
			return err
		}
		if next.stolen > condition.StealLimit {
			spare = append(spare, next)
			continue
		}
		if err := c.keep(ctx, parties, next); err != nil {
			return err
		}
	}
	slices.SortStableFunc(spare, func(a, b couple) int { return cmp.Compare(a.stolen, b.stolen) })
	for len(spare) > 0 && c.kept < min(c.want, leastCouples) {
		if err := c.keep(ctx, parties, spare[0]); err != nil {
			return err
		}
		spare = spare[1:]
	}
	return nil
}

func (c *slicing) couple(ctx context.Context, parties [2]Party) (next couple, err error) {
	order := [2]int{0, 1}
	if c.rng.IntN(2) == 1 {
		order = [2]int{1, 0}
	}
	var spent, stolen int64
	for _, i := range order {
		if next.of[i], err = parties[i].Turn(ctx); err != nil {
			return next, err
		}
		spent, stolen = spent+next.of[i].Spent, stolen+next.of[i].Stolen
	}
	if spent > 0 {
		next.stolen = float64(stolen) / float64(spent)
	}
	next.number = c.tried
	c.tried++
	return next, nil
}

func (c *slicing) keep(ctx context.Context, parties [2]Party, next couple) error {
	c.kept++
	for i, p := range parties {
		if err := p.Keep(ctx, next.number, next.of[1-i].Rate); err != nil {
			return err
		}
	}
	return nil
}

// party is a Party of this process.
type party struct {
	rig     sliceRig
	spec    spec.Spec
	workers int
	record  func(measurement) record.Trial

	closed bool
	looks  []host.Look
	turns  []slice
	seen   measurement
}

// loneParty is the only one of its process, which it keeps quiet.
type loneParty struct {
	*party
	restore func()
}

func (p *loneParty) Build(ctx context.Context) error {
	p.restore = quiet(p.workers)
	return p.party.Build(ctx)
}

func (p *loneParty) Close() error {
	if p.restore != nil {
		p.restore()
		p.restore = nil
	}
	return p.party.Close()
}

func (p *party) Build(context.Context) error { return p.rig.build() }

func (p *party) Start(context.Context) error {
	if err := p.rig.start(); err != nil {
		return err
	}
	return p.rig.hold()
}

func (p *party) Warm(ctx context.Context) error {
	return released(p.rig, func() (err error) {
		p.seen.warm, err = warmUp(ctx, p.rig, p.spec)
		return err
	})
}

func (p *party) Look(context.Context) error {
	p.looks = append(p.looks, p.rig.look())
	return nil
}

func (p *party) Turn(ctx context.Context) (t Turn, err error) {
	var s slice
	err = released(p.rig, func() (err error) {
		s, err = p.slice(ctx)
		return err
	})
	if err != nil {
		return t, err
	}
	p.turns = append(p.turns, s)
	spent := s.before.stat.Until(s.afterwards.stat, nil)
	return Turn{Rate: s.rate(), Spent: int64(spent.Total()), Stolen: int64(spent.Steal)}, nil
}

func (p *party) Stop(context.Context) error {
	if err := p.rig.stop(); err != nil {
		return err
	}
	if err := p.rig.drain(); err != nil {
		return fmt.Errorf("drain: %w", err)
	}
	return nil
}

func (p *party) Trial(context.Context) (record.Trial, error) {
	if len(p.looks) == 2 {
		p.seen.seen = p.looks[0].Until(p.looks[1])
	}
	if err := p.rig.collect(); err != nil {
		return record.Trial{}, err
	}
	if err := p.Close(); err != nil {
		return record.Trial{}, fmt.Errorf("tear down: %w", err)
	}
	return p.record(p.seen), nil
}

func (p *party) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	return p.rig.close()
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

// slice is one window of a rig.
type slice struct {
	from, to           sample
	before, afterwards usage
}

func (p *party) slice(ctx context.Context) (s slice, err error) {
	r, window := p.rig, p.spec.Window
	if err := wait(ctx, r, window/settleShare); err != nil {
		return s, err
	}
	if err := r.measure(true); err != nil {
		return s, err
	}
	if s.before, err = r.usage(); err != nil {
		return s, err
	}
	s.from = r.sample()
	if err := wait(ctx, r, time.Duration(s.from.at+int64(window)-r.now())); err != nil {
		return s, err
	}
	s.to = r.sample()
	if s.afterwards, err = r.usage(); err != nil {
		return s, err
	}
	return s, r.measure(false)
}

// Keep adds a turn to what was seen: as if its window followed those before it
// without a gap.
func (p *party) Keep(_ context.Context, turn int, other float64) error {
	if turn < 0 || turn >= len(p.turns) {
		return fmt.Errorf("keep turn %d: there were %d", turn, len(p.turns))
	}
	s, m := p.turns[turn], &p.seen
	if len(m.samples) == 0 {
		m.samples = []sample{{byLane: make([]laneSample, len(s.from.byLane))}}
		m.first.stat = m.first.stat.Plus(s.before.stat, s.before.stat) // zeros for each CPU
		m.last = m.first
	}
	m.samples = append(m.samples, m.samples[len(m.samples)-1].plus(s.from, s.to))
	m.last = m.last.plus(s.before, s.afterwards)
	if other > 0 {
		m.against = append(m.against, s.rate()/other)
	}
	return nil
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
		byLane:     slices.Clone(s.byLane),
		payload:    s.payload + to.payload - from.payload, transactions: s.transactions + to.transactions - from.transactions,
	}
	for i := range sum.byLane {
		sum.byLane[i] = sum.byLane[i].plus(from.byLane[i], to.byLane[i])
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
