package study

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/record"
)

// Pair are two kernels, or two scenarios on one kernel, whose profiles show where a
// difference is.
type Pair struct {
	Kind   string `json:"kind"` // PairKind
	Name   string `json:"name"` // of the folder of its profiles
	Base   string `json:"base"` // releases
	New    string `json:"new"`
	Filter string `json:"filter"` // that keeps only the scenarios, as for --filter
	// Scenario is the one whose cost differs most, of those in Metric.
	Scenario string  `json:"scenario"`
	Metric   string  `json:"metric"`
	Change   float64 `json:"change"`
	// Other is the scenario on the side of New, if it is another one.
	Other string `json:"other,omitempty"`
}

// PairKind is Kind of each Pair.
const PairKind = "pair"

// Pairs are the pairs of kernels on both sides of each step, and of two flavours, each with
// one scenario. A pair of scenarios on the newest kernel shows what more than the fewest
// queues cost.
func Pairs(s *Study) (list []Pair) {
	add := func(base, next *Kernel, v record.Verdict) {
		if v.Change == nil {
			return
		}
		name := base.Name + ".." + next.Name
		i := slices.IndexFunc(list, func(p Pair) bool { return p.Name == name })
		if i < 0 {
			i = len(list)
			list = append(list, Pair{Kind: PairKind, Name: name, Base: base.Name, New: next.Name})
		}
		if p := &list[i]; p.Scenario == "" || math.Abs(*v.Change) > math.Abs(p.Change) {
			p.Scenario, p.Metric, p.Change, p.Filter = v.Scenario, v.Metric, *v.Change, filterOf(base, v.Scenario)
		}
	}
	for _, of := range s.Series {
		for _, step := range of.Steps() {
			add(step.Base, step.New, step.Verdict)
		}
	}
	for _, p := range s.Prices {
		for _, v := range p.Verdicts {
			add(p.Base, p.New, v)
		}
	}
	for _, q := range QueuesOf(s) {
		if p, ok := pairOfQueues(s, q); ok {
			list = append(list, p)
		}
	}
	return list
}

// pairOfQueues compares the sending of a group with the fewest and with more queues.
func pairOfQueues(s *Study, q Queues) (p Pair, ok bool) {
	if len(s.Series) == 0 {
		return p, false
	}
	kernels := s.Series[len(s.Series)-1].Kernels
	k := kernels[len(kernels)-1]
	shift := q.Shift(k, 1, record.SendNsPerPkt)
	if shift.Change == nil {
		return p, false
	}
	return Pair{
		Kind: PairKind, Name: "queues-" + strconv.Itoa(q.Numbers[0]) + "-" + strconv.Itoa(q.Numbers[1]) + "-" + k.Name, Base: k.Name, New: k.Name,
		Filter: filterOf(k, q.Scenarios[:2]...), Scenario: q.Scenarios[0], Other: q.Scenarios[1], Metric: record.SendNsPerPkt, Change: *shift.Change,
	}, true
}

// filterOf keeps only those scenarios, which k measured.
func filterOf(k *Kernel, scenarios ...string) string {
	values := map[string][]string{}  // by axis
	for _, name := range scenarios { // in their order, whatever that of the trials
		for _, f := range k.Files {
			for i := range f.Trials {
				if f.Trials[i].Scenario != name {
					continue
				}
				for axis, v := range f.Trials[i].Axes {
					if !slices.Contains(values[axis], v) {
						values[axis] = append(values[axis], v)
					}
				}
			}
		}
	}
	var words []string
	for _, axis := range slices.Sorted(maps.Keys(values)) {
		words = append(words, axis+"="+strings.Join(values[axis], ","))
	}
	return strings.Join(words, " ")
}
