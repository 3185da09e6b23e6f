package trial

import (
	"context"
	"fmt"
	"time"

	"tunbench/harness/account"
	"tunbench/harness/host"
	"tunbench/reports/record"
)

// settleShare is the share of a window that passes after a release before the
// window begins: caches and the ring fill again.
const settleShare = 8

// side is a Side of this process.
type side struct {
	session *session
	record  func(account.Measurement) record.Trial

	closed bool
	looks  []host.Look
	turns  []slice
	seen   account.Measurement
}

// loneSide is the only one of its process, which it keeps quiet.
type loneSide struct {
	*side
	restore func()
}

func (p *loneSide) Do(ctx context.Context, s Step) error {
	if s == Build {
		p.restore = quiet(p.workers())
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
		return p.session.build()
	case Start:
		if err := p.session.start(); err != nil {
			return err
		}
		return p.session.hold()
	case Warm:
		return p.released(func() error {
			w, err := warmUp(ctx, p.session)
			p.seen.Warm = w.String()
			return err
		})
	case Look:
		p.looks = append(p.looks, p.session.look())
		return nil
	case Stop:
		if err := p.session.stop(); err != nil {
			return err
		}
		if err := p.session.drain(); err != nil {
			return fmt.Errorf("drain: %w", err)
		}
		return nil
	}
	return fmt.Errorf("%q is no step", s)
}

// released lets the workers run during f.
func (p *side) released(f func() error) error {
	if err := p.session.release(); err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	return p.session.hold()
}

func (p *side) Turn(ctx context.Context) (t Turn, err error) {
	var s slice
	err = p.released(func() (err error) {
		s, err = p.slice(ctx)
		return err
	})
	if err != nil {
		return t, err
	}
	p.turns = append(p.turns, s)
	spent := s.before.Stat.Until(s.afterwards.Stat, nil)
	return Turn{Rate: s.rate(), Spent: int64(spent.Total()), Stolen: int64(spent.Steal)}, nil
}

// slice measures one window.
func (p *side) slice(ctx context.Context) (s slice, err error) {
	r, window := p.session, p.session.spec.Window
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
	if err := wait(ctx, r, time.Duration(s.from.At+int64(window)-r.now())); err != nil {
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

func (p *side) Trial(context.Context) (record.Trial, error) {
	if len(p.looks) == 2 {
		p.seen.Seen = p.looks[0].Until(p.looks[1])
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
}

// rate is the rate of delivery in packets/ns.
func (s slice) rate() float64 {
	return float64(s.to.Delivered-s.from.Delivered) / float64(s.to.At-s.from.At)
}
