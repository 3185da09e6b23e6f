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

// Gate is a metric that verdicts are given on.
type Gate struct {
	Metric string
	Unit   string // of its values
	// Better is +1 where more is better and -1 where less is.
	Better int
	// Absolute is set where the change is a difference in Unit; elsewhere it is
	// a ratio.
	Absolute bool
	// Threshold is the smallest change that counts: in Unit if Absolute, else a
	// ratio. What is equivalent lies within it.
	Threshold float64
	// Seen is what an A/A run says that the host can show, in the unit of
	// Threshold; 0 where none does. A change must be beyond it, too.
	Seen float64
}

// Rule is how g is judged.
func (g Gate) Rule() stat.Rule {
	return stat.Rule{Name: g.Metric, Better: g.Better, Absolute: g.Absolute, Threshold: g.Threshold, Seen: g.Seen}
}

// Gates gives the metrics that t's scenario is judged on, in the order of
// reports. clock is that of the run. A metric that no trial has is among them
// all the same.
//
// Latency is judged in an open loop only: in a closed one it is the length of
// the queue that the load itself fills. Jain's index needs several queues.
func Gates(clock string, t *record.Trial) []Gate {
	if clock == record.ClockICount {
		return VirtualGates()
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

// gates are those of the kinds that are such, in the order of the table.
func gates(are func(Kind) bool) (list []Gate) {
	for _, k := range table {
		switch {
		case !are(k):
		case k.Virtual > 0:
			k.Unit = Instructions
			list = append(list, k.gate(k.Virtual))
		default:
			list = append(list, k.gate(k.Threshold))
		}
	}
	return list
}

var (
	realGates    = gates(func(k Kind) bool { return k.Threshold > 0 && !k.Searched })
	virtualGates = gates(func(k Kind) bool { return k.Virtual > 0 })
	rateGates    = gates(func(k Kind) bool { return k.Searched })
	allGates     = slices.Concat(realGates, virtualGates, rateGates)
)

// RealGates are the metrics of a run by a real clock that trials measure, the headline
// first.
func RealGates() []Gate { return slices.Clone(realGates) }

// VirtualGates are those of a run in virtual time, where a nanosecond is an
// instruction, and rates and latencies mean nothing.
func VirtualGates() []Gate { return slices.Clone(virtualGates) }

// RateGates are found by a search, which leaves bounds and no samples.
func RateGates() []Gate { return slices.Clone(rateGates) }

// Ratios are the gates whose changes are ratios, in the order of reports.
func Ratios() []Gate {
	return slices.DeleteFunc(slices.Clone(allGates), func(g Gate) bool { return g.Absolute })
}

// Headline is the gate that stands for a scenario as a whole.
func Headline(clock string) Gate {
	if clock == record.ClockICount {
		return virtualGates[0]
	}
	return realGates[0]
}

// GateOf gives the gate of a metric under a clock; false where no verdict is given on
// it.
func GateOf(clock, name string) (Gate, bool) {
	of := slices.Concat(realGates, rateGates)
	if clock == record.ClockICount {
		of = virtualGates
	}
	i := slices.IndexFunc(of, func(g Gate) bool { return g.Metric == name })
	if i < 0 {
		return Gate{}, false
	}
	return of[i], true
}

// GateRank is the place of a metric in the order of reports; -1 where no verdict is
// given on it.
func GateRank(name string) int {
	return slices.IndexFunc(allGates, func(g Gate) bool { return g.Metric == name })
}

// OpenLoop tells whether the load of t's scenario follows a schedule.
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

// ParseThreshold reads a threshold such as `pps=5%`. The per cent of a metric
// that is a ratio itself, such as loss, are points of it.
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
