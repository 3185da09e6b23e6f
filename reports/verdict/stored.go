package verdict

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/shift"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// secondAlpha is what the corrected p of a change must be below where the comparison is
// by ratios to loopback, and the metric has none: runs that do not differ then show no
// change in it either.
const secondAlpha = 0.001

// strictly takes back a change whose p is not below secondAlpha.
func strictly(c stat.Comparison) stat.Comparison {
	if (c.Verdict == stat.IndicativeRegression || c.Verdict == stat.IndicativeImprovement) && c.P >= secondAlpha {
		c.Verdict = stat.Inconclusive
		c.Notes = append(c.Notes, fmt.Sprintf("no yardstick corrects this metric for the speed of the host, so that p must be below %v", secondAlpha))
	}
	return c
}

// withoutYardstick is the note on a rate of which only one side has a yardstick.
func withoutYardstick(base bool) string {
	side := record.BaseSide
	if base {
		side = record.NewSide
	}
	return side + " has no yardstick over loopback: the raw figure is judged"
}

// Stored is what a comparison of stored runs by ratios to loopback adds to its verdicts.
type Stored struct {
	// Moved are the sets of scenarios that moved together.
	Moved []shift.Moved
	// All and Groups are the changes that would have been found with probability
	// shift.Power, of all scenarios alike and of groups: see shift.Result.
	All    *shift.Reach
	Groups []shift.Reach
	// Least, Middle and Most are the same for single scenarios: the smallest of these
	// changes, the median and the largest.
	Least, Middle, Most float64
	Scenarios           int // that were judged by ratios
	// Runs is how many stored runs of one build tell how far runs scatter, 0 where that
	// is assumed.
	Runs int
}

// judgeRatios decides the open verdicts on rates that have a yardstick.
func judgeRatios(c *comparer) {
	if len(c.ratios) == 0 {
		return
	}
	list := make([]shift.Scenario, len(c.ratios))
	gate := c.options.held(c.ratios[0].gate)
	for i, t := range c.ratios {
		list[i] = t.scenario
	}
	result, err := shift.Judge(list, shift.Options{Threshold: max(gate.Threshold, gate.Detectable), Scatter: c.options.Scatter})
	if errors.Is(err, shift.ErrTooFew) {
		c.done.Warnings = append(c.done.Warnings, fmt.Sprintf("one valid trial per side cannot show a change in any of the %s that are judged together: at least 6 are needed (--trials 6)",
			text.Plural(len(list), "rate", "rates")))
	}
	if err != nil {
		for _, t := range c.ratios {
			c.done.Verdicts[t.at].Notes = append(c.done.Verdicts[t.at].Notes, err.Error())
		}
		return
	}
	s := &Stored{Moved: result.Moved, All: result.All, Groups: result.Groups, Scenarios: len(list)}
	if !result.Assumed {
		s.Runs = c.options.Scatter.Runs
	}
	var reach []float64
	for i, t := range c.ratios {
		one := result.Single[i]
		if !finite(one.Change, one.Low, one.High, one.Reach) {
			v := &c.done.Verdicts[t.at]
			v.Verdict, v.Notes = record.InvalidVerdict, append(v.Notes, "the ratios of the two sides are too far apart")
			continue
		}
		reach = append(reach, one.Reach)
		takeSingle(c, t, one, result.Moved)
	}
	if was, is := c.company[0], c.company[1]; was > 0 && is > 0 && was != is {
		c.done.Warnings = append(c.done.Warnings, fmt.Sprintf("base measured %d scenarios by turns, new %d; the ratio to loopback depends on how many take turns, by some per cent: compare runs of one selection", was, is))
	}
	if len(reach) > 0 {
		s.Least, s.Middle, s.Most = slices.Min(reach), Middle(reach), slices.Max(reach)
	}
	c.done.Stored = s
}

// companyOf is how many scenarios the largest block of f measured by turns; 0 if none did.
func companyOf(f *record.File) (most int) {
	type block struct {
		started     string
		shard, pair int
	}
	scenarios := map[block]map[string]bool{}
	for _, t := range f.Trials {
		if !t.InRounds() {
			continue
		}
		b := block{t.Started, t.Shard, t.Pair}
		if scenarios[b] == nil {
			scenarios[b] = map[string]bool{}
		}
		scenarios[b][t.Scenario] = true
		most = max(most, len(scenarios[b]))
	}
	return most
}

