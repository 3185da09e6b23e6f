package verdict

import (
	"math"
	"slices"

	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// Reading is the result of one boot for a scenario.
type Reading struct {
	boot      int
	last      []*record.Trial // the trials that the value comes from
	Unsettled bool
	Invalid   bool
}

// value is the median over the last trials; false where none has the metric.
func (r Reading) value(metric string) (float64, bool) {
	s, err := stat.Summarize(r.values(metric))
	return s.Median, err == nil
}

// values returns the metric of each of the last trials that has it. Values of 0 or less
// are no costs and left out.
func (r Reading) values(metric string) (x []float64) {
	for _, t := range r.last {
		if v, ok := t.Metrics[metric]; ok && v > 0 {
			x = append(x, v)
		}
	}
	return x
}

// pair is the same scenario in the same boot without and with the observer.
type pair struct{ bare, observed Reading }

func read(boot int, trials []*record.Trial) Reading {
	a := figure.NewArm(trials).OrInvalid() // the number of boots without a valid trial stands beside the cost
	return Reading{
		boot: boot, last: a.Used[max(0, len(a.Used)-settledTrials):], Invalid: a.Invalid,
		Unsettled: slices.ContainsFunc(a.All, func(t *record.Trial) bool { return slices.Contains(t.Flags, record.FlagUnsettled) }),
	}
}

// settledTrials is how many trials in a row must agree for a scenario to be settled. The
// value of the scenario is their median.
const settledTrials = 5

// Cost is the cost per packet of sending or of receiving over the boots of a kernel, in
// nanoseconds or instructions.
type Cost struct {
	Boots            []float64 // medians of the boots, in order
	trials           []float64 // costs of the trials behind these medians
	Median, Min, Max float64
	Spread           float64 // (max - min) / median, as a ratio
	Unsettled        int     // boots in which the scenario never settled
	Invalid          int     // boots in which no trial is valid
}

// Holds reports whether a trial of some boot cost so much, but for off.
func (c *Cost) Holds(level, off float64) bool {
	return slices.ContainsFunc(c.trials, func(v float64) bool { return math.Abs(v-level) <= off })
}

// Unsettles reports whether there is a boot in which the scenario never settled.
func (c *Cost) Unsettles() bool { return c != nil && c.Unsettled > 0 }

// costOf is nil where no boot has the metric.
func costOf(readings []Reading, metric string) *Cost {
	var c Cost
	for _, r := range readings {
		v, ok := r.value(metric)
		if !ok {
			continue
		}
		c.Boots = append(c.Boots, v)
		c.trials = append(c.trials, r.values(metric)...)
		if r.Unsettled {
			c.Unsettled++
		}
		if r.Invalid {
			c.Invalid++
		}
	}
	s, err := stat.Summarize(c.Boots)
	if err != nil || math.IsInf((s.Max-s.Min)/s.Median, 0) {
		return nil
	}
	c.Median, c.Min, c.Max, c.Spread = s.Median, s.Min, s.Max, (s.Max-s.Min)/s.Median
	return &c
}

// Shift is the cost per packet of sending or of receiving on two kernels.
type Shift struct {
	Base, New *Cost    // nil where not measured
	Change    *float64 // new/base - 1 in the same state; nil where Base or New is nil
	states    stateShift
	spread    float64 // the larger Spread of the two
	boots     int     // of the kernel that has fewer
}

// Shown returns the costs to show for both kernels: where they are compared, the costs
// whose ratio the change is; elsewhere the medians over boots. A cost that was not
// measured is nil.
func (s Shift) Shown() (base, next *float64) {
	if s.Change != nil {
		return &s.states.base, &s.states.new
	}
	if s.Base != nil {
		base = &s.Base.Median
	}
	if s.New != nil {
		next = &s.New.Median
	}
	return base, next
}

// InState reports whether the compared costs are medians of one state and not those
// over all boots.
func (s Shift) InState() bool {
	off := func(c *Cost, shown float64) bool { return math.Abs(shown/c.Median-1) > metric.VirtualThreshold }
	return s.Change != nil && (off(s.Base, s.states.base) || off(s.New, s.states.new))
}

// Seen reports whether the change is larger than the spread of one kernel from boot to
// boot. That is not known with a single boot.
func (s Shift) Seen() (seen, known bool) {
	if s.Change == nil || s.boots < 2 {
		return false, false
	}
	return math.Abs(*s.Change) > s.spread, true
}

func NewShift(base, next *Cost) Shift {
	s := Shift{Base: base, New: next}
	if base == nil || next == nil {
		return s
	}
	s.states = shiftStates(base.trials, next.trials, metric.VirtualThreshold)
	if change := s.states.change; math.IsInf(change, 0) || math.IsNaN(change) {
		return s
	}
	s.Change = &s.states.change
	s.spread = max(base.Spread, next.Spread)
	s.boots = min(len(base.Boots), len(next.Boots))
	return s
}
