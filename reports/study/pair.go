package study

import (
	"maps"
	"math"
	"slices"
	"strings"

	"tunbench/reports/record"
)

// Pair are two kernels whose profiles show where a difference is.
type Pair struct {
	Kind   string `json:"kind"` // PairKind
	Name   string `json:"name"` // of the folder of its profiles
	Base   string `json:"base"` // releases
	New    string `json:"new"`
	Filter string `json:"filter"` // that keeps only the scenario, as for --filter
	// Scenario is the one whose cost differs most, of those in Metric.
	Scenario string  `json:"scenario"`
	Metric   string  `json:"metric"`
	Change   float64 `json:"change"`
}

// PairKind is Kind of each Pair.
const PairKind = "pair"

// Pairs are the pairs of kernels on both sides of each step, and of two flavours. Each pair
// has one scenario.
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
	return list
}

// filterOf keeps only that scenario, which k measured.
func filterOf(k *Kernel, scenario string) string {
	for _, f := range k.Files {
		for i := range f.Trials {
			t := &f.Trials[i]
			if t.Scenario != scenario {
				continue
			}
			var words []string
			for _, axis := range slices.Sorted(maps.Keys(t.Axes)) {
				words = append(words, axis+"="+t.Axes[axis])
			}
			return strings.Join(words, " ")
		}
	}
	return ""
}
