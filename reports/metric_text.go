package reports

import (
	"strings"

	"tunbench/reports/record"
)

// quantity gives a value of a metric with its unit.
func quantity(metric string, v *float64) string {
	if v == nil {
		return absent
	}
	switch metric {
	case record.PPS, record.NDRPPS, record.PDRPPS:
		sc := rateScale(*v)
		return sc.format(*v) + " " + sc.unit
	case record.BitPerS:
		return figure(*v/1e9) + " Gbit/s"
	case record.Loss:
		return percent(*v) + " %"
	case record.Jain:
		return decimals(*v, 3)
	case LatencyP50, LatencyP99:
		return duration(*v)
	case record.CPUNsPerPkt:
		return perPacket(*v) + " ns"
	}
	return perPacket(*v)
}

// moved gives the change as estimated.
func moved(v record.Verdict) string {
	if v.Change == nil {
		return absent
	}
	return withUnit(v.Metric, step(v.Metric, *v.Change))
}

// ciText gives the interval of the change; it is absent where there is none.
func ciText(v record.Verdict) string {
	if v.CI == nil {
		return absent
	}
	return withUnit(v.Metric, step(v.Metric, v.CI[0])+" to "+step(v.Metric, v.CI[1]))
}

// thresholdText gives what a change must be beyond, and in brackets what is
// equivalent lies within, where that is less.
func thresholdText(v record.Verdict) string {
	if v.Threshold <= 0 {
		return absent
	}
	spell := func(t float64) string { return withUnit(v.Metric, strings.TrimPrefix(step(v.Metric, t), "+")) }
	if v.OwnThreshold != nil {
		return spell(v.Threshold) + " (equivalent: " + spell(*v.OwnThreshold) + ")"
	}
	return spell(v.Threshold)
}

// step gives a change without its unit: Jain's index as it is, all else times
// 100.
func step(metric string, change float64) string {
	if metric == record.Jain {
		s := decimals(change, 3)
		switch {
		case s == "−0.000":
			return "0.000"
		case change > 0 && s != "0.000":
			return "+" + s
		}
		return s
	}
	return precisely(change)
}

func withUnit(metric, s string) string {
	switch metric {
	case record.Jain:
		return s
	case record.Loss:
		return s + " points"
	}
	return s + " %"
}

// metricScale is the unit in which a chart of a metric with that largest value
// is labelled.
func metricScale(metric, unit string, top float64) scale {
	switch metric {
	case record.PPS, record.NDRPPS, record.PDRPPS:
		return rateScale(top)
	case record.BitPerS:
		return scale{1e9, "Gbit/s"}
	case record.Loss:
		return scale{0.01, "%"}
	case LatencyP50, LatencyP99:
		switch {
		case top >= 1e6:
			return scale{1e6, "ms"}
		case top >= 1e3:
			return scale{1e3, "µs"}
		}
	}
	return scale{1, unit}
}
