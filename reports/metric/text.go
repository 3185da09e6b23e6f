package metric

import (
	"slices"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/text"
)

// Quantity gives a value of a metric with its unit.
func Quantity(metric string, v *float64) string {
	if v == nil {
		return text.Absent
	}
	switch metric {
	case record.PPS, record.NDRPPS, record.PDRPPS:
		sc := text.RateScale(*v)
		return sc.Format(*v) + " " + sc.Unit
	case record.BitPerS:
		return text.Gigabits(*v) + " Gbit/s"
	case record.Loss:
		return text.Percent(*v) + " %"
	case record.Jain:
		return text.Decimals(*v, 3)
	case LatencyP50, LatencyP99:
		return text.Duration(*v)
	case record.CPUNsPerPkt:
		return text.PerPacket(*v) + " ns"
	}
	return text.PerPacket(*v)
}

// FigureText gives a figure of a verdict, its base or its new one, with its unit.
func FigureText(v record.Verdict, figure *float64) string {
	if figure != nil && v.Unit == Instructions {
		return text.PerPacket(*figure) + " " + Instructions
	}
	return Quantity(v.Metric, figure)
}

// ChangeText gives the estimated change, with its unit.
func ChangeText(v record.Verdict) string {
	if v.Change == nil {
		return text.Absent
	}
	return WithUnit(v.Metric, Step(v.Metric, *v.Change))
}

// IntervalText gives the interval of the change, with its unit; text.Absent where v
// has none.
func IntervalText(v record.Verdict) string {
	if v.CI == nil {
		return text.Absent
	}
	return WithUnit(v.Metric, Step(v.Metric, v.CI[0])+" to "+Step(v.Metric, v.CI[1]))
}

// ThresholdText gives the threshold that a change must exceed, and in brackets the
// threshold for equivalence where that is smaller.
func ThresholdText(v record.Verdict) string {
	if v.Threshold <= 0 {
		return text.Absent
	}
	spell := func(t float64) string { return WithUnit(v.Metric, strings.TrimPrefix(Step(v.Metric, t), "+")) }
	if v.OwnThreshold != nil {
		return spell(v.Threshold) + " (equivalent: " + spell(*v.OwnThreshold) + ")"
	}
	return spell(v.Threshold)
}

// Thresholds are those of equivalence, each once with its metrics, as spell spells the
// Threshold of a verdict. Where all metrics have the same, it stands alone.
func Thresholds(all []record.Verdict, spell func(record.Verdict) string) string {
	var order []string
	metrics := map[string][]string{}
	for _, v := range all {
		if v.OwnThreshold != nil {
			v.Threshold, v.OwnThreshold = *v.OwnThreshold, nil
		}
		if v.Threshold <= 0 {
			continue
		}
		t := spell(v)
		if metrics[t] == nil {
			order = append(order, t)
		}
		if !slices.Contains(metrics[t], v.Metric) {
			metrics[t] = append(metrics[t], v.Metric)
		}
	}
	if len(order) == 1 {
		return order[0]
	}
	var list []string
	for _, t := range order {
		list = append(list, t+" ("+strings.Join(metrics[t], ", ")+")")
	}
	return strings.Join(list, ", ")
}

// Step gives a change without its unit: of Jain's index as it is, of any other metric
// times 100.
func Step(metric string, change float64) string {
	if metric == record.Jain {
		s := text.Decimals(change, 3)
		switch {
		case s == "−0.000":
			return "0.000"
		case change > 0 && s != "0.000":
			return "+" + s
		}
		return s
	}
	return text.Precisely(change)
}

// WithUnit appends the unit of a change of metric to s.
func WithUnit(metric, s string) string {
	switch metric {
	case record.Jain:
		return s
	case record.Loss:
		return s + " points"
	}
	return s + " %"
}

// Scale is the unit for a chart of a metric whose largest value is top.
func Scale(metric, unit string, top float64) text.Scale {
	switch metric {
	case record.PPS, record.NDRPPS, record.PDRPPS:
		return text.RateScale(top)
	case record.BitPerS:
		return text.Scale{Div: 1e9, Unit: "Gbit/s"}
	case record.Loss:
		return text.Scale{Div: 0.01, Unit: "%"}
	case LatencyP50, LatencyP99:
		switch {
		case top >= 1e6:
			return text.Scale{Div: 1e6, Unit: "ms"}
		case top >= 1e3:
			return text.Scale{Div: 1e3, Unit: "µs"}
		}
	}
	return text.Scale{Div: 1, Unit: unit}
}
