package verdict

import (
	"fmt"
	"maps"
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
)

// Compare judges two stored runs, which were not interleaved: its verdicts are at most
// indicative. A scenario that only one run measured has a verdict of its own. Compare
// refuses a run that holds variants, which CompareVariants compares.
//
// Two files that hold one variant each of the same run of tunbench ab are combined,
// and judged in pairs.
func Compare(base, next *record.File, o Options) (*Comparison, error) {
	if base.Run.ID != "" && base.Run.ID == next.Run.ID && holdsOnly(base, "a") && holdsOnly(next, "b") {
		both := *base
		both.Trials = slices.Concat(base.Trials, next.Trials)
		return CompareVariants(&both, o)
	}
	for i, f := range []*record.File{base, next} {
		if HoldsVariants(f) {
			return nil, fmt.Errorf("%s holds the variants of tunbench ab: compare it alone, without a second file", []string{o.BaseName, o.NewName}[i])
		}
	}
	if o.Seen == nil {
		o.Seen = seenBy(base.Run, next.Run)
	}
	c := comparing(base, next, o)
	old, young := ByName(base), ByName(next)
	for _, name := range slices.SortedFunc(maps.Keys(old), axis.Compare) {
		if young[name] == nil {
			c.only(name, "base", next)
			continue
		}
		c.scenario(name, old[name], young[name], next)
		c.broken(name, next)
	}
	for _, name := range slices.SortedFunc(maps.Keys(young), axis.Compare) {
		if old[name] == nil {
			c.only(name, "new", base)
		}
	}
	compareSearches(c, base, next)
	for i := range base.Profiles {
		for k := range next.Profiles {
			if p, q := &base.Profiles[i], &next.Profiles[k]; p.Scenario == q.Scenario && p.Unit == q.Unit {
				c.done.Profiles = append(c.done.Profiles, Profiles{p, q})
			}
		}
	}
	if err := c.judge(); err != nil {
		return nil, err
	}
	return c.finish(), nil
}

// seenBy returns the largest usable detectable change in the headers of both runs.
func seenBy(base, next *record.Run) func(string) (float64, bool) {
	return func(name string) (float64, bool) {
		most, known := 0.0, false
		for _, r := range slices.Concat(figure.RunsOf(base), figure.RunsOf(next)) {
			if v, ok := r.Sees[name]; ok && metric.UsableDetectable(name, v) {
				most, known = max(most, v), true
			}
		}
		return most, known
	}
}

// ByName returns the scenarios that f measured, by name.
func ByName(f *record.File) map[string]*figure.Scenario {
	list, _ := figure.Scenarios(f)
	by := map[string]*figure.Scenario{}
	for _, s := range list {
		by[s.Name] = s
	}
	return by
}

// shownBy says why figures of a scenario are shown and not judged.
type shownBy struct {
	proportional bool // the bit rate is the packet rate times a constant
	byRatio      bool // the packet rate is judged by its ratio to loopback
}

// note says why a metric is shown and not judged; "" where it is judged or has no place.
func (s shownBy) note(name string, closed bool) string {
	switch {
	case name == record.BitPerS && s.proportional:
		return "proportional to pps, and has the same verdict"
	case name == record.BitPerS && s.byRatio:
		return "has the verdict of pps, which was " + ByRatio
	case name == record.CPUNsPerPkt && s.byRatio:
		return "not judged: CPU time per packet follows the speed of the host, and no yardstick corrects it"
	case closed && (name == metric.LatencyP50 || name == metric.LatencyP99):
		return "closed loop: the load keeps the queue full, and the latency is that of the full queue"
	}
	return ""
}

// showUnjudged adds the figures that are shown without a test of their own.
func showUnjudged(c *comparer, name string, a, b figure.Arm, by shownBy) {
	if c.base.Clock == record.ClockICount {
		return
	}
	for _, g := range metric.RealGates() {
		note := by.note(g.Metric, !metric.OpenLoop(a.All[0]))
		if note == "" {
			continue
		}
		v := c.blank(name, g, a.Values(g.Metric), b.Values(g.Metric))
		if v.Base == nil && v.New == nil {
			continue
		}
		v.Verdict, v.Notes = "", []string{note}
		c.done.Shown = append(c.done.Shown, v)
	}
}
