// Package hist counts durations in the log-linear histogram of the observer and of
// the readers: 32 sub-buckets per octave, 1,024 buckets, so that the middle of a
// bucket is wrong by at most 1.6 %. bpf/c/hist.bpf.h has the same buckets in C.
package hist

import "math/bits"

const (
	// Buckets is the number of buckets of a histogram.
	Buckets = 1024
	// Limit is the first value that overflows, 2^36: 68.7 s in nanoseconds.
	Limit = 1 << 36

	subBits = 5 // 32 sub-buckets an octave
)

// Index returns the bucket of v, which must be below Limit. Values below 32
// have a bucket each.
func Index(v uint64) int {
	if v < 1<<subBits {
		return int(v)
	}
	e := bits.Len64(v) - 1
	return (e-subBits+1)<<subBits + int(v>>(e-subBits))&(1<<subBits-1)
}

// Lower is the smallest value of bucket i.
func Lower(i int) uint64 {
	if i < 1<<subBits {
		return uint64(i)
	}
	shift := i>>subBits - 1
	return (1<<subBits + uint64(i)&(1<<subBits-1)) << shift
}

// Width is the number of integer values that fall into bucket i.
func Width(i int) uint64 {
	if i < 1<<subBits {
		return 1
	}
	return 1 << (i>>subBits - 1)
}

// Histogram counts values, usually nanoseconds. Its zero value is empty. It is
// 8 KiB large and must not be written by two goroutines at once.
type Histogram struct {
	Bucket   [Buckets]uint64
	Count    uint64 // of values in Bucket
	Overflow uint64 // values of Limit and above; not in Count
	Min, Max uint64 // of all values, overflows included; 0 while empty
}

// Record adds one value.
func (h *Histogram) Record(v uint64) {
	if h.Count+h.Overflow == 0 || v < h.Min {
		h.Min = v
	}
	if v > h.Max {
		h.Max = v
	}
	if v >= Limit {
		h.Overflow++
		return
	}
	h.Bucket[Index(v)]++
	h.Count++
}

// Merge adds all of o to h.
func (h *Histogram) Merge(o *Histogram) {
	if o.Count+o.Overflow == 0 {
		return
	}
	if h.Count+h.Overflow == 0 || o.Min < h.Min {
		h.Min = o.Min
	}
	h.Max = max(h.Max, o.Max)
	for i, n := range o.Bucket {
		h.Bucket[i] += n
	}
	h.Count += o.Count
	h.Overflow += o.Overflow
}

// Since is what was added to h after it was old. Its extremes are bounds: those of its
// buckets, within the extremes of h. Where a bucket stands for several, as with many CPUs, they
// are no more exact than a quantile.
func (h *Histogram) Since(old *Histogram) (d Histogram) {
	d.Count, d.Overflow = h.Count-old.Count, h.Overflow-old.Overflow
	first := true
	for i := range h.Bucket {
		d.Bucket[i] = h.Bucket[i] - old.Bucket[i]
		if d.Bucket[i] == 0 {
			continue
		}
		if first {
			d.Min, first = h.within(Lower(i)), false
		}
		d.Max = h.within(Lower(i) + Width(i) - 1)
	}
	if d.Overflow > 0 {
		d.Max = h.Max
		if first {
			d.Min = Limit
		}
	}
	return d
}

// within limits v to the extremes of h.
func (h *Histogram) within(v uint64) uint64 { return min(max(v, h.Min), h.Max) }

// minAbove is how many samples must lie above a quantile.
const minAbove = 10

// Quantile returns the middle of the bucket that holds the sample of rank
// ceil(q * n), 0 < q < 1, limited to Min and Max, because the largest sample
// may lie below the middle of its bucket. It returns false if fewer than ten
// samples lie above that rank, or if the rank falls among the overflows, whose
// values are not known.
func (h *Histogram) Quantile(q float64) (uint64, bool) {
	total := h.Count + h.Overflow
	rank := uint64(q * float64(total))
	if float64(rank) < q*float64(total) {
		rank++
	}
	rank = max(rank, 1)
	if total < rank+minAbove || rank > h.Count {
		return 0, false
	}
	var seen uint64
	for i, n := range h.Bucket {
		if seen += n; seen >= rank {
			return h.within(Lower(i) + (Width(i)-1)/2), true
		}
	}
	return 0, false
}
