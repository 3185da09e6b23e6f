package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tunbench/harness/host"
	"tunbench/harness/spec"
)

// sample is what all workers had done at one moment.
type sample struct {
	at         int64 // ns of the trial's clock
	delivered  uint64
	wireBytes  uint64
	reads      uint64
	readCalls  uint64
	sendCalls  uint64
	carryCalls uint64
	accepted   uint64
	pushedBack uint64
	sendNs     uint64
	byLane     []laneSample
	// Of conversations: payload that arrived, once each, and answered requests.
	payload, transactions uint64
}

// laneSample is what those of one direction had done.
type laneSample struct {
	delivered, wireBytes, accepted, pushedBack uint64
	// byQueue is what each queue's reader was delivered or, where packets are
	// written, what the kernel received by each queue; nil elsewhere.
	byQueue []uint64
}

// plus adds what was done between two moments.
func (s laneSample) plus(from, to laneSample) laneSample {
	sum := laneSample{
		delivered:  s.delivered + to.delivered - from.delivered,
		wireBytes:  s.wireBytes + to.wireBytes - from.wireBytes,
		accepted:   s.accepted + to.accepted - from.accepted,
		pushedBack: s.pushedBack + to.pushedBack - from.pushedBack,
	}
	if to.byQueue != nil {
		sum.byQueue = slices.Clone(to.byQueue)
		for i, n := range s.byQueue {
			sum.byQueue[i] += n
		}
		for i, n := range from.byQueue { // none at a start that counts from 0
			sum.byQueue[i] -= n
		}
	}
	return sum
}

// usage is what the trial and the host had used at one moment.
type usage struct {
	senders, readers, carriers int64 // CPU time of their threads in ns; -1 if one has ended
	stat                       host.Stat
}

// measurement is what the phases saw.
type measurement struct {
	samples     []sample // at the start of the measured time and at the end of each window
	first, last usage
	seen        host.Delta // between first and last
	warm        warmth
	// against, of a pair that is measured side by side, is the rate in each
	// window over the other side's in the window beside it.
	against []float64
}

// rig is what the phases need of the world. Its methods are called in this
// order, and close last whatever happens.
type rig interface {
	build() error
	start() error
	measure(on bool) error
	sample() sample
	look() host.Look
	usage() (usage, error)
	stop() error    // senders end
	drain() error   // readers end, the device is empty
	collect() error // the last look before all is torn down
	close() error
	died() <-chan error    // a worker's error, while it should be running
	sent() <-chan struct{} // closed when the senders have sent all of Spec.Count
	now() int64            // ns
	after(d time.Duration) <-chan time.Time
}

// runPhases takes a rig through one trial. The measurement is complete only
// with a nil error; close is called on every path.
func runPhases(ctx context.Context, r rig, s spec.Spec) (m measurement, err error) {
	defer func() {
		if closeErr := r.close(); closeErr != nil {
			err = errors.Join(err, fmt.Errorf("tear down: %w", closeErr))
		}
	}()
	if err := ctx.Err(); err != nil {
		return m, err
	}
	if err := r.build(); err != nil {
		return m, err
	}
	if err := r.start(); err != nil {
		return m, err
	}
	if m.warm, err = warmUp(ctx, r, s); err != nil {
		return m, err
	}
	if err := measureWindows(ctx, r, s, &m); err != nil {
		return m, err
	}
	if err := r.stop(); err != nil {
		return m, err
	}
	if err := r.drain(); err != nil {
		return m, fmt.Errorf("drain: %w", err)
	}
	return m, r.collect()
}

func measureWindows(ctx context.Context, r rig, s spec.Spec, m *measurement) (err error) {
	// The look takes its time, and so comes before the first of the other
	// readings and after the last.
	before := r.look()
	if m.first, err = r.usage(); err != nil {
		return err
	}
	if err := r.measure(true); err != nil {
		return err
	}
	start := r.sample()
	m.samples = append(m.samples, start)
	for end := s.Window; end <= s.Measure; end += s.Window {
		if err := wait(ctx, r, time.Duration(start.at+int64(end)-r.now())); err != nil {
			return err
		}
		m.samples = append(m.samples, r.sample())
		select {
		case <-r.sent():
			end = s.Measure
		default:
		}
	}
	if err := r.measure(false); err != nil {
		return err
	}
	m.last, err = r.usage()
	m.seen = before.Until(r.look())
	return err
}

// wait returns after d, or sooner: without an error if all is sent, with one if
// the trial cannot go on.
func wait(ctx context.Context, r rig, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-r.died():
		return err
	case <-r.sent():
		return nil
	case <-r.after(d):
		return nil
	}
}
