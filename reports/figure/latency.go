package figure

import (
	"maps"
	"math/bits"
	"slices"

	"tunbench/reports/record"
)

// Latency is a histogram pooled over trials, in nanoseconds.
type Latency struct {
	Count, Missed, Overflow uint64
	Min, Max                uint64      // of all samples; both 0 where no record says
	Buckets                 [][2]uint64 // [lower bound, count], ascending
}

// middle is the value that samples of a bucket count as: the middle of the bucket, but
// not below the smallest or above the largest sample, which are known exactly.
func (l Latency) middle(lower uint64) float64 {
	v, last := float64(lower)+float64(width(lower)-1)/2, lower+(width(lower)-1)
	if l.Min > lower && l.Min <= last {
		v = max(v, float64(l.Min))
	}
	if l.Max >= lower && l.Max < last {
		v = min(v, float64(l.Max))
	}
	return v
}

// Quantile is the middle of the bucket that holds the sample of rank ceil(q n), the same
// rule by which the quantiles of a record are computed.
func (l Latency) Quantile(q float64) (ns uint64, ok bool) {
	total := l.Count + l.Overflow
	rank := uint64(q * float64(total))
	if float64(rank) < q*float64(total) {
		rank++
	}
	rank = max(rank, 1)
	if total < rank+minAbove || rank > l.Count {
		return 0, false
	}
	var seen uint64
	for _, b := range l.Buckets {
		if seen += b[1]; seen >= rank {
			return uint64(l.middle(b[0])), true
		}
	}
	return 0, false
}

// mean is the mean in nanoseconds of all samples except the slowest 0.1 %, each at the
// middle of its bucket. It is false where there are too few samples, or so many
// overflows that the mean is not known.
func (l Latency) mean() (ns float64, ok bool) {
	keep := (1 - trimTop) * (float64(l.Count) + float64(l.Overflow))
	if l.Count < minMean || float64(l.Count) < keep {
		return 0, false
	}
	var seen, sum float64
	for _, b := range l.Buckets {
		inside := min(float64(b[1]), keep-seen)
		sum += inside * l.middle(b[0])
		if seen += inside; seen >= keep {
			break
		}
	}
	ns = sum / keep
	return ns, Sane(ns)
}

// width is the number of values in the bucket with that lower bound: there are 32
// buckets per octave, and one for each value below 32.
func width(lower uint64) uint64 {
	if lower < 32 {
		return 1
	}
	return 1 << (bits.Len64(lower) - 6)
}

// minAbove is how many samples must lie above a quantile for it to be given.
const minAbove = 10

// Of the latencies whose mean is taken, this share is left out: the slowest,
// which a stall of the host may have made.
const trimTop = 0.001

// minMean is how many samples a mean needs to be given.
const minMean = 100

// Add adds a record whose buckets were kept.
func (l *Latency) Add(r record.Latency) {
	if r.Count+r.Overflow > 0 {
		if l.Count+l.Overflow == 0 || r.MinNs < l.Min {
			l.Min = r.MinNs
		}
		l.Max = max(l.Max, r.MaxNs)
	}
	l.Count += r.Count
	l.Missed += r.Missed
	l.Overflow += r.Overflow
	sums := map[uint64]uint64{}
	for _, b := range append(slices.Clone(l.Buckets), r.Buckets...) {
		sums[b[0]] += b[1]
	}
	l.Buckets = l.Buckets[:0]
	for _, lower := range slices.Sorted(maps.Keys(sums)) {
		l.Buckets = append(l.Buckets, [2]uint64{lower, sums[lower]})
	}
}
