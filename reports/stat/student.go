package stat

import "math"

// manyFreedom is the number of degrees of freedom above which t is taken as normal.
const manyFreedom = 1e5

// StudentAbove is the probability that Student's t with that many degrees of
// freedom, which need not be whole, is above t >= 0.
func StudentAbove(t, freedom float64) float64 {
	if freedom > manyFreedom {
		return normalBelow(-t)
	}
	return betaBelow(freedom/(freedom+t*t), freedom/2, 0.5) / 2
}

// StudentBeyond is the t >= 0 that Student's t with that many degrees of freedom
// exceeds with probability p, for p in (0, 0.5]. It is the inverse of StudentAbove.
func StudentBeyond(p, freedom float64) float64 {
	low, high := 0.0, 1.0
	for StudentAbove(high, freedom) > p && high < 1e12 {
		low, high = high, 2*high
	}
	for range 80 {
		if middle := (low + high) / 2; StudentAbove(middle, freedom) > p {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}

// betaBelow is the regularized incomplete beta function of x in [0, 1], by its
// continued fraction (Abramowitz and Stegun 26.5.8), which is taken on the side
// where it converges fast.
func betaBelow(x, a, b float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - betaBelow(1-x, b, a)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(lab-la-lb+a*math.Log(x)+b*math.Log1p(-x)) / a
	// Lentz's method, from the front.
	const tiny = 1e-300
	f, c, d := 1.0, 1.0, 0.0
	for i := range 1000 {
		m := float64(i / 2)
		var numerator float64
		switch {
		case i == 0:
			numerator = 1
		case i%2 == 0:
			numerator = m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		default:
			numerator = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		}
		if d = 1 + numerator*d; math.Abs(d) < tiny {
			d = tiny
		}
		d = 1 / d
		if c = 1 + numerator/c; math.Abs(c) < tiny {
			c = tiny
		}
		f *= c * d
		if math.Abs(1-c*d) < 1e-14 {
			break
		}
	}
	return front * (f - 1)
}
