package reports

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// arm is the trials of a scenario with, or without, the observer.
type arm struct {
	all []*record.Trial
	// used are the trials that figures come from: the valid ones or, where
	// none is valid, all of them.
	used    []*record.Trial
	invalid bool // no trial is valid
}

// ofTCP gives a figure of the streams, median over the used trials of the arm.
func (a arm) ofTCP(value func(*record.TCP) float64) (float64, bool) {
	var x []float64
	for _, t := range a.used {
		if t.TCP != nil {
			x = append(x, value(t.TCP))
		}
	}
	sum, err := stat.Summarize(x)
	return sum.Median, err == nil
}

// congestion names the control algorithms of the trials.
func (a arm) congestion() string {
	names := map[string]bool{}
	for _, t := range a.all {
		if t.TCP != nil && t.TCP.Congestion != "" {
			names[t.TCP.Congestion] = true
		}
	}
	return cmp.Or(strings.Join(slices.Sorted(maps.Keys(names)), ", "), absent)
}

// metric summarizes a metric over the trials of the arm that have it; false if
// none has.
func (a arm) metric(name string) (stat.Summary, bool) {
	s, err := stat.Summarize(a.values(name))
	return s, err == nil
}

// flags counts the flags of all trials of the arm, in the order of their names.
func (a arm) flags() (names []string, counts map[string]int) {
	counts = map[string]int{}
	for _, t := range a.all {
		for _, f := range t.Flags {
			counts[f]++
		}
	}
	return slices.Sorted(maps.Keys(counts)), counts
}

// pool sums the histograms of one latency over the used trials of the arm;
// false if there is no sample in them.
func (a arm) pool(name string) (latency, bool) {
	var l latency
	n, sampled := 0, false
	for _, t := range a.used {
		n += len(t.Latency[name].Buckets)
	}
	all := make([][2]uint64, 0, n)
	for _, t := range a.used {
		one, ok := t.Latency[name]
		if !ok {
			continue
		}
		l.missed += one.Missed
		l.overflow += one.Overflow
		if len(one.Buckets) > 0 || one.Overflow > 0 {
			if !sampled || one.MinNs < l.min {
				l.min = one.MinNs
			}
			sampled = true
		}
		l.max = max(l.max, one.MaxNs)
		all = append(all, one.Buckets...)
	}
	slices.SortFunc(all, func(a, b [2]uint64) int { return cmp.Compare(a[0], b[0]) })
	l.buckets = all[:0] // a bucket is never ahead of those that it sums
	for _, b := range all {
		l.count += b[1]
		if last := len(l.buckets) - 1; last >= 0 && l.buckets[last][0] == b[0] {
			l.buckets[last][1] += b[1]
		} else {
			l.buckets = append(l.buckets, b)
		}
	}
	return l, l.count+l.overflow > 0
}

// interval gives that of a metric over the trials of the arm that have it. Trials
// that are not valid have no interval.
func (a arm) interval(metric string) (interval, bool) {
	x := a.values(metric)
	if s, err := stat.Summarize(x); a.invalid && err == nil {
		return interval{low: s.Min, high: s.Max}, s.N > 1
	}
	return intervalOf(x)
}

// values gives a metric, or a quantile that verdicts are given on, of the used
// trials that have it, in order.
func (a arm) values(name string) (x []float64) {
	for _, t := range a.used {
		if v, ok := GateValue(t, name); ok {
			x = append(x, v)
		}
	}
	return x
}

