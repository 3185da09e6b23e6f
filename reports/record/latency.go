package record

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// Latency is a histogram over the measured time and its quantiles in
// nanoseconds. A quantile is nil unless at least ten samples lie above it.
type Latency struct {
	Count    uint64  `json:"count"`
	Missed   uint64  `json:"missed"`
	Overflow uint64  `json:"overflow"`
	MinNs    uint64  `json:"min_ns"`
	P50Ns    *uint64 `json:"p50_ns,omitempty"`
	P90Ns    *uint64 `json:"p90_ns,omitempty"`
	P99Ns    *uint64 `json:"p99_ns,omitempty"`
	P999Ns   *uint64 `json:"p999_ns,omitempty"`
	MaxNs    uint64  `json:"max_ns"`
	Buckets  Buckets `json:"buckets,omitzero"` // nil: not kept
}

// Depth is how many packets stood in the ring of a queue when one was added. A quantile is
// nil unless at least ten samples lie above it.
type Depth struct {
	Count uint64  `json:"count"` // samples
	P50   *uint64 `json:"p50,omitempty"`
	P99   *uint64 `json:"p99,omitempty"`
	Max   uint64  `json:"max"`
}

// Bounded limits a quantile of l, which may be nil, to the range of the samples: in
// older files it is the middle of a bucket, which may be beyond them.
func (l *Latency) Bounded(quantile *uint64) *uint64 {
	if quantile == nil || l.MaxNs == 0 || l.MinNs > l.MaxNs {
		return quantile
	}
	v := min(max(*quantile, l.MinNs), l.MaxNs)
	return &v
}

// Buckets holds [lower bound in ns, count] of each bucket of a histogram that is
// not empty, lowest first.
type Buckets [][2]uint64

// UnmarshalJSON reads the same as encoding/json would, but without reflection and in
// memory of the right size: buckets are nine tenths of a file.
func (b *Buckets) UnmarshalJSON(text []byte) error {
	list := make(Buckets, 0, max(0, bytes.Count(text, []byte{'['})-1))
	rest, ok := bytes.CutPrefix(text, []byte{'['})
	for ok && len(rest) > 1 {
		var bucket [2]uint64
		if rest, ok = bytes.CutPrefix(rest, []byte{'['}); !ok {
			break
		}
		for i, after := range []byte{',', ']'} {
			n := bytes.IndexByte(rest, after)
			if n < 0 {
				ok = false
				break
			}
			v, err := strconv.ParseUint(string(rest[:n]), 10, 64)
			if bucket[i], rest = v, rest[n+1:]; err != nil {
				ok = false
				break
			}
		}
		list = append(list, bucket)
		if len(rest) > 1 && rest[0] == ',' {
			rest = rest[1:]
		}
	}
	if ok && string(rest) == "]" {
		*b = list
		return nil
	}
	// For spaces, lists of other lengths and errors.
	return json.Unmarshal(text, (*[][2]uint64)(b))
}

// Schedule says how well the schedule of an open loop was kept over the measured time.
// A packet is late if its send began more than LateNs after it was due.
type Schedule struct {
	RatePPS float64 `json:"rate_pps"` // requested, of all senders together
	Spacing string  `json:"spacing"`  // "fixed" or "poisson"
	Sends   uint64  `json:"sends"`    // packets that were due, including those not sent by the end
	Late    uint64  `json:"late"`
	LateNs  int64   `json:"late_ns"`
	P50Ns   *uint64 `json:"p50_ns,omitempty"` // of the time sent minus the time due
	P99Ns   *uint64 `json:"p99_ns,omitempty"`
	MaxNs   uint64  `json:"max_ns"`
}
