package compare

import (
	"context"
	"fmt"
	"time"

	"tunbench/harness/trial"
	"tunbench/reports/record"
)

// remote measures one variant of a pair in a process of a build. It is a trial.Side.
type remote struct {
	*worker
	task  task
	limit time.Duration // of each call
}

func (p *remote) Do(ctx context.Context, step trial.Step) error {
	o := order{Do: string(step)}
	if step == trial.Build {
		o.Task = &p.task
	}
	_, err := p.call(ctx, o, p.limit)
	return err
}

func (p *remote) Close() error { return p.worker.close() }

func (p *remote) Turn(ctx context.Context) (trial.Turn, error) {
	a, err := p.call(ctx, order{Do: doTurn}, p.limit)
	if err == nil && a.Turn == nil {
		err = fmt.Errorf("ask build %s for a turn: its answer has none", p.build.Path)
	}
	if err != nil {
		return trial.Turn{}, err
	}
	return *a.Turn, nil
}

func (p *remote) Keep(ctx context.Context, turn int, other float64) error {
	_, err := p.call(ctx, order{Do: doKeep, Turn: turn, Other: other}, p.limit)
	return err
}

func (p *remote) Trial(ctx context.Context) (record.Trial, error) {
	return p.trial(ctx, order{Do: doTrial}, p.limit)
}