// callCost takes the medians over the used trials; false where no trial has
// both the time and its ratio to the floor.
func (a arm) callCost(f record.Floor) (callCost, bool) {
	var totals, floors, calls, ratios []float64
	for _, t := range a.used {
		total, ratio := t.Metrics[endOf(t).calls], t.Metrics[record.FloorRatio]
		floor := total / ratio
		if !(ratio >= 1) || !(total > 0) || !sane(total) || !sane(floor) {
			continue
		}
		totals, floors, ratios = append(totals, total), append(floors, floor), append(ratios, ratio)
		calls = append(calls, min(floor, f.SyscallNs/packetsPerCall(t)))
	}
	total, err := stat.Summarize(totals)
	if err != nil {
		return callCost{}, false
	}
	median := func(x []float64) float64 {
		s, _ := stat.Summarize(x) // as long as totals, and as finite
		return s.Median
	}
	c := callCost{total: total.Median, ratio: median(ratios)}
	c.syscall = min(max(0, median(calls)), c.total)
	c.copied = min(max(0, median(floors)-c.syscall), c.total-c.syscall)
	c.rest = c.total - c.syscall - c.copied
	return c, true
}

// quantileValues gives a quantile of each used trial that has it, in
// nanoseconds.
func (a arm) quantileValues(latency string, of func(record.Latency) *uint64) (x []float64) {
	for _, t := range a.used {
		if l, ok := t.Latency[latency]; ok {
			if q := l.Bounded(of(l)); q != nil {
				x = append(x, float64(*q))
			}
		}
	}
	return x
}

// metrics names the metrics that the used trials of the arm have.
func (a arm) metrics() []string {
	found := map[string]bool{}
	for _, t := range a.used {
		for name := range t.Metrics {
			found[name] = true
		}
	}
	return only(metricNames(), found)
}

// latencies names the latencies that the used trials of the arm have.
func (a arm) latencies() []string {
	found := map[string]bool{}
	for _, t := range a.used {
		for name := range t.Latency {
			found[name] = true
		}
	}
	return only(latencyNames, found)
}

// paced tells whether the trials of the arm are open loops.
func (a arm) paced() bool {
	return slices.ContainsFunc(a.used, func(t *record.Trial) bool { return t.Schedule != nil })
}

// schedule is false for an arm that is a closed loop.
func (a arm) schedule() (sum schedule, ok bool) {
	var rates, p99 []float64
	for _, t := range a.used {
		s := t.Schedule
		if s == nil {
			continue
		}
		rates = append(rates, s.RatePPS)
		sum.sends += s.Sends
		sum.late += s.Late
		sum.lateNs = max(sum.lateNs, s.LateNs)
		sum.max = max(sum.max, s.MaxNs)
		sum.trials++
		if s.P99Ns != nil {
			p99 = append(p99, float64(min(*s.P99Ns, s.MaxNs)))
		}
	}
	of, err := stat.Summarize(rates)
	if err != nil {
		return schedule{}, false
	}
	sum.rate = of.Median
	if of, err := stat.Summarize(p99); err == nil {
		sum.p99 = &of.Median
	}
	return sum, true
}

// direction gives a metric of one direction, median over the used trials.
func (a arm) direction(name, metric string) (float64, bool) {
	var x []float64
	for _, t := range a.used {
		if v, ok := t.Directions[name].Metrics[metric]; ok {
			x = append(x, v)
		}
	}
	sum, err := stat.Summarize(x)
	return sum.Median, err == nil
}

func newArm(trials []*record.Trial) arm {
	a := arm{all: trials}
	for _, t := range trials {
		if !t.Invalid() {
			a.used = append(a.used, t)
		}
	}
	if len(a.used) == 0 {
		a.used = trials
		a.invalid = len(trials) > 0
	}
	return a
}

// sameSize tells whether the bit rate of every trial is the packet rate times
// one constant, so that a test of both would be one test twice.
func sameSize(a, b arm) bool {
	ratio := 0.0
	for _, t := range slices.Concat(a.used, b.used) {
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

func countedFlags(names []string, counts map[string]int) string {
	var s string
	for i, n := range names {
		if i > 0 {
			s += ", "
		}
		s += n + " in " + strconv.Itoa(counts[n])
	}
	return s
}

func share(a arm, has func(*record.Trial) bool) float64 {
	n := 0
	for _, t := range a.all {
		if has(t) {
			n++
		}
	}
	return float64(n) / float64(max(1, len(a.all)))
}
