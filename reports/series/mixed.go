package series

import (
	"fmt"
	"math"
	"slices"

	"tunbench/reports/text"
)

// A host whose runs fall into two groups by the cost of a bare system call: the
// groups are real where their means lie that many times further apart than the
// values of a group from each other (as standard deviation), and by at least that
// share; the runs must be that many.
const (
	mixedApart = 4.5 // and of few runs more, as chance has it: see twoGroups
	mixedLeast = 0.03
	mixedRuns  = 8
	mixedGroup = 2 // runs in each group
	mixedTurns = 3 // changes from one group to the other, in the order of time
)

// mixtures says which hosts are several machines, or one in several states, by
// fingerprint: the floors of their runs lie in two groups, and runs of one
// follow those of the other time and again. A floor that changes once is a change of the host,
// which stands beside what changed with it.
func mixtures(runs []StoredRun) map[string]string {
	floors := map[string][]float64{}
	for i := range runs {
		if v := runs[i].Run.Floor.SyscallNs; v > 0 && !math.IsInf(v, 0) {
			floors[runs[i].Host] = append(floors[runs[i].Host], v)
		}
	}
	mixed := map[string]string{}
	for host, list := range floors {
		if low, high, nLow, ok := twoGroups(list); ok {
			mixed[host] = fmt.Sprintf("the runs of host %s come from two machines, or from one machine in two states: a bare system call alternates between %s ns (in %d runs) and %s ns (in %d)",
				host, text.Decimals(low, 1), nLow, text.Decimals(high, 1), len(list)-nLow)
		}
	}
	return mixed
}

// twoGroups splits values, in the order of time, where the two groups are the
// tightest, and tells whether they are two groups and mixed in time.
func twoGroups(list []float64) (low, high float64, nLow int, ok bool) {
	if len(list) < mixedRuns {
		return 0, 0, 0, false
	}
	sorted := slices.Sorted(slices.Values(list))
	logs := make([]float64, len(sorted))
	for i, v := range sorted {
		logs[i] = math.Log(v)
	}
	mean := func(x []float64) (m, squares float64) {
		for _, v := range x {
			m += v / float64(len(x))
		}
		for _, v := range x {
			squares += (v - m) * (v - m)
		}
		return m, squares
	}
	best, apart := math.Inf(1), 0.0
	for i := mixedGroup; i <= len(logs)-mixedGroup; i++ {
		a, sa := mean(logs[:i])
		b, sb := mean(logs[i:])
		if sa+sb < best {
			best, apart, low, high, nLow = sa+sb, b-a, math.Exp(a), math.Exp(b), i
		}
	}
	scatter := math.Sqrt(best / float64(len(logs)-2))
	if apart < mixedLeast || apart < (mixedApart+16/float64(len(logs)))*scatter {
		return low, high, nLow, false
	}
	turns, border := 0, sorted[nLow-1]
	for i := 1; i < len(list); i++ {
		if (list[i] > border) != (list[i-1] > border) {
			turns++
		}
	}
	return low, high, nLow, turns >= mixedTurns
}
