package suite

import (
	"slices"

	"tunbench/reports/record"
)

// requireKey is the key of limits, in a suite and in a block.
const requireKey = "require"

// withDefaults returns own, and before them those defaults on whose metric own has no
// limit.
func withDefaults(own, defaults []record.Limit) []record.Limit {
	rest := slices.DeleteFunc(slices.Clone(defaults), func(d record.Limit) bool {
		return slices.ContainsFunc(own, func(l record.Limit) bool { return l.Metric == d.Metric })
	})
	return slices.Concat(rest, own)
}
