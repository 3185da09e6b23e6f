package figure

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// Arm holds the trials of a scenario with, or without, the observer.
type Arm struct {
	All []*record.Trial
	// Used are the valid trials: figures are computed from these alone.
	Used    []*record.Trial
	Invalid bool // there are trials, and none is valid
}

// OfTCP gives a figure of the TCP streams: the median over the used trials that have
// it.
func (a Arm) OfTCP(value func(*record.TCP) float64) (float64, bool) {
	var x []float64
	for _, t := range a.Used {
		if t.TCP != nil {
			x = append(x, value(t.TCP))
		}
	}
	sum, err := stat.Summarize(x)
	return sum.Median, err == nil
}

// Congestion names the control algorithms of the trials.
func (a Arm) Congestion() string {
	names := map[string]bool{}
	for _, t := range a.All {
		if t.TCP != nil && t.TCP.Congestion != "" {
			names[t.TCP.Congestion] = true
		}
	}
	return cmp.Or(strings.Join(slices.Sorted(maps.Keys(names)), ", "), text.Absent)
}

// Metric summarizes a metric over the trials of the arm that have it; false if
// none has.
func (a Arm) Metric(name string) (stat.Summary, bool) {
	s, err := stat.Summarize(a.Values(name))
	return s, err == nil
}

// Flags counts the flags of all trials of the arm, in the order of their names.
func (a Arm) Flags() (names []string, counts map[string]int) {
	counts = map[string]int{}
	for _, t := range a.All {
		for _, f := range t.Flags {
			counts[f]++
		}
	}
	return slices.Sorted(maps.Keys(counts)), counts
}

// Pool sums the histograms of one latency over the used trials of the arm;
// false if there is no sample in them.
func (a Arm) Pool(name string) (Latency, bool) {
	var l Latency
	n, sampled := 0, false
	for _, t := range a.Used {
		n += len(t.Latency[name].Buckets)
	}
	all := make([][2]uint64, 0, n)
	for _, t := range a.Used {
		one, ok := t.Latency[name]
		if !ok {
			continue
		}
		l.Missed += one.Missed
		l.Overflow += one.Overflow
		if len(one.Buckets) > 0 || one.Overflow > 0 {
			if !sampled || one.MinNs < l.Min {
				l.Min = one.MinNs
			}
			sampled = true
		}
		l.Max = max(l.Max, one.MaxNs)
		all = append(all, one.Buckets...)
	}
	slices.SortFunc(all, func(a, b [2]uint64) int { return cmp.Compare(a[0], b[0]) })
	l.Buckets = all[:0] // in place: the sums are never ahead of the buckets they are of
	for _, b := range all {
		l.Count += b[1]
		if last := len(l.Buckets) - 1; last >= 0 && l.Buckets[last][0] == b[0] {
			l.Buckets[last][1] += b[1]
		} else {
			l.Buckets = append(l.Buckets, b)
		}
	}
	l.Buckets = slices.Clone(l.Buckets) // those of all trials are let go
	return l, l.Count+l.Overflow > 0
}

// Interval gives the interval of a metric over the valid trials of the arm that have it.
func (a Arm) Interval(metric string) (Interval, bool) { return IntervalOf(a.Values(metric)) }

// Values gives a metric, or a quantile that verdicts are given on, of the used
// trials that have it, in order.
func (a Arm) Values(name string) (x []float64) {
	for _, t := range a.Used {
		if v, ok := metric.Value(t, name); ok {
			x = append(x, v)
		}
	}
	return x
}

// CallCost takes the medians over the used trials; false where no trial has
// both the time and its ratio to the floor.
func (a Arm) CallCost(f record.Floor) (CallCost, bool) {
	var totals, floors, calls, ratios []float64
	for _, t := range a.Used {
		total, ratio := t.Metrics[endOf(t).calls], t.Metrics[record.FloorRatio]
		floor := total / ratio
		if !(ratio >= 1) || !(total > 0) || !Sane(total) || !Sane(floor) {
			continue
		}
		totals, floors, ratios = append(totals, total), append(floors, floor), append(ratios, ratio)
		calls = append(calls, min(floor, f.SyscallNs/packetsPerCall(t)))
	}
	total, err := stat.Summarize(totals)
	if err != nil {
		return CallCost{}, false
	}
	median := func(x []float64) float64 {
		s, _ := stat.Summarize(x) // as long as totals, and as finite
		return s.Median
	}
	c := CallCost{Total: total.Median, Ratio: median(ratios)}
	c.Syscall = min(max(0, median(calls)), c.Total)
	c.Copied = min(max(0, median(floors)-c.Syscall), c.Total-c.Syscall)
	c.Rest = c.Total - c.Syscall - c.Copied
	return c, true
}

