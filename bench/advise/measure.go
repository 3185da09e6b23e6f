package advise

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"time"

	"tunbench/bench/plan"
	"tunbench/harness/block"
	"tunbench/harness/refusal"
	"tunbench/harness/trial"
	"tunbench/reports/record"
)

// score is what a candidate reached in a block, under each traffic. A value is NaN where
// there is no valid trial.
type score struct{ pps, cpu []float64 }

// total is the mean of the logarithms of some values, that of their geometric mean.
func total(values []float64) (sum float64) {
	for _, v := range values {
		sum += math.Log(v) / float64(len(values))
	}
	return sum
}

// meter measures candidates in blocks, and writes their trials.
type meter struct {
	lab    plan.Lab
	blocks plan.Blocks
	rec    plan.Recorder
	floor  record.Floor
	cpus   []int
	rng    *rand.Rand
	tell   func(round, rounds int)

	block   int
	trials  int
	invalid int
	flags   map[string]int // of invalid trials
	flagged map[string]int // of those that count
	failed  map[*candidate]refused

	failures map[*candidate]int // trials
	evidence evidence
}

// refused is why a candidate cannot be measured.
type refused struct{ reason, detail string }

// probe builds the device of each scenario of c, and returns why that is not possible here.
func (m *meter) probe(ctx context.Context, c *candidate) (*refused, error) {
	if r, ok := m.failed[c]; ok {
		return &r, nil
	}
	for i := range c.specs {
		c.specs[i].CPUs = m.cpus
		if err := m.lab.Probe(ctx, c.specs[i], record.HookNone); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			return m.refuse(c, i, err)
		}
	}
	return nil, nil
}

// refuse records why c cannot be measured.
func (m *meter) refuse(c *candidate, traffic int, cause error) (*refused, error) {
	var r refused
	r.reason, r.detail = refusal.Classify(cause)
	m.failed[c] = r
	s := c.scenarios[traffic]
	return &r, m.rec.Write(record.Skip{Kind: record.KindSkip, Scenario: s.Name, Axes: s.Axes, Reason: r.reason, Detail: r.detail})
}

// measure measures all candidates of list once, by turns, each trial for so long. A
// candidate that cannot be measured has no score, and is in failed afterwards. The error is
// that of ctx, or one of writing.
func (m *meter) measure(ctx context.Context, list []*candidate, measure time.Duration) ([]score, error) {
	type job struct {
		candidate, traffic int
		variant            trial.Variant
	}
	m.block++
	var jobs []job
	scores := make([]score, len(list))
	for i, c := range list {
		seed := m.rng.Uint64()
		scores[i] = score{nans(len(c.specs)), nans(len(c.specs))}
		for k, s := range c.specs {
			// The same number of windows, so that they are as far apart from each other.
			s.Window = time.Duration(float64(s.Window) * float64(measure) / float64(s.Measure))
			s.Measure, s.Seed, s.CPUs = measure, seed, m.cpus
			jobs = append(jobs, job{i, k, trial.Variant{Spec: s, Hook: record.HookNone}})
		}
	}
	// Where the host cannot hold all of them at once, any may be together with any.
	m.rng.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
	for len(jobs) > 0 {
		var variants []trial.Variant
		for _, j := range jobs {
			variants = append(variants, j.variant)
		}
		n := m.blocks.Fit(variants)
		results := m.blocks.RunBlock(ctx, block.Block{Variants: variants[:n], Seed: m.rng.Uint64(), Floor: m.floor, Alone: true, Tell: m.tell})
		for i, r := range results {
			j := jobs[i]
			c := list[j.candidate]
			if r.Err != nil {
				if ctx.Err() != nil {
					continue
				}
				if err := m.fails(c, j.traffic, r.Err); err != nil {
					return nil, err
				}
				continue
			}
			if err := m.take(c, j.traffic, r.Trial, &scores[j.candidate]); err != nil {
				return nil, err
			}
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		jobs = jobs[n:]
	}
	for i, c := range list {
		m.evidence.add(c, m.block, total(scores[i].pps))
	}
	return scores, nil
}

// mostFailures is how many trials of a candidate may fail: on a busy host one may, and it is
// no reason to do without the candidate.
const mostFailures = 3

// fails takes in a trial that failed.
func (m *meter) fails(c *candidate, traffic int, cause error) error {
	if _, ok := m.failed[c]; ok {
		return nil
	}
	m.failures[c]++
	if reason, _ := refusal.Classify(cause); reason == record.Failed && m.failures[c] < mostFailures {
		return nil
	}
	_, err := m.refuse(c, traffic, cause)
	return err
}

// failedTrials is how many trials failed of candidates that are measured all the same.
func (m *meter) failedTrials() (n int) {
	for c, failures := range m.failures {
		if _, ok := m.failed[c]; !ok {
			n += failures
		}
	}
	return n
}

// take writes a trial, and counts it if it is valid.
func (m *meter) take(c *candidate, traffic int, t record.Trial, s *score) error {
	scenario := c.scenarios[traffic]
	m.trials++
	t.Kind, t.Scenario, t.Axes = record.KindTrial, scenario.Name, scenario.Axes
	t.Arm, t.Pair, t.Trial = record.Bare, m.block, m.trials
	t.DropBuckets()
	if err := m.rec.Write(t); err != nil {
		return err
	}
	pps := t.Metrics[record.PPS]
	if t.Invalid() || pps <= 0 {
		m.invalid++
		for _, flag := range t.Flags {
			if record.Invalidates(flag) {
				m.flags[flag]++
			}
		}
		return nil
	}
	for _, flag := range t.Flags {
		m.flagged[flag]++
	}
	s.pps[traffic] = pps
	if cpu := t.Metrics[record.CPUNsPerPkt]; cpu > 0 {
		s.cpu[traffic] = cpu
	}
	return nil
}

func nans(n int) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = math.NaN()
	}
	return list
}

// interrupted reports whether err only says that ctx has ended.
func interrupted(ctx context.Context, err error) bool {
	return ctx.Err() != nil && errors.Is(err, ctx.Err())
}
