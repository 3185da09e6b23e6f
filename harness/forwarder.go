package harness

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"tunbench/harness/worker"
	"tunbench/reports/record"
)

const (
	// drainTimeout bounds the wait for packets that are still on their way.
	drainTimeout = 5 * time.Second
	kickEvery    = 5 * time.Millisecond
)

// forwarder moves packets from one device to the next.
type forwarder interface {
	Start() error
	Thread() *worker.Thread
	// Calls is how many system calls it has made. It may be called while the
	// forwarder runs.
	Calls() uint64
	// Finish makes a forwarder that is running end as soon as nothing is left for
	// it. It is called again until the thread is done.
	Finish() error
	Close() error
}

// diffuse is a forwarder whose work is done on threads that are not known: its time
// is what the process uses beside senders and readers.
type diffuse interface {
	// CPUTime is that of the whole process in ns.
	CPUTime() (int64, error)
}

// holder is a forwarder that can be held back: one that does not wait in the
// kernel stops as soon as it finds nothing, until it is released.
type holder interface {
	Hold()
	Release()
}

// aided is a worker for which a thread of the kernel works.
type aided interface {
	// AideTime is the CPU time in ns of that thread; 0 if there is none.
	AideTime() (int64, error)
	// Aided reports whether there is such a thread and, once it runs, why it is not
	// on the CPU of the worker and why its time is not known.
	Aided() (aided bool, pin, time error)
}

// forwarders are those of a path, in the order in which packets pass them.
type forwarders []forwarder

// start lets all run. watch is told of each thread.
func (list forwarders) start(watch func(who string, t *worker.Thread)) error {
	for _, f := range list {
		if err := f.Start(); err != nil {
			return err
		}
		watch("a forwarder", f.Thread())
	}
	return nil
}

// hold holds all back that can be held, or releases them.
func (list forwarders) hold(on bool) {
	for _, f := range list {
		if h, ok := f.(holder); ok && on {
			h.Hold()
		} else if ok {
			h.Release()
		}
	}
}

// calls is how many system calls all have made.
func (list forwarders) calls() (n uint64) {
	for _, f := range list {
		n += f.Calls()
	}
	return n
}

// addCPUTime adds the CPU time of all in ns to a sum. That of a diffuse one is what
// the process used beside its own senders and readers, whose times are given; the
// sum is -1, unknown, if one of these is.
func (list forwarders) addCPUTime(sum int64, own ...int64) int64 {
	for _, f := range list {
		if d, ok := f.(diffuse); ok {
			all, err := d.CPUTime()
			if err != nil || sum < 0 || slices.Min(own) < 0 {
				return -1
			}
			for _, n := range own {
				all -= n
			}
			sum += all
			continue
		}
		sum = addCPUTime(sum, f.Thread())
		if a, ok := f.(aided); ok {
			sum = addAideTime(sum, a)
		}
	}
	return sum
}

// finish ends one after the other, as soon as nothing is left for it.
func (list forwarders) finish(deadline <-chan time.Time) error {
	for i, f := range list {
		if err := awaitEnd(fmt.Sprintf("forwarder %d", i), f.Thread(), f.Finish, deadline); err != nil {
			return err
		}
	}
	return nil
}

// wait gives the errors with which they ended.
func (list forwarders) wait() error {
	var errs []error
	for _, f := range list {
		errs = append(errs, f.Thread().Wait())
	}
	return errors.Join(errs...)
}

func (list forwarders) close() error {
	var errs []error
	for _, f := range list {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// addAideTime adds the time of the thread that works for a worker to a sum; the sum
// is -1, unknown, if that time is.
func addAideTime(sum int64, a aided) int64 {
	n, err := a.AideTime()
	if err != nil || sum < 0 {
		return -1
	}
	return sum + n
}

// noteAides says what was done about vhost's workers; those of one list fare
// alike.
func noteAides(t *record.Trial, list []aided) {
	for _, a := range list {
		on, pin, time := a.Aided()
		switch {
		case !on:
			continue
		case time != nil:
			t.Notes = append(t.Notes, fmt.Sprintf("vhost: the CPU time of the kernel's workers is not known: %v", time))
		case pin != nil:
			t.Notes = append(t.Notes, fmt.Sprintf("vhost: the kernel's workers ran where its scheduler put them, and their CPU time counts: %v", pin))
		default:
			t.Notes = append(t.Notes, "vhost: the kernel's worker of each queue ran on the CPU of whom it works for, and its CPU time counts")
		}
		return
	}
}

// awaitEnd makes a worker end, if it was started. One that waits is woken up, again
// and again: a wake-up that comes just before the wait begins is lost.
func awaitEnd(what string, t *worker.Thread, finish func() error, deadline <-chan time.Time) error {
	for t != nil {
		if err := finish(); err != nil {
			return err
		}
		select {
		case <-t.Done():
			return nil
		case <-time.After(kickEvery):
		case <-deadline:
			return fmt.Errorf("%s is still busy %v after the last packet was sent", what, drainTimeout)
		}
	}
	return nil
}
