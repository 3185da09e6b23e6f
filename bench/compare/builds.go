package compare

import (
	"context"
	"errors"
	"time"

	"tunbench/harness/refusal"
	"tunbench/harness/trial"
	"tunbench/reports/record"
)

// builds measures the variants of a subject in processes of their builds.
type builds struct {
	of    [2]*Build
	floor record.Floor
}

// callLimit is how long a call that concerns v may take, which is much longer than it
// should take.
func callLimit(v Variant) time.Duration {
	return 2*time.Minute + 10*(v.Warmup+v.Measure)
}

// probe builds the device of the i-th variant, and tears it down.
func (b *builds) probe(ctx context.Context, s *subject, i int) error {
	v := s.variants[i]
	return b.inProcess(ctx, i, func(w *worker) error {
		t := newTask(v, s.specs[i], b.floor)
		_, err := w.call(ctx, order{Do: doProbe, Task: &t}, callLimit(v))
		return err
	})
}

// inProcess runs f with a new process of the i-th build.
func (b *builds) inProcess(ctx context.Context, i int, f func(*worker) error) error {
	w, err := b.of[i].start(ctx)
	if err != nil {
		return err
	}
	if err := f(w); err != nil {
		w.kill()
		return err
	}
	return w.close()
}

// pair measures both variants once, each in a process of its build: in alternating
// windows, or with inTurn one trial after the other. Which process is started first,
// and builds its device first, is drawn at random, as is which variant comes first in
// each pair of windows.
func (b *builds) pair(ctx context.Context, s *subject, sides [2]trial.Variant, inTurn bool) (trials [2]record.Trial, err error) {
	turns := []int{0, 1}
	s.rng.Shuffle(len(turns), func(a, b int) { turns[a], turns[b] = turns[b], turns[a] })
	seed := s.rng.Uint64()
	if inTurn {
		for _, i := range turns {
			err := b.inProcess(ctx, i, func(w *worker) (err error) {
				t := newTask(s.variants[i], sides[i].Spec, b.floor)
				trials[i], err = w.trial(ctx, order{Do: doRun, Task: &t}, callLimit(s.variants[i]))
				return err
			})
			if err != nil {
				return trials, err
			}
		}
		return trials, nil
	}
	var pair [2]trial.Side
	var workers []*worker
	for k, i := range turns {
		w, err := b.of[i].start(ctx)
		if err != nil {
			for _, w := range workers {
				w.kill()
			}
			return trials, err
		}
		workers = append(workers, w)
		pair[k] = &remote{worker: w, task: newTask(s.variants[i], sides[i].Spec, b.floor), limit: callLimit(s.variants[i])}
	}
	made, err := trial.TakeTurns(ctx, pair, sides[0].Spec, seed)
	for k, i := range turns {
		trials[i] = made[k]
	}
	return trials, err
}

// classify turns an error into a skip's reason and detail, in the words of the
// build where it happened.
func classify(err error) (reason, detail string) {
	var e *workerError
	if errors.As(err, &e) {
		return e.reason, e.Error()
	}
	return refusal.Classify(err)
}
