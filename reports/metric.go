package reports

import (
	"maps"
	"slices"

	"tunbench/reports/record"
)

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
	for _, k := range metricKinds {
		names = append(names, k.metric)
	}
	return names
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
