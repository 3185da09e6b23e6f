package worker

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Ender is a worker that can be told to end.
type Ender interface {
	// Thread is nil if there is none, or none was started.
	Thread() *Thread
	// Finish makes a worker that is running end as soon as nothing is left for it. It is
	// called again until the thread is done.
	Finish() error
}

// Named is a worker with its name for messages.
type Named struct {
	Name string
	Ender
}

// finishEvery is how often a worker is told to end: a wake-up that comes just before it begins
// to wait is lost.
const finishEvery = 5 * time.Millisecond

// EndAll tells all workers to end that still run, and waits until they have. After that time
// its error names those that have not: they still use their descriptors and memory.
func EndAll(list []Named, within time.Duration) error {
	for deadline := Now() + int64(within); ; {
		var running []Named
		var errs []error
		for _, w := range list {
			if w.Thread() == nil {
				continue
			}
			select {
			case <-w.Thread().Done():
				continue
			default:
			}
			running, errs = append(running, w), append(errs, w.Finish())
		}
		if running == nil {
			return nil
		}
		if Now() > deadline {
			return errors.Join(append([]error{stillRunning(running, within)}, errs...)...)
		}
		select {
		case <-running[0].Thread().Done():
		case <-time.After(finishEvery):
		}
	}
}

func stillRunning(list []Named, after time.Duration) error {
	var names []string
	for _, w := range list {
		names = append(names, w.Name)
	}
	return fmt.Errorf("%s: still running %v after the order to end", strings.Join(names, ", "), after)
}
