// Package watched sums up what a device did while it was watched.
package watched

import (
	"cmp"
	"math"
	"slices"

	"tunbench/reports/figure"
	"tunbench/reports/live"
	"tunbench/reports/record"
)

// Sum sums up the intervals in which a device was watched. Its size does not grow with
// their number.
type Sum struct {
	Device      live.Device // as it was last
	Hook        string
	Unobserved  string
	SampleEvery int // the largest
	Begun       int64
	Ended       int64 // ns since 1970
	Observed    int64 // ns of all intervals
	Counters    live.Counters
	Queues      []live.Queue // without times
	GSO         []live.GSO
	Dropped     map[string]uint64
	RecvDropped map[string]uint64
	Errors      *live.CallErrors
	Residency   figure.Latency
	Deepest     uint64
	Missed      uint64
	Cost        *live.Cost
	Points      []Point
	each        int // intervals that a point stands for
}

// Point is what happened in one interval, or in several of a long session. NaN is not
// known.
type Point struct {
	Seconds   float64 // at its end, since the first interval began
	ns        int64
	intervals int
	Read      float64 // packets a second
	Received  float64
	Dropped   float64 // both ways
	P50, P99  float64 // of residency, ns
	ByQueue   []float64
}

// MostPoints is how many a session has at most: two neighbours become one when there
// would be more.
const MostPoints = 600

// Add adds an interval.
func (s *Sum) Add(w live.Watch) {
	if s.Begun == 0 {
		s.Begun = w.TNs - w.IntervalNs
		s.Dropped, s.RecvDropped = map[string]uint64{}, map[string]uint64{}
	}
	s.Device, s.Hook, s.Unobserved, s.Ended = w.Device, cmp.Or(w.Hook, s.Hook), w.Unobserved, w.TNs
	s.SampleEvery = max(s.SampleEvery, w.SampleEvery)
	s.Observed += w.IntervalNs
	s.Counters = plus(s.Counters, w.Counters)
	s.addQueues(w.Queues)
	for _, g := range w.GSO {
		i := slices.IndexFunc(s.GSO, func(h live.GSO) bool { return h.Dir == g.Dir && h.Type == g.Type })
		if i < 0 {
			s.GSO = append(s.GSO, g)
			continue
		}
		s.GSO[i].SKBs += g.SKBs
		s.GSO[i].Pkts += g.Pkts
	}
	addCounts(s.Dropped, w.Dropped)
	addCounts(s.RecvDropped, w.RecvDropped)
	if w.Errors != nil {
		if s.Errors == nil {
			s.Errors = &live.CallErrors{Read: map[string]uint64{}, Write: map[string]uint64{}}
		}
		addCounts(s.Errors.Read, w.Errors.Read)
		addCounts(s.Errors.Write, w.Errors.Write)
	}
	s.Residency.Add(w.Latency[record.Residency])
	s.Missed += w.Missed
	s.Cost = cmp.Or(w.Cost, s.Cost)
	s.addPoint(pointOf(w, s.Begun))
}

// Intervals is how many were added.
func (s *Sum) Intervals() (n int) {
	for _, p := range s.Points {
		n += p.intervals
	}
	return n
}

func (s *Sum) addQueues(list []live.Queue) {
	for _, q := range list {
		for len(s.Queues) <= q.Queue.Queue {
			s.Queues = append(s.Queues, live.Queue{Queue: record.Queue{Queue: len(s.Queues)}})
		}
		t := &s.Queues[q.Queue.Queue]
		t.XmitPkts += q.XmitPkts
		t.XmitBytes += q.XmitBytes
		t.XmitSKBs += q.XmitSKBs
		t.ReadPkts += q.ReadPkts
		t.ReadBytes += q.ReadBytes
		t.ReadSKBs += q.ReadSKBs
		t.DropPkts += q.DropPkts
		t.RecvPkts += q.RecvPkts
		t.RecvBytes += q.RecvBytes
		t.RecvSKBs += q.RecvSKBs
		if q.ReadCalls != nil {
			if t.ReadCalls == nil {
				t.ReadCalls = new(uint64)
			}
			*t.ReadCalls += *q.ReadCalls
		}
		if q.Depth != nil {
			s.Deepest = max(s.Deepest, q.Depth.Max)
		}
	}
}

