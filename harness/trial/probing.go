package trial

import (
	"errors"
	"time"

	"tunbench/harness/account"
	"tunbench/harness/path"
	"tunbench/harness/probe"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// probing is the probe of a trial; without spec.Probe it does nothing.
//
// It asks alone first, and then beside the traffic. In a trial that takes turns with others,
// this is so in each turn: it asks alone after the release, then the traffic begins, and in
// the window what it asks is what it says of the load. So both figures come from the same
// seconds of the host, as the rates of the turns do.
type probing struct {
	spec  spec.Spec
	cpus  []int
	probe *probe.Probe
	ended bool
	lost  uint64 // packets of the probe, for no known reason
}

const (
	// aloneShare is the share of a window for which the probe asks alone before it.
	aloneShare = 2
	// A trial that takes no turns does so once, for a part of the measured time.
	onceShare             = 4
	leastAlone, mostAlone = 100 * time.Millisecond, 500 * time.Millisecond
	// answeredWithin bounds the wait for the last answer when the probe asks alone.
	answeredWithin = 50 * time.Millisecond
)

func newProbing(s spec.Spec, p record.Placement) probing { return probing{spec: s, cpus: p.Probe} }

// open opens the sockets of the probe.
func (p *probing) open(hosts [2]path.Host) (err error) {
	if !p.spec.Probe {
		return nil
	}
	var ends [2]probe.Host
	for i, h := range hosts {
		ends[i] = probe.Host{Addr: h.Addr, Do: h.NS.Do, CPU: p.cpus[i]}
	}
	p.probe, err = probe.Open(ends, p.spec.ProbeSize()-p.spec.IPHeader()-udpHeaderLen, p.spec.Seed)
	return err
}

const udpHeaderLen = 8

// start starts the threads, once packets can cross the path. With alone, the probe asks before
// anything else is sent; else it does so at each release.
func (p *probing) start(watch func(string, *worker.Thread), alone bool) error {
	if err := p.probe.Start(watch); err != nil || !alone {
		return err
	}
	return p.alone(min(max(p.spec.Measure/onceShare, leastAlone), mostAlone))
}

// turn asks alone for part of a window.
func (p *probing) turn() error { return p.alone(p.spec.Window / aloneShare) }

// alone asks while nothing else is on the path, and leaves it to the traffic when all is
// answered.
func (p *probing) alone(d time.Duration) error {
	if p.probe == nil {
		return nil
	}
	lost := p.missing()
	if err := p.probe.Enter(probe.Idle); err != nil {
		return err
	}
	time.Sleep(d + p.spec.RoundTrip())
	if err := p.probe.Enter(probe.Silent); err != nil {
		return err
	}
	for deadline := time.Now().Add(answeredWithin + p.spec.RoundTrip()); p.missing() > lost && time.Now().Before(deadline); {
		time.Sleep(100 * time.Microsecond)
	}
	return p.probe.Enter(probe.Beside)
}

// missing is how many requests have no answer, or none yet.
func (p *probing) missing() uint64 {
	c := p.probe.Counts()
	return c.Requests - min(c.Requests, c.Received)
}

// measure makes what is asked from now on count, or no longer.
func (p *probing) measure(on bool) error {
	if on {
		return p.probe.Enter(probe.Load)
	}
	return p.probe.Enter(probe.Beside)
}

// emptied silences the probe, and returns a condition for a path that empty says is empty: with
// all that the probe has on it. An answer may come onto an empty path: it must be so twice.
func (p *probing) emptied(empty func() (bool, error)) func() (bool, error) {
	if p.probe == nil {
		return empty
	}
	silenced, looks := p.probe.Enter(probe.Silent), 0
	return func() (bool, error) {
		for _, holds := range []func() (bool, error){empty, p.probe.Resting} {
			ok, err := holds()
			if err = errors.Join(silenced, err); !ok || err != nil {
				looks = 0
				return false, err
			}
		}
		looks++
		return looks == 2, nil
	}
}

// stop ends the threads.
func (p *probing) stop() error {
	if p.ended {
		return nil
	}
	p.ended = true
	return p.probe.Stop()
}

func (p *probing) close() error { return errors.Join(p.stop(), p.probe.Close()) }

// describe fills in what the probe counted and measured.
func (p *probing) describe(t *record.Trial) {
	if p.probe == nil {
		return
	}
	c := p.probe.Counts()
	t.Probe = &record.Probe{
		IntervalNs: probe.EveryBeside.Nanoseconds(), IdleIntervalNs: probe.Every.Nanoseconds(), Size: p.spec.ProbeSize(),
		Requests: c.Requests, Arrived: c.Arrived, Answers: c.Answers, Received: c.Received, Refused: c.Refused,
	}
	idle, load := p.probe.RoundTrips()
	t.Latency[record.RTTIdle], t.Latency[record.RTTLoad] = account.Latency(idle, 0), account.Latency(load, 0)
}

// apart takes the probe's packets out of the drops on the path.
func (p *probing) apart(t *record.Trial) {
	if t.Probe != nil {
		p.lost = account.Apart(t, t.Probe)
	}
}

// fault says which of the probe's packets are missing; "" if none are.
func (p *probing) fault() string {
	if p.lost == 0 {
		return ""
	}
	return record.Plural(p.lost, "packet of the probe is", "packets of the probe are") + " missing for no known reason"
}