// QuantileValues gives a quantile of each used trial that has it, in
// nanoseconds.
func (a Arm) QuantileValues(latency string, of func(record.Latency) *uint64) (x []float64) {
	for _, t := range a.Used {
		if l, ok := t.Latency[latency]; ok {
			if q := l.Bounded(of(l)); q != nil {
				x = append(x, float64(*q))
			}
		}
	}
	return x
}

// Metrics names the metrics that the used trials of the arm have.
func (a Arm) Metrics() []string {
	found := map[string]bool{}
	for _, t := range a.Used {
		for name := range t.Metrics {
			found[name] = true
		}
	}
	return metric.Only(metric.Names(), found)
}

// Latencies names the latencies that the used trials of the arm have.
func (a Arm) Latencies() []string {
	found := map[string]bool{}
	for _, t := range a.Used {
		for name := range t.Latency {
			found[name] = true
		}
	}
	return metric.Only(metric.LatencyNames, found)
}

// Paced reports whether the trials of the arm are open loops.
func (a Arm) Paced() bool {
	return slices.ContainsFunc(a.All, func(t *record.Trial) bool { return t.Schedule != nil })
}

// Schedule is false for an arm that is a closed loop.
func (a Arm) Schedule() (sum schedule, ok bool) {
	var rates, p99 []float64
	for _, t := range a.Used {
		s := t.Schedule
		if s == nil {
			continue
		}
		rates = append(rates, s.RatePPS)
		sum.Sends += s.Sends
		sum.Late += s.Late
		sum.LateNs = max(sum.LateNs, s.LateNs)
		sum.Max = max(sum.Max, s.MaxNs)
		sum.Trials++
		if s.P99Ns != nil {
			p99 = append(p99, float64(min(*s.P99Ns, s.MaxNs)))
		}
	}
	of, err := stat.Summarize(rates)
	if err != nil {
		return schedule{}, false
	}
	sum.Rate = of.Median
	if of, err := stat.Summarize(p99); err == nil {
		sum.P99 = &of.Median
	}
	return sum, true
}

// Direction gives a metric of one direction, median over the used trials.
func (a Arm) Direction(name, metric string) (float64, bool) {
	var x []float64
	for _, t := range a.Used {
		if v, ok := t.Directions[name].Metrics[metric]; ok {
			x = append(x, v)
		}
	}
	sum, err := stat.Summarize(x)
	return sum.Median, err == nil
}

// OrInvalid is the arm with all its trials as used where none is valid: for a place that
// says beside the figure that no trial is valid.
func (a Arm) OrInvalid() Arm {
	if a.Invalid {
		a.Used = a.All
	}
	return a
}

func NewArm(trials []*record.Trial) Arm {
	a := Arm{All: trials}
	for _, t := range trials {
		if !t.Invalid() {
			a.Used = append(a.Used, t)
		}
	}
	a.Invalid = len(trials) > 0 && len(a.Used) == 0
	return a
}

// SameSize reports whether the bit rate of every trial is the packet rate times one
// constant: a test of both would be the same test twice.
func SameSize(a, b Arm) bool {
	ratio := 0.0
	for _, t := range slices.Concat(a.Used, b.Used) {
		pps, bits := t.Metrics[record.PPS], t.Metrics[record.BitPerS]
		if pps <= 0 || bits <= 0 {
			continue
		}
		if r := bits / pps; ratio == 0 {
			ratio = r
		} else if math.Abs(r/ratio-1) > 1e-6 {
			return false
		}
	}
	return true
}

func CountedFlags(names []string, counts map[string]int) string {
	var s string
	for i, n := range names {
		if i > 0 {
			s += ", "
		}
		s += n + " in " + strconv.Itoa(counts[n])
	}
	return s
}

func share(a Arm, has func(*record.Trial) bool) float64 {
	n := 0
	for _, t := range a.All {
		if has(t) {
			n++
		}
	}
	return float64(n) / float64(max(1, len(a.All)))
}
