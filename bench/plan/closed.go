package plan

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

const (
	// calibrations is how many trials find out what a closed loop reaches, and
	// calibrationTime how long each of them measures.
	calibrations    = 3
	calibrationTime = 300 * time.Millisecond
)

// ClosedLoops knows what scenarios reach as fast as they go, which is what a
// load in per cent is a share of. It asks once for each.
type ClosedLoops struct {
	lab   lab
	floor record.Floor
	seed  uint64
	seen  map[string][]float64 // packets/s of the valid bare trials, by scenario
	found map[string]closedLoop
}

// lab measures one trial, as a Lab does.
type lab interface {
	Run(ctx context.Context, spec spec.Spec, hook string, floor record.Floor) (record.Trial, error)
}

// closedLoop is what came out for one scenario.
type closedLoop struct {
	pps float64
	how string // it was found, for a note
	err error
}

// NewClosedLoops asks lab, with random numbers by the seed of the run.
func NewClosedLoops(lab lab, floor record.Floor, seed uint64) *ClosedLoops {
	return &ClosedLoops{lab: lab, floor: floor, seed: seed, seen: map[string][]float64{}, found: map[string]closedLoop{}}
}

// Saw takes note of a trial of the run.
func (c *ClosedLoops) Saw(t record.Trial) {
	if t.Arm == record.Bare && t.Axes["load"] == "max" && !t.Invalid() {
		c.seen[t.Scenario] = append(c.seen[t.Scenario], t.Metrics[record.PPS])
	}
}

// Offer sets the rate in the spec of s, whose load may be a share of what its
// closed loop reaches, and returns a note that gives the rate and where it came
// from. Other scenarios are left alone. The rate is that of this run, so that all
// scenarios with the same closed loop offer shares of the same. An error says that
// it cannot be known.
func (c *ClosedLoops) Offer(ctx context.Context, s suite.Scenario, asked *spec.Spec) (note string, err error) {
	share := asked.Share
	if share == 0 {
		return "", nil
	}
	base := s.ClosedLoop()
	if err := setup.Check(base); err != nil {
		return "", err
	}
	found, ok := c.found[base.Name]
	if !ok {
		base.Measure, base.Window = calibrationTime, calibrationTime
		found = c.find(ctx, base, asked.CPUs)
		if ctx.Err() != nil {
			return "", ctx.Err() // which says nothing about the scenario
		}
		c.found[base.Name] = found
	}
	if found.err != nil {
		return "", found.err
	}
	// Whole packets: what the record says is what was asked for.
	asked.Rate = min(spec.MaxRate, math.Max(1, math.Round(share*found.pps)))
	return fmt.Sprintf("load=%s is %.0f packets/s: the closed loop reached %.0f, %s", s.Axes["load"], asked.Rate, found.pps, found.how), nil
}

// find takes the median of the trials that this run has of the scenario, if
// they are enough, or makes some for the purpose.
func (c *ClosedLoops) find(ctx context.Context, base suite.Scenario, cpus []int) closedLoop {
	rates, how := c.seen[base.Name], "the median of %d valid trials of this run"
	if len(rates) < calibrations {
		var err error
		if rates, err = c.calibrate(ctx, base, cpus); err != nil {
			return closedLoop{err: err}
		}
		how = fmt.Sprintf("by %%d valid trials of %d, of %v each, made to know it", calibrations, calibrationTime)
	}
	sum, err := stat.Summarize(rates)
	if err != nil {
		return closedLoop{err: fmt.Errorf("the closed loop of %s: %w", base.Name, err)}
	}
	return closedLoop{pps: sum.Median, how: fmt.Sprintf(how, sum.N)}
}

// calibrate gives the packet rates of some short bare trials, those that are
// valid.
func (c *ClosedLoops) calibrate(ctx context.Context, base suite.Scenario, cpus []int) (rates []float64, err error) {
	var flags []string
	spec := setup.Spec(base)
	spec.CPUs = cpus
	for i := range calibrations {
		spec.Seed = c.seed ^ Seed(base.Name) + uint64(i)
		t, err := c.lab.Run(ctx, spec, record.HookNone, c.floor)
		if err != nil {
			return nil, fmt.Errorf("measure what the closed loop reaches: %w", err)
		}
		if t.Invalid() {
			flags = append(flags, strings.Join(t.Flags, ", "))
			continue
		}
		rates = append(rates, t.Metrics[record.PPS])
	}
	if len(rates) == 0 {
		return nil, &refusal.Missing{Detail: fmt.Sprintf(
			"what load=max reaches is not known: all %d trials of %s are invalid (%s); set a rate such as load=10000pps", calibrations, base.Name, flags[0])}
	}
	return rates, nil
}
