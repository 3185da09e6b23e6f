package stat

import (
	"cmp"
	"slices"
)

// doubledRanks are the midranks of x times two, which are whole numbers: equal values
// share the mean of their ranks.
func doubledRanks(x []float64) []int {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	ranks := make([]int, len(x))
	for from := 0; from < len(order); {
		to := from + 1
		for to < len(order) && x[order[to]] == x[order[from]] {
			to++
		}
		for _, i := range order[from:to] {
			ranks[i] = from + 1 + to
		}
		from = to
	}
	return ranks
}

// untied are the ranks 1 to n.
func untied(n int) []int {
	ranks := make([]int, n)
	for i := range ranks {
		ranks[i] = i + 1
	}
	return ranks
}

// tails are the probabilities of at most at and of at least at, where weights[s] is
// proportional to the probability of s.
func tails(weights []float64, at int) (below, above float64) {
	var total float64
	for s, w := range weights {
		total += w
		if s <= at {
			below += w
		}
		if s >= at {
			above += w
		}
	}
	return below / total, above / total
}

// twoSided doubles the smaller tail.
func twoSided(below, above float64) float64 { return min(1, 2*min(below, above)) }

// cutoff is the largest c for which the lower tail up to c and the upper tail of the
// same size have a probability of at most alpha together; tail is the probability of
// one of them. c is -1 if the outermost values alone are more probable.
func cutoff(weights []float64, alpha float64) (c int, tail float64) {
	var total float64
	for _, w := range weights {
		total += w
	}
	c = -1
	var sum float64
	for s, w := range weights {
		sum += w
		if 2*sum/total > alpha {
			break
		}
		c, tail = s, sum/total
	}
	return c, tail
}
