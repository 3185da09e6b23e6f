package account

import "tunbench/reports/record"

// Stopped computes for which share of the time the driver had stopped a transmit queue, where an
// observer saw that: of the time that it measured, which is longer than the windows where trials
// take turns.
func Stopped(t *record.Trial) {
	var ns uint64
	queues := 0
	for _, q := range t.Queues {
		if q.StoppedNs != nil {
			ns += *q.StoppedNs
			queues++
		}
	}
	if queues > 0 && t.Observer != nil && t.Observer.MeasuredNs > 0 {
		t.Metrics[record.Stopped] = float64(ns) / float64(queues) / float64(t.Observer.MeasuredNs)
	}
}
