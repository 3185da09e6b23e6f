// Package shift finds what moved between two stored runs of the same scenarios: all
// scenarios together, those that share a value of an axis, or a single one.
//
// Two stored runs met the host at different times, so that the trials of a run have
// something in common that no test of trials can see. Judge therefore takes a scenario
// as one observation, the shift of its logarithm from run to run, and compares scenarios
// with each other: what moved one and not the rest is no property of the host. What
// moved all alike is judged against how far whole runs are known to scatter.
//
// The tests are, in this order:
//
//	all       the centre of all shifts, against Scatter.Shared
//	a group   the centre of the group against that of the other scenarios; the group
//	          that differs most is taken out, and the others are tested again
//	single    a scenario against the centre of what is left
//
// Variances within runs are pooled over scenarios: that of a scenario is moved towards
// the common one, as in the moderated t of G. K. Smyth (Stat. Appl. Genet. Mol. Biol. 3
// (2004) article 3). The variance from run to run comes from how far the shifts of all
// scenarios scatter, as in the empirical null of B. Efron (J. Amer. Statist. Assoc. 99
// (2004) 96): it never makes a verdict sharper than the trials alone would. Where a change
// moves scenarios by different amounts, that scatter is the change itself. So it does not
// make the verdict on a single scenario, or on all, blunter either than the most that runs
// of one build scatter: mostOwn. A group that moved must show it by what it has in common.
package shift

import (
	"errors"
	"fmt"
	"math"
)

// Value is the logarithm of a figure in one block of a run.
type Value struct {
	Block int
	Log   float64
}

// Scenario is a scenario that both runs measured: a Value for each valid trial. Each side
// needs one.
type Scenario struct {
	Base, New []Value
	// Groups names the groups that the scenario belongs to, such as io=read.
	Groups []string
}

// Scatter is how far the medians of stored runs of one build scatter from run to run, as
// standard deviations of logarithms.
type Scatter struct {
	// Shared is that of what all scenarios of a run have in common, and Own that of a
	// scenario against the others of its run.
	Shared, Own float64
	// Runs is how many runs that comes from, 0 where it is not known: Judge then
	// takes defaultScatter.
	Runs int
}

// defaultScatter is assumed for what the blocks of a run have in common, where no runs of
// one build were compared: the ratio to loopback of one build on one host was expected to
// move by 1 to 3 % from run to run, and this is the upper end.
const defaultScatter = 0.03

// leastOwn is the least scatter of a scenario from run to run that Judge assumes, however
// well the scenarios of a comparison agree.
const leastOwn = 0.01

// mostOwn is the most that the ratio to loopback of one scenario is assumed to scatter from
// run to run beyond the noise of its trials, where no runs of one build were compared: ten
// runs of 12 scenarios on a shared host gave 0.3 to 1.4 %, the noise included, with UDP.
const mostOwn = 0.03

// surely is by how much the measured scatter of runs of one build is made larger to be the
// most that is assumed: it comes from few runs.
const surely = 1.25

// Alpha is the probability of any change found between two runs that do not differ. It is
// split over the three kinds of tests.
const (
	Alpha       = 0.005
	alphaAll    = 0.001
	alphaGroups = 0.003
	alphaSingle = Alpha - alphaAll - alphaGroups
)

// Power is the probability of finding a change that is as large as a Reach.
const Power = 0.95

const (
	// leastScenarios is how many scenarios are needed to compare them with each other:
	// with fewer, each is judged alone, against defaultScatter.
	leastScenarios = 12
	// leastGroup is how many scenarios a group has at least, and the others too.
	leastGroup = 4
	// mostGroups is how many groups are taken out, one after the other.
	mostGroups = 4
)

// Options say how Judge judges.
type Options struct {
	// Threshold is the change that counts, as a ratio: smaller ones are not found.
	Threshold float64
	Scatter   Scatter
}

// Moved is a set of scenarios that moved together.
type Moved struct {
	Name    string // of the group; "" for all scenarios
	Not     bool   // the scenarios outside of the group moved
	Members []int  // indexes of scenarios
	// Change is the ratio new/base - 1, against the other scenarios unless all moved.
	Change, Low, High float64
	P                 float64 // corrected, so that it is compared with Alpha
	// Sure is false where the other scenarios may have moved in the other direction instead:
	// what the scenarios of a run share scatters too much to tell.
	Sure bool
}

// Single is what Judge says of one scenario.
type Single struct {
	// Change is the ratio new/base - 1, and Low and High its 95 % interval, which
	// includes what runs of one build differ by. Where Moves is true, the change is
	// that against the scenarios that did not move: Moved holds the index of the set
	// that it moved with, or -1 where it moved alone.
	Change, Low, High float64
	P                 float64 // corrected, so that it is compared with Alpha
	Moves             bool
	Moved             int
	// Alone is the change of the scenario alone, and AloneLow and AloneHigh its
	// interval, whatever the others did.
	Alone, AloneLow, AloneHigh float64
	// Reach is the change of this scenario alone that would have been found.
	Reach float64
}

// Reach is the change that would have been found, with probability Power.
type Reach struct {
	Name      string // of the group; "" for all scenarios
	Scenarios int
	Change    float64
}

// Result is what Judge found.
type Result struct {
	Single []Single // in the order of the scenarios
	Moved  []Moved
	// All is the reach for a change of all scenarios alike, and Groups that of each
	// group. Both are missing with fewer scenarios than groups need.
	All    *Reach
	Groups []Reach
	// Assumed reports that the scatter from run to run is defaultScatter.
	Assumed bool
}

// ErrTooFew says that no side of any scenario has two values: nothing tells the noise.
var ErrTooFew = errors.New("no scenario has two values on a side")

// Judge judges all scenarios together. A scenario without values on a side, a value that
// is not finite, or an invalid option is an error.
func Judge(list []Scenario, o Options) (Result, error) {
	if !(o.Threshold >= 0) || math.IsInf(o.Threshold, 0) {
		return Result{}, fmt.Errorf("judge stored runs: threshold is %v", o.Threshold)
	}
	if s := o.Scatter; !(s.Shared >= 0) || !(s.Own >= 0) || math.IsInf(s.Shared+s.Own, 0) {
		return Result{}, fmt.Errorf("judge stored runs: scatter from run to run is %+v", s)
	}
	if len(list) == 0 {
		return Result{}, nil
	}
	m, err := newModel(list, o)
	if err != nil {
		return Result{}, fmt.Errorf("judge stored runs: %w", err)
	}
	if len(list) < leastScenarios {
		return judgeFew(m), nil
	}
	return judgeMany(m), nil
}
