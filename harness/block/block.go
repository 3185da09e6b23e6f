// Package block measures many variants by turns: in rounds, a window at a time, beside
// the same traffic over loopback.
package block

import (
	"context"

	"tunbench/harness/trial"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// Block is what is measured by turns: all variants are there from the beginning, and
// the traffic goes through one after the other, a window at a time, in rounds of a
// freshly shuffled order. So a host whose speed wanders is the same host to all of
// them. The trial of a variant is the sum of its windows.
//
// In the same rounds its yardstick is measured: the same traffic over loopback (see
// spec.Spec.Yardstick). Variants that have the same yardstick follow each other and
// share it.
type Block struct {
	Variants []trial.Variant
	Seed     uint64 // of the order in which windows are measured
	Floor    record.Floor
	// AddSoftirq says that the kernel accounts the time of softirqs apart from that of
	// the threads that they interrupt.
	AddSoftirq bool
	// Alone leaves out the yardsticks: the variants are compared with each other only.
	Alone bool
	// Tell, if not nil, is called before each round, from 1, of the planned number.
	Tell func(round, rounds int)
}

// Result is the trial of a variant, or why there is none.
type Result struct {
	Trial record.Trial
	Err   error
}

// Run measures the block. The results are in the order of the variants; a variant that
// fails does not end the others. When ctx ends, the block ends after the window at hand:
// trials with enough windows are kept, flagged as short, and the others have the error
// of ctx.
func (b Block) Run(ctx context.Context) []Result {
	r := newRounds(b)
	restore := worker.Quiet(r.workers(), 0)
	results := r.run(ctx)
	// Not deferred: after a panic, readers still wait in raw system calls. A garbage collection
	// would wait for them for ever, and the process would hang instead of ending with the panic.
	restore()
	return results
}
