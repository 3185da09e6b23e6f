package trial

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/host"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

const (
	// settleShare is the share of a window that passes after a release before the window
	// begins, and settleLeast the least time: caches and the ring fill again.
	settleShare = 5
	settleLeast = 8 * time.Millisecond
)

// A ramp is looked for in slices of rampSlice, over rampLimit.
const (
	rampSlice = 5 * time.Millisecond
	rampLimit = 150 * time.Millisecond
)

// side is a Side of this process.
type side struct {
	session *session
	record  func(account.Measurement) record.Trial

	ramp time.Duration // before each window; 0: Settle of the window
	// rests takes the programs of observers away after each window, since what follows is
	// measured without. In a block, they stay for the other observed windows of a round.
	rests bool

	closed bool
	looks  []host.Look
	turns  []slice
	seen   account.Measurement
	// waited is how long tasks waited for a CPU in the windows that were kept, and
	// watched how long these were. Only an InRound counts them.
	waited, watched time.Duration
}

// loneSide is the only one of its process, which it keeps quiet.
type loneSide struct {
	*side
	garbage int64 // as worker.Quiet has it
	restore func()
}

func (p *loneSide) Do(ctx context.Context, s Step) error {
	if s == Build {
		p.restore = worker.Quiet(p.workers(), p.garbage)
	}
	return p.side.Do(ctx, s)
}

func (p *loneSide) Close() error {
	if p.restore != nil {
		p.restore()
		p.restore = nil
	}
	return p.side.Close()
}

// workers is how many threads the side has.
func (p *side) workers() int { return len(host.CPUs(p.session.placement)) }

func (p *side) Do(ctx context.Context, s Step) error {
	switch s {
	case Build:
		return p.session.build(ctx)
	case Start:
		if err := p.session.start(ctx); err != nil {
			return err
		}
		return p.hold(ctx)
	case Warm:
		return p.released(ctx, func() error {
			w, err := warmUp(ctx, p.session)
			p.seen.Warm = w.String()
			return err
		})
	case Ramp:
		return p.findRamp(ctx)
	case Look:
		p.looks = append(p.looks, p.session.look())
		return nil
	case Stop:
		if err := p.session.stop(ctx); err != nil {
			return err
		}
		if err := p.session.drain(ctx); err != nil {
			return fmt.Errorf("drain: %w", err)
		}
		return nil
	}
	return fmt.Errorf("%q is no step", s)
}

// released lets the workers run during f.
func (p *side) released(ctx context.Context, f func() error) error {
	if err := p.session.release(); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return p.hold(ctx)
}

func (p *side) hold(ctx context.Context) error {
	if err := p.session.hold(ctx); err != nil || !p.rests {
		return err
	}
	return bpf.Rest()
}

func (p *side) Turn(ctx context.Context) (t Turn, err error) {
	var s slice
	err = p.released(ctx, func() (err error) {
		s, err = p.slice(ctx)
		return err
	})
	if err != nil {
		return t, err
	}
	p.turns = append(p.turns, s)
	spent := s.before.Stat.Until(s.afterwards.Stat, nil)
	return Turn{
		Rate: s.rate(), Spent: int64(spent.Total()), Stolen: int64(spent.Steal),
		Ns: s.to.At - s.from.At, Pkts: s.to.Delivered - s.from.Delivered, Bytes: s.to.WireBytes - s.from.WireBytes,
	}, nil
}

// slice measures one window.
func (p *side) slice(ctx context.Context) (s slice, err error) {
	r, window := p.session, p.session.spec.Window
	if err := wait(ctx, r, p.settle()); err != nil {
		return s, err
	}
	s.waited = host.Pressure()
	// What this thread reads of the host takes CPU time from the workers: it does not
	// count, or packets of an open loop would be late for it.
	if s.before, err = r.usage(); err != nil {
		return s, err
	}
	if err := r.measure(true); err != nil {
		return s, err
	}
	s.from = r.sample()
	if err := wait(ctx, r, time.Duration(s.from.At+int64(window)-r.now())); err != nil {
		return s, err
	}
	s.to = r.sample()
	if err := r.measure(false); err != nil {
		return s, err
	}
	if s.afterwards, err = r.usage(); err != nil || s.waited < 0 {
		return s, err
	}
	s.waited = max(0, host.Pressure()-s.waited)
	return s, nil
}

