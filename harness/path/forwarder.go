package path

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"tunbench/harness/account"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

const (
	// DrainTimeout bounds the wait for packets that are still on their way.
	DrainTimeout = 5 * time.Second
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

// spender is a forwarder whose work is done by processes of others.
type spender interface {
	// Spent is the CPU time of these processes in ns.
	Spent() (int64, error)
}

// blamer is a forwarder that knows why others fail.
type blamer interface {
	// Cause is why the path does not work any more; nil if that is not known.
	Cause() error
}

// holder is a forwarder that can be held back: one that does not wait in the
// kernel stops as soon as it finds nothing, until it is released.
type holder interface {
	Hold()
	Release()
}

// VhostOwner is a sender, reader or forwarder for which vhost workers of the
// kernel may work.
type VhostOwner interface {
	// VhostTime is the CPU time in ns of these workers; 0 if there are none.
	VhostTime() (int64, error)
	// VhostWorkers reports whether there are such workers and, once they run,
	// why they are not on the owner's CPU and why their CPU time is not known.
	VhostWorkers() (has bool, pin, time error)
}

// forwarders are those of a path, in the order in which packets pass them.
type forwarders []forwarder

// Start lets all run. watch is told of each thread.
func (list forwarders) Start(watch func(who string, t *worker.Thread)) error {
	for _, f := range list {
		if err := f.Start(); err != nil {
			return err
		}
		watch("a forwarder", f.Thread())
	}
	return nil
}

// Blame returns err, the error of a worker or of what opens its sockets, or what a forwarder
// knows to be its cause.
func (list forwarders) Blame(err error) error {
	if err == nil {
		return nil
	}
	for _, f := range list {
		if b, ok := f.(blamer); ok {
			if cause := b.Cause(); cause != nil {
				return cause
			}
		}
	}
	return err
}

// Hold holds all back that can be held, or releases them.
func (list forwarders) Hold(on bool) {
	for _, f := range list {
		if h, ok := f.(holder); ok && on {
			h.Hold()
		} else if ok {
			h.Release()
		}
	}
}

// Calls is how many system calls all have made.
func (list forwarders) Calls() (n uint64) {
	for _, f := range list {
		n += f.Calls()
	}
	return n
}

// AddCPUTime adds the CPU time of all in ns to a sum. That of a diffuse one is what
// the process used beside its own senders and readers, whose times are given; the
// sum is -1, unknown, if one of these is.
func (list forwarders) AddCPUTime(sum int64, own ...int64) int64 {
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
		sum = account.AddCPUTime(sum, f.Thread())
		if p, ok := f.(spender); ok {
			n, err := p.Spent()
			if err != nil || sum < 0 {
				return -1
			}
			sum += n
		}
		if a, ok := f.(VhostOwner); ok {
			sum = AddVhostTime(sum, a)
		}
	}
	return sum
}

// Finish ends one after the other, as soon as nothing is left for it.
func (list forwarders) Finish(deadline <-chan time.Time) error {
	for i, f := range list {
		if err := awaitEnd(fmt.Sprintf("forwarder %d", i), f.Thread(), f.Finish, deadline); err != nil {
			return err
		}
	}
	return nil
}

// Wait waits until all forwarders have ended, and returns their errors.
func (list forwarders) Wait() error {
	var errs []error
	for _, f := range list {
		errs = append(errs, f.Thread().Wait())
	}
	return errors.Join(errs...)
}

// Named lists them as workers.
func (list forwarders) Named() (named []worker.Named) {
	for i, f := range list {
		named = append(named, worker.Named{Name: fmt.Sprintf("forwarder %d", i), Ender: f})
	}
	return named
}

func (list forwarders) Close() error {
	var errs []error
	for _, f := range list {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// AddVhostTime adds the time of the thread that works for a worker to a sum; the sum
// is -1, unknown, if that time is.
func AddVhostTime(sum int64, a VhostOwner) int64 {
	n, err := a.VhostTime()
	if err != nil || sum < 0 {
		return -1
	}
	return sum + n
}

// NoteVhost says what was done about vhost's workers; those of one list fare
// alike.
func NoteVhost(t *record.Trial, list []VhostOwner) {
	for _, a := range list {
		on, pin, time := a.VhostWorkers()
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
			return fmt.Errorf("%s is still busy %v after the last packet was sent", what, DrainTimeout)
		}
	}
	return nil
}
