// Package trial runs trials, alone or in turn with another one: set-up, warm-up,
// measured windows, drain, accounts and tear-down. It flags what makes a figure
// doubtful.
package trial

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"tunbench/harness/account"
	"tunbench/harness/host"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// scheduleAfter is what the senders of an open loop have to get ready before the
// first packet is due.
const scheduleAfter = 5 * time.Millisecond

// session is one trial, alone or as one side of a pair, as the parts that its
// phases need: tests replace single parts by fakes.
type session struct {
	spec      spec.Spec // as it is run
	placement record.Placement

	stage
	meter
	pauser
	recorder
	clock

	failed <-chan error    // a worker's error, while it should be running
	sent   <-chan struct{} // closed when the senders have sent all of Spec.Count
}

// stage is built and driven from phase to phase, in this order; close comes last,
// whatever happens. A phase ends early, with the error of ctx, when that is done.
type stage interface {
	build(ctx context.Context) error
	start(ctx context.Context) error
	stop(ctx context.Context) error  // senders end
	drain(ctx context.Context) error // readers end, the device is empty
	close() error
}

// meter reads what was done so far.
type meter interface {
	measure(on bool) error
	sample() account.Sample
	look() host.Look
	usage() (account.Usage, error)
}

// pauser holds a session back while another one is measured. After slice it is held
// from start to the first release, and after each hold.
type pauser interface {
	// slice makes the session one side of a pair; with toggled, the other side has
	// another hook, and this one's is taken away while that is measured.
	slice(toggled bool)
	release() error
	// hold returns when no worker uses a CPU and the device is empty.
	hold(ctx context.Context) error
}

// recorder makes the record.
type recorder interface {
	// collect reads the counters for the last time before all is torn down.
	collect() error
	// trial makes the record of what was seen, after collect.
	trial(m account.Measurement, floor record.Floor, addSoftirq bool) record.Trial
}

// clock is the trial's.
type clock interface {
	now() int64 // ns
	after(d time.Duration) <-chan time.Time
}

// monotonic is the clock of the machine.
type monotonic struct{}

func (monotonic) now() int64                             { return worker.Now() }
func (monotonic) after(d time.Duration) <-chan time.Time { return time.After(d) }

// faults passes on the first error of a worker.
type faults struct {
	first    chan error
	expected atomic.Bool // workers may end from now on
	threads  []*worker.Thread
}

func newFaults() faults { return faults{first: make(chan error, 1)} }

// report ends the trial with err, unless it has failed already.
func (f *faults) report(err error) {
	select {
	case f.first <- err:
	default:
	}
}

// watch calls died with the error of a worker that ends with one while it should
// run. t is nil for a worker without a thread.
func (f *faults) watch(who string, t *worker.Thread, died func(error)) {
	if t == nil {
		return
	}
	f.threads = append(f.threads, t)
	go func() {
		if err := t.Wait(); err != nil && !f.expected.Load() {
			died(fmt.Errorf("%s died: %w", who, err))
		}
	}()
}

// asleep reports whether all workers wait: none is about to enter the kernel. Between two
// turns the code there is changed, when observers are attached or taken away.
func (f *faults) asleep() (bool, error) {
	for _, t := range f.threads {
		if ok, err := t.Asleep(); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}