// Settle is how long traffic that is no conversation flows before a window of that length.
func Settle(window time.Duration) time.Duration { return max(settleLeast, window/settleShare) }

// settle is how long traffic flows before a window.
func (p *side) settle() time.Duration {
	return cmp.Or(p.ramp, Settle(p.session.spec.Window))
}

// findRamp measures, for a conversation, how long it takes after a pause until the rate
// is there again. That time is left out before each window. Other traffic has its rate
// at once: its ramp is Settle of a window.
func (p *side) findRamp(ctx context.Context) error {
	if !p.session.spec.Gen.Conversation() {
		return nil
	}
	var rates []float64
	err := p.released(ctx, func() error {
		before := p.session.sample()
		for len(rates) < int(rampLimit/rampSlice) {
			if err := wait(ctx, p.session, rampSlice); err != nil {
				return err
			}
			now := p.session.sample()
			rates = append(rates, account.Rate(before, now))
			before = now
		}
		return nil
	})
	if err == nil {
		p.ramp = max(p.settle(), time.Duration(account.Ramp(rates))*rampSlice)
	}
	return err
}

// Keep adds a turn to what was seen: as if its window followed those before it
// without a gap.
func (p *side) Keep(_ context.Context, turn int, other float64) error {
	if turn < 0 || turn >= len(p.turns) {
		return fmt.Errorf("keep turn %d: there were %d", turn, len(p.turns))
	}
	s, m := p.turns[turn], &p.seen
	if len(m.Samples) == 0 {
		m.Samples = []account.Sample{{ByDirection: make([]account.DirectionSample, len(s.from.ByDirection))}}
		m.First.Stat = m.First.Stat.Plus(s.before.Stat, s.before.Stat) // zeros for each CPU
		m.Last = m.First
	}
	m.Samples = append(m.Samples, m.Samples[len(m.Samples)-1].Plus(s.from, s.to))
	m.Last = m.Last.Plus(s.before, s.afterwards)
	if other > 0 {
		m.Against = append(m.Against, s.rate()/other)
	}
	return nil
}

// InRound is a Side of a block: its windows are short and far apart, and what happens
// on the host between them does not count.
type InRound struct{ *side }

// KeepIn adds a turn of that round to what was seen, as Keep does.
func (p InRound) KeepIn(ctx context.Context, round, turn int, other float64) error {
	if err := p.Keep(ctx, turn, other); err != nil {
		return err
	}
	s := p.turns[turn]
	p.seen.InRound = append(p.seen.InRound, round)
	p.seen.Ramp = p.settle()
	p.watched += time.Duration(s.to.At - s.from.At)
	if s.waited < 0 || p.waited < 0 {
		p.waited = -1
	} else {
		p.waited += s.waited
	}
	return nil
}

func (p *side) Trial(context.Context) (record.Trial, error) {
	if len(p.looks) == 2 {
		p.seen.Seen = p.looks[0].Until(p.looks[1])
		if p.watched > 0 { // while others were measured, tasks waited for their CPUs
			p.seen.Seen.Pressure, p.seen.Seen.Watched = p.waited, p.watched
		}
	}
	if err := p.session.collect(); err != nil {
		return record.Trial{}, err
	}
	if err := p.Close(); err != nil {
		return record.Trial{}, fmt.Errorf("tear down: %w", err)
	}
	return p.record(p.seen), nil
}

func (p *side) Close() error {
	if p.closed {
		return nil
	}
	p.closed = true
	return p.session.close()
}

// slice is one window of a side.
type slice struct {
	from, to           account.Sample
	before, afterwards account.Usage
	waited             time.Duration // of tasks, for a CPU; -1: not known
}

// rate is the rate of delivery in packets/ns.
func (s slice) rate() float64 { return account.Rate(s.from, s.to) }
