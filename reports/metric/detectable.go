package metric

import (
	"fmt"
	"slices"

	"tunbench/reports/record"
)

// MostOfThreshold is the largest usable detectable change of an A/A run, as a
// multiple of the metric's threshold. An A/A run with a larger one was made on a
// disturbed host and says nothing about other runs.
const MostOfThreshold = 3

// DetectableLimit returns the largest usable detectable change of a metric, in the
// unit of its threshold; false where no verdict is given on the metric.
func DetectableLimit(metric string) (float64, bool) {
	i := slices.IndexFunc(allGates, func(g Gate) bool { return g.Metric == metric })
	if i < 0 {
		return 0, false
	}
	return MostOfThreshold * allGates[i].Threshold, true
}

// RefuseDetectable says why an A/A run with that detectable change of metric is not
// used; "" where it is used.
func RefuseDetectable(metric string, change float64) string {
	if UsableDetectable(metric, change) {
		return ""
	}
	limit, _ := DetectableLimit(metric)
	spell := func(v float64) string { return ThresholdText(record.Verdict{Metric: metric, Threshold: v}) }
	return fmt.Sprintf("it detects changes of %s only from %s on; the limit is %s, %d times the threshold", metric, spell(change), spell(limit), MostOfThreshold)
}

// UsableDetectable reports whether an A/A run with that detectable change of metric
// is used. A metric on which no verdict is given has no limit.
func UsableDetectable(metric string, change float64) bool {
	limit, judged := DetectableLimit(metric)
	return !judged || change <= limit
}

// DetectableOrder lists the metrics that verdicts are given on, in the order in which
// reports show their detectable changes: first those whose changes are ratios.
func DetectableOrder() (names []string) {
	for _, absolute := range []bool{false, true} {
		for _, k := range table {
			if k.Threshold > 0 && k.Absolute == absolute {
				names = append(names, k.Metric)
			}
		}
	}
	return names
}
