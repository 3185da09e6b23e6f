package reports

import (
	"maps"
	"slices"

	"tunbench/reports/record"
)

// metric is a figure of a trial, by its name in the record.
type metric struct {
	name string
	unit string // of its values; under the icount clock a nanosecond is an instruction
	// better is +1 where more is better, -1 where less is, and 0 where neither.
	better int
}

// metrics are all that trials have, the headline first.
var metrics = []metric{
	{record.PPS, "packets/s", +1},
	{record.SKBPS, "skbs/s", 0},
	{record.BitPerS, "bit/s", +1},
	{record.Loss, "ratio", -1},
	{record.CPUNsPerPkt, "ns", -1},
	{record.SendNsPerPkt, "ns", -1},
	{record.RecvNsPerPkt, "ns", -1},
	{record.SyscallsPerPkt, "ratio", 0},
	{record.FloorRatio, "ratio", -1},
	{record.OfferedPPS, "packets/s", 0},
	{record.TPS, "transactions/s", +1},
	{record.GoodputBitPerS, "bit/s", +1},
	{record.Retransmits, "ratio", -1},
	{record.Jain, "ratio", +1},
	{record.QueueImbalance, "ratio", -1},
	{record.FlowConsistency, "ratio", +1},
	{record.Steal, "ratio", -1},
}

// latencyNames are all latencies that trials have.
var latencyNames = []string{record.E2E, record.Service, record.RTT, record.Residency}

// known gives the names of all known things, and after them, sorted, the others
// that were found: a file may hold what this tunbench has never heard of.
func known(names []string, found map[string]bool) []string {
	all := slices.Clone(names)
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if !slices.Contains(names, name) {
			all = append(all, name)
		}
	}
	return all
}

// only gives those of names that were found, in the order of names.
func only(names []string, found map[string]bool) []string {
	return slices.DeleteFunc(known(names, found), func(name string) bool { return !found[name] })
}

func metricNames() (names []string) {
	for _, m := range metrics {
		names = append(names, m.name)
	}
	return names
}

// metricOf describes the metric of that name; one that is not known has no unit.
func metricOf(name string) metric {
	for _, m := range metrics {
		if m.name == name {
			return m
		}
	}
	return metric{name: name}
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
