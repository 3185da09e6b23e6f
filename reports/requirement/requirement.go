// Package requirement judges the limits that a suite sets (`require` in a suite file) by
// the figures of a run.
package requirement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// Verdicts on a limit.
const (
	Met       = "met"
	Missed    = "missed"
	NotJudged = "not-judged"
)

// Result is the verdict on a limit in one scenario.
type Result struct {
	Scenario string `json:"scenario"`
	record.Limit
	Verdict string `json:"verdict"`
	// Figure is the median over the valid trials or, of a search, the lower bound that it
	// found; nil where the limit could not be judged.
	Figure *float64 `json:"figure,omitempty"`
	// CI is the 95 % interval of Figure or, of a search, the bounds that it found; nil
	// where the trials are too few for an interval.
	CI  *[2]float64 `json:"ci,omitempty"`
	N   int         `json:"n"` // trials that the figure is of; 0 for a search
	Arm record.Arm  `json:"arm,omitempty"`
	// Certain reports that the whole of CI is on the same side of the limit as Figure.
	Certain bool `json:"certain"`
	// Why says why the limit could not be judged.
	Why string `json:"why,omitempty"`

	clock string
}

// Judge gives a Result for each limit of the suite of f in each of its scenarios, in the
// order of the suite; none where the suite sets no limit. The median decides between Met
// and Missed, and the interval says how certain that is. A limit is NotJudged in a
// scenario that was skipped or not measured, that has no valid trial, or whose trials lack
// the metric.
func Judge(f *record.File) (results []Result) {
	all := requirements(f.Run)
	if len(all) == 0 {
		return nil
	}
	list, _ := figure.Scenarios(f)
	known := map[string]*figure.Scenario{}
	for _, s := range list {
		known[s.Name] = s
	}
	for _, r := range all {
		for _, name := range r.Scenarios {
			one := Result{Scenario: name, Limit: r.Limit, Verdict: NotJudged, clock: f.Run.Clock}
			switch k, _ := metric.Limited(r.Metric); {
			case f.Run.Clock == record.ClockICount && !virtual(k):
				one.Why = "in virtual time a nanosecond is an instruction: limits on " + r.Metric + " are for runs by a real clock"
			case k.Searched:
				one.search(f)
			default:
				one.measured(f, known[name])
			}
			results = append(results, one)
		}
	}
	return results
}

// requirements are the limits that the suite of r sets: of a merged file, those of all its
// shards.
func requirements(r *record.Run) (all []record.Requirement) {
	if r.Plan != nil {
		all = append(all, r.Plan.Require...)
	}
	for _, p := range r.Parts {
		all = append(all, requirements(&p.Run)...)
	}
	return all
}

// virtual reports whether a metric means something in virtual time.
func virtual(k metric.Kind) bool { return cost(k) || k.Unit == "ratio" || k.Unit == "bytes" }

// cost reports whether a metric is a time for each packet: in virtual time, instructions.
func cost(k metric.Kind) bool { return k.Unit == "ns" && !k.Quantile }

// search judges a rate that a search finds.
func (r *Result) search(f *record.File) {
	for _, s := range f.Searches {
		if s.Scenario != r.Scenario {
			continue
		}
		for _, g := range s.Goals {
			switch {
			case g.Name != r.Metric:
			case !g.Resolved || g.LowerPPS == nil || g.UpperPPS == nil:
				r.Why = "the search did not resolve it: " + cmp.Or(g.Detail, "it has no bounds")
				return
			default:
				r.judge(*g.LowerPPS, &[2]float64{*g.LowerPPS, *g.UpperPPS})
				return
			}
		}
	}
	r.Why = cmp.Or(skipped(f, r.Scenario, ""), "no search was made in it: a search needs --search and a scenario that sends packets at a rate")
}

// measured judges a metric by the trials of s, which is nil where there are none: those
// of the bare arm, as in reports, or of the observed arm where only that has the metric.
func (r *Result) measured(f *record.File, s *figure.Scenario) {
	if why := skipped(f, r.Scenario, ""); s == nil || why != "" {
		r.Why = cmp.Or(why, unfinished(f), "it was not measured")
		return
	}
	has := func(t *record.Trial) bool { _, ok := metric.LimitedValue(t, r.Metric); return ok }
	for _, arm := range []record.Arm{record.Bare, record.Observed} {
		a := s.Arm(arm)
		if !slices.ContainsFunc(a.All, has) {
			continue
		}
		r.Arm = arm
		if a.Invalid {
			names, counts := a.Flags()
			r.Why = "no trial is valid: " + figure.CountedFlags(names, counts)
			return
		}
		var x []float64
		for _, t := range a.Used {
			if v, ok := metric.LimitedValue(t, r.Metric); ok {
				x = append(x, v)
			}
		}
		sum, err := stat.Summarize(x)
		if err != nil {
			r.Why = "no valid trial has this figure"
			return
		}
		r.N = sum.N
		var ci *[2]float64
		if in, ok := figure.IntervalOf(x); ok && in.Exact {
			ci = &[2]float64{in.Low, in.High}
		}
		r.judge(sum.Median, ci)
		return
	}
	r.Why = cmp.Or(skipped(f, r.Scenario, record.Observed), "its trials do not have this figure")
}

