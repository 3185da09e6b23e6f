package compare

import (
	"math"

	"tunbench/reports/stat"
)

// withinNoise reports whether a change is no larger than its interval is wide. Where
// no pair was steady, only a larger change is reported.
func withinNoise(c stat.Comparison, absolute bool) bool {
	change, low, high := c.Change, c.Low, c.High
	if !absolute {
		change, low, high = math.Log1p(change), math.Log1p(low), math.Log1p(high)
	}
	return !c.HasInterval || math.Abs(change) <= high-low
}

// hooked names the hook of A if that of B is another.
func hooked(a, b Variant) string {
	if a.Hook == b.Hook {
		return ""
	}
	return ", hook=" + a.Hook
}
