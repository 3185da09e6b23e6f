// Package study follows the cost of a packet over the versions of a kernel: it orders the
// kernels of a lab in series, finds the steps in each cost, and compares flavours of the
// same version.
package study

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// Study is a lab whose kernels are ordered.
type Study struct {
	*verdict.Lab
	Flavour string    // of the kernels in the series: that of most kernels
	Series  []*Series // the oldest first
	Prices  []Price   // of other flavours
	Strange []string  // names of kernels that are no releases, and left out
	others  []*Kernel // of other flavours
}

// Series are the kernels of one flavour whose versions begin alike, the oldest first.
type Series struct {
	Name    string
	Kernels []*Kernel
	Lines   []*Line
}

// Line is one cost of a scenario over the kernels of a series.
type Line struct {
	Scenario string
	Metric   string
	Side     string          // what Metric is called
	Costs    []*verdict.Cost // of each kernel; nil where it was not measured
	// Changes are those against the first kernel that was measured, as ratios: 0 is no
	// change, NaN where there is none. Where a cost has several states, a state is compared
	// with the same state, so that they do not follow the medians.
	Changes  []float64
	Steps    []Step
	Unjudged []Step // neighbours that could not be compared, and why
}

// Step is a change of a cost between two kernels.
type Step struct {
	Base, New *Kernel
	// At is the index of New in its series.
	At int
	// Gradual is set where New does not differ from its neighbour, or cannot be compared
	// with it, but differs from the first kernel of its level: Base.
	Gradual bool
	record.Verdict
}

// New orders the kernels of l. Steps are sought between neighbours, by the verdicts of
// kernels: two boots each, compared state by state, with the threshold of virtual time. A
// test for change points in a series, such as E-divisive, would need four kernels on each
// side of a step and could not use that a cost repeats to 0.1 %.
func New(l *verdict.Lab) *Study {
	s := &Study{Lab: l}
	var all []*Kernel
	count := map[string]int{}
	for _, k := range l.Kernels {
		one, ok := kernelOf(k)
		if !ok {
			s.Strange = append(s.Strange, k.Name)
			continue
		}
		all = append(all, one)
		count[one.Flavour]++
	}
	slices.SortStableFunc(all, func(a, b *Kernel) int { return a.compare(b.Release) })
	flavours := slices.Sorted(maps.Keys(count))
	if len(flavours) > 0 {
		s.Flavour = slices.MaxFunc(flavours, func(a, b string) int { return cmp.Compare(count[a], count[b]) })
	}
	for _, k := range all {
		if k.Flavour != s.Flavour {
			s.others = append(s.others, k)
			continue
		}
		if n := len(s.Series); n == 0 || s.Series[n-1].Name != k.Release.Series {
			s.Series = append(s.Series, &Series{Name: k.Release.Series})
		}
		last := s.Series[len(s.Series)-1]
		last.Kernels = append(last.Kernels, k)
	}
	for _, of := range s.Series {
		of.follow(l)
	}
	s.prices(all)
	return s
}

// All are the kernels of the series, and then those of other flavours.
func (s *Study) All() (list []*Kernel) {
	for _, of := range s.Series {
		list = append(list, of.Kernels...)
	}
	return append(list, s.others...)
}

// follow fills in the lines of a series.
func (s *Series) follow(l *verdict.Lab) {
	for _, scenario := range l.Scenarios {
		for _, side := range verdict.PacketCosts {
			line := &Line{Scenario: scenario, Metric: side.Metric, Side: side.Name}
			for _, k := range s.Kernels {
				line.Costs = append(line.Costs, k.Cost(scenario, side.Metric))
			}
			if !slices.ContainsFunc(line.Costs, func(c *verdict.Cost) bool { return c != nil }) {
				continue
			}
			line.compare()
			line.find(l, s.Kernels)
			s.Lines = append(s.Lines, line)
		}
	}
}

// find finds the steps of a line.
func (l *Line) find(lab *verdict.Lab, kernels []*Kernel) {
	level, last := -1, -1 // the first kernel of the level, and the last that was measured
	for i, c := range l.Costs {
		if c == nil {
			continue
		}
		if level < 0 {
			level, last = i, i
			continue
		}
		step, ok := l.between(lab, kernels, last, i)
		if !ok && level != last {
			gradual, moved := l.between(lab, kernels, level, i)
			if gradual.Gradual = true; moved {
				step, ok = gradual, true
			}
		}
		if ok && l.known(step.Verdict, l.Costs[level:i]) {
			ok, step.Verdict.Verdict = false, record.Inconclusive
		}
		switch {
		case ok:
			l.Steps = append(l.Steps, step)
			level = i
		case !judged(step.Verdict):
			l.Unjudged = append(l.Unjudged, step)
		}
		last = i
	}
}

