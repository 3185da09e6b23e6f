package trial

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"tunbench/harness/account"
	"tunbench/harness/path"
	"tunbench/harness/worker"
)

// runPhases takes a session through one trial. The measurement is complete only
// with a nil error; close is called on every path.
func runPhases(ctx context.Context, r *session) (m account.Measurement, err error) {
	defer func() {
		if closeErr := r.close(); closeErr != nil {
			err = errors.Join(err, fmt.Errorf("tear down: %w", closeErr))
		}
	}()
	if err := ctx.Err(); err != nil {
		return m, err
	}
	if err := r.build(ctx); err != nil {
		return m, err
	}
	if err := r.start(ctx); err != nil {
		return m, err
	}
	warm, err := warmUp(ctx, r)
	if err != nil {
		return m, err
	}
	m.Warm = warm.String()
	if err := measureWindows(ctx, r, &m); err != nil {
		return m, err
	}
	if err := r.stop(ctx); err != nil {
		return m, err
	}
	if err := r.drain(ctx); err != nil {
		return m, fmt.Errorf("drain: %w", err)
	}
	return m, r.collect()
}

func measureWindows(ctx context.Context, r *session, m *account.Measurement) (err error) {
	s := r.spec
	// The look takes its time, and so comes before the first of the other
	// readings and after the last.
	before := r.look()
	if m.First, err = r.usage(); err != nil {
		return err
	}
	if err := r.measure(true); err != nil {
		return err
	}
	start := r.sample()
	m.Samples = append(m.Samples, start)
	for end := s.Window; end <= s.Measure; end += s.Window {
		if err := wait(ctx, r, time.Duration(start.At+int64(end)-r.now())); err != nil {
			return err
		}
		m.Samples = append(m.Samples, r.sample())
		select {
		case <-r.sent:
			end = s.Measure
		default:
		}
	}
	if err := r.measure(false); err != nil {
		return err
	}
	m.Last, err = r.usage()
	m.Seen = before.Until(r.look())
	return err
}

// wait returns after d, or sooner: without an error if all is sent, with one if
// the trial cannot go on.
func wait(ctx context.Context, r *session, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-r.failed:
		return err
	case <-r.sent:
		return nil
	case <-r.after(d):
		return nil
	}
}

// await looks again and again until the condition holds. It ends early, with the error of a
// worker or of ctx, when there is one.
func await(ctx context.Context, failed <-chan error, what string, holds func() (bool, error)) error {
	began := worker.Now()
	for deadline := began + int64(path.DrainTimeout); ; time.Sleep(pause(began)) {
		ok, err := holds()
		if ok && err == nil {
			return nil
		}
		if err := cmp.Or(pending(failed), err, ctx.Err()); err != nil {
			return err
		}
		if worker.Now() > deadline {
			return waited(path.DrainTimeout, what)
		}
	}
}

// pending is the error of a worker, which says more than what comes of it; nil without one.
func pending(failed <-chan error) error {
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

// stuck is the error of a wait for what has not happened.
type stuck string

func (s stuck) Error() string { return string(s) }

func waited(d time.Duration, what string) error {
	return stuck(fmt.Sprintf("waited %v for the %s", d, what))
}

// leftAlone tells those workers to end that still do something when a trial is torn down. If
// they do not, it is an error, and what they use must stay.
func leftAlone(list []worker.Named) error {
	const within = time.Second
	if err := worker.EndAll(list, within); err != nil {
		return fmt.Errorf("descriptors, memory and devices of the trial are left as they are: %w", err)
	}
	return nil
}

// pause is how long to wait before the next look at what has been waited for since then: a
// look takes CPU time from those that it waits for. It makes a wait longer by an eighth, or
// by a millisecond, at most.
func pause(since int64) time.Duration {
	const least, most, share = 50 * time.Microsecond, time.Millisecond, 8
	return min(max(least, time.Duration(worker.Now()-since)/share), most)
}
