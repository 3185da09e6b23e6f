package study

import (
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/verdict"
)

// Queues are scenarios that differ only in their number of queues, the fewest first.
type Queues struct {
	Scenarios []string
	Numbers   []int
}

// QueuesOf groups the scenarios by all that they have but their number of queues. A group
// has two at least.
func QueuesOf(s *Study) (list []Queues) {
	groups := map[string]int{}
	for _, scenario := range s.Scenarios {
		var rest []string
		n := 0
		for _, part := range strings.Split(scenario, "/") {
			if v, ok := strings.CutPrefix(part, "queues="); ok {
				n, _ = strconv.Atoi(v)
				continue
			}
			rest = append(rest, part)
		}
		if n == 0 {
			continue
		}
		key := strings.Join(rest, "/")
		i, ok := groups[key]
		if !ok {
			i = len(list)
			groups[key] = i
			list = append(list, Queues{})
		}
		// Scenarios come in the order of their axes, numbers by value.
		list[i].Scenarios, list[i].Numbers = append(list[i].Scenarios, scenario), append(list[i].Numbers, n)
	}
	return slices.DeleteFunc(list, func(q Queues) bool { return len(q.Scenarios) < 2 })
}

// Shift is the change of a cost on k from the fewest queues to the i-th number of them.
func (q Queues) Shift(k *Kernel, i int, metric string) verdict.Shift {
	return verdict.NewShift(k.Cost(q.Scenarios[0], metric), k.Cost(q.Scenarios[i], metric))
}
