package study

import (
	"slices"

	"tunbench/reports/axis"
)

// Refusal is a scenario that some kernels did not measure, for one reason.
type Refusal struct {
	Scenario, Reason, Detail string
	Kernels                  []*Kernel // in the order of the series
}

// Refusals are grouped by scenario and reason.
func Refusals(s *Study) (list []Refusal) {
	for _, k := range s.All() {
		for _, r := range k.Refused {
			i := slices.IndexFunc(list, func(o Refusal) bool {
				return o.Scenario == r.Scenario && o.Reason == r.Reason && o.Detail == r.Detail
			})
			if i < 0 {
				i = len(list)
				list = append(list, Refusal{Scenario: r.Scenario, Reason: r.Reason, Detail: r.Detail})
			}
			list[i].Kernels = append(list[i].Kernels, k)
		}
	}
	slices.SortStableFunc(list, func(a, b Refusal) int { return axis.Compare(a.Scenario, b.Scenario) })
	return list
}
