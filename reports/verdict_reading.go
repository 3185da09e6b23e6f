package reports

import (
	"math"
	"slices"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// reading is what one boot says about a scenario.
type reading struct {
	boot      int
	last      []*record.Trial // those that the value comes from
	unsettled bool
	invalid   bool
}

// value is the median over the last trials; false where none has the metric.
// What is not above 0 is no cost.
func (r reading) value(metric string) (float64, bool) {
	s, err := stat.Summarize(r.values(metric))
	return s.Median, err == nil
}

// values gives the metric of each of the last trials that has it.
func (r reading) values(metric string) (x []float64) {
	for _, t := range r.last {
		if v, ok := t.Metrics[metric]; ok && v > 0 {
			x = append(x, v)
		}
	}
	return x
}

// pair is the same scenario in the same boot without and with the observer.
type pair struct{ bare, observed reading }

func read(boot int, trials []*record.Trial) reading {
	a := newArm(trials)
	return reading{
		boot: boot, last: a.used[max(0, len(a.used)-settledTrials):], invalid: a.invalid,
		unsettled: slices.ContainsFunc(a.all, func(t *record.Trial) bool { return slices.Contains(t.Flags, record.FlagUnsettled) }),
	}
}

// settledTrials is how many trials in a row must agree for a scenario to be
// settled; its value is their median.
const settledTrials = 5

// cost is one side's cost of a packet over the boots of a kernel, in
// nanoseconds or instructions.
type cost struct {
	boots            []float64 // each boot's, in order
	trials           []float64 // that the boots' come from
	median, min, max float64
	spread           float64 // (max - min) / median, as a ratio
	unsettled        int     // boots in which the scenario never settled
	invalid          int     // boots in which no trial is valid
}

// costOf is nil where no boot has the metric.
func costOf(readings []reading, metric string) *cost {
	var c cost
	for _, r := range readings {
		v, ok := r.value(metric)
		if !ok {
			continue
		}
		c.boots = append(c.boots, v)
		c.trials = append(c.trials, r.values(metric)...)
		if r.unsettled {
			c.unsettled++
		}
		if r.invalid {
			c.invalid++
		}
	}
	s, err := stat.Summarize(c.boots)
	if err != nil || math.IsInf((s.Max-s.Min)/s.Median, 0) {
		return nil
	}
	c.median, c.min, c.max, c.spread = s.Median, s.Min, s.Max, (s.Max-s.Min)/s.Median
	return &c
}

// shift is one side's cost on two kernels.
type shift struct {
	base, new *cost    // nil where not measured
	change    *float64 // new/base - 1 in the same state; nil where one of them is nil
	states    stateShift
	spread    float64 // the larger of the two
	boots     int     // of the kernel that has fewer
}

// shown gives the costs to show on both sides: where they are compared, those that
// the change is of; elsewhere the medians over boots. They are nil where nothing was
// measured.
func (s shift) shown() (base, next *float64) {
	if s.change != nil {
		return &s.states.base, &s.states.new
	}
	if s.base != nil {
		base = &s.base.median
	}
	if s.new != nil {
		next = &s.new.median
	}
	return base, next
}

// inState reports whether the costs that are compared are those of a state, and not
// those over all boots.
func (s shift) inState() bool {
	off := func(c *cost, shown float64) bool { return math.Abs(shown/c.median-1) > virtualThreshold }
	return s.change != nil && (off(s.base, s.states.base) || off(s.new, s.states.new))
}

// seen tells whether the change is larger than what the same kernel shows from
// boot to boot; with a single boot nobody knows.
func (s shift) seen() (seen, known bool) {
	if s.change == nil || s.boots < 2 {
		return false, false
	}
	return math.Abs(*s.change) > s.spread, true
}

func newShift(base, next *cost) shift {
	s := shift{base: base, new: next}
	if base == nil || next == nil {
		return s
	}
	s.states = shiftStates(base.trials, next.trials, virtualThreshold)
	if change := s.states.change; math.IsInf(change, 0) || math.IsNaN(change) {
		return s
	}
	s.change = &s.states.change
	s.spread = max(base.spread, next.spread)
	s.boots = min(len(base.boots), len(next.boots))
	return s
}