// alike is how far from a level a trial may be that is at that level, as a part of the change.
const alike = 0.25

// known reports whether one kernel of those that went before a change has been seen on both
// of its sides: then these are two states of one cost, of which the boots of a kernel may
// show a single one by chance.
func (l *Line) known(v record.Verdict, before []*verdict.Cost) bool {
	off := alike * math.Abs(*v.New-*v.Base)
	return slices.ContainsFunc(before, func(c *verdict.Cost) bool { return c != nil && c.Holds(*v.Base, off) && c.Holds(*v.New, off) })
}

// between compares two kernels; ok reports whether the cost changed.
func (l *Line) between(lab *verdict.Lab, kernels []*Kernel, base, next int) (step Step, ok bool) {
	v := lab.Verdict(kernels[base].Kernel, kernels[next].Kernel, l.Scenario, l.Metric)
	return Step{Base: kernels[base], New: kernels[next], At: next, Verdict: v.Verdict}, changed(v.Verdict)
}

// changed reports whether v is a change.
func changed(v record.Verdict) bool {
	return v.Change != nil && (v.Verdict == record.IndicativeRegression || v.Verdict == record.IndicativeImprovement)
}

// judged reports whether v says that there is a change or that there is none.
func judged(v record.Verdict) bool { return changed(v) || v.Verdict == record.Equivalent }

// compare fills in the changes.
func (l *Line) compare() {
	var first *verdict.Cost
	for _, c := range l.Costs {
		change := math.NaN()
		switch {
		case c == nil:
		case first == nil:
			first, change = c, 0
		default:
			if s := verdict.NewShift(first, c); s.Change != nil {
				change = *s.Change
			}
		}
		l.Changes = append(l.Changes, change)
	}
}

// Ends are the costs of the first and of the last kernel that were measured, in the same
// state, and the change from one to the other.
func (l *Line) Ends() (first, last, change float64) {
	measured := slices.DeleteFunc(slices.Clone(l.Costs), func(c *verdict.Cost) bool { return c == nil })
	a, b := measured[0], measured[len(measured)-1]
	if s := verdict.NewShift(a, b); s.Change != nil {
		old, young := s.Shown()
		return *old, *young, *s.Change
	}
	return a.Median, b.Median, math.NaN()
}

// Reach is the lowest and the highest change.
func (l *Line) Reach() (low, high float64) {
	for _, v := range l.Changes {
		if !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	return low, high
}

// Steps are all steps of a series, by the kernel that they lead to, the largest first.
func (s *Series) Steps() (list []Step) {
	for _, l := range s.Lines {
		list = append(list, l.Steps...)
	}
	slices.SortStableFunc(list, func(a, b Step) int {
		return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(math.Abs(*b.Change), math.Abs(*a.Change)))
	})
	return list
}

// Unjudged counts the pairs of neighbours in all lines, and those that could not be judged.
func (s *Series) Unjudged() (open, all int) {
	for _, l := range s.Lines {
		open += len(l.Unjudged)
		measured := 0
		for _, c := range l.Costs {
			if c != nil {
				measured++
			}
		}
		all += max(0, measured-1)
	}
	return open, all
}

// Price is what another flavour of a kernel costs.
type Price struct {
	Base, New *Kernel
	Verdicts  []record.Verdict // for each scenario that both measured, send and receive
}

// prices compares the other flavours with the generic kernel of the same version, if there
// is one, from which they differ least, or else with the kernel of the series.
func (s *Study) prices(all []*Kernel) {
	of := func(version, flavour string) *Kernel {
		if i := slices.IndexFunc(all, func(k *Kernel) bool { return k.Version == version && k.Flavour == flavour }); i >= 0 {
			return all[i]
		}
		return nil
	}
	for _, k := range all {
		if !strings.HasPrefix(k.Flavour, "rt-") {
			continue
		}
		base := cmp.Or(of(k.Version, strings.TrimPrefix(k.Flavour, "rt-")), of(k.Version, s.Flavour))
		if base == nil || base == k {
			continue
		}
		p := Price{Base: base, New: k}
		for _, scenario := range s.Scenarios {
			for _, side := range verdict.PacketCosts {
				if v := s.Lab.Verdict(base.Kernel, k.Kernel, scenario, side.Metric).Verdict; v.Change != nil {
					p.Verdicts = append(p.Verdicts, v)
				}
			}
		}
		s.Prices = append(s.Prices, p)
	}
}
