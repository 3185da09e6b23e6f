package compare

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
	"tunbench/reports/record"
)

// SideLab measures one side of a pair, whose other side is in another process.
type SideLab interface {
	Probe(ctx context.Context, spec spec.Spec, hook string) error
	Run(ctx context.Context, spec spec.Spec, hook string, floor record.Floor) (record.Trial, error)
	// Side returns the side. If toggled is set, its observer is detached while the
	// other side is measured.
	Side(v trial.Variant, toggled bool, floor record.Floor) (trial.Side, error)
}

// Serve carries out the orders of a tunbench ab, which come on in, and answers on out,
// until in ends. tool is this build.
func Serve(ctx context.Context, lab SideLab, tool record.Tool, in io.Reader, out io.Writer) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	say := json.NewEncoder(out)
	say.SetEscapeHTML(false)
	if err := say.Encode(greeting{protocolName, protocolVersion, record.Schema, tool}); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	s := server{lab: lab}
	defer func() {
		if s.side != nil {
			err = errors.Join(err, s.side.Close())
		}
	}()
	lines := make(chan []byte)
	go func() {
		defer cancel() // nobody waits for what is under way any more
		defer close(lines)
		r := bufio.NewReader(in)
		for {
			line, err := r.ReadBytes('\n')
			if err != nil {
				return
			}
			lines <- line
		}
	}()
	for line := range lines {
		var o order
		var a answer
		err := json.Unmarshal(line, &o)
		if err != nil {
			err = fmt.Errorf("read an order: %w", err)
		} else {
			a, err = s.do(ctx, o)
		}
		if err != nil {
			reason, detail := refusal.Classify(err)
			a = answer{Fault: &fault{reason, detail}}
		}
		if err := say.Encode(a); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
	return nil
}

// server is a process of a build.
type server struct {
	lab  SideLab
	side trial.Side
}

func (s *server) do(ctx context.Context, o order) (a answer, err error) {
	switch o.Do {
	case doProbe, doRun, doBuild:
		return s.begin(ctx, o)
	}
	if s.side == nil {
		return a, fmt.Errorf("%s: no device was built", clip(o.Do, 20))
	}
	switch o.Do {
	case doStart, doWarm, doLook, doStop:
		err = s.side.Do(ctx, trial.Step(o.Do))
	case doTurn:
		a.Turn = new(trial.Turn)
		*a.Turn, err = s.side.Turn(ctx)
	case doKeep:
		err = s.side.Keep(ctx, o.Turn, o.Other)
	case doTrial:
		a.Trial = new(record.Trial)
		*a.Trial, err = s.side.Trial(ctx)
	default:
		err = fmt.Errorf("%q: this build knows no such order", clip(o.Do, 20))
	}
	return a, err
}

// begin carries out the orders that have a task.
func (s *server) begin(ctx context.Context, o order) (a answer, err error) {
	if o.Task == nil {
		return a, fmt.Errorf("%s: the order does not say what to measure", o.Do)
	}
	v, err := o.Task.variant()
	if err != nil {
		return a, err
	}
	switch o.Do {
	case doProbe:
		return a, s.lab.Probe(ctx, v.Spec, v.Hook)
	case doRun:
		a.Trial = new(record.Trial)
		*a.Trial, err = s.lab.Run(ctx, v.Spec, v.Hook, o.Task.Floor)
		return a, err
	}
	if s.side != nil {
		return a, errors.New("build: there is a device already")
	}
	// The observer of another build is a different one, even with the same hook.
	if s.side, err = s.lab.Side(v, true, o.Task.Floor); err != nil {
		s.side = nil
		return a, err
	}
	return a, s.side.Do(ctx, trial.Build)
}
