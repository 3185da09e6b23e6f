package compare

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tunbench/harness/refusal"
	"tunbench/harness/trial"
	"tunbench/reports/record"
)

// distantSide is one side of a pair in a process of a build.
type distantSide struct {
	*worker
	side  side
	limit time.Duration // of each call
}

func (p *distantSide) Do(ctx context.Context, step trial.Step) error {
	o := order{Do: string(step)}
	if step == trial.Build {
		o.Side = &p.side
	}
	_, err := p.call(ctx, o, p.limit)
	return err
}

func (p *distantSide) Close() error { return p.worker.close() }

func (p *distantSide) Turn(ctx context.Context) (trial.Turn, error) {
	a, err := p.call(ctx, order{Do: doTurn}, p.limit)
	if err == nil && a.Turn == nil {
		err = fmt.Errorf("ask build %s for a turn: its answer has none", p.build.Path)
	}
	if err != nil {
		return trial.Turn{}, err
	}
	return *a.Turn, nil
}

func (p *distantSide) Keep(ctx context.Context, turn int, other float64) error {
	_, err := p.call(ctx, order{Do: doKeep, Turn: turn, Other: other}, p.limit)
	return err
}

func (p *distantSide) Trial(ctx context.Context) (record.Trial, error) {
	return p.trialOf(ctx, order{Do: doTrial}, p.limit)
}

// trialOf is the trial that the process answers with.
func (w *worker) trialOf(ctx context.Context, o order, limit time.Duration) (record.Trial, error) {
	a, err := w.call(ctx, o, limit)
	if err == nil && a.Trial == nil {
		err = fmt.Errorf("ask build %s to %s: its answer has no trial", w.build.Path, o.Do)
	}
	if err != nil {
		return record.Trial{}, err
	}
	return *a.Trial, nil
}

// callLimit is how long a call may take that has to do with v: much longer than
// it should.
func callLimit(v Variant) time.Duration {
	return 2*time.Minute + 10*(v.Warmup+v.Measure)
}

// probe builds the device of the i-th variant, in a process of its build if it has
// one of its own, and tears it down.
func (r *abRunner) probe(ctx context.Context, c *comparison, i int) error {
	v := c.sides[i]
	if r.Builds == nil {
		return r.lab.Probe(ctx, c.specs[i], v.Hook)
	}
	return r.inBuild(ctx, i, func(w *worker) error {
		s := sideOf(v, c.specs[i], r.floor)
		_, err := w.call(ctx, order{Do: doProbe, Side: &s}, callLimit(v))
		return err
	})
}

// inBuild runs f with a process of one side's build.
func (r *abRunner) inBuild(ctx context.Context, i int, f func(*worker) error) error {
	w, err := r.Builds[i].start(ctx)
	if err != nil {
		return err
	}
	if err := f(w); err != nil {
		w.kill()
		return err
	}
	return w.close()
}

// pairOfBuilds measures both sides once, each in a process of its build. Which
// process is there first, and builds its device first, is drawn, as is which
// side comes first in each pair of windows.
func (r *abRunner) pairOfBuilds(ctx context.Context, c *comparison, sides [2]trial.Variant) (trials [2]record.Trial, err error) {
	turns := []int{0, 1}
	c.rng.Shuffle(len(turns), func(a, b int) { turns[a], turns[b] = turns[b], turns[a] })
	seed := c.rng.Uint64()
	if !r.sideBySide(c) {
		for _, i := range turns {
			err := r.inBuild(ctx, i, func(w *worker) (err error) {
				s := sideOf(c.sides[i], sides[i].Spec, r.floor)
				trials[i], err = w.trialOf(ctx, order{Do: doRun, Side: &s}, callLimit(c.sides[i]))
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
		w, err := r.Builds[i].start(ctx)
		if err != nil {
			for _, w := range workers {
				w.kill()
			}
			return trials, err
		}
		workers = append(workers, w)
		pair[k] = &distantSide{worker: w, side: sideOf(c.sides[i], sides[i].Spec, r.floor), limit: callLimit(c.sides[i])}
	}
	made, err := trial.TakeTurns(ctx, pair, sides[0].Spec, seed)
	for k, i := range turns {
		trials[i] = made[k]
	}
	return trials, err
}

// classify turns an error into a skip's reason and detail, in the words of the
// build where it happened.
func (r *abRunner) classify(err error) (reason, detail string) {
	var e *workerError
	if errors.As(err, &e) {
		return e.reason, e.Error()
	}
	return refusal.Classify(err)
}
