package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"tunbench/harness"
	"tunbench/harness/refusal"
	"tunbench/reports/record"
)

// The protocol between tunbench ab and the builds that it compares: one JSON
// object a line. A process says a greeting; then each order on its input gets
// one answer on its output, and it ends when its input does. Fields may be
// added; what changes the meaning of one raises the version.
const (
	protocolName    = "tunbench-ab"
	protocolVersion = 1
)

type greeting struct {
	Protocol string      `json:"protocol"`
	Version  int         `json:"version"`
	Schema   int         `json:"schema"` // of the trials
	Tool     record.Tool `json:"tool"`
}

// Orders. The first two stand alone, the others are the methods of a
// harness.Party, in its order.
const (
	doProbe = "probe" // build the device of the side and tear it down
	doRun   = "run"   // a whole trial of the side
	doBuild = "build"
	doStart = "start"
	doWarm  = "warm"
	doLook  = "look"
	doTurn  = "turn"
	doKeep  = "keep"
	doStop  = "stop"
	doTrial = "trial"
)

type order struct {
	Do    string  `json:"do"`
	Side  *side   `json:"side,omitempty"`
	Turn  int     `json:"turn,omitempty"`
	Other float64 `json:"other,omitempty"`
}

// side is what to measure. Axes go by name, as in run.jsonl: a Spec's fields are
// nobody else's business.
type side struct {
	Axes map[string]string `json:"axes"` // all of them
	// Defaults names the axes at their default. A build that does not know one
	// of these measures what it always did.
	Defaults  []string     `json:"defaults"`
	Hook      string       `json:"hook"`
	WarmupNs  int64        `json:"warmup_ns"`
	MeasureNs int64        `json:"measure_ns"`
	WindowNs  int64        `json:"window_ns"`
	Rate      float64      `json:"rate_pps"` // 0: as the axes say
	Seed      uint64       `json:"seed"`
	CPUs      []int        `json:"cpus"`
	Settle    bool         `json:"settle"`
	Floor     record.Floor `json:"floor"`
}

type answer struct {
	Turn  *harness.Turn `json:"turn,omitempty"`
	Trial *record.Trial `json:"trial,omitempty"`
	Fault *fault        `json:"fault,omitempty"`
}

// fault is an error, as a skip tells it.
type fault struct {
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// sideOf is v as a build is told of it.
func sideOf(v Variant, floor record.Floor) side {
	s := side{
		Axes: v.Axes, Defaults: []string{}, Hook: v.Hook,
		WarmupNs: int64(v.Spec.Warmup), MeasureNs: int64(v.Spec.Measure), WindowNs: int64(v.Spec.Window),
		Rate: v.Spec.Rate, Seed: v.Spec.Seed, CPUs: v.Spec.CPUs, Settle: v.Spec.Settle, Floor: floor,
	}
	for _, a := range axes {
		if v.Axes[a.Name] == a.Default {
			s.Defaults = append(s.Defaults, a.Name)
		}
	}
	return s
}

// variant is what s asks this build for.
func (s side) variant() (harness.Side, error) {
	values := map[string]string{}
	for name, value := range s.Axes {
		if _, err := axisNamed(name); err != nil && slices.Contains(s.Defaults, name) {
			continue
		}
		values[name] = value
	}
	scenario, err := NewScenario(values)
	if err != nil {
		return harness.Side{}, &refusal.Missing{Detail: "this build does not know the scenario: " + err.Error()}
	}
	spec := scenario.Spec
	spec.Warmup, spec.Measure, spec.Window = time.Duration(s.WarmupNs), time.Duration(s.MeasureNs), time.Duration(s.WindowNs)
	spec.Seed, spec.CPUs, spec.Settle = s.Seed, s.CPUs, s.Settle
	if s.Rate > 0 {
		spec.Rate = s.Rate
	}
	return harness.Side{Spec: spec, Hook: s.Hook}, nil
}

// PartyLab is a Lab that measures one side of a pair, the other side of which is
// in another process.
type PartyLab interface {
	Lab
	// Party is the side. With toggled, its observer is taken away while the
	// other side is measured.
	Party(s harness.Side, toggled bool, floor record.Floor) (harness.Party, error)
}

// Serve does what a tunbench ab asks for on in, and answers on out, until in
// ends. tool is this build.
func Serve(ctx context.Context, lab PartyLab, tool record.Tool, in io.Reader, out io.Writer) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	say := json.NewEncoder(out)
	say.SetEscapeHTML(false)
	if err := say.Encode(greeting{protocolName, protocolVersion, record.Schema, tool}); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	s := server{lab: lab}
	defer func() {
		if s.party != nil {
			err = errors.Join(err, s.party.Close())
		}
	}()
	lines := make(chan []byte)
	go func() {
		defer cancel() // who asked is gone: whatever is under way is for nobody
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
			reason, detail := lab.Classify(err)
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
	lab   PartyLab
	party harness.Party
}

func (s *server) do(ctx context.Context, o order) (a answer, err error) {
	switch o.Do {
	case doProbe, doRun, doBuild:
		return s.begin(ctx, o)
	}
	if s.party == nil {
		return a, fmt.Errorf("%s: no device was built", clip(o.Do, 20))
	}
	switch o.Do {
	case doStart:
		err = s.party.Start(ctx)
	case doWarm:
		err = s.party.Warm(ctx)
	case doLook:
		err = s.party.Look(ctx)
	case doTurn:
		a.Turn = new(harness.Turn)
		*a.Turn, err = s.party.Turn(ctx)
	case doKeep:
		err = s.party.Keep(ctx, o.Turn, o.Other)
	case doStop:
		err = s.party.Stop(ctx)
	case doTrial:
		a.Trial = new(record.Trial)
		*a.Trial, err = s.party.Trial(ctx)
	default:
		err = fmt.Errorf("%q: this build knows no such order", clip(o.Do, 20))
	}
	return a, err
}

// begin does what says what is to be measured.
func (s *server) begin(ctx context.Context, o order) (a answer, err error) {
	if o.Side == nil {
		return a, fmt.Errorf("%s: it is not said what", o.Do)
	}
	v, err := o.Side.variant()
	if err != nil {
		return a, err
	}
	switch o.Do {
	case doProbe:
		return a, s.lab.Probe(ctx, v.Spec, v.Hook)
	case doRun:
		a.Trial = new(record.Trial)
		*a.Trial, err = s.lab.Run(ctx, v.Spec, v.Hook, o.Side.Floor)
		return a, err
	}
	if s.party != nil {
		return a, errors.New("build: there is a device already")
	}
	// The observer of another build is another one, whatever its hook.
	if s.party, err = s.lab.Party(v, true, o.Side.Floor); err != nil {
		s.party = nil
		return a, err
	}
	return a, s.party.Build(ctx)
}
