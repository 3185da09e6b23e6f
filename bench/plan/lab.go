package plan

import (
	"context"

	"tunbench/harness/block"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
	"tunbench/reports/record"
)

// Lab is a host's ability to measure trials, one after the other.
type Lab interface {
	// SelectHook attaches the requested hook for a moment, or under auto the
	// first that attaches, and says what was passed over. It is an error if a
	// hook that was named cannot attach.
	SelectHook(requested string) (record.Hook, error)
	// Floor measures what bare system calls cost on the first of cpus, or on
	// a CPU of its choice.
	Floor(cpus []int) (record.Floor, error)
	// Probe builds the device of the spec and tears it down.
	Probe(ctx context.Context, spec spec.Spec, hook string) error
	// Run measures one trial. It fills everything but what a Plan knows:
	// Scenario, Axes, Arm, Pair and Trial. Under hook `none` nothing observes.
	Run(ctx context.Context, spec spec.Spec, hook string, floor record.Floor) (record.Trial, error)
}

// Blocks measures variants by turns.
type Blocks interface {
	// Fit is how many of the first variants this host can hold at the same time; at
	// least one.
	Fit(variants []trial.Variant) int
	// RunBlock measures the variants by turns. Of the records it fills what Run does.
	RunBlock(ctx context.Context, b block.Block) []block.Result
}

// Recorder takes the records of a run, each as soon as it is finished.
type Recorder interface {
	Write(r record.Record) error
	Close() error
}
