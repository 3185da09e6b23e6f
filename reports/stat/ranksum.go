package stat

import (
	"math"
	"slices"
	"sync"
)

// Up to this many values in both samples together the rank-sum distribution is
// computed exactly, in time that grows with the fourth power. Above, the normal
// approximation is used.
const exactRankSum = 100

// RankSum is the two-sided p of the Mann-Whitney test that x and y come from one
// distribution: twice the smaller tail. Up to 100 values together it is exact,
// given the ranks as they are: ties share the mean of their ranks, and all ways
// to deal the ranks to the two samples are counted by dynamic programming.
// Beyond, it is the normal approximation with corrections for continuity and
// ties (Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3rd
// ed., section 4.1). If all values are equal, p is 1.
func RankSum(x, y []float64) (p float64, err error) {
	if err := check(x); err != nil {
		return 0, err
	}
	if err := check(y); err != nil {
		return 0, err
	}
	if len(y) < len(x) {
		x, y = y, x
	}
	ranks := doubledRanks(slices.Concat(x, y))
	sum := 0
	for _, r := range ranks[:len(x)] {
		sum += r
	}
	if len(ranks) > exactRankSum {
		return rankSumNormal(ranks, len(x), sum), nil
	}
	return twoSided(tails(subsetSums(ranks, len(x)), sum)), nil
}

// subsetSums[s] is the number of ways to choose k of the ranks so that they sum
// to s.
func subsetSums(ranks []int, k int) []float64 {
	sorted := slices.Sorted(slices.Values(ranks))
	most := 0
	for _, r := range sorted[len(sorted)-k:] {
		most += r
	}
	ways := make([][]float64, k+1) // by the number chosen
	for i := range ways {
		ways[i] = make([]float64, most+1)
	}
	ways[0][0] = 1
	for seen, r := range sorted {
		for chosen := min(seen+1, k); chosen > 0; chosen-- {
			to, from := ways[chosen], ways[chosen-1]
			for s := r; s <= most; s++ {
				to[s] += from[s-r]
			}
		}
	}
	return ways[k]
}

// rankSumNormal approximates p; sum is the sum of the doubled ranks of the first k
// values.
func rankSumNormal(doubled []int, k, sum int) float64 {
	n := float64(len(doubled))
	m := float64(k)
	var squares float64 // about the mean rank
	for _, d := range doubled {
		r := float64(d)/2 - (n+1)/2
		squares += r * r
	}
	if squares == 0 {
		return 1
	}
	// The variance of a sum of m drawn without replacement; for ranks without
	// ties it is m (n-m) (n+1) / 12.
	sd := math.Sqrt(m * (n - m) * squares / (n * (n - 1)))
	d := math.Abs(float64(sum)/2 - m*(n+1)/2)
	return min(1, 2*normalBelow(-(d-0.5)/sd))
}

// Shift is by how much new lies above base: the median of all differences
// new - base (Hodges and Lehmann, Ann. Math. Statist. 34 (1963) 598), with the
// interval that belongs to the Mann-Whitney test (Hollander, Wolfe and Chicken,
// section 4.3). It is exact up to 100 values together. With too few values for any
// interval at alpha, the error is a *TooFewError, counted in samples of equal
// size, and the estimate has its Value and N only.
func Shift(base, new []float64, alpha float64) (Estimate, error) {
	if err := checkAlpha(alpha); err != nil {
		return Estimate{}, err
	}
	if err := check(base); err != nil {
		return Estimate{}, err
	}
	if err := check(new); err != nil {
		return Estimate{}, err
	}
	d := make([]float64, 0, len(base)*len(new))
	for _, b := range base {
		for _, v := range new {
			d = append(d, v-b)
		}
	}
	if err := check(d); err != nil {
		return Estimate{}, err // the difference overflows
	}
	slices.Sort(d)
	e := Estimate{Value: middle(d), N: min(len(base), len(new))}
	c, tail := rankSumCutoff(len(base), len(new), alpha)
	if c < 0 {
		return e, tooFew(e.N, alpha, SmallestIndependent)
	}
	e.Low, e.High, e.Level = d[c], d[len(d)-1-c], 1-2*tail
	return e, nil
}

// cutoffs caches the exact cutoffs of Mann and Whitney's U, a rankSumCut for each
// rankSumCase: a long history needs the same ones thousands of times.
var cutoffs sync.Map

type rankSumCase struct {
	m, n  int
	alpha float64
}

type rankSumCut struct {
	c    int
	tail float64
}

// rankSumCutoff is the cutoff of Mann and Whitney's U, the number of pairs in
// which the value of the second sample is the smaller one.
func rankSumCutoff(m, n int, alpha float64) (c int, tail float64) {
	if m+n > exactRankSum {
		a, b := float64(m), float64(n)
		return normalCutoff(a*b/2, math.Sqrt(a*b*(a+b+1)/12), alpha)
	}
	k := min(m, n)
	key := rankSumCase{k, max(m, n), alpha}
	if known, ok := cutoffs.Load(key); ok {
		cut := known.(rankSumCut)
		return cut.c, cut.tail
	}
	c, tail = cutoff(subsetSums(untied(m+n), k)[k*(k+1)/2:], alpha)
	cutoffs.Store(key, rankSumCut{c, tail})
	return c, tail
}

// binomial is n over k.
func binomial(n, k int) float64 {
	b := 1.0
	for i := 1; i <= k; i++ {
		b = b * float64(n-k+i) / float64(i)
	}
	return b
}
