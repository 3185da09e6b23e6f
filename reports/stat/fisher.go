package stat

import "math"

// Fisher is the two-sided p of Fisher's exact test that a of m and b of n have the same
// probability: the sum over all tables with the same margins that are no likelier than
// this one (Fisher, Statistical Methods for Research Workers, section 21.02).
func Fisher(a, m, b, n int) float64 {
	hits := a + b
	own := hypergeometric(a, hits, m, n)
	p := 0.0
	for k := max(0, hits-n); k <= min(hits, m); k++ {
		// A table and its mirror image must count as equally likely despite rounding.
		if q := hypergeometric(k, hits, m, n); q <= own*(1+1e-7) {
			p += q
		}
	}
	return min(1, p)
}

// hypergeometric is the probability that k of hits fall into the first m of m+n.
func hypergeometric(k, hits, m, n int) float64 {
	return math.Exp(choose(m, k) + choose(n, hits-k) - choose(m+n, hits))
}

// choose is the logarithm of n over k.
func choose(n, k int) float64 {
	a, _ := math.Lgamma(float64(n + 1))
	b, _ := math.Lgamma(float64(k + 1))
	c, _ := math.Lgamma(float64(n - k + 1))
	return a - b - c
}
