package series

import (
	"fmt"
	"math"
	"slices"

	"tunbench/reports/text"
)

// Bounds for a host whose runs fall into two groups by the cost of a bare system call.
// mixedApart is the least distance between the means of the groups in standard
// deviations within a group.
const (
	mixedApart = 4.5  // more for few runs, since chance can do more there: see twoGroups
	mixedLeast = 0.03 // least distance between the means, as a ratio
	mixedRuns  = 8    // least number of runs
	mixedGroup = 2    // runs in each group
	mixedTurns = 3    // changes from one group to the other, in the order of time
)

// mixtures has a sentence, by fingerprint, for each host that is several machines, or one
// machine in several states: the floors of its runs lie in two groups, and the runs of
// the groups alternate. A floor that changes only once is a change of the host, which
// reports show with what changed at that time.
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

// twoGroups splits values, given in the order of time, into the two groups with the least
// scatter. ok reports whether these are distinct, and mixed in time.
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
