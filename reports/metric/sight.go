package metric

import (
	"fmt"
	"slices"

	"tunbench/reports/record"
)

// CoarsestSight is how many times the threshold of a metric an A/A run may need
// to see a change of it: one that needs more was made on a disturbed host, and
// says nothing about others.
const CoarsestSight = 3

// SightLimit is the coarsest that an A/A run may see a metric and still be used,
// in the unit of its threshold; false where no verdict is given on the metric.
func SightLimit(metric string) (float64, bool) {
	i := slices.IndexFunc(allGates, func(g Gate) bool { return g.Metric == metric })
	if i < 0 {
		return 0, false
	}
	return CoarsestSight * allGates[i].Threshold, true
}

// SightRefusal says why an A/A run that could see such a change of metric is not
// used; "" where it is.
func SightRefusal(metric string, seen float64) string {
	if UsableSight(metric, seen) {
		return ""
	}
	limit, _ := SightLimit(metric)
	spell := func(v float64) string { return ThresholdText(record.Verdict{Metric: metric, Threshold: v}) }
	return fmt.Sprintf("it detects changes of %s only from %s on; the limit is %s, %d times the threshold", metric, spell(seen), spell(limit), CoarsestSight)
}

// UsableSight reports whether an A/A run that could see such a change of metric is
// used. What has no limit is.
func UsableSight(metric string, seen float64) bool {
	limit, judged := SightLimit(metric)
	return !judged || seen <= limit
}

// SeenOrder are the metrics that verdicts are about, in the order in which it is told
// what an A/A run could see of them: those whose changes are ratios first.
func SeenOrder() (names []string) {
	for _, absolute := range []bool{false, true} {
		for _, k := range table {
			if k.Threshold > 0 && k.Absolute == absolute {
				names = append(names, k.Metric)
			}
		}
	}
	return names
}
