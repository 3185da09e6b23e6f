package bench

import (
	"context"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"tunbench/harness"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// abRunner is an AB while it runs.
type abRunner struct {
	AB
	lab   PairLab
	rec   Recorder
	floor record.Floor
	out   *ABOutcome

	closed *closedLoops
}

// comparison is a subject while it is measured.
type comparison struct {
	index int
	sides [2]Variant
	notes [2]string // on their loads, for their trials
	rng   *rand.Rand
	gates []Gate
	proto *stat.Protocol

	pairs      int // tried
	disturbed  int // trials of them
	valid      int
	base, next [][]float64 // values of each gate, of the valid pairs
	limited    int         // valid pairs in which the generator set the rate
	unsteady   int         // valid pairs of which a trial was unsteady
	spoilt     map[string]int
}

// subject compares the variants with index i. Its error is one that ends the
// run.
func (r *abRunner) subject(ctx context.Context, i int) error {
	c := &comparison{index: i, sides: r.Subjects[i], spoilt: map[string]int{}}
	c.rng = rand.New(rand.NewPCG(r.Seed, nameHash(c.sides[0].Name+" "+c.sides[1].Name)))
	for side := range c.sides {
		v := &c.sides[side]
		v.Spec.CPUs, v.Spec.Settle = r.CPUs, r.Clock == ClockICount
		r.tell(c, 1, Step{})
		if err := r.probe(ctx, side, *v); err != nil {
			return r.skipSide(ctx, c, side, err)
		}
		var err error
		if c.notes[side], err = r.closed.offer(ctx, &v.Scenario); err != nil {
			return r.skipSide(ctx, c, side, err)
		}
	}
	for {
		need, block := 1, stat.FirstBlock
		if c.proto != nil {
			need, block = c.proto.Next()
		}
		if need == 0 {
			return r.judge(c)
		}
		if c.hopeless(r.Protocol.Pairs) {
			return r.giveUp(c)
		}
		r.tell(c, need, Step{})
		trials, err := r.pair(ctx, c)
		if err != nil {
			return r.skipSide(ctx, c, r.whose(ctx, c), err)
		}
		if err := r.take(c, block, trials); err != nil {
			return err
		}
		r.tell(c, need-1, Step{Trial: &trials[1], Base: &trials[0]})
	}
}

// hopeless tells whether so many pairs were spoilt that going on would choose
// among them rather than measure.
func (c *comparison) hopeless(wanted int) bool { return c.pairs-c.valid > wanted+c.valid }

// pair measures both sides once.
func (r *abRunner) pair(ctx context.Context, c *comparison) (trials [2]record.Trial, err error) {
	if ctx.Err() != nil {
		return trials, ctx.Err()
	}
	seed := c.rng.Uint64()
	var sides [2]harness.Variant
	variants := c.sides
	for i := range variants {
		v := &variants[i]
		v.Spec.Seed = seed // both send the same packets
		sides[i] = harness.Variant{Spec: v.Spec, Hook: v.Hook}
	}
	if r.Builds != nil {
		return r.pairOfBuilds(ctx, c, variants)
	}
	if r.sideBySide(c) {
		return r.lab.RunPair(ctx, sides, c.rng.Uint64(), r.floor)
	}
	order := []int{0, 1}
	c.rng.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
	for _, i := range order {
		if trials[i], err = r.lab.Run(ctx, sides[i].Spec, sides[i].Hook, r.floor); err != nil {
			return trials, err
		}
	}
	return trials, nil
}

// whose is the side that a pair failed for, which the error of the pair does not
// tell: A's if A cannot be measured alone either, else B's.
func (r *abRunner) whose(ctx context.Context, c *comparison) int {
	if r.Builds != nil || ctx.Err() != nil {
		return 1
	}
	if _, err := r.lab.Run(ctx, c.sides[0].Spec, c.sides[0].Hook, r.floor); err != nil {
		return 0
	}
	return 1
}

// sideBySide tells whether the windows of two trials can alternate: virtual time
// has nothing that wanders.
func (r *abRunner) sideBySide(c *comparison) bool {
	return r.Clock != ClockICount && c.sides[0].Spec.SideBySide() && c.sides[1].Spec.SideBySide()
}

// take writes a pair's trials and, unless a gate failed, counts them in.
func (r *abRunner) take(c *comparison, block int, trials [2]record.Trial) error {
	c.pairs++
	for i := range trials {
		t, v := &trials[i], c.sides[i]
		t.Kind, t.Scenario, t.Axes = record.KindTrial, v.Name, v.Axes
		t.Arm = record.Bare
		if v.Hook != NoHook {
			t.Arm = record.Observed
		}
		if note := c.notes[i]; note != "" {
			t.Notes = append(t.Notes, note)
		}
		t.Variant, t.Block, t.Pair, t.Trial = []string{"a", "b"}[i], block, c.pairs, r.out.Trials+1
		if err := r.rec.Write(*t); err != nil {
			return err
		}
		r.out.Trials++
		if t.Disturbed() {
			c.disturbed++
		}
	}
	if trials[0].Invalid() || trials[1].Invalid() {
		r.out.Invalid++
		for _, t := range trials {
			for _, flag := range t.Flags {
				if record.Invalidates(flag) {
					c.spoilt[flag]++
				}
			}
		}
		return nil
	}
	return r.count(c, block, trials)
}

// begin settles by the first valid pair what c is judged on: the gates that both
// of its trials have a value for.
func (r *abRunner) begin(c *comparison, trials [2]record.Trial) (err error) {
	c.gates = slices.DeleteFunc(r.Gates(&trials[0], &trials[1]), func(g Gate) bool {
		_, inA := r.Value(&trials[0], g.Name)
		_, inB := r.Value(&trials[1], g.Name)
		return !inA || !inB
	})
	rules := make([]stat.Rule, len(c.gates))
	for i, g := range c.gates {
		rules[i] = g.Rule
	}
	if c.proto, err = stat.NewProtocol(rules, r.Protocol); err != nil {
		return fmt.Errorf("compare %s: %w", c.sides[0].Name, err)
	}
	if need := c.proto.PairsNeeded(); need > r.Protocol.Pairs {
		return &TooFewPairsError{c.sides[0].Name, r.Protocol.Pairs, len(rules), need}
	}
	c.base, c.next = make([][]float64, len(rules)), make([][]float64, len(rules))
	return nil
}

// count adds a valid pair to what c is judged by.
func (r *abRunner) count(c *comparison, block int, trials [2]record.Trial) error {
	if c.proto == nil {
		if err := r.begin(c, trials); err != nil {
			return err
		}
	}
	values := [2][]float64{make([]float64, len(c.gates)), make([]float64, len(c.gates))}
	for side := range trials {
		for i, g := range c.gates {
			v, ok := r.Value(&trials[side], g.Name)
			if !ok {
				c.spoilt["no "+g.Name]++
				return nil
			}
			values[side][i] = v
		}
	}
	if err := c.proto.Add(block, values[0], values[1]); err != nil {
		return fmt.Errorf("compare %s: %w", c.sides[0].Name, err)
	}
	for i := range c.gates {
		c.base[i] = append(c.base[i], values[0][i])
		c.next[i] = append(c.next[i], values[1][i])
	}
	c.valid++
	has := func(flag string) bool {
		return slices.Contains(trials[0].Flags, flag) || slices.Contains(trials[1].Flags, flag)
	}
	if has(record.FlagGeneratorLimited) {
		c.limited++
	}
	if has(record.FlagUnsteady) {
		c.unsteady++
	}
	return nil
}

// judge writes the verdicts on c.
func (r *abRunner) judge(c *comparison) error {
	var unfit map[string]string
	if r.Same(c.sides) {
		s := r.sight(c)
		r.out.Sights = append(r.out.Sights, s)
		if r.Unfit != nil {
			unfit = r.Unfit(s)
		}
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
	r.tell(c, 0, Step{Verdicts: r.out.Verdicts[len(r.out.Verdicts)-len(c.gates):]})
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
	r.tell(c, 0, Step{Verdicts: r.out.Verdicts[len(r.out.Verdicts)-1:]})
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
	r.tell(c, 0, Step{Skip: &skip})
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
		if d, err := stat.MinimalDetectable(diff, r.Protocol.Pairs, sightAlpha, sightPower); err == nil {
			s.Seen[g.Name] = d
			if !g.Absolute {
				s.Seen[g.Name] = math.Expm1(d)
			}
		}
	}
	return s
}

// tell completes step and passes it on; need pairs are still wanted.
func (r *abRunner) tell(c *comparison, need int, step Step) {
	if r.Progress == nil {
		return
	}
	step.Scenario, step.Index, step.Scenarios = c.sides[1].Name, c.index+1, len(r.Subjects)
	step.Pair, step.Pairs = c.pairs+1, c.pairs+need
	perPair := trialTime(c.sides[0].Spec) + trialTime(c.sides[1].Spec)
	step.Left = time.Duration(need+(len(r.Subjects)-c.index-1)*r.Protocol.Pairs) * perPair
	r.Progress(step)
}
