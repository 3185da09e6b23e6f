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
	if clock == VirtualClock {
		return slices.Clone(VirtualGates)
	}
	queues, _ := strconv.Atoi(axis.Of(t, "queues"))
	return slices.DeleteFunc(slices.Clone(RealGates), func(g Gate) bool {
		switch g.Metric {
		case LatencyP50, LatencyP99:
			return !OpenLoop(t)
		case record.Jain:
			return queues < 2
		}
		return false
	})
}

// RealGates are the metrics of a run by a real clock, the headline first.
var RealGates = []Gate{
	{record.PPS, "packets/s", +1, false, 0.03, 0},
	{record.BitPerS, "bit/s", +1, false, 0.03, 0},
	{record.Loss, "ratio", -1, true, 0.001, 0},
	{record.CPUNsPerPkt, "ns", -1, false, 0.03, 0},
	{LatencyP50, "ns", -1, false, 0.05, 0},
	{LatencyP99, "ns", -1, false, 0.10, 0},
	{record.Jain, "ratio", +1, true, 0.02, 0},
}

// VirtualGates are those of a run in virtual time, where a nanosecond is an
// instruction, and rates and latencies mean nothing.
var VirtualGates = []Gate{
	{record.SendNsPerPkt, "instructions", -1, false, VirtualThreshold, 0},
	{record.RecvNsPerPkt, "instructions", -1, false, VirtualThreshold, 0},
}

// RateGates are found by a search, which leaves bounds and no samples.
var RateGates = []Gate{
	{record.NDRPPS, "packets/s", +1, false, 0.03, 0},
	{record.PDRPPS, "packets/s", +1, false, 0.03, 0},
}

func GateOf(clock, metric string) (Gate, bool) {
	of := slices.Concat(RealGates, RateGates)
	if clock == VirtualClock {
		of = VirtualGates
	}
	i := slices.IndexFunc(of, func(g Gate) bool { return g.Metric == metric })
	if i < 0 {
		return Gate{}, false
	}
	return of[i], true
}

func GateRank(metric string) int {
	return slices.IndexFunc(slices.Concat(RealGates, VirtualGates, RateGates), func(g Gate) bool { return g.Metric == metric })
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

// VirtualClock is the clock of a run under which one nanosecond is one
// instruction of the guest.
const VirtualClock = record.ClockICount

// VirtualThreshold is the smallest change that counts in virtual time, as a
// ratio.
const VirtualThreshold = 0.005

// ThresholdMetrics are the metrics that have a threshold.
func ThresholdMetrics() []string {
	names := map[string]bool{}
	for _, g := range slices.Concat(RealGates, VirtualGates, RateGates) {
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
