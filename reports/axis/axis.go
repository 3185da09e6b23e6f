// Package axis reads the names of scenarios: their mode, and a value for each axis
// that is not at its default.
package axis

import (
	"slices"
	"strings"

	"tunbench/reports/record"
)

// Order is the order of the axes in a scenario's name, of those that are
// columns of the CSV formats, and laterAxes of those behind them. Axes that neither
// knows come last.
var Order = []string{
	"path", "dir", "gen", "io", "queues", "flows", "size", "vnet", "offload",
	"pi", "napi", "xdp", "steer", "qdisc", "txqlen", "sndbuf", "load", "cipher",
}

var laterAxes = []string{"ip", "bypass", "spacing", "pause", "filter", "event"}

func axisRank(axis string) int {
	if i := slices.Index(Order, axis); i >= 0 {
		return i
	}
	if i := slices.Index(laterAxes, axis); i >= 0 {
		return len(Order) + i
	}
	return len(Order) + len(laterAxes)
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
