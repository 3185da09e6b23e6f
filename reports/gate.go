package reports

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// Names of the quantiles of latency that verdicts are given on: those of e2e,
// in nanoseconds.
const (
	LatencyP50 = "p50"
	LatencyP99 = "p99"
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

// rule is how g is judged.
func (g Gate) rule() stat.Rule {
	return stat.Rule{Name: g.Metric, Better: g.Better, Absolute: g.Absolute, Threshold: g.Threshold, Seen: g.Seen}
}

// coarsestSight is how many times the threshold of a metric an A/A run may need
// to see a change of it: one that needs more was made on a disturbed host, and
// says nothing about others.
const coarsestSight = 3

// SightLimit is the coarsest that an A/A run may see a metric and still be used,
// in the unit of its threshold; false where no verdict is given on the metric.
func SightLimit(metric string) (float64, bool) {
	all := slices.Concat(gates, virtualGates, rateGates)
	i := slices.IndexFunc(all, func(g Gate) bool { return g.Metric == metric })
	if i < 0 {
		return 0, false
	}
	return coarsestSight * all[i].Threshold, true
}

// SightRefusal says why an A/A run that could see such a change of metric is not
// used; "" where it is.
func SightRefusal(metric string, seen float64) string {
	if usableSight(metric, seen) {
		return ""
	}
	limit, _ := SightLimit(metric)
	spell := func(v float64) string { return thresholdText(record.Verdict{Metric: metric, Threshold: v}) }
	return fmt.Sprintf("it can see a change of %s only from %s on, and %d times the threshold are %s", metric, spell(seen), coarsestSight, spell(limit))
}

// usableSight reports whether an A/A run that could see such a change of metric is
// used. What has no limit is.
func usableSight(metric string, seen float64) bool {
	limit, judged := SightLimit(metric)
	return !judged || seen <= limit
}

// gates are the metrics of a run by a real clock, the headline first.
var gates = []Gate{
	{record.PPS, "packets/s", +1, false, 0.03, 0},
	{record.BitPerS, "bit/s", +1, false, 0.03, 0},
	{record.Loss, "ratio", -1, true, 0.001, 0},
	{record.CPUNsPerPkt, "ns", -1, false, 0.03, 0},
	{LatencyP50, "ns", -1, false, 0.05, 0},
	{LatencyP99, "ns", -1, false, 0.10, 0},
	{record.Jain, "ratio", +1, true, 0.02, 0},
}

// virtualGates are those of a run in virtual time, where a nanosecond is an
// instruction, and rates and latencies mean nothing.
var virtualGates = []Gate{
	{record.SendNsPerPkt, "instructions", -1, false, virtualThreshold, 0},
	{record.RecvNsPerPkt, "instructions", -1, false, virtualThreshold, 0},
}

// rateGates are found by a search, which leaves bounds and no samples.
var rateGates = []Gate{
	{record.NDRPPS, "packets/s", +1, false, 0.03, 0},
	{record.PDRPPS, "packets/s", +1, false, 0.03, 0},
}

// Gates gives the metrics that t's scenario is judged on, in the order of
// reports. clock is that of the run. A metric that no trial has is among them
// all the same.
//
// Latency is judged in an open loop only: in a closed one it is the length of
// the queue that the load itself fills. Jain's index needs several queues.
func Gates(clock string, t *record.Trial) []Gate {
	if clock == virtualClock {
		return slices.Clone(virtualGates)
	}
	queues, _ := strconv.Atoi(axisOf(t, "queues"))
	return slices.DeleteFunc(slices.Clone(gates), func(g Gate) bool {
		switch g.Metric {
		case LatencyP50, LatencyP99:
			return !openLoop(t)
		case record.Jain:
			return queues < 2
		}
		return false
	})
}

// GatesFor gives the metrics on which a pair of trials is judged: those of
// Gates, with the thresholds and the sight of the host that o asks for. The bit rate
// is left out where it is the packet rate times one constant, so that a test of
// both would be one test twice.
func GatesFor(clock string, a, b *record.Trial, o CompareOptions) []Gate {
	proportional := sameSize(newArm([]*record.Trial{a}), newArm([]*record.Trial{b}))
	gates := slices.DeleteFunc(Gates(clock, a), func(g Gate) bool {
		return g.Metric == record.BitPerS && proportional
	})
	for i := range gates {
		gates[i] = o.held(gates[i])
	}
	return gates
}

// openLoop tells whether the load of t's scenario follows a schedule.
func openLoop(t *record.Trial) bool {
	load := axisOf(t, "load")
	return load != "" && load != "max"
}

// axisOf gives the value of an axis of t, from its name where a file has no
// axes; "" where neither tells.
func axisOf(t *record.Trial, axis string) string {
	if v, ok := t.Axes[axis]; ok {
		return v
	}
	_, axes := split(t.Scenario)
	for _, a := range axes {
		if v, ok := strings.CutPrefix(a, axis+"="); ok {
			return v
		}
	}
	return ""
}

// GateValue gives a metric of one trial, in the unit of its gate; false where
// the trial does not have it.
func GateValue(t *record.Trial, metric string) (float64, bool) {
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

// ThresholdMetrics are the metrics that have a threshold.
func ThresholdMetrics() []string {
	names := map[string]bool{}
	for _, g := range slices.Concat(gates, virtualGates, rateGates) {
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

// Fields of a run in which two must agree to be compared, as --allow names
// them.
const (
	AllowCPU    = "cpu"
	AllowHook   = "hook"
	AllowTool   = "tool"
	AllowClock  = "clock"
	AllowDevice = "device"
)

// AllowFields are all of them.
var AllowFields = []string{AllowCPU, AllowHook, AllowTool, AllowClock, AllowDevice}

// AllowMissing is what --allow takes beside them: scenarios that the new side does
// not have.
const AllowMissing = "missing"

// AllowValues are all that --allow takes.
var AllowValues = append(slices.Clone(AllowFields), AllowMissing)

// CheckAllow refuses what --allow does not take.
func CheckAllow(allow []string) error {
	for _, a := range allow {
		if !slices.Contains(AllowValues, a) {
			return fmt.Errorf("--allow %q: choose %s", a, strings.Join(AllowValues, ", "))
		}
	}
	return nil
}

// difference is a field in which two runs do not agree.
type difference struct {
	field string // one of AllowFields
	text  string
}

// note tells the difference, and how to compare all the same.
func (d difference) note() string { return d.text + " (--allow " + d.field + ")" }

// differencesOf names what keeps every figure of two runs from being held
// against each other. Another kernel is no such difference: it is what people
// compare.
func differencesOf(base, next *record.Run) (d []difference) {
	for _, fact := range hostFacts {
		if a, b := fact.of(base), fact.of(next); fact.field != "" && a != b {
			d = append(d, difference{fact.field, fmt.Sprintf("%s differs: %s, %s", fact.name, cmp.Or(a, "not known"), cmp.Or(b, "not known"))})
		}
	}
	return d
}

func toolOf(r *record.Run) string {
	return strings.Join(nonEmpty(r.Tool.Version, r.Tool.Commit, r.Tool.Go), ", ")
}

// deviceDifferences names what came out different when the device of one
// scenario was built twice. Of the features only those count that change what
// a packet is on its way; names of others come and go with kernels.
func deviceDifferences(a, b *record.Device) (why []string) {
	differs := func(what string, x, y any) {
		if fmt.Sprint(x) != fmt.Sprint(y) {
			why = append(why, fmt.Sprintf("the device differs in %s: %v, %v", what, x, y))
		}
	}
	differs("flags", strings.Join(slices.Sorted(slices.Values(a.Flags)), " "), strings.Join(slices.Sorted(slices.Values(b.Flags)), " "))
	differs("virtio-net header", a.VnetHdrSz, b.VnetHdrSz)
	differs("offloads", strings.Join(carrying(a.Offloads), " "), strings.Join(carrying(b.Offloads), " "))
	differs("qdisc", a.Qdisc, b.Qdisc)
	differs("txqlen", a.TxQLen, b.TxQLen)
	differs("MTU", a.MTU, b.MTU)
	return why
}
