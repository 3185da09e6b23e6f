package account

import (
	"slices"

	"tunbench/reports/record"
)

// balance adds how evenly packets were spread over the queues to metrics, where
// packets were read from queues or written to them.
func (s DirectionSample) balance(metrics map[string]float64) {
	byQueue := make([]float64, len(s.ByQueue))
	for i, n := range s.ByQueue {
		byQueue[i] = float64(n)
	}
	if slices.Max(append(byQueue, 0)) > 0 {
		metrics[record.Jain], metrics[record.QueueImbalance] = balance(byQueue)
	}
}

// balance gives Jain's index, (sum x)^2 / (n sum x^2), and max / mean.
func balance(x []float64) (jain, imbalance float64) {
	var sum, squares, top float64
	for _, v := range x {
		sum += v
		squares += v * v
		top = max(top, v)
	}
	if sum == 0 {
		return 0, 0
	}
	n := float64(len(x))
	return sum * sum / (n * squares), top / (sum / n)
}
