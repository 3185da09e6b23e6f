package metric

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// Gate is a metric that verdicts are given on, and how it is judged.
type Gate struct {
	Metric string
	Unit   string // of its values
	// Better is +1 where more is better and -1 where less is.
	Better int
	// Absolute is set where the change is a difference in Unit; elsewhere it is
	// a ratio.
	Absolute bool
	// Threshold is the smallest change that counts: in Unit if Absolute, else a
	// ratio. The interval of an equivalent metric lies within it.
	Threshold float64
	// Detectable is the smallest change that an A/A run detected on the host, in the
	// unit of Threshold; 0 where there is no A/A run. A change must be beyond both.
	Detectable float64
}

// Rule returns g as the rule of a test.
func (g Gate) Rule() stat.Rule {
	return stat.Rule{Name: g.Metric, Better: g.Better, Absolute: g.Absolute, Threshold: g.Threshold, Detectable: g.Detectable}
}

// Gates returns the metrics that t's scenario is judged on under the run's clock, in
// the order of reports, whether or not a trial has them.
//
// Latency is judged in an open loop only: in a closed loop it is the length of the
// queue that the load itself fills. Jain's index needs several queues. In virtual time,
// conversations and what else has no calls to count instructions in are judged by those
// of all threads.
func Gates(clock string, t *record.Trial) []Gate {
	if clock == record.ClockICount {
		if callGates := VirtualGates(); slices.ContainsFunc(callGates, func(g Gate) bool { _, ok := t.Metrics[g.Metric]; return ok }) {
			return callGates
		}
		return slices.Clone(threadGates)
	}
	queues, _ := strconv.Atoi(axis.Of(t, "queues"))
	return slices.DeleteFunc(RealGates(), func(g Gate) bool {
		switch g.Metric {
		case LatencyP50, LatencyP99:
			return !OpenLoop(t)
		case record.Jain:
			return queues < 2
		}
		return false
	})
}

// gates returns the gates of the kinds that keep accepts, in the order of the table.
func gates(keep func(Kind) bool) (list []Gate) {
	for _, k := range table {
		switch {
		case !keep(k):
		case k.Virtual > 0:
			k.Unit = Instructions
			list = append(list, k.gate(k.Virtual))
		default:
			list = append(list, k.gate(k.Threshold))
		}
	}
	return list
}

// inInstructions sets the unit of list, whose metrics are times, to that of virtual time.
func inInstructions(list []Gate) []Gate {
	for i := range list {
		list[i].Unit = Instructions
	}
	return list
}

var (
	realGates    = gates(func(k Kind) bool { return k.Threshold > 0 && !k.Searched })
	virtualGates = gates(func(k Kind) bool { return k.Virtual > 0 })
	threadGates  = inInstructions(gates(func(k Kind) bool { return k.Metric == record.CPUNsPerPkt }))
	rateGates    = gates(func(k Kind) bool { return k.Searched })
	allGates     = slices.Concat(realGates, virtualGates, rateGates)
)

// RealGates are the gates that trials measure in a run by a real clock, the headline
// first.
func RealGates() []Gate { return slices.Clone(realGates) }

// VirtualGates are the gates of packets in virtual time, where a nanosecond is one
// instruction, and rates and latencies mean nothing.
func VirtualGates() []Gate { return slices.Clone(virtualGates) }

// RateGates are the gates whose values a search finds: it leaves bounds, no samples.
func RateGates() []Gate { return slices.Clone(rateGates) }

// Ratios are the gates whose changes are ratios, in the order of reports.
func Ratios() []Gate {
	return slices.DeleteFunc(slices.Clone(allGates), func(g Gate) bool { return g.Absolute })
}

// Headline is the gate that represents a scenario as a whole.
func Headline(clock string) Gate {
	if clock == record.ClockICount {
		return virtualGates[0]
	}
	return realGates[0]
}

// GateOf returns the gate of a metric under a clock; false where no verdict is given
// on the metric.
func GateOf(clock, name string) (Gate, bool) {
	of := slices.Concat(realGates, rateGates)
	if clock == record.ClockICount {
		of = slices.Concat(virtualGates, threadGates)
	}
	i := slices.IndexFunc(of, func(g Gate) bool { return g.Metric == name })
	if i < 0 {
		return Gate{}, false
	}
	return of[i], true
}

// GateRank is the position of a metric in the order of reports; -1 where no verdict
// is given on the metric.
func GateRank(name string) int {
	return slices.IndexFunc(allGates, func(g Gate) bool { return g.Metric == name })
}

// OpenLoop reports whether the load of t's scenario follows a schedule.
func OpenLoop(t *record.Trial) bool {
	load := axis.Of(t, "load")
	return load != "" && load != "max"
}

// Value gives a metric of one trial, in the unit of its gate; false where
// the trial does not have it.
func Value(t *record.Trial, metric string) (float64, bool) {
	var q *uint64
	switch metric {
	case LatencyP50:
		l := t.Latency[record.E2E]
		q = l.Bounded(l.P50Ns)
	case LatencyP99:
		l := t.Latency[record.E2E]
		q = l.Bounded(l.P99Ns)
	default:
		v, ok := t.Metrics[metric]
		return v, ok
	}
	if q == nil {
		return 0, false
	}
	return float64(*q), true
}

// VirtualThreshold is the smallest change that counts in virtual time, as a
// ratio.
const VirtualThreshold = 0.005

// ThresholdMetrics are the metrics that have a threshold.
func ThresholdMetrics() []string {
	names := map[string]bool{}
	for _, g := range allGates {
		names[g.Metric] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// ParseThreshold reads a threshold such as `pps=5%`. Of a metric that is a ratio
// itself, such as loss, these are percentage points.
func ParseThreshold(s string) (metric string, threshold float64, err error) {
	metric, value, ok := strings.Cut(s, "=")
	if !ok {
		return "", 0, fmt.Errorf("%q: write metric=x%%, such as pps=5%%", s)
	}
	if !slices.Contains(ThresholdMetrics(), metric) {
		return "", 0, fmt.Errorf("%q: no verdict is given on %q: choose %s", s, metric, strings.Join(ThresholdMetrics(), ", "))
	}
	number, ok := strings.CutSuffix(value, "%")
	v, perr := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || perr != nil || !(v > 0) || math.IsInf(v, 0) || v >= 100 {
		return "", 0, fmt.Errorf("%q: %q is not a share above 0 and below 100 %%: write it like 5%% or 0.5%%", s, value)
	}
	return metric, v / 100, nil
}

// ParseThresholds reads the values of --threshold.
func ParseThresholds(list []string) (map[string]float64, error) {
	thresholds := map[string]float64{}
	for _, s := range list {
		metric, threshold, err := ParseThreshold(s)
		if err != nil {
			return nil, fmt.Errorf("--threshold %w", err)
		}
		thresholds[metric] = threshold
	}
	return thresholds, nil
}
