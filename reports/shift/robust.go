package shift

import "math"

const (
	// clip is from how many standard deviations on a value counts less (Huber, Ann.
	// Math. Statist. 35 (1964) 73).
	clip = 1.5
	// clipped is the mean of the smaller of z² and clip², for a standard normal z.
	clipped = 0.7784
	// inefficiency is the standard error of a clipped mean over that of a mean, for
	// normal values.
	inefficiency = 1.02
)

// centre is the clipped mean of the values x of those scenarios that are in, weighted by
// the inverse of their variances v times scale².
func centre(x, v []float64, in []bool, scale float64) float64 {
	var list []float64
	for i, is := range in {
		if is {
			list = append(list, x[i])
		}
	}
	c := middle(list)
	for range 30 {
		var sum, weights float64
		for i, is := range in {
			if !is {
				continue
			}
			w := 1 / v[i]
			if u := math.Abs(x[i]-c) / (scale * math.Sqrt(v[i])); u > clip {
				w *= clip / u
			}
			sum, weights = sum+w*x[i], weights+w
		}
		last := c
		if c = sum / weights; math.Abs(c-last) < 1e-6 {
			break
		}
	}
	return c
}

// precision is the sum of the inverse variances of the scenarios that are in.
func precision(v []float64, in []bool) (sum float64) {
	for i, is := range in {
		if is {
			sum += 1 / v[i]
		}
	}
	return sum
}

// spread is the standard deviation of z about 0, where large values count less; lost is
// how many centres were taken out of z.
func spread(z []float64, lost int) float64 {
	size := make([]float64, len(z))
	for i, v := range z {
		size[i] = math.Abs(v)
	}
	s := middle(size) / 0.6745
	if s == 0 {
		return 0
	}
	for range 30 {
		sum := 0.0
		for _, v := range z {
			u := min(math.Abs(v)/s, clip)
			sum += u * u
		}
		last := s
		s *= math.Sqrt(sum / clipped / float64(len(z)-lost))
		if math.Abs(s/last-1) < 1e-4 {
			break
		}
	}
	return s
}
