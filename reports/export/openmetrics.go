package export

import (
	"fmt"
	"strings"

	"tunbench/reports/document/compare"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/verdict"
)

// Files of OpenMetrics: the figures of runs, and verdicts, which have no gauge in common
// and may lie in one folder. The textfile collector of node_exporter reads only what ends
// in .prom.
const (
	openMetricsName         = "tunbench.prom"
	openMetricsVerdictsName = "tunbench-verdicts.prom"
)

// gaugeOf returns the name of the gauge for m and its help text.
func gaugeOf(m figure.Measure) (name metric.Gauge, help string) {
	k, known := metric.Find(m.Metric)
	name = k.Gauge
	switch {
	case m.Latency != "":
		return metric.Gauge{Family: "latency", Unit: "seconds", Per: 1e9}, "Latency below which that per cent of the packets lie"
	case !known:
		return metric.Gauge{Family: "other", Unit: "", Per: 1}, "Metrics that this version of tunbench does not know, in the unit of the run file"
	case m.Unit == metric.Instructions:
		name.Unit, name.Per = "instructions_per_packet", 1
		return name, strings.NewReplacer("CPU time of all threads", "Instructions of all threads of the guest", "Time", "Instructions of the guest").Replace(m.Meaning)
	}
	return name, m.Meaning
}

// openMetricsRuns gives the figures of runs as gauges, in the words of both
// OpenMetrics and the older text format, which is what node_exporter reads: it
// knows no UNIT and no EOF and takes them for comments, and it refuses info
// and stateset, whose place gauges of 1 take. Neither format allows comments
// of our own, and the collector no timestamps. One file holds all runs;
// several are told apart by the label run.
func openMetricsRuns(runs []record.Named, _ bool) ([]render.Output, error) {
	var e exposition
	named := map[string]bool{}
	for _, r := range runs {
		if named[r.Name] {
			return nil, fmt.Errorf("%s is named twice: name each run once", r.Name)
		}
		named[r.Name] = true
		var base labels
		if len(runs) > 1 {
			base = base.with("run", r.Name)
		}
		e.run(r.File, base)
	}
	return []render.Output{{Name: openMetricsName, Content: e.bytes()}}, nil
}

// openMetricsComparison gives verdicts as gauges.
func openMetricsComparison(c *verdict.Comparison, _ bool) ([]render.Output, error) {
	var e exposition
	s := compare.New(c)
	sides := labels{}.with("base", c.Base.Name).with("new", c.New.Name)
	for i, side := range []verdict.Side{c.Base, c.New} {
		if side.Run != nil {
			sides = sides.with([]string{"base_kernel", "new_kernel"}[i], side.Run.Host.Kernel)
		}
	}
	e.add("comparison_info", "", "What was compared; the figures of each side are in the reports on the runs", sides.with("paired", fmt.Sprint(c.Paired)), 1)
	for _, k := range verdict.Kinds {
		e.add("verdicts", "", "Verdicts of each kind", labels{}.with("verdict", k.Verdict), float64(s.Count(k.Verdict)))
	}
	for _, o := range c.Only {
		e.add("only", "", "1 for a scenario that one side alone measured", labels{}.scenario(o.Scenario).with("side", o.Side).with("detail", o.Why), 1)
	}
	for _, v := range c.Verdicts {
		own := labels{}.scenario(v.Scenario).with("metric", v.Metric)
		e.add("verdict", "", "1 for the verdict on a metric; its notes are in the report", own.with("verdict", v.Verdict), 1)
		if v.Threshold > 0 {
			e.add("change_threshold_ratio", "ratio", "Smallest change that counts", own, v.Threshold)
		}
		if v.Change != nil {
			e.add("change_ratio", "ratio", "new / base - 1, as estimated; of loss and jain the difference", own, *v.Change)
		}
		if v.CI != nil {
			e.add("change_interval_ratio", "ratio", "95 % interval of the change", own.with("bound", "lower"), v.CI[0])
			e.add("change_interval_ratio", "ratio", "95 % interval of the change", own.with("bound", "upper"), v.CI[1])
		}
	}
	return []render.Output{{Name: openMetricsVerdictsName, Content: e.bytes()}}, nil
}
