package verdict

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// stateShift compares the cost per packet on two kernels, given the costs of single
// trials.
//
// In virtual time a trial repeats to 0.1 %, but some costs have several states,
// such as whether the skbs of a batch come from a full slab or from a partial
// one: 2 % on Linux 6.12, and chance decides when the device is made. A median over
// trials then says which state was more frequent, and the minimum, the usual estimate of a cost to which noise can only add (Chen and Revels, Robust
// benchmarking in noisy environments, arXiv:1608.04295, 2016), says whether the
// lower state occurred at all. So a state is compared with the same state: costs that
// two kernels have in common are one state, and a change moves the states apart.
type stateShift struct {
	// change is new/base - 1 within the lowest state that both kernels have; if they
	// share no state and have equally many, between the lowest states of the two;
	// otherwise between the most frequent states of the two.
	change float64
	// base and new are the medians, over the compared trials, of which change is the
	// ratio. They are 0 where nothing is compared.
	base, new float64
	verdict   string
	notes     []string
}

// compare sets the medians of the compared trials, and their change.
func (s *stateShift) compare(base, next float64) {
	s.base, s.new, s.change = base, next, next/base-1
}

// state is a group of costs of which no two neighbours differ by more than the
// smallest change that counts.
type state struct{ base, new []float64 }

// statesAlpha is the p below which kernels with different most frequent states are
// called different. It is stricter than compareAlpha, since trials of one boot share a
// state more often than independent trials would, and since each comparison has dozens
// of costs.
const statesAlpha = 0.01

// statesOf groups costs, which are above 0, into states, the lowest first.
func statesOf(base, next []float64, apart float64) (list []state) {
	type cost struct {
		v   float64
		new bool
	}
	var all []cost
	for _, v := range base {
		all = append(all, cost{v, false})
	}
	for _, v := range next {
		all = append(all, cost{v, true})
	}
	slices.SortStableFunc(all, func(a, b cost) int { return cmp.Compare(a.v, b.v) })
	for i, c := range all {
		if i == 0 || c.v > all[i-1].v*(1+apart) {
			list = append(list, state{})
		}
		s := &list[len(list)-1]
		if c.new {
			s.new = append(s.new, c.v)
		} else {
			s.base = append(s.base, c.v)
		}
	}
	return list
}

// shiftStates compares the costs of trials, in any order, that two kernels have.
// threshold is the smallest change that counts, as a ratio. It takes at least
// one cost of each, and gives no verdict but these:
//
//	equivalent     the kernels share states: in each shared state the costs agree,
//	               more than half of the trials of both kernels are in shared states,
//	               and no state is more frequent on one kernel than chance explains
//	indicative-*   they share no state, and every state moved in the same direction;
//	               or all trials of one kernel are above all trials of the other, and
//	               the medians differ by more than the threshold; or their most
//	               frequent states differ by more than chance explains (Fisher's test)
//	inconclusive   neither
func shiftStates(base, next []float64, threshold float64) stateShift {
	list := statesOf(base, next, threshold)
	var shared, old, young []state
	for _, s := range list {
		if len(s.base) > 0 {
			old = append(old, s)
		}
		if len(s.new) > 0 {
			young = append(young, s)
		}
		if len(s.base) > 0 && len(s.new) > 0 {
			shared = append(shared, s)
		}
	}
	if len(shared) > 0 {
		return sharedStates(list, shared, len(base), len(next), threshold)
	}
	if len(old) == len(young) {
		return matchedStates(old, young)
	}
	out := stateShift{verdict: record.Inconclusive}
	out.compare(Middle(mostly(old, false).base), Middle(mostly(young, true).new))
	switch {
	case !apartAltogether(base, next):
		out.notes = append(out.notes, fmt.Sprintf("the cost has %s on the base and %d on the new kernel, and their ranges overlap: measure more boots", text.Plural(len(old), "state", "states"), len(young)))
	case !beyondSpread(base, next):
		out.notes = append(out.notes, "the change is smaller than the distance between the states of one kernel: measure more boots")
	default:
		out.verdict = indicative(out.change)
	}
	return out
}

