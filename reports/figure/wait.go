package figure

import (
	"maps"
	"slices"

	"tunbench/reports/stat"
)

// Wait is how long packets stayed in a queue, in ns, and how many stood in its ring when
// one was added: medians over the used observed trials, and the largest of all. What is not
// known is nil.
type Wait struct {
	Queue           int
	P50, P99, P999  *float64
	Longest         float64
	Samples         uint64
	Half, Mostly    *float64 // packets in the ring, p50 and p99
	Deepest, TxQLen int
}

// Waits are those of the queues of a scenario of which some packet was timed.
func Waits(s *Scenario) (list []Wait) {
	type samples struct {
		Wait
		p50, p99, p999, half, mostly []float64
	}
	byQueue := map[int]*samples{}
	note := func(into *[]float64, quantile *uint64) {
		if quantile != nil {
			*into = append(*into, float64(*quantile))
		}
	}
	for _, t := range s.Observ.Used {
		for _, q := range t.Queues {
			if q.Residency == nil && q.Depth == nil {
				continue
			}
			w := byQueue[q.Queue]
			if w == nil {
				w = &samples{Wait: Wait{Queue: q.Queue, TxQLen: t.Device.TxQLen}}
				byQueue[q.Queue] = w
			}
			if l := q.Residency; l != nil {
				note(&w.p50, l.P50Ns)
				note(&w.p99, l.P99Ns)
				note(&w.p999, l.P999Ns)
				w.Longest = max(w.Longest, float64(l.MaxNs))
				w.Samples += l.Count + l.Overflow
			}
			if d := q.Depth; d != nil {
				note(&w.half, d.P50)
				note(&w.mostly, d.P99)
				w.Deepest = max(w.Deepest, int(d.Max))
			}
		}
	}
	for _, n := range slices.Sorted(maps.Keys(byQueue)) {
		w := byQueue[n]
		w.P50, w.P99, w.P999 = middle(w.p50), middle(w.p99), middle(w.p999)
		w.Half, w.Mostly = middle(w.half), middle(w.mostly)
		list = append(list, w.Wait)
	}
	return list
}

// middle is the median, nil of nothing.
func middle(values []float64) *float64 {
	sum, err := stat.Summarize(values)
	if err != nil {
		return nil
	}
	return &sum.Median
}
