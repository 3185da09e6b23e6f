package main

import (
	"tunbench/bench/compare"
	"tunbench/reports/aa"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/verdict"
)

// judge says what the variants of a comparison are judged on. It is a
// compare.Judge.
type judge struct {
	clock     string
	known     *aa.Known // by A/A runs of this host, or nil
	options   verdict.Options
	sameBuild bool // one program measures both variants
}

func (j judge) Gates(first, second *record.Trial) []compare.Gate {
	options := j.options
	// What an A/A run is to find out does not depend on the one before.
	if j.known != nil && (first.Scenario != second.Scenario || first.Arm != second.Arm || !j.sameBuild) {
		options.Seen = func(metric string) (float64, bool) { return j.known.Seen(second.Scenario, metric) }
	}
	var gates []compare.Gate
	for _, g := range verdict.GatesFor(j.clock, first, second, options) {
		gates = append(gates, compare.Gate{
			Rule: stat.Rule{Name: g.Metric, Better: g.Better, Absolute: g.Absolute, Threshold: g.Threshold, Seen: g.Seen}, Unit: g.Unit,
		})
	}
	return gates
}

func (judge) Value(t *record.Trial, name string) (float64, bool) {
	return metric.Value(t, name)
}

func (j judge) Unfit(s compare.Sight) map[string]string {
	if j.clock == record.ClockICount {
		return nil
	}
	_, wrong := resultOf(s).Fit(metric.SightRefusal)
	return wrong
}