// matchedStates judges kernels that have equally many states and share none: the lowest
// state of one is compared with the lowest of the other, and so on.
func matchedStates(old, young []state) stateShift {
	var out stateShift
	out.compare(Middle(old[0].base), Middle(young[0].new))
	out.verdict = indicative(out.change)
	for i := range old {
		if (Middle(young[i].new) > Middle(old[i].base)) != (out.change > 0) {
			out.verdict = record.Inconclusive
			out.notes = []string{"the states of the cost moved in different directions"}
			return out
		}
	}
	if len(old) > 1 {
		out.notes = []string{fmt.Sprintf("the cost has %d states, and each moved", len(old))}
	}
	return out
}

// indicative is the verdict on a change of a cost.
func indicative(change float64) string {
	if change > 0 {
		return record.IndicativeRegression
	}
	return record.IndicativeImprovement
}

// sharedStates judges kernels that share at least one state.
func sharedStates(list, shared []state, olds, news int, threshold float64) stateShift {
	out := stateShift{verdict: record.Equivalent}
	out.compare(Middle(shared[0].base), Middle(shared[0].new))
	var common [2]int // trials in shared states
	for _, s := range shared {
		common[0] += len(s.base)
		common[1] += len(s.new)
		if math.Abs(Middle(s.new)/Middle(s.base)-1) > threshold {
			out.verdict = record.Inconclusive
		}
	}
	if len(list) == 1 {
		// Costs close enough to be one state, but those of the kernels do not
		// overlap: a change just beyond the threshold, of a cost that scatters a
		// little.
		if out.verdict == record.Inconclusive && apartAltogether(list[0].base, list[0].new) {
			out.verdict = indicative(out.change)
		}
		return out
	}
	tell := func(s state) float64 { return stat.Fisher(len(s.base), olds, len(s.new), news) }
	for _, s := range list {
		p := tell(s)
		if p < compareAlpha {
			out.verdict = record.Inconclusive
		}
		if p < compareAlpha || len(s.base) == 0 || len(s.new) == 0 {
			out.notes = append(out.notes, fmt.Sprintf("about %s in %d of %d trials on the base and %d of %d on the new kernel (p = %s if this is chance)",
				text.PerPacket(Middle(slices.Concat(s.base, s.new))), len(s.base), olds, len(s.new), news, text.PValue(&p)))
		}
	}
	if 2*common[0] > olds && 2*common[1] > news {
		return out
	}
	// The shared state is an outlier of one kernel, whose most frequent state is
	// another.
	out.verdict = record.Inconclusive
	old, young := mostly(list, false), mostly(list, true)
	out.compare(Middle(old.base), Middle(young.new))
	if math.Abs(out.change) > threshold && tell(old) < statesAlpha && tell(young) < statesAlpha {
		out.verdict = indicative(out.change)
		return out
	}
	out.notes = append(out.notes, "most trials on one kernel have a cost that no trial on the other has: measure more boots")
	return out
}

// mostly returns the most frequent state of the base or of the new kernel; the lowest
// of several.
func mostly(list []state, new bool) state {
	return slices.MaxFunc(list, func(a, b state) int {
		if new {
			return cmp.Compare(len(a.new), len(b.new))
		}
		return cmp.Compare(len(a.base), len(b.base))
	})
}

// apartAltogether reports whether every cost of one kernel is above every cost of the
// other.
func apartAltogether(base, next []float64) bool {
	return slices.Min(next) > slices.Max(base) || slices.Max(next) < slices.Min(base)
}

// beyondSpread reports whether the medians differ by more than the costs of either
// kernel.
func beyondSpread(base, next []float64) bool {
	change := math.Abs(Middle(next)/Middle(base) - 1)
	for _, x := range [][]float64{base, next} {
		if (slices.Max(x)-slices.Min(x))/Middle(x) >= change {
			return false
		}
	}
	return true
}

// Middle is the median of x, which must be finite and not empty.
func Middle(x []float64) float64 {
	s, err := stat.Summarize(x)
	if err != nil {
		return math.NaN()
	}
	return s.Median
}
