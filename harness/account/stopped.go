package account

import "tunbench/reports/record"

// Stopped computes for which share of the measured time the driver had stopped a transmit queue,
// where an observer saw that.
func Stopped(t *record.Trial) {
	var ns uint64
	queues := 0
	for _, q := range t.Queues {
		if q.StoppedNs != nil {
			ns += *q.StoppedNs
			queues++
		}
	}
	if queues > 0 && t.DurationNs > 0 {
		t.Metrics[record.Stopped] = float64(ns) / float64(queues) / float64(t.DurationNs)
	}
}
