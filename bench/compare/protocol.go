package compare

import (
	"slices"
	"time"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
	"tunbench/reports/record"
)

// The protocol between tunbench ab and the builds that it compares: one JSON
// object a line. A process sends a greeting; then each order on its input gets
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

// Orders. The first two stand alone, the others are the steps and the methods of a
// trial.Side, in its order.
const (
	doProbe = "probe" // build the device of the task and tear it down
	doRun   = "run"   // a whole trial of it
	doBuild = string(trial.Build)
	doStart = string(trial.Start)
	doWarm  = "warm"
	doLook  = "look"
	doTurn  = "turn"
	doKeep  = "keep"
	doStop  = "stop"
	doTrial = "trial"
)

type order struct {
	Do    string  `json:"do"`
	Task  *task   `json:"side,omitempty"`
	Turn  int     `json:"turn,omitempty"`
	Other float64 `json:"other,omitempty"`
}

// task is what to measure. Axes go by name, as in run.jsonl: the fields of a
// Spec are not part of the protocol.
type task struct {
	Axes map[string]string `json:"axes"` // all of them
	// Defaults names the axes at their default. A build that does not know one
	// of these measures without it.
	Defaults  []string     `json:"defaults"`
	Hook      string       `json:"hook"`
	WarmupNs  int64        `json:"warmup_ns"`
	MeasureNs int64        `json:"measure_ns"`
	WindowNs  int64        `json:"window_ns"`
	Rate      float64      `json:"rate_pps"` // 0: as the axes say
	Seed      uint64       `json:"seed"`
	CPUs      []int        `json:"cpus"`
	Settle    bool         `json:"settle"`
	Kernel    string       `json:"guest_kernel,omitempty"` // as Spec.GuestKernel
	Floor     record.Floor `json:"floor"`
}

type answer struct {
	Turn  *trial.Turn   `json:"turn,omitempty"`
	Trial *record.Trial `json:"trial,omitempty"`
	Fault *fault        `json:"fault,omitempty"`
}

// fault is an error in the form of a skip.
type fault struct {
	Reason string `json:"reason"`
	Detail string `json:"detail"`
}

// newTask is the order to measure v by spec.
func newTask(v Variant, spec spec.Spec, floor record.Floor) task {
	t := task{
		Axes: v.Axes, Defaults: []string{}, Hook: v.Hook,
		WarmupNs: int64(spec.Warmup), MeasureNs: int64(spec.Measure), WindowNs: int64(spec.Window),
		Rate: spec.Rate, Seed: spec.Seed, CPUs: spec.CPUs, Settle: spec.Settle, Kernel: spec.GuestKernel, Floor: floor,
	}
	for _, a := range suite.Axes() {
		if v.Axes[a.Name] == a.Default {
			t.Defaults = append(t.Defaults, a.Name)
		}
	}
	return t
}

// variant is what t asks this build to measure.
func (t task) variant() (trial.Variant, error) {
	values := map[string]string{}
	for name, value := range t.Axes {
		if _, err := suite.FindAxis(name); err != nil && slices.Contains(t.Defaults, name) {
			continue
		}
		values[name] = value
	}
	scenario, err := setup.New(values)
	if err != nil {
		return trial.Variant{}, &refusal.Missing{Detail: "this build does not know the scenario: " + err.Error()}
	}
	spec := setup.Spec(scenario)
	spec.Warmup, spec.Measure, spec.Window = time.Duration(t.WarmupNs), time.Duration(t.MeasureNs), time.Duration(t.WindowNs)
	spec.Seed, spec.CPUs, spec.Settle, spec.GuestKernel = t.Seed, t.CPUs, t.Settle, t.Kernel
	if t.Rate > 0 {
		spec.Rate = t.Rate
	}
	return trial.Variant{Spec: spec, Hook: t.Hook}, nil
}