func (s *Sum) addPoint(p Point) {
	s.each = max(s.each, 1)
	if n := len(s.Points); n > 0 && s.Points[n-1].intervals < s.each {
		// The last point does not stand for as many intervals as others do.
		s.Points[n-1] = joined(s.Points[n-1], p)
	} else {
		s.Points = append(s.Points, p)
	}
	if len(s.Points) <= MostPoints {
		return
	}
	half := s.Points[:0]
	for pair := range slices.Chunk(slices.Clone(s.Points), 2) {
		if len(pair) == 2 {
			half = append(half, joined(pair[0], pair[1]))
		} else {
			half = append(half, pair[0])
		}
	}
	s.Points, s.each = half, 2*s.each
}

func pointOf(w live.Watch, begun int64) Point {
	p := Point{Seconds: float64(w.TNs-begun) / 1e9, ns: w.IntervalNs, intervals: 1, P50: math.NaN(), P99: math.NaN()}
	per := func(n uint64) float64 {
		if w.IntervalNs <= 0 {
			return 0
		}
		return float64(n) * 1e9 / float64(w.IntervalNs)
	}
	for _, q := range w.Queues {
		p.Read += per(q.ReadPkts)
		p.Received += per(q.RecvPkts)
		p.ByQueue = append(p.ByQueue, per(q.ReadPkts+q.RecvPkts))
	}
	if w.Unobserved != "" {
		p.Read, p.Received = per(w.Counters.TxPackets), per(w.Counters.RxPackets)
		p.Dropped = per(w.Counters.TxDropped + w.Counters.RxDropped)
	}
	p.Dropped += per(figure.Sum(w.Dropped) + figure.Sum(w.RecvDropped))
	l := w.Latency[record.Residency]
	if l.P50Ns != nil {
		p.P50 = float64(*l.P50Ns)
	}
	if l.P99Ns != nil {
		p.P99 = float64(*l.P99Ns)
	}
	return p
}

// joined is the mean of two points, by their length; of quantiles the larger.
func joined(a, b Point) Point {
	mean := func(x, y float64) float64 {
		return (x*float64(a.ns) + y*float64(b.ns)) / float64(max(a.ns+b.ns, 1))
	}
	larger := func(x, y float64) float64 {
		if math.IsNaN(x) || y > x {
			return y
		}
		return x
	}
	p := Point{
		Seconds: b.Seconds, ns: a.ns + b.ns, intervals: a.intervals + b.intervals,
		Read: mean(a.Read, b.Read), Received: mean(a.Received, b.Received), Dropped: mean(a.Dropped, b.Dropped),
		P50: larger(a.P50, b.P50), P99: larger(a.P99, b.P99),
	}
	for i := range max(len(a.ByQueue), len(b.ByQueue)) {
		at := func(list []float64) float64 {
			if i < len(list) {
				return list[i]
			}
			return 0
		}
		p.ByQueue = append(p.ByQueue, mean(at(a.ByQueue), at(b.ByQueue)))
	}
	return p
}

func plus(a, b live.Counters) live.Counters {
	return live.Counters{
		RxPackets: a.RxPackets + b.RxPackets, RxBytes: a.RxBytes + b.RxBytes, RxErrors: a.RxErrors + b.RxErrors, RxDropped: a.RxDropped + b.RxDropped,
		TxPackets: a.TxPackets + b.TxPackets, TxBytes: a.TxBytes + b.TxBytes, TxErrors: a.TxErrors + b.TxErrors, TxDropped: a.TxDropped + b.TxDropped,
	}
}

func addCounts(sum, more map[string]uint64) {
	for name, n := range more {
		sum[name] += n
	}
}
