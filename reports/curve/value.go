package curve

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// Value is a figure of a scenario, as the tables of a report have it: the median over the
// valid trials or, of a latency, the quantile of their histograms together.
type Value struct {
	Y float64
	// Interval is that of the median. Of a latency it goes from the lowest to the highest
	// trial, where each valid trial has enough samples for the quantile.
	Interval   figure.Interval
	Ranged     bool // the interval is known
	Trials, Of int  // valid trials that Y comes from, of all
	Scenario   *figure.Scenario
}

// Few reports whether some trial of the scenario is not behind the value.
func (v Value) Few() bool { return v.Trials < v.Of }

// ValueOf gives a figure of the arm of the headline, or of the observed arm where only
// that has it. name is one of NamesOf.
func ValueOf(s *figure.Scenario, name string) (v Value, ok bool) {
	for _, arm := range []figure.Arm{s.Head(), s.Observ} {
		if latency, i, is := quantile(name); is {
			v, ok = pooled(arm, latency, i)
		} else {
			v, ok = median(arm.Values(name))
		}
		if ok {
			v.Of, v.Scenario = len(arm.All), s
			return v, true
		}
	}
	return Value{}, false
}

// median is the value of a metric of some trials.
func median(x []float64) (v Value, ok bool) {
	sum, err := stat.Summarize(x)
	if err != nil {
		return Value{}, false
	}
	v = Value{Y: sum.Median, Trials: len(x)}
	if in, ok := figure.IntervalOf(x); ok && in.High > in.Low {
		v.Interval, v.Ranged = in, true
	}
	return v, true
}

// pooled is the i-th quantile of a latency.
func pooled(a figure.Arm, latency string, i int) (v Value, ok bool) {
	all, _ := a.Pool(latency)
	ns, ok := all.Quantile(metric.Quantiles[i].Q)
	if !ok {
		return Value{}, false
	}
	v.Y = float64(ns)
	for _, t := range a.Used {
		if _, has := t.Latency[latency]; has {
			v.Trials++
		}
	}
	x := a.QuantileValues(latency, metric.LatencyQuantiles[i].Of)
	if sum, err := stat.Summarize(x); err == nil && len(x) == v.Trials && sum.Max > sum.Min {
		v.Interval, v.Ranged = figure.Interval{Low: min(sum.Min, v.Y), High: max(sum.Max, v.Y)}, true
	}
	return v, true
}

// quantile reads the name of a quantile, such as e2e_p99.9: the i-th of metric.Quantiles.
func quantile(name string) (latency string, i int, ok bool) {
	if name == metric.LatencyP50 || name == metric.LatencyP99 {
		name = record.E2E + "_" + name
	}
	for i, q := range metric.Quantiles {
		if latency, ok := strings.CutSuffix(name, "_"+q.Name); ok && slices.Contains(metric.LatencyNames, latency) {
			return latency, i, true
		}
	}
	return "", 0, false
}

// Known reports whether name is that of a figure, whether or not a run has it.
func Known(name string) bool {
	_, of := metric.Find(name)
	_, _, q := quantile(name)
	return of || q
}

// KindOf describes a figure: a metric, or a quantile of a latency.
func KindOf(name, clock string) metric.Kind {
	if _, _, ok := quantile(name); ok {
		return metric.Kind{Metric: name, Unit: "ns", Better: -1}
	}
	return metric.Of(name, clock)
}

// NamesOf names the figures that some scenario has: metrics, p50 and p99 of the end-to-end
// latency, and each quantile of each latency.
func NamesOf(list []*figure.Scenario) (names []string) {
	found := map[string]bool{}
	for _, s := range list {
		for _, arm := range []figure.Arm{s.Bare, s.Observ} {
			for _, name := range arm.Metrics() {
				found[name] = true
			}
		}
	}
	names = metric.Only(metric.Names(), found)
	has := func(name string) bool {
		return slices.ContainsFunc(list, func(s *figure.Scenario) bool { _, ok := ValueOf(s, name); return ok })
	}
	for _, name := range []string{metric.LatencyP50, metric.LatencyP99} {
		if has(name) {
			names = append(names, name)
		}
	}
	for _, latency := range metric.LatencyNames {
		for _, q := range metric.LatencyQuantiles {
			if name := latency + "_p" + q.Percentile; has(name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// valueOf is the value of an axis of s: for an axis that is neither recorded nor in the name
// its default, where curves need it, else "".
func valueOf(s *figure.Scenario, name string) string {
	if name == "mode" {
		return strings.ToLower(s.Mode)
	}
	return cmp.Or(axis.Of(s.All()[0], name), unwritten[name])
}

// distinct gives the values of an axis, each once, in the order of the scenarios.
func distinct(list []*figure.Scenario, name string) (values []string) {
	for _, s := range list {
		if v := valueOf(s, name); !slices.Contains(values, v) {
			values = append(values, v)
		}
	}
	return values
}

// unwritten are the defaults of axes that older files have neither in the record nor in the
// name.
var unwritten = map[string]string{"flows": "1", "txqlen": "500"}

// zero are the axes on which "off" is the number 0.
var zero = []string{"delay", "drop", "reorder", "pause"}

// number is the value of an axis of s as a number, without its unit; false for a word.
func number(s *figure.Scenario, name string) (float64, bool) {
	value := valueOf(s, name)
	if value == "off" && slices.Contains(zero, name) {
		return 0, true
	}
	digits := len(value) - len(strings.TrimLeft(value, "0123456789"))
	if unit := value[digits:]; unit != "" && !slices.Contains(units, unit) {
		return 0, false
	}
	n, err := strconv.ParseFloat(value[:digits], 64)
	return n, err == nil
}

// units are those of the values of axes. Only load has several.
var units = []string{"ms", "ns", "pct", "pps"}

// placeOf is where s stands on x: the number itself or, of a load, the rate that was
// really offered.
func placeOf(s *figure.Scenario, x string) (float64, bool) {
	if x != load {
		return number(s, x)
	}
	if m, ok := s.Head().Metric(record.OfferedPPS); ok && m.Median > 0 {
		return m.Median, true
	}
	k, ok := s.Head().Schedule()
	return k.Rate, ok && k.Rate > 0
}

// restOf names s without some axes.
func restOf(s *figure.Scenario, without ...string) string {
	mode, axes := axis.Split(s.Name)
	rest := []string{mode}
	if slices.Contains(without, "mode") {
		rest = nil
	}
	for _, a := range axes {
		if name, _, _ := strings.Cut(a, "="); !slices.Contains(without, name) {
			rest = append(rest, a)
		}
	}
	return strings.Join(rest, " ") + s.Where // other hosts have curves of their own
}

// nameOf names a line by the axes in which it differs from others.
func nameOf(s *figure.Scenario, by []string) string {
	var parts []string
	for i, name := range by {
		value := valueOf(s, name)
		switch {
		case name == "mode":
			parts = append(parts, s.Mode)
		case i == 0 || value != "" && value != "none":
			parts = append(parts, name+"="+cmp.Or(value, "default"))
		}
	}
	return strings.Join(parts, " ")
}
