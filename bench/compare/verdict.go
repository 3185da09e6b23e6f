package compare

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"tunbench/bench/plan"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// judge writes the verdicts on c.
func (r *abRunner) judge(c *comparison) error {
	var unfit map[string]string
	if r.Same(c.sides) {
		s := r.sight(c)
		r.out.Sights = append(r.out.Sights, s)
		unfit = r.Judge.Unfit(s)
	}
	for i, got := range c.proto.Result() {
		v := verdictOf(got)
		v.Unit = c.gates[i].Unit
		switch {
		case 2*c.limited > c.valid && (got.Metric == record.PPS || got.Metric == record.BitPerS):
			v.Verdict = record.InvalidVerdict
			v.Notes = append(v.Notes, fmt.Sprintf("the generator, not the device, set the rate in %d of %d pairs: give the senders more CPUs (--cpus), or let them offer more (gen=udp-gso, gen=packet)", c.limited, c.valid))
		case c.unsteady == c.valid && drowned(got, c.gates[i].Absolute) && (v.Verdict == record.Regression || v.Verdict == record.Improvement):
			v.Verdict = record.Inconclusive
			v.Notes = append(v.Notes, fmt.Sprintf("the host was never steady: all %d pairs are flagged, and the interval is wider than the change is large; try again when it is quiet, or measure longer (--measure)", c.valid))
		}
		if why := unfit[got.Metric]; why != "" {
			v.Notes = append(v.Notes, "what this A/A run could see is not kept: "+why)
		}
		if err := r.verdict(c, v); err != nil {
			return err
		}
	}
	r.tell(c, 0, plan.Step{Verdicts: r.out.Verdicts[len(r.out.Verdicts)-len(c.gates):]})
	return nil
}

// drowned tells whether a change is no larger than its interval is wide. Where
// no pair was steady, only a larger one is believed.
func drowned(c stat.Comparison, absolute bool) bool {
	change, low, high := c.Change, c.Low, c.High
	if !absolute {
		change, low, high = math.Log1p(change), math.Log1p(low), math.Log1p(high)
	}
	return !c.HasInterval || math.Abs(change) <= high-low
}

// verdictOf gives a comparison the shape in which it is kept.
func verdictOf(c stat.Comparison) record.Verdict {
	v := record.Verdict{Metric: c.Metric, N: c.N, Threshold: c.Threshold, Verdict: c.Verdict, Notes: c.Notes}
	if c.Own < c.Threshold {
		v.OwnThreshold = &c.Own
	}
	if c.HasMedians {
		v.Base, v.New = &c.Base, &c.New
	}
	if c.HasChange {
		v.Change, v.P = &c.Change, &c.P
	}
	if c.HasInterval {
		v.CI = &[2]float64{c.Low, c.High}
	}
	return v
}

// verdict completes v and writes it. It goes by B's name; a note tells A's.
func (r *abRunner) verdict(c *comparison, v record.Verdict) error {
	a, b := c.sides[0], c.sides[1]
	v.Kind, v.Scenario = record.KindVerdict, b.Name
	switch {
	case a.Name != b.Name:
		v.Notes = append(v.Notes, "base: "+a.Name+hooked(a, b))
	case a.Hook != b.Hook:
		v.Notes = append(v.Notes, "base: hook="+a.Hook+", new: hook="+b.Hook)
	}
	if n := c.pairs - c.valid; n > 0 {
		v.Notes = append(v.Notes, fmt.Sprintf("%d of %d pairs were spoilt and made again: %s", n, c.pairs, c.whySpoilt()))
	}
	r.out.Verdicts = append(r.out.Verdicts, v)
	return r.rec.Write(v)
}

func hooked(a, b Variant) string {
	if a.Hook == b.Hook {
		return ""
	}
	return ", hook=" + a.Hook
}

// whySpoilt counts the trials that each gate failed.
func (c *comparison) whySpoilt() string {
	var parts []string
	for _, flag := range slices.Sorted(maps.Keys(c.spoilt)) {
		parts = append(parts, fmt.Sprintf("%s in %d trials", flag, c.spoilt[flag]))
	}
	return strings.Join(parts, ", ")
}

// giveUp writes that nothing can be said here.
func (r *abRunner) giveUp(c *comparison) error {
	v := record.Verdict{
		Metric: record.PPS, Unit: "packets/s", N: c.valid, Verdict: record.InvalidVerdict,
		Notes: []string{"too few pairs passed the gates to go on: this host is not steady enough now; tunbench doctor tells what disturbs it"},
	}
	if err := r.verdict(c, v); err != nil {
		return err
	}
	r.tell(c, 0, plan.Step{Verdicts: r.out.Verdicts[len(r.out.Verdicts)-1:]})
	return nil
}

// skipSide records why a side cannot be measured: then there is nothing to
// compare.
func (r *abRunner) skipSide(ctx context.Context, c *comparison, side int, cause error) error {
	if ctx.Err() != nil {
		r.out.Interrupted = true
		return nil
	}
	reason, detail := r.classify(cause)
	s := c.sides[side]
	skip := record.Skip{Kind: record.KindSkip, Scenario: s.Name, Axes: s.Axes, Reason: reason, Detail: detail}
	if err := r.rec.Write(skip); err != nil {
		return err
	}
	r.out.Skips++
	if reason == record.Failed {
		r.out.Failed++
	}
	r.tell(c, 0, plan.Step{Skip: &skip})
	return r.verdict(c, record.Lacking(s.Name, record.PPS, "packets/s", []string{record.BaseSide, record.NewSide}[side], reason, detail))
}

// sight is what the pairs of equal variants say of the host.
func (r *abRunner) sight(c *comparison) Sight {
	s := Sight{Scenario: c.sides[0].Name, Pairs: c.valid, Trials: 2 * c.pairs, Disturbed: c.disturbed, Seen: map[string]float64{}}
	for i, g := range c.gates {
		diff := make([]float64, len(c.base[i]))
		for k := range diff {
			diff[k] = c.next[i][k] - c.base[i][k]
			if !g.Absolute {
				diff[k] = math.Log(c.next[i][k] / c.base[i][k])
			}
		}
		// A value without a ratio, or too few pairs, is no sight.
		if d, err := stat.MinimalDetectable(diff, r.Pairs, sightAlpha, sightPower); err == nil {
			s.Seen[g.Name] = d
			if !g.Absolute {
				s.Seen[g.Name] = math.Expm1(d)
			}
		}
	}
	return s
}

// tell completes step and passes it on; need pairs are still wanted.
func (r *abRunner) tell(c *comparison, need int, step plan.Step) {
	if r.Progress == nil {
		return
	}
	step.Scenario, step.Index, step.Scenarios = c.sides[1].Name, c.index+1, len(r.Subjects)
	step.Pair, step.Pairs = c.pairs+1, c.pairs+need
	perPair := plan.TrialTime(c.sides[0].Scenario) + plan.TrialTime(c.sides[1].Scenario)
	step.Left = time.Duration(need+(len(r.Subjects)-c.index-1)*r.Pairs) * perPair
	r.Progress(step)
}
