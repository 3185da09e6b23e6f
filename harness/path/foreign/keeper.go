package foreign

import (
	"slices"
	"time"

	"tunbench/harness/program"
	"tunbench/harness/worker"
)

// keeper is a forwarder in name only: it notices when a program ends by itself, and
// knows what both have used.
type keeper struct {
	pair   *program.Pair
	cpu    int // of which it uses next to nothing
	thread *worker.Thread
	quit   chan struct{}
	told   bool
}

func (k *keeper) Start() (err error) {
	k.thread, err = worker.Start(k.cpu, k.wait)
	return err
}

func (k *keeper) wait() error {
	const every = 100 * time.Millisecond
	for {
		select {
		case <-k.quit:
			return nil
		case <-time.After(every):
		}
		if err := k.pair.Err(); err != nil {
			return err
		}
	}
}

func (k *keeper) Thread() *worker.Thread { return k.thread }
func (k *keeper) Calls() uint64          { return 0 } // those of the programs are not counted
func (k *keeper) Close() error           { return nil }

// Cause is why a program should not be measured any more. When one ends, its device is
// gone a little before that is known.
func (k *keeper) Cause() error {
	const within = 300 * time.Millisecond
	for deadline := time.Now().Add(within); ; time.Sleep(look) {
		if err := k.pair.Err(); err != nil || time.Now().After(deadline) {
			return err
		}
	}
}

// Spent is the CPU time of the programs in ns.
func (k *keeper) Spent() (int64, error) { return k.pair.Spent() }

func (k *keeper) Finish() error {
	if !k.told {
		k.told = true
		close(k.quit)
	}
	return nil
}

// settled finds out when counters stand still.
type settled struct {
	last  []uint64
	since int64
}

func (s *settled) done(counts []uint64) bool {
	now := worker.Now()
	if !slices.Equal(counts, s.last) {
		s.last, s.since = counts, now
		return false
	}
	return now-s.since >= int64(still)
}
