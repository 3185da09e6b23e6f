package shift

import (
	"errors"
	"fmt"
	"math"
)

// ErrFew says that there are too few runs or scenarios to tell how far runs scatter.
var ErrFew = errors.New("too few runs or scenarios")

// Measure returns how far runs of one build scatter, given the values of each scenario of
// each run, and on how many scenarios that rests: those that all runs have. It takes two
// runs and leastScenarios scenarios.
func Measure(runs []map[string][]Value) (s Scatter, scenarios int, err error) {
	if len(runs) < 2 {
		return s, 0, fmt.Errorf("measure the scatter of %d runs: %w: at least 2 are needed", len(runs), ErrFew)
	}
	var levels [][]float64 // by scenario and run, without the level of the scenario
	var noise []float64    // variance of such a level by the noise of the trials
	for name := range runs[0] {
		of := make([]float64, len(runs))
		mean, variance, whole := 0.0, 0.0, true
		for r, run := range runs {
			if len(run[name]) < 2 {
				whole = false
				break
			}
			of[r] = levelOf(run[name])
			mean += of[r] / float64(len(runs))
			variance += hodgesLehmann * varianceOf(run[name]) / float64(len(run[name])) / float64(len(runs))
		}
		if !whole {
			continue
		}
		for r := range of {
			of[r] -= mean
		}
		levels, noise = append(levels, of), append(noise, variance)
	}
	n := len(levels)
	if n < leastScenarios {
		return s, n, fmt.Errorf("measure the scatter of runs that have %d scenarios in common: %w: at least %d are needed", n, ErrFew, leastScenarios)
	}
	squares := 0.0
	own := make([]float64, n) // variances
	for r := range runs {
		x := make([]float64, n)
		for i := range levels {
			x[i] = levels[i][r]
		}
		shared := middle(x)
		squares += shared * shared
		for i := range levels {
			d := levels[i][r] - shared
			own[i] += d * d / float64(len(runs)-1)
		}
	}
	s = Scatter{Shared: math.Sqrt(squares / float64(len(runs)-1)), Runs: len(runs)}
	for i := range own {
		s.Own += (own[i] - noise[i]) / float64(n-1)
	}
	s.Own = math.Sqrt(max(0, s.Own))
	if math.IsNaN(s.Shared+s.Own) || math.IsInf(s.Shared+s.Own, 0) {
		return s, n, fmt.Errorf("measure the scatter of runs: it is %v and %v", s.Shared, s.Own)
	}
	return s, n, nil
}

// varianceOf is the variance of at least two values.
func varianceOf(values []Value) float64 {
	mean, squares := 0.0, 0.0
	for _, v := range values {
		mean += v.Log / float64(len(values))
	}
	for _, v := range values {
		squares += (v.Log - mean) * (v.Log - mean)
	}
	return squares / float64(len(values)-1)
}
