package advise

import (
	"math"
	"slices"

	"tunbench/reports/advice"
	"tunbench/reports/stat"
)

// evidence is the score of each candidate in each block, by the block's number: those of the
// knock-out and of all finals.
type evidence map[*candidate]map[int]float64

// add takes in the score of a block; NaN is none.
func (e evidence) add(c *candidate, block int, score float64) {
	if math.IsNaN(score) || math.IsInf(score, 0) {
		return
	}
	if e[c] == nil {
		e[c] = map[int]float64{}
	}
	e[c][block] = score
}

// logs are the logarithms of the ratio of two candidates in the blocks that have both, in
// their order.
func (e evidence) logs(of, against *candidate) (logs []float64) {
	var blocks []int
	for b := range e[of] {
		if _, ok := e[against][b]; ok {
			blocks = append(blocks, b)
		}
	}
	slices.Sort(blocks)
	for _, b := range blocks {
		logs = append(logs, e[of][b]-e[against][b])
	}
	return logs
}

// doubtful is how far below another candidate one may be by estimate where there are too few
// blocks for a test.
const doubtful = 0.85

// faster lists the opponents that are shown to be faster than c by more than the threshold: by
// one-sided signed-rank tests at the level alpha, of which each family has an equal share, with
// Holm's correction in the family. Where there are too few blocks for any of these tests, it
// lists those that are far faster by estimate.
func (e evidence) faster(c *candidate, families ...[]*candidate) (shown []*candidate) {
	families = slices.DeleteFunc(families, func(f []*candidate) bool { return len(f) == 0 })
	var far []*candidate
	tested := false
	for _, family := range families {
		level := alpha / float64(len(families))
		var of []*candidate
		var p []float64
		for _, o := range family {
			logs := e.logs(o, c)
			if math.Ldexp(float64(len(family)), -len(logs)) < level { // the least p there can be
				of, p, tested = append(of, o), append(p, slower(logs)), true
				continue
			}
			if estimate, err := stat.HodgesLehmann(logs); err == nil && estimate > -math.Log(doubtful) {
				far = append(far, o)
			}
		}
		for i, corrected := range stat.Holm(p) {
			if corrected < level {
				shown = append(shown, of[i])
			}
		}
	}
	if !tested {
		return far
	}
	return shown
}

// slower is the one-sided p of the signed-rank test that logarithms of ratios are symmetric
// about that of the threshold, or a lower value.
func slower(logs []float64) float64 {
	var beyond []float64
	for _, l := range logs {
		beyond = append(beyond, l-math.Log1p(advice.Threshold))
	}
	p, err := stat.SignedRank(beyond)
	d, hlErr := stat.HodgesLehmann(beyond)
	switch {
	case err != nil || hlErr != nil:
		return 1
	case d <= 0:
		return 1 - p/2
	}
	return p / 2
}
