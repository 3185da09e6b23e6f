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
	// calibrations is the number of trials that find out the rate of a closed loop,
	// and calibrationTime the measured time of each.
	calibrations    = 3
	calibrationTime = 300 * time.Millisecond
)

// ClosedLoops knows the rates of scenarios in a closed loop, of which a load in per
// cent is a share. It measures each rate once.
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

// closedLoop is the rate of one scenario.
type closedLoop struct {
	pps float64
	how string // the rate was found, for a note
	err error
}

// NewClosedLoops returns ClosedLoops that measure with lab. seed is that of the run.
func NewClosedLoops(lab lab, floor record.Floor, seed uint64) *ClosedLoops {
	return &ClosedLoops{lab: lab, floor: floor, seed: seed, seen: map[string][]float64{}, found: map[string]closedLoop{}}
}

// Saw takes in a trial of the run.
func (c *ClosedLoops) Saw(t record.Trial) {
	if t.Arm == record.Bare && t.Axes["load"] == "max" && !t.Invalid() {
		c.seen[t.Scenario] = append(c.seen[t.Scenario], t.Metrics[record.PPS])
	}
}

// Offer sets the rate in the spec of s, whose load may be a share of what its
// closed loop reaches, and returns a note that gives the rate and where it came
// from. Other scenarios are not changed. The closed loop is measured once in a run, so
// that all scenarios that share one offer shares of the same rate. An error means that
// the rate cannot be found.
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

// find returns the median rate of the trials of the scenario in this run or, if they
// are too few, of some that it makes for the purpose.
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

// calibrate makes some short bare trials and returns the packet rates of the valid
// ones.
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
