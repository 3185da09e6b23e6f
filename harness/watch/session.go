package watch

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"time"

	"tunbench/bpf"
	"tunbench/harness/doctor"
	"tunbench/harness/netns"
	"tunbench/reports/live"
	"tunbench/reports/record"
)

// Session observes a device that belongs to someone else.
type Session struct {
	options  Options
	ns       *netns.NS
	device   Device
	hook     record.Hook
	observer *bpf.Observer // nil: only the device's own counters are known
	why      string        // there is no observer
	room     int           // for queues
	every    int
	looked   time.Time // for owners
	last     look
	due      time.Time // when the last interval was to end
	gone     bool
}

var errGone = errors.New("the device is not in its namespace")

// Open begins to observe a device. The caller closes the session.
func Open(ctx context.Context, o Options) (*Session, error) {
	s := &Session{options: o}
	var err error
	if s.hook, err = doctor.SelectHook(o.Hook); err != nil {
		return nil, err
	}
	if s.hook.Used == record.HookNone {
		s.why = reasons(s.hook)
	}
	waited := false
	if s.device, s.ns, waited, err = find(ctx, o); err != nil {
		return nil, err
	}
	if waited {
		o.Say("%s has come, in %s", s.device.Name, s.device.Netns)
	}
	err = s.observe()
	if s.gone = errors.Is(err, errGone); err != nil && !s.gone {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// observe attaches the observer to the device as it is now. The error is errGone where that
// has gone away since it was found.
func (s *Session) observe() error {
	if err := s.detach(); err != nil {
		return err
	}
	if s.why == "" {
		// Room for queues that come later, which costs memory only.
		s.room = max(2*(s.device.Tun.Queues+s.device.Detached), 4)
		s.every = 1
		target := bpf.Target{
			Ifindex: uint32(s.device.Index), Netns: s.device.Netns.Inode, Queues: s.room,
			GSO: true, Kinds: true, Returns: s.options.Returns, Flows: s.options.Flows, Direction: bpf.Both, SampleEvery: s.every,
		}
		o, err := bpf.Open(bpf.Options{Hook: bpf.Hook(s.hook.Used), Target: target})
		if err != nil && target.Returns {
			s.options.Say("errors of reads and writes are not known, since the programs on returns (fexit) cannot be used: %v", err)
			s.options.Returns, target.Returns = false, false
			o, err = bpf.Open(bpf.Options{Hook: bpf.Hook(s.hook.Used), Target: target})
		}
		if err != nil {
			return err
		}
		s.observer = o
		if err := o.Measure(true); err != nil {
			return err
		}
	}
	var err error
	s.last, err = lookAt(s)
	return err
}

// Hook is the hook in use, and why it is not a better one.
func (s *Session) Hook() record.Hook { return s.hook }

// Unobserved is why only the device's own counters are known, "" if more is.
func (s *Session) Unobserved() string { return s.why }

// Device is the device as it was last seen.
func (s *Session) Device() Device { return s.device }

// SampleEvery is N where one packet in N is timed.
func (s *Session) SampleEvery() int { return s.every }

// Close detaches the observer.
func (s *Session) Close() error {
	var errs []error
	if s.observer != nil {
		errs = append(errs, s.observer.Close())
	}
	if s.ns != nil {
		errs = append(errs, s.ns.Close())
	}
	return errors.Join(errs...)
}

// Next waits for the end of an interval and returns what happened in it. When ctx ends, the
// interval does, too. Once a device has gone away, Next returns what was seen of it since the
// last interval, and then a *GoneError, unless the session waits for another.
func (s *Session) Next(ctx context.Context) (live.Watch, error) {
	for s.gone {
		err := s.missing(ctx)
		if s.gone = errors.Is(err, errGone); err != nil && !s.gone {
			return live.Watch{}, err
		}
	}
	w, err := s.interval(ctx)
	if errors.Is(err, errGone) {
		s.gone = true
		return s.lastSeen(), nil
	}
	return w, err
}

// lastSeen is what the observer saw of a device that has gone away, whose own counters went
// with it.
func (s *Session) lastSeen() live.Watch {
	to := s.last
	to.at = time.Now()
	if s.observer != nil {
		if seen, err := s.observer.Snapshot(); err == nil {
			to.seen = seen
		}
	}
	return between(s, s.last, to)
}

func (s *Session) interval(ctx context.Context) (w live.Watch, err error) {
	if !s.options.Cost || s.observer == nil {
		from, to, err := s.span(ctx, s.options.Interval)
		if err != nil {
			return w, err
		}
		return between(s, from, to), s.follow(from, to)
	}
	// The halves are in random order: packets count in one, the observer comes and goes in the other.
	half := s.options.Interval / 2
	var changes []float64
	countFirst := rand.IntN(2) == 0
	if !countFirst {
		if changes, err = s.phases(ctx, half); err != nil {
			return w, err
		}
	}
	s.due = time.Time{} // both halves take the same time
	from, to, err := s.span(ctx, half)
	if err != nil {
		return w, err
	}
	if countFirst {
		if changes, err = s.phases(ctx, half); err != nil {
			return w, err
		}
	}
	w = between(s, from, to)
	w.Changes = changes
	if w.RunNs, w.RunPkts, err = s.runTime(ctx, half/5); err != nil {
		return w, err
	}
	return w, s.follow(from, to)
}

// runTime measures for a time what BPF run statistics say, beside the intervals: to keep
// them costs time, too.
func (s *Session) runTime(ctx context.Context, d time.Duration) (ns, packets float64, err error) {
	statistics, err := bpf.KeepStatistics()
	if err != nil {
		return 0, 0, nil // before Linux 5.8
	}
	defer func() { err = errors.Join(err, statistics.Close()) }()
	before, err := s.observer.RunTime()
	if err != nil {
		return 0, 0, err
	}
	from, err := lookAt(s)
	if err != nil {
		return 0, 0, err
	}
	sleep(ctx, d)
	after, err := s.observer.RunTime()
	if err != nil {
		return 0, 0, err
	}
	s.last, err = lookAt(s)
	return float64(after - before), float64(passed(from, s.last)), err
}

// span looks again when that time has passed since the last look.
func (s *Session) span(ctx context.Context, d time.Duration) (from, to look, err error) {
	from = s.last
	s.due = dueAfter(s.due, from.at, d)
	sleep(ctx, time.Until(s.due))
	if to, err = lookAt(s); err == nil {
		s.last = to
	}
	return from, to, err
}

// dueAfter is when an interval of d is to end that began at from, where the one before was to
// end at due. The one that follows a late interval is shorter, so that as many intervals take as
// many times d on a busy host, too, unless that leaves less than half of it.
func dueAfter(due, from time.Time, d time.Duration) time.Time {
	if left := due.Add(d).Sub(from); left >= d/2 && left <= d {
		return from.Add(left)
	}
	return from.Add(d)
}

// phases measures for a time, once at least, what the observer changes: pairs of phases in
// random order, with and without it, one right after the other. The changes are natural
// logarithms of the ratios of packet rates. The observer is there in the end.
func (s *Session) phases(ctx context.Context, d time.Duration) (changes []float64, err error) {
	each := min(phase, d/2)
	for end := time.Now().Add(d - 2*each); ; {
		var rates [2]float64 // without the observer, and with it
		first := rand.IntN(2)
		for _, i := range [2]int{first, 1 - first} {
			if rates[i], err = s.phase(ctx, i == 1, each); err != nil {
				return nil, err
			}
		}
		if rates[0] > 0 && rates[1] > 0 && ctx.Err() == nil {
			changes = append(changes, math.Log(rates[1]/rates[0]))
		}
		if ctx.Err() != nil || !time.Now().Before(end) {
			break
		}
	}
	if err := s.observer.Attach(); err != nil {
		return nil, err
	}
	s.last, err = lookAt(s)
	return changes, err
}

// phase attaches the observer or takes it away, and measures the packet rate for a time.
func (s *Session) phase(ctx context.Context, observed bool, d time.Duration) (pps float64, err error) {
	if observed {
		err = s.observer.Attach()
	} else {
		err = errors.Join(s.observer.Detach(), bpf.Rest())
	}
	if err != nil {
		return 0, err
	}
	sleep(ctx, min(settle, d/5))
	from, err := lookAt(s)
	if err != nil {
		return 0, err
	}
	sleep(ctx, time.Until(from.at.Add(d)))
	to, err := lookAt(s)
	return rate(from, to), err
}

// rate is packets a second in both directions, by the device's own counters.
func rate(from, to look) float64 {
	return float64(passed(from, to)) / to.at.Sub(from.at).Seconds()
}

// passed is how many packets the device counted, both ways.
func passed(from, to look) uint64 {
	c, b := to.tun.Counters, from.tun.Counters
	return c.TxPackets + c.RxPackets - b.TxPackets - b.RxPackets
}

// follow looks at what became of the device: its name, its queues, its owners.
func (s *Session) follow(from, to look) error {
	t := to.tun
	if t.Name != s.device.Name {
		s.options.Say("%s is called %s now", s.device.Name, t.Name)
	}
	before := s.device.Tun
	s.device.Tun = t
	changed := t.Queues+t.Detached != before.Queues+before.Detached
	if changed || t.Carrier != before.Carrier || time.Since(s.looked) > ownersEvery {
		s.looked = time.Now()
		if err := s.refresh(); err != nil {
			return err
		}
	}
	if now := s.device.Tun.Queues + s.device.Detached; now != before.Queues+before.Detached {
		s.options.Say("%s has %s now", t.Name, record.Plural(now, "queue", "queues"))
		if now > s.room && s.observer != nil {
			s.options.Say("what %s did in the last milliseconds is not counted: the observer was attached again, with room for more queues", t.Name)
			err := s.observe()
			if s.gone = errors.Is(err, errGone); err != nil && !s.gone {
				return err
			}
		}
	}
	return s.adapt(rate(from, to))
}

// adapt times each packet at a low rate, and some at a high one.
func (s *Session) adapt(pps float64) error {
	every := s.every
	switch {
	case pps < fewPPS:
		every = 1
	case pps > 2*fewPPS:
		every = sampleEvery
	}
	if s.observer == nil || every == s.every {
		return nil
	}
	s.every = every
	return s.observer.Sample(every)
}

// refresh finds who holds the queues now, and whether anybody holds that of a device with one.
func (s *Session) refresh() error {
	tuns, err := s.ns.Tuns() // whatever became of the path that led to the namespace
	if err != nil {
		return err
	}
	holders, _ := holders()
	for _, d := range devices(s.device.Netns, tuns, holders, vhostWorkers()) {
		if d.Index == s.device.Index {
			s.device.Owners, s.device.VnetHdrSize, s.device.SndBuf = d.Owners, d.VnetHdrSize, d.SndBuf
			if !d.MultiQueue {
				s.device.Tun.Queues, s.last.tun.Queues = d.Tun.Queues, d.Tun.Queues
			}
		}
	}
	return nil
}

// missing finds the device again where it has been moved to another namespace, or waits
// for one of the same name.
func (s *Session) missing(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	old := s.device
	if moved, ok := moved(old); ok {
		s.options.Say("%s was moved from %s to %s, where it is called %s", old.Name, old.Netns, moved.Netns, moved.Name)
		if err := s.reopen(moved); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return errGone // from there, too
	}
	if !s.options.Wait {
		return &GoneError{old.Name, old.Netns.String()}
	}
	s.options.Say("%s in %s has gone away", old.Name, old.Netns)
	if err := errors.Join(s.ns.Close(), s.detach()); err != nil {
		return err
	}
	s.ns = nil
	var err error
	if s.device, s.ns, _, err = find(ctx, s.options); err != nil {
		return err
	}
	s.options.Say("%s is back in %s", s.device.Name, s.device.Netns)
	return s.observe()
}

func (s *Session) detach() error {
	if s.observer == nil {
		return nil
	}
	err := s.observer.Close()
	s.observer = nil
	return err
}

// reopen goes on with a device elsewhere.
func (s *Session) reopen(d Device) error {
	ns, err := d.Netns.join()
	if err != nil {
		return err
	}
	err = s.ns.Close()
	s.ns, s.device = ns, d
	return errors.Join(err, s.observe())
}