func finite(list ...float64) bool {
	for _, v := range list {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

// takeSingle sets the figures and the verdict of a scenario.
func takeSingle(c *comparer, t ratioTest, s shift.Single, moved []shift.Moved) {
	v := &c.done.Verdicts[t.at]
	v.N = min(len(t.scenario.Base), len(t.scenario.New))
	v.Change, v.CI, v.P, v.Detectable = &s.Change, &[2]float64{s.Low, s.High}, &s.P, &s.Reach
	own := c.options.held(t.gate).Threshold * (1 + 1e-9)
	switch {
	case s.Moves:
		v.Verdict = record.IndicativeRegression
		if s.Change > 0 == (t.gate.Better > 0) {
			v.Verdict = record.IndicativeImprovement
		}
	case s.Low >= -own && s.High <= own:
		v.Verdict = record.Equivalent
	}
	v.Notes = append(v.Notes, ByRatio)
	alone := record.Verdict{Metric: v.Metric, Change: &s.Alone, CI: &[2]float64{s.AloneLow, s.AloneHigh}}
	if s.Moves && s.Moved >= 0 {
		v.Notes = append(v.Notes, fmt.Sprintf("moved with the others: the change is that of %s; alone it is %s (%s)",
			MovedName(moved[s.Moved]), metric.ChangeText(alone), metric.IntervalText(alone)))
		if note := Unsure(moved[s.Moved]); note != "" {
			v.Notes = append(v.Notes, note)
		}
	} else if s.Moves && s.Change != s.Alone {
		v.Notes = append(v.Notes, fmt.Sprintf("the change is that against the other scenarios; alone it is %s (%s)",
			metric.ChangeText(alone), metric.IntervalText(alone)))
	}
}

// MovedName names the scenarios of a set.
func MovedName(m shift.Moved) string {
	switch {
	case m.Name == "":
		return "all scenarios"
	case m.Not:
		return text.Plural(len(m.Members), "scenario", "scenarios") + " without " + m.Name
	}
	return text.Plural(len(m.Members), "scenario", "scenarios") + " with " + m.Name
}

// Unsure says that the other scenarios may have moved instead; "" where that is unlikely.
func Unsure(m shift.Moved) string {
	if m.Sure {
		return ""
	}
	did := "faster"
	if m.Change > 0 {
		did = "slower"
	}
	return "or the other scenarios became " + did + ": what the scenarios of a run share scatters too much from run to run to tell"
}

// MeasureScatter returns how far stored runs of one build scatter, and on how many
// scenarios that rests. Runs that Compare would not compare are an error.
func MeasureScatter(files []*record.File) (s shift.Scatter, scenarios int, err error) {
	var runs []map[string][]shift.Value
	kinds := map[string]string{} // yardsticks, by scenario
	for _, f := range files {
		if HoldsVariants(f) || f.Run.Clock == record.ClockICount {
			return s, 0, fmt.Errorf("run %s: it holds variants of tunbench ab, or is in virtual time", f.Run.ID)
		}
		differ := hostDifferences(figure.Group{Runs: []*record.Run{files[0].Run}}, figure.Group{Runs: []*record.Run{f.Run}})
		if files[0].Run.Host.Kernel != f.Run.Host.Kernel {
			differ = append(differ, difference{text: fmt.Sprintf("the kernel differs: %s, %s", files[0].Run.Host.Kernel, f.Run.Host.Kernel)})
		}
		if len(differ) > 0 {
			return s, 0, fmt.Errorf("run %s is not of the build and host of run %s: %s", f.Run.ID, files[0].Run.ID, differ[0].text)
		}
		run := map[string][]shift.Value{}
		for name, sc := range ByName(f) {
			_, kind := Ratio(sc.Bare)
			if sc.Bare.Invalid || kind == "" || kinds[name] != "" && kinds[name] != kind {
				continue
			}
			kinds[name], run[name] = kind, ratios(sc.Bare)
		}
		runs = append(runs, run)
	}
	return shift.Measure(runs)
}
