// Package axis reads the names of scenarios: their mode, and a value for each axis
// that is not at its default.
package axis

import (
	"slices"
	"strings"

	"tunbench/reports/record"
)

// Apart gives the axes of t whose values differ from those of other.
func Apart(t, other *record.Trial) string {
	var own []string
	for _, name := range record.Axes {
		if v := Of(t, name); v != "" && v != Of(other, name) {
			own = append(own, name+"="+v)
		}
	}
	if len(own) == 0 {
		return AtDefaults
	}
	return strings.Join(own, " ")
}

// rank is the position of an axis in a scenario's name. An unknown axis comes
// last.
func rank(axis string) int {
	if i := slices.Index(record.Axes, axis); i >= 0 {
		return i
	}
	return len(record.Axes)
}

// Of returns the value of an axis of t, read from the scenario's name where the
// record has no axes. It is "" where neither has the axis: at its default.
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
