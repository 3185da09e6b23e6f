package watch

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/netns"
)

// look is the state of a device and of its observer at a moment.
type look struct {
	at     time.Time
	tun    netns.Tun
	seen   *bpf.Snapshot
	missed uint64 // runs of programs
	flows  map[bpf.Flow]bpf.FlowCount
}

// lookAt reads what the observer of s and its device have counted: the counters last, since flows
// take longer the more there are. The error is errGone where the device is no longer in its
// namespace.
func lookAt(s *Session) (l look, err error) {
	if s.observer != nil && s.options.Flows {
		if l.flows, err = s.observer.Flows(); err != nil {
			return l, err
		}
	}
	if s.observer != nil {
		if l.missed, err = s.observer.MissedRuns(); err != nil {
			return l, err
		}
	}
	// Both are read by one thread: to wake up another takes long where the host is busy.
	err = s.ns.Do(func() error {
		list, err := s.ns.Tuns()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(list, func(t netns.Tun) bool { return t.Index == s.device.Index })
		if i < 0 {
			return errGone
		}
		l.tun = list[i]
		if s.observer == nil {
			l.at = time.Now()
			return nil
		}
		r, err := closest(s.options.Interval/mostOfInterval, func() (r reading, err error) {
			began := time.Now()
			if r.counters, err = s.ns.Counters(l.tun.Name); err != nil {
				return r, err
			}
			r.at = time.Now()
			r.seen, err = s.observer.Snapshot()
			r.took = time.Since(began)
			return r, err
		})
		l.at, l.seen, l.tun.Counters = r.at, r.seen, r.counters
		return err
	})
	if errors.Is(err, unix.ENODEV) { // renamed, moved or deleted since it was listed
		return lookAt(s)
	}
	if err == nil && !l.tun.MultiQueue { // whose queue the kernel does not show: refresh finds who holds it
		l.tun.Queues = s.device.Tun.Queues
	}
	return l, err
}

// reading is what the device and then the observer have counted.
type reading struct {
	at       time.Time
	counters netns.Counters
	seen     *bpf.Snapshot
	took     time.Duration
}

const (
	// near is how long a reading takes where nothing comes between its two halves, or less: packets
	// that pass meanwhile are in one half only.
	near = 200 * time.Microsecond
	// mostOfInterval is the part of an interval, one in so many, after which no further reading
	// begins.
	mostOfInterval = 20
)

// closest reads again, until most is over, where something came between the two halves of a
// reading, and returns that which took the least time.
func closest(most time.Duration, read func() (reading, error)) (best reading, err error) {
	for spent := time.Duration(0); spent == 0 || best.took > near && spent < most; {
		r, err := read()
		if err != nil {
			return r, err
		}
		if spent == 0 || r.took < best.took {
			best = r
		}
		spent += max(r.took, 1)
	}
	return best, nil
}
