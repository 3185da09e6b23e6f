package trial

import (
	"context"

	"tunbench/harness/account"
	"tunbench/harness/path"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// roles are the parts that a trial needs of a conversation.
type roles struct {
	ends     ends
	progress progress
	meter    conversationMeter
	counted  conversationLedger
}

// ends are the two ends of a conversation, which are opened, started and ended.
type ends interface {
	// Open makes what both ends need, before any packet can flow. It, Start and Stop end
	// early, with the error of ctx, when that is done.
	Open(ctx context.Context, ends [2]path.Host) error
	// Start begins the conversation, once packets can cross the path. watch is told of
	// each thread; ended is called if the conversation ends by itself.
	Start(ctx context.Context, watch func(who string, t *worker.Thread), ended func(error)) error
	// Stop ends the speakers.
	Stop(ctx context.Context) error
	// Finish reads the counters for the last time and ends the listeners.
	Finish() error
	Close() error
}

// progress holds the speakers back, and says what has been heard.
type progress interface {
	// Hold makes the speakers stop or, with on false, continue.
	Hold(on bool)
	// Quiet reports whether all that was sent before Hold has arrived.
	Quiet() (bool, error)
	// Settled reports whether nothing is sent any more, acknowledgements included.
	Settled() (bool, error)
	// Heard counts what has arrived so far, in any unit: it moves unless nothing
	// arrives.
	Heard() uint64
}

// conversationMeter reads what was done so far.
type conversationMeter interface {
	Measure(on bool) error
	Sample(s *account.Sample) error
	CPUTime() (clients, servers int64)
}

// conversationLedger is what the ends of a conversation counted.
type conversationLedger interface {
	// Fill makes the record of what was seen, when the path has filled in its part.
	Fill(t *record.Trial)
	// Mismatch says which two counters disagree that should not; "" if none do.
	Mismatch(t *record.Trial) string
}
