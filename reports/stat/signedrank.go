package stat

import (
	"math"
	"slices"
)

// Up to this many values the signed-rank distribution is computed exactly; the
// time grows with the third power. Above, the normal approximation is used, whose
// error is then far below a thousandth.
const exactSignedRank = 300

// Walsh returns the n(n+1)/2 averages of two values of x, including each value with
// itself, in rising order.
func Walsh(x []float64) ([]float64, error) {
	if err := check(x); err != nil {
		return nil, err
	}
	w := appendWalsh(make([]float64, 0, len(x)*(len(x)+1)/2), x)
	slices.Sort(w)
	return w, nil
}

// appendWalsh appends the Walsh averages of x, unsorted.
func appendWalsh(w, x []float64) []float64 {
	for i, a := range x {
		for _, b := range x[i:] {
			w = append(w, a/2+b/2)
		}
	}
	return w
}

// HodgesLehmann is the median of the Walsh averages, in the unit of x: an
// estimate of the centre of a symmetric distribution that a few outliers hardly
// move (Hodges and Lehmann, Ann. Math. Statist. 34 (1963) 598). Time
// and memory grow with the square of len(x).
func HodgesLehmann(x []float64) (float64, error) {
	w, err := Walsh(x)
	if err != nil {
		return 0, err
	}
	return middle(w), nil
}

// middle is the median of sorted values.
func middle(sorted []float64) float64 {
	n := len(sorted)
	return sorted[(n-1)/2]/2 + sorted[n/2]/2
}

// SignedRank is the two-sided p of Wilcoxon's signed-rank test that x is
// symmetric about 0: twice the smaller tail. It is exact up to 300 values, given
// the ranks as they are: ties share the mean of their ranks, and all choices of
// signs are counted by dynamic programming. Zeros are ranked, and then left out
// (Pratt, J. Amer. Statist. Assoc. 54 (1959) 655): left out before ranking, they
// could make a sample look more significant by moving away from significance.
// If all are 0, p is 1.
func SignedRank(x []float64) (p float64, err error) {
	if err := check(x); err != nil {
		return 0, err
	}
	return twoSided(signedRankTails(x)), nil
}

// signedRankTails are the probabilities that the sum of the ranks of positive
// values is at most, and at least, that of x.
func signedRankTails(x []float64) (below, above float64) {
	size := make([]float64, len(x))
	for i, v := range x {
		size[i] = math.Abs(v)
	}
	var ranks []int // doubled
	positive := 0
	for i, r := range doubledRanks(size) {
		if x[i] != 0 {
			ranks = append(ranks, r)
		}
		if x[i] > 0 {
			positive += r
		}
	}
	if len(ranks) > exactSignedRank {
		return signedRankNormal(ranks, positive)
	}
	return tails(signSums(ranks), positive)
}

// signSums[s] is the probability that the ranks chosen sum to s, when each is
// chosen with probability 1/2.
func signSums(ranks []int) []float64 {
	total := 0
	for _, r := range ranks {
		total += r
	}
	p := make([]float64, total+1)
	p[0] = 1
	reached := 0
	for _, r := range ranks {
		reached += r
		for s := reached; s >= r; s-- {
			p[s] = (p[s] + p[s-r]) / 2
		}
		for s := range min(r, reached+1) {
			p[s] /= 2
		}
	}
	return p
}

// signedRankNormal approximates the tails, with the variance of the ranks as
// they are (so ties and zeros are allowed for) and a correction for continuity.
func signedRankNormal(doubled []int, positive int) (below, above float64) {
	var sum, squares float64
	for _, d := range doubled {
		r := float64(d) / 2
		sum += r
		squares += r * r
	}
	d := float64(positive)/2 - sum/2
	sd := math.Sqrt(squares) / 2
	return normalBelow((d + 0.5) / sd), normalBelow((-d + 0.5) / sd)
}

// SignedRankInterval is the Hodges-Lehmann estimate with the interval that
// belongs to the signed-rank test: from the (c+1)th Walsh average to the (c+1)th
// from the top, where c is the largest at which the test rejects (Tukey 1949;
// Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3rd ed.,
// section 3.3). Its level is 1 - alpha or more, ties or not: taken closed, the interval is
// conservative for discrete distributions (Noether, J. Amer. Statist. Assoc. 62
// (1967) 184). It is exact up to 300 values.
//
// With too few values for any interval at alpha, fewer than 6 for 5 %, the error
// is a *TooFewError and the estimate has its Value and N only.
func SignedRankInterval(x []float64, alpha float64) (Estimate, error) {
	if err := checkAlpha(alpha); err != nil {
		return Estimate{}, err
	}
	w, err := Walsh(x)
	if err != nil {
		return Estimate{}, err
	}
	e := Estimate{Value: middle(w), N: len(x)}
	c, tail := signedRankCutoff(len(x), alpha)
	if c < 0 {
		return e, tooFew(len(x), alpha, SmallestPaired)
	}
	e.Low, e.High, e.Level = w[c], w[len(w)-1-c], 1-2*tail
	return e, nil
}

// signedRankCutoff is the cutoff of the sum of the ranks 1 to n.
func signedRankCutoff(n int, alpha float64) (c int, tail float64) {
	if n <= exactSignedRank {
		return cutoff(signSums(untied(n)), alpha)
	}
	k := float64(n)
	return normalCutoff(k*(k+1)/4, math.Sqrt(k*(k+1)*(2*k+1)/24), alpha)
}

// normalCutoff is the cutoff of a distribution on whole numbers that is close to
// a normal one.
func normalCutoff(mean, sd, alpha float64) (c int, tail float64) {
	below := math.Floor(mean + normalQuantile(alpha/2)*sd - 0.5)
	if below < 0 {
		return -1, 0
	}
	return int(below), normalBelow((below + 0.5 - mean) / sd)
}
