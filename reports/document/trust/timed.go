package trust

import (
	"maps"
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
)

// PartlyTimed are the scenarios of list whose reader is timed in the calls alone that
// return packets without a wait. All others count the whole CPU time of the reader, so the
// two are not compared; where all are alike, none is left out.
func PartlyTimed(list []*figure.Scenario) map[*figure.Scenario]bool {
	partly, readers := map[*figure.Scenario]bool{}, 0
	for _, s := range list {
		if s.UserWrites() {
			continue
		}
		readers++
		switch engineOf(s) {
		case "poll", "spin", "uring":
			partly[s] = true
		}
	}
	if len(partly) == readers {
		return nil
	}
	return partly
}

// engineOf is how s drives its descriptor.
func engineOf(s *figure.Scenario) string { return axis.Of(s.Head().All[0], "io") }

// Engines names the engines of some scenarios.
func Engines(of map[*figure.Scenario]bool) (names []prose.Piece) {
	engines := map[string]bool{}
	for s := range of {
		engines[engineOf(s)] = true
	}
	for _, name := range slices.Sorted(maps.Keys(engines)) {
		names = append(names, prose.Mono("io="+name))
	}
	return names
}
