package compare

import (
	"math"

	"tunbench/reports/record"
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

// verdictOf turns a comparison into the record of a verdict.
func verdictOf(c stat.Comparison) record.Verdict {
	v := record.Verdict{Metric: c.Metric, N: c.N, Threshold: c.Threshold, Verdict: c.Verdict, Notes: c.Notes}
	if c.Own < c.Threshold {
		v.OwnThreshold = &c.Own
	}
	if c.HasMedians {
		v.Base, v.New = &c.Base, &c.New
	}
	if c.HasChange {
		v.Change, v.P = &c.Change, &c.P
	}
	if c.HasInterval {
		v.CI = &[2]float64{c.Low, c.High}
	}
	return v
}

// hooked names the hook of A if that of B is another.
func hooked(a, b Variant) string {
	if a.Hook == b.Hook {
		return ""
	}
	return ", hook=" + a.Hook
}
