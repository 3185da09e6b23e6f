package stat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// leastForScale is the smallest sample whose scale is estimated.
const leastForScale = 6

// MinimalDetectable is the smallest true change, in the unit of r and in either
// direction, that a signed-rank test of n pairs at alpha finds with probability
// power, on a host where two equal variants differed by r: the log ratios of the
// pairs of an A/A run. It holds for nearly normal noise. The scale of the noise is
// estimated by Qn, so that one outlier does not move it; from ten pairs it is known
// to about a quarter only.
//
// r must have six values or more, and power lie between 0.5 and 1. If n pairs
// cannot be significant at alpha the error is a *TooFewError.
func MinimalDetectable(r []float64, n int, alpha, power float64) (float64, error) {
	if err := checkAlpha(alpha); err != nil {
		return 0, err
	}
	if !(power > 0.5 && power < 1) {
		return 0, fmt.Errorf("power is %v, not between 0.5 and 1", power)
	}
	if err := check(r); err != nil {
		return 0, err
	}
	if len(r) < leastForScale {
		return 0, fmt.Errorf("too few pairs for a scale: %d, and at least %d are needed", len(r), leastForScale)
	}
	c, tail := signedRankCutoff(max(n, 0), alpha)
	if c < 0 {
		return 0, tooFew(n, alpha, SmallestPaired)
	}
	if n <= simulatedReach {
		return reach(n, c, power) * qn(r), nil
	}
	// The normal approximation, with 3/pi for the efficiency of the signed-rank
	// test against that of t (Hodges and Lehmann, Ann. Math. Statist. 27 (1956) 324).
	z := normalQuantile(power) - normalQuantile(tail)
	return z * qn(r) / math.Sqrt(float64(n)*3/math.Pi), nil
}

// simulatedReach is the number of pairs up to which reach is simulated: there the
// normal approximation is too small, by a third for six pairs, a tenth for ten and a
// fortieth for fifty.
const simulatedReach = 50

// reach is the shift, in standard deviations, at which the test with this cutoff
// finds a shift in n normal values with probability power. A sample x moved by s
// is found if and only if its interval, whose lower end is the (c+1)th Walsh
// average, lies above 0: if s exceeds minus that average of x. So reach is the power
// quantile of minus that average, here of 2,000 samples with a fixed seed, which
// leaves the power uncertain by 0.01.
func reach(n, c int, power float64) float64 {
	const draws = 2000
	random := rand.New(rand.NewPCG(uint64(n), draws))
	takes := make([]float64, draws)
	x := make([]float64, n)
	w := make([]float64, 0, n*(n+1)/2)
	for k := range takes {
		for i := range x {
			x[i] = random.NormFloat64()
		}
		w = appendWalsh(w[:0], x)
		slices.Sort(w)
		takes[k] = -w[c]
	}
	slices.Sort(takes)
	return takes[int(math.Ceil(power*draws))-1]
}

// qnCorrection makes Qn unbiased for normal samples of 2 to 9 values (Croux and
// Rousseeuw, Computational Statistics 1 (1992) 411).
var qnCorrection = [...]float64{2: 0.399, 0.994, 0.512, 0.844, 0.611, 0.857, 0.669, 0.872}

// qn estimates the standard deviation of a normal distribution by the lower
// quartile, about, of the distances between all values. Half of the values can
// be outliers, no centre is needed, and it is twice as efficient as the MAD
// (Rousseeuw and Croux, J. Amer. Statist. Assoc. 88 (1993) 1273). It needs two values.
func qn(x []float64) float64 {
	n := len(x)
	d := make([]float64, 0, n*(n-1)/2)
	for i, a := range x {
		for _, b := range x[:i] {
			d = append(d, math.Abs(a-b))
		}
	}
	slices.Sort(d)
	h := n/2 + 1
	q := 2.2219 * d[h*(h-1)/2-1]
	switch {
	case n < len(qnCorrection):
		return qnCorrection[n] * q
	case n%2 == 1:
		return q * float64(n) / (float64(n) + 1.4)
	}
	return q * float64(n) / (float64(n) + 3.8)
}
