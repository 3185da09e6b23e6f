package stat

import (
	"cmp"
	"math"
	"slices"
)

// Holm corrects the p-values of one family of tests. If each corrected p is compared
// with one level, the chance of any false alarm in the family stays below it (Holm, Scand. J. Statist. 6 (1979) 65). The result is in the order of p.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	adjusted := make([]float64, len(p))
	highest := 0.0
	for done, i := range order {
		highest = max(highest, min(1, float64(len(p)-done)*p[i]))
		adjusted[i] = highest
	}
	return adjusted
}

// PairsNeeded is the least number of pairs at which a signed-rank test among
// tests can be significant at alpha after Holm's correction: the smallest p is
// 2^(1-n). It panics unless 0 < alpha < 1; tests below 1 count as 1.
func PairsNeeded(tests int, alpha float64) int {
	return needed(tests, alpha, func(n int) float64 { return SmallestPaired(n, n) })
}

// SamplesNeeded is the least size of two equal samples at which a Mann-Whitney
// test among tests can be significant at alpha after Holm's correction: the smallest
// p is 2 / C(2n, n). It panics unless 0 < alpha < 1; tests below 1
// count as 1.
func SamplesNeeded(tests int, alpha float64) int {
	return needed(tests, alpha, func(n int) float64 { return SmallestIndependent(n, n) })
}

func needed(tests int, alpha float64, smallest func(n int) float64) int {
	if err := checkAlpha(alpha); err != nil {
		panic("stat: " + err.Error())
	}
	n := 1
	for float64(max(1, tests))*smallest(n) >= alpha {
		n++
	}
	return n
}

// SmallestPaired is the least p of a signed-rank test of n pairs: that of the two ways in
// which all differ in one direction.
func SmallestPaired(n, _ int) float64 { return min(1, math.Ldexp(2, -n)) }

// SmallestIndependent is the least p of a Mann-Whitney test of m and n values: that of the
// two orders in which they do not overlap.
func SmallestIndependent(m, n int) float64 { return min(1, 2/binomial(m+n, m)) }
