package bench

import (
	"context"
	"fmt"
	"maps"
	"math"
	"strings"
	"time"

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

// closedLoops knows what scenarios reach as fast as they go, which is what a
// load in per cent is a share of. It asks once for each.
type closedLoops struct {
	lab   Lab
	floor record.Floor
	seed  uint64
	seen  map[string][]float64 // packets/s of the valid bare trials, by scenario
	found map[string]closedLoop
}

// closedLoop is what came out for one scenario.
type closedLoop struct {
	pps float64
	how string // it was found, for a note
	err error
}

func newClosedLoops(lab Lab, floor record.Floor, seed uint64) *closedLoops {
	return &closedLoops{lab: lab, floor: floor, seed: seed, seen: map[string][]float64{}, found: map[string]closedLoop{}}
}

// saw takes note of a trial of the run.
func (c *closedLoops) saw(t record.Trial) {
	if t.Arm == record.Bare && t.Axes["load"] == "max" && !t.Invalid() {
		c.seen[t.Scenario] = append(c.seen[t.Scenario], t.Metrics[record.PPS])
	}
}

// offer sets the rate of a scenario whose load is a share of what its closed
// loop reaches, and gives a note that says which and whence. Other scenarios
// are left alone. The rate is that of this run, so that all scenarios with the
// same closed loop offer shares of the same. An error says that it cannot be
// known.
func (c *closedLoops) offer(ctx context.Context, s *Scenario) (note string, err error) {
	share := s.Spec.Share
	if share == 0 {
		return "", nil
	}
	base, err := closedOf(*s)
	if err != nil {
		return "", err
	}
	found, ok := c.found[base.Name]
	if !ok {
		found = c.find(ctx, base)
		if ctx.Err() != nil {
			return "", ctx.Err() // which says nothing about the scenario
		}
		c.found[base.Name] = found
	}
	if found.err != nil {
		return "", found.err
	}
	// Whole packets: what the record says is what was asked for.
	s.Spec.Rate = min(spec.MaxRate, math.Max(1, math.Round(share*found.pps)))
	return fmt.Sprintf("load=%s is %.0f packets/s: the closed loop reached %.0f, %s", s.Axes["load"], s.Spec.Rate, found.pps, found.how), nil
}

// closedOf is the scenario of which the load of s is a share: the same, as fast
// as it goes, and without a reader that pauses.
func closedOf(s Scenario) (Scenario, error) {
	values := maps.Clone(s.Axes)
	for _, name := range loadAxes {
		delete(values, name)
	}
	base, err := NewScenario(values)
	base.Spec.Warmup, base.Spec.CPUs = s.Spec.Warmup, s.Spec.CPUs
	base.Spec.Measure, base.Spec.Window = calibrationTime, calibrationTime
	return base, err
}

// find takes the median of the trials that this run has of the scenario, if
// they are enough, or makes some for the purpose.
func (c *closedLoops) find(ctx context.Context, base Scenario) closedLoop {
	rates, how := c.seen[base.Name], "the median of %d valid trials of this run"
	if len(rates) < calibrations {
		var err error
		if rates, err = c.calibrate(ctx, base); err != nil {
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
func (c *closedLoops) calibrate(ctx context.Context, base Scenario) (rates []float64, err error) {
	var flags []string
	for i := range calibrations {
		base.Spec.Seed = c.seed ^ nameHash(base.Name) + uint64(i)
		t, err := c.lab.Run(ctx, base.Spec, NoHook, c.floor)
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
