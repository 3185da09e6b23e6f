package account

import (
	"tunbench/bpf/hist"
	"tunbench/reports/record"
)

// Latency is the record of a histogram, of which so many samples were missed.
func Latency(h *hist.Histogram, missed uint64) record.Latency {
	l := record.Latency{
		Count: h.Count, Missed: missed, Overflow: h.Overflow, MinNs: h.Min, MaxNs: h.Max,
		Buckets: [][2]uint64{},
	}
	for _, q := range []struct {
		at   float64
		into **uint64
	}{{0.5, &l.P50Ns}, {0.9, &l.P90Ns}, {0.99, &l.P99Ns}, {0.999, &l.P999Ns}} {
		if v, ok := h.Quantile(q.at); ok {
			*q.into = &v
		}
	}
	for i, n := range h.Bucket {
		if n > 0 {
			l.Buckets = append(l.Buckets, [2]uint64{hist.Lower(i), n})
		}
	}
	return l
}

// Depth is the record of a histogram of the packets in a ring.
func Depth(h *hist.Histogram) *record.Depth {
	d := &record.Depth{Count: h.Count, Max: h.Max}
	if v, ok := h.Quantile(0.5); ok {
		d.P50 = &v
	}
	if v, ok := h.Quantile(0.99); ok {
		d.P99 = &v
	}
	return d
}

// middleMean is the mean of the middle nine tenths: a reader that lost its CPU
// in the middle of a call was not in the call.
func middleMean(h *hist.Histogram) float64 {
	const trim = 0.05
	from, to := trim*float64(h.Count), (1-trim)*float64(h.Count)
	var seen, weight, sum float64
	for i, n := range h.Bucket {
		inside := max(0, min(seen+float64(n), to)-max(seen, from))
		middle := float64(hist.Lower(i)) + float64(hist.Width(i)-1)/2
		sum += inside * middle
		weight += inside
		seen += float64(n)
	}
	return sum / weight
}
