package account

import (
	"testing"

	"tunbench/reports/record"
)

// TestStopped: the share is the mean of the queues that were observed, and is not there where
// none was.
func TestStopped(t *testing.T) {
	stopped := func(list ...uint64) (queues []record.Queue) {
		for i := range list {
			queues = append(queues, record.Queue{Queue: i, StoppedNs: &list[i]})
		}
		return queues
	}
	for name, c := range map[string]struct {
		queues []record.Queue
		share  float64
		known  bool
	}{
		"no queue":     {nil, 0, false},
		"not observed": {[]record.Queue{{}}, 0, false},
		"never":        {stopped(0), 0, true},
		"a quarter":    {stopped(250), 0.25, true},
		"one of two":   {stopped(500, 0), 0.25, true},
	} {
		trial := record.Trial{DurationNs: 300, Observer: &record.Observer{MeasuredNs: 1000}, Queues: c.queues, Metrics: map[string]float64{}}
		Stopped(&trial)
		if share, known := trial.Metrics[record.Stopped]; share != c.share || known != c.known {
			t.Errorf("%s: %v, known %v, want %v, %v", name, share, known, c.share, c.known)
		}
	}
}
