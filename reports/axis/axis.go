// Package axis reads the names of scenarios: their mode, and a value for each axis
// that is not at its default.
package axis

import (
	"slices"
	"strings"

	"tunbench/reports/record"
)

// Order is the order of the axes that are columns of the CSV formats. Those that
// came later are in the names of scenarios only.
var Order = []string{
	"path", "dir", "gen", "io", "queues", "flows", "size", "vnet", "offload",
	"pi", "napi", "xdp", "steer", "qdisc", "txqlen", "sndbuf", "load", "cipher",
}

// axisRank is the place of an axis in a scenario's name. An axis that is not known
// comes last.
func axisRank(axis string) int {
	if i := slices.Index(record.Axes, axis); i >= 0 {
		return i
	}
	return len(record.Axes)
}

// Of gives the value of an axis of t, from its name where a file has no
// axes; "" where neither tells.
func Of(t *record.Trial, axis string) string {
	if v, ok := t.Axes[axis]; ok {
		return v
	}
	_, axes := Split(t.Scenario)
	for _, a := range axes {
		if v, ok := strings.CutPrefix(a, axis+"="); ok {
			return v
		}
	}
	return ""
}
