package shift

import (
	"fmt"
	"math"
	"slices"

	"tunbench/reports/stat"
)

// model holds what the tests need. Slices are in the order of the scenarios.
type model struct {
	options Options
	shift   []float64 // of the logarithm, new - base
	noise   []float64 // variance of shift by the noise of the trials
	v       []float64 // variance of shift: noise, and own from run to run
	most    []float64 // the same, with the most that own is assumed to be
	freedom float64   // of the noise
	shared  float64   // variance of what all shifts have in common
	blocks  [2][]block
	groups  []group

	quantiles map[[2]float64]float64 // of Student's t, by p and degrees of freedom
}

// block holds what is left of the trials of one block of a run without the level of their
// scenarios.
type block struct{ rest []residual }

type residual struct {
	scenario int
	value    float64
}

const (
	// prior is with how many degrees of freedom the common variance moves that of a
	// scenario: as many as six blocks a side give the scenario itself.
	prior = 10
	// hodgesLehmann is the variance of the Hodges-Lehmann shift over that of the
	// difference of means, for normal noise.
	hodgesLehmann = math.Pi / 3
	// sharedBlocks is the scatter of what the blocks of a run have in common, as a part of
	// that between blocks: what wanders from block to block may also wander from run
	// to run.
	sharedBlocks = 0.5
)

func newModel(list []Scenario, o Options) (*model, error) {
	m := &model{options: o, quantiles: map[[2]float64]float64{}}
	values := make([][2][]Value, len(list))
	for i, s := range list {
		values[i] = [2][]Value{slices.Clone(s.Base), slices.Clone(s.New)}
		for side, v := range values[i] {
			if len(v) == 0 {
				return nil, fmt.Errorf("scenario %d has no value on side %d", i, side)
			}
			for _, x := range v {
				if math.IsNaN(x.Log) || math.IsInf(x.Log, 0) {
					return nil, fmt.Errorf("a value of scenario %d is %v", i, x.Log)
				}
			}
		}
	}
	between := 0.0 // variance of a run by what the scenarios of a block have in common
	for side := range 2 {
		between += m.split(values, side)
	}
	if err := m.measure(values); err != nil {
		return nil, err
	}
	own, shared := m.scatter(between)
	most := mostOwn
	if o.Scatter.Runs > 1 {
		most = surely * own
	}
	m.v, m.most = make([]float64, len(list)), make([]float64, len(list))
	for i := range m.v {
		m.v[i], m.most[i] = m.noise[i]+2*own*own, m.noise[i]+2*most*most
	}
	m.shared = 2*shared*shared + between
	m.groups = groupsOf(list)
	for i := range m.groups {
		m.groups[i].blocks = blockVariance(m, m.groups[i])
	}
	return m, nil
}

// split takes out of the values of a side what the scenarios of a block have in common,
// and fills in m.blocks. It returns the variance of a run's level by it.
func (m *model) split(values [][2][]Value, side int) (between float64) {
	by := map[int][]residual{}
	for i := range values {
		level := levelOf(values[i][side])
		for _, v := range values[i][side] {
			by[v.Block] = append(by[v.Block], residual{i, v.Log - level})
		}
	}
	common := map[int]float64{}
	sum, n := 0.0, 0.0
	for b, rest := range by {
		if len(rest) < leastScenarios {
			continue
		}
		x := make([]float64, len(rest))
		for k, r := range rest {
			x[k] = r.value
		}
		common[b] = middle(x)
		sum, n = sum+common[b], n+1
	}
	if n > 1 {
		for b := range common {
			common[b] -= sum / n
			between += common[b] * common[b] / (n - 1) / n
		}
	} else {
		clear(common)
	}
	for i := range values {
		for k := range values[i][side] {
			values[i][side][k].Log -= common[values[i][side][k].Block]
		}
	}
	order := make([]int, 0, len(by))
	for b := range by {
		order = append(order, b)
	}
	slices.Sort(order)
	for _, b := range order {
		m.blocks[side] = append(m.blocks[side], block{by[b]})
	}
	return between
}

// measure fills in the shifts, and their variance by the noise of the trials.
func (m *model) measure(values [][2][]Value) error {
	variances, freedoms := make([]float64, len(values)), make([]float64, len(values))
	var known []float64
	for i, sides := range values {
		squares := 0.0
		for _, side := range sides {
			mean := 0.0
			for _, v := range side {
				mean += v.Log / float64(len(side))
			}
			for _, v := range side {
				squares += (v.Log - mean) * (v.Log - mean)
			}
			freedoms[i] += float64(len(side) - 1)
		}
		if f := freedoms[i]; f > 0 {
			variances[i] = squares / f
			// The median of chi-squared over its freedom is below 1 (Wilson and Hilferty).
			known = append(known, variances[i]/math.Pow(1-2/(9*f), 3))
			m.freedom += f
		}
	}
	if len(known) == 0 {
		return ErrTooFew
	}
	common := middle(known)
	for i, sides := range values {
		variance := (prior*common + freedoms[i]*variances[i]) / (prior + freedoms[i])
		m.noise = append(m.noise, hodgesLehmann*variance*(1/float64(len(sides[0]))+1/float64(len(sides[1]))))
		var d []float64
		for _, b := range sides[0] {
			for _, v := range sides[1] {
				d = append(d, v.Log-b.Log)
			}
		}
		m.shift = append(m.shift, middle(d))
	}
	return nil
}

// scatter returns the standard deviations from run to run that the tests assume: of a
// scenario against the others, and of what all scenarios have in common. between is the
// variance of both runs by their blocks.
func (m *model) scatter(between float64) (own, shared float64) {
	many := len(m.shift) >= leastScenarios
	if s := m.options.Scatter; s.Runs > 1 {
		own, shared = max(s.Own, leastOwn), s.Shared*uncertainty(s.Runs)
		// Few runs say little: no less sharp than without them, unless they scatter more.
		return own, min(shared, max(defaultScatter, 1.5*s.Shared))
	}
	if !many {
		return 0, defaultScatter // of a scenario alone, both together
	}
	blocks := float64(len(m.blocks[0])+len(m.blocks[1])) / 2
	return leastOwn, max(defaultScatter, sharedBlocks*math.Sqrt(between/2*blocks))
}

// uncertainty is by how much a standard deviation of so many runs is made larger, since it
// is used as if it were known.
func uncertainty(runs int) float64 {
	return stat.StudentBeyond(alphaAll/2, float64(runs-1)) / stat.StudentBeyond(alphaAll/2, 1e6)
}

// levelOf is the median of the values.
func levelOf(values []Value) float64 {
	x := make([]float64, len(values))
	for i, v := range values {
		x[i] = v.Log
	}
	return middle(x)
}

// middle is the median of x, which is not empty and finite. It sorts x.
func middle(x []float64) float64 {
	slices.Sort(x)
	n := len(x)
	return (x[(n-1)/2] + x[n/2]) / 2
}