// judge sets the verdict on a figure and its interval, which may be nil.
func (r *Result) judge(figure float64, ci *[2]float64) {
	r.Figure, r.CI, r.Verdict = &figure, ci, Missed
	met := metric.Keeps(r.Limit, figure)
	if met {
		r.Verdict = Met
	}
	r.Certain = ci != nil && metric.Keeps(r.Limit, ci[0]) == met && metric.Keeps(r.Limit, ci[1]) == met
}

// skipped says why a scenario, or one arm of it, was skipped; "" where it was not.
func skipped(f *record.File, scenario string, arm record.Arm) string {
	for _, s := range f.Skips {
		if s.Scenario == scenario && s.Arm == arm {
			return strings.Join(text.NonEmpty(s.Reason, s.Detail), ": ")
		}
	}
	return ""
}

func unfinished(f *record.File) string {
	if f.End == nil {
		return "the run was interrupted before it was measured"
	}
	return ""
}

// Of gives the results with that verdict.
func Of(results []Result, verdict string) (list []Result) {
	return slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.Verdict != verdict })
}

// Shown is the figure with its unit. Where rounding would give it the same text as the
// limit, it has all its digits.
func (r Result) Shown() string {
	if r.Figure == nil {
		return text.Absent
	}
	shown := r.quantity(*r.Figure)
	if *r.Figure != r.Value && shown == r.quantity(r.Value) {
		k, _ := metric.Limited(r.Metric)
		if k.Unit == "ratio" {
			return text.Exact(*r.Figure)
		}
		return text.Exact(*r.Figure) + " " + k.Unit
	}
	return shown
}

// Interval is CI with its unit; "" where there is none.
func (r Result) Interval() string {
	if r.CI == nil {
		return ""
	}
	low, high := r.quantity(r.CI[0]), r.quantity(r.CI[1])
	if _, unit, ok := strings.Cut(high, " "); ok && low != high {
		low = strings.TrimSuffix(low, " "+unit)
	}
	return text.Between(low, high)
}

// quantity gives a value of the metric with its unit.
func (r Result) quantity(v float64) string {
	k, _ := metric.Limited(r.Metric)
	switch {
	case k.Quantile:
		return text.Duration(v)
	case cost(k) && r.clock == record.ClockICount:
		return text.PerPacket(v) + " " + metric.Instructions
	case k.Unit == "ns":
		return text.PerPacket(v) + " ns"
	case k.Unit == "bytes":
		return text.Size(uint64(v))
	case r.Metric == record.Retransmits, r.Metric == record.Steal:
		return text.Percent(v) + " %"
	case k.Unit == "ratio" && r.Metric != record.Loss && r.Metric != record.Jain:
		return text.Ratio(v)
	case k.Unit == "bit/s":
		return text.Gigabits(v) + " Gbit/s"
	case k.Unit == "transactions/s", k.Unit == "skbs/s", r.Metric == record.OfferedPPS:
		return text.Figure(v) + " " + k.Unit
	}
	return metric.Quantity(r.Metric, &v)
}

// Text is the verdict in a line, without the scenario.
func (r Result) Text() string {
	if r.Verdict == NotJudged {
		return fmt.Sprintf("%s, limit %s: not judged: %s", r.Metric, r.Written, r.Why)
	}
	return fmt.Sprintf("%s is %s, limit %s: %s, %s", r.Metric, r.Shown(), r.Written, r.Verdict, r.Certainty())
}

// Certainty says how certain the verdict is.
func (r Result) Certainty() string {
	what := "the " + text.IntervalName
	if r.N == 0 {
		what = "the range of the search"
	}
	switch {
	case r.CI == nil:
		return fmt.Sprintf("by %s, too few for an interval (--trials %d gives one)", text.Plural(r.N, "trial", "trials"), figure.Fewest)
	case r.Certain:
		return fmt.Sprintf("certain: %s %s does not contain the limit", what, r.Interval())
	}
	return fmt.Sprintf("uncertain: %s %s contains the limit", what, r.Interval())
}
