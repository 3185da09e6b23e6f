package trial

import (
	"context"
	"errors"
	"time"

	"tunbench/bpf"
	"tunbench/harness/host"
	"tunbench/harness/profile"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// Profiled is a trial whose stacks were sampled, so that its figures are not those of
// the scenario.
type Profiled struct {
	record.Trial
	*profile.Samples
	// Pkts are the packets that were delivered while stacks were sampled.
	Pkts uint64
	// BusyNs is how long the trial's CPU worked without a pause: all of the time with
	// gen=lockstep, which has one CPU; else 0, as it is not known.
	BusyNs int64
}

// Sampling says how the stacks of a trial are sampled.
type Sampling struct {
	profile.Rate
	// Lockstep is how long a trial with gen=lockstep lasts, which elsewhere ends with its
	// blocks: sampling needs more packets.
	Lockstep time.Duration
}

// Profile makes a trial as Run does, and samples stacks while it is measured.
func Profile(ctx context.Context, s spec.Spec, hook bpf.Hook, o Sampling, floor record.Floor, addSoftirq bool) (got Profiled, err error) {
	r, err := prepare(s, hook)
	if err != nil {
		return got, err
	}
	if err := s.Rated(); err != nil {
		return got, err
	}
	p, err := sample(r, o)
	if err != nil {
		return got, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	started := time.Now().UTC()
	restore := worker.Quiet(len(host.CPUs(r.placement)), garbage(s))
	m, err := runPhases(ctx, r)
	restore()
	if err != nil {
		return got, err
	}
	return p.result(r.trial(m, floor, addSoftirq), started), nil
}

// ProfilePair makes a trial of each variant, as Pair does, and samples the stacks of each
// in its own windows.
func ProfilePair(ctx context.Context, variants [2]Variant, o Sampling, seed uint64, floor record.Floor, addSoftirq bool) (got [2]Profiled, err error) {
	var sides [2]Side
	var samplers [2]*sampled
	workers := 0
	for i, v := range variants {
		s, err := newSide(v, variants[0].Hook != variants[1].Hook, floor, addSoftirq)
		if err != nil {
			return got, err
		}
		if samplers[i], err = sample(s.session, o); err != nil {
			return got, err
		}
		defer func() { err = errors.Join(err, samplers[i].close()) }()
		sides[i] = s
		workers += s.workers()
	}
	defer worker.Quiet(workers, garbage(variants[0].Spec, variants[1].Spec))()
	started := time.Now().UTC()
	trials, err := TakeTurns(ctx, sides, variants[0].Spec, seed)
	if err != nil {
		return got, err
	}
	for i := range got {
		got[i] = samplers[i].result(trials[i], started)
	}
	return got, nil
}

// sampled samples the stacks of a session in its measured windows.
type sampled struct {
	meter
	pauser
	recorder

	sampler sampler
	before  uint64           // packets, at the beginning of a window
	pkts    uint64           // of all windows
	samples *profile.Samples // after collect
	busy    bool             // its CPU has no pauses
}

// sampler is a profile.Sampler, or a fake in tests.
type sampler interface {
	Start() error
	Stop() error
	Drain() error
	Collect() (*profile.Samples, error)
	Close() error
}

// sample makes r one whose stacks are sampled, until close.
func sample(r *session, o Sampling) (*sampled, error) {
	s, err := profile.Open(o.Rate, host.CPUs(r.placement))
	if err != nil {
		return nil, err
	}
	p := sampleBy(r, s)
	if b, ok := r.stage.(*packetTrial); ok && b.spec.Gen == spec.GenLockstep {
		b.lockstepLasts, p.busy = o.Lockstep, true
	}
	return p, nil
}

// sampleBy puts s between r and its parts.
func sampleBy(r *session, s sampler) *sampled {
	p := &sampled{meter: r.meter, pauser: r.pauser, recorder: r.recorder, sampler: s}
	r.meter, r.pauser, r.recorder = p, p, p
	return p
}

func (p *sampled) measure(on bool) error {
	if !on {
		p.pkts += p.sample().Delivered - p.before
		return errors.Join(p.meter.measure(false), p.sampler.Stop())
	}
	if err := p.sampler.Start(); err != nil {
		return err
	}
	if err := p.meter.measure(true); err != nil {
		return errors.Join(err, p.sampler.Stop())
	}
	p.before = p.sample().Delivered
	return nil
}

// hold empties the buffer of samples while nothing is measured.
func (p *sampled) hold(ctx context.Context) error {
	if err := p.pauser.hold(ctx); err != nil {
		return err
	}
	return p.sampler.Drain()
}

func (p *sampled) collect() (err error) {
	if p.samples, err = p.sampler.Collect(); err != nil {
		return err
	}
	return p.recorder.collect()
}

func (p *sampled) result(t record.Trial, started time.Time) Profiled {
	t.Started = started.Format(time.RFC3339Nano)
	got := Profiled{Trial: t, Samples: p.samples, Pkts: p.pkts}
	if p.busy {
		got.BusyNs = t.DurationNs
	}
	return got
}

func (p *sampled) close() error { return p.sampler.Close() }
