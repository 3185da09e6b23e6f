package compare

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"tunbench/bench/plan"
	"tunbench/bench/setup"
	"tunbench/harness/spec"
	"tunbench/harness/trial"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// abRunner is an AB while it runs.
type abRunner struct {
	AB
	lab   Lab
	rec   plan.Recorder
	floor record.Floor
	out   *Outcome

	closed *plan.ClosedLoops
}

// comparison is a subject while it is measured.
type comparison struct {
	index int
	sides [2]Variant
	specs [2]spec.Spec
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
	c.rng = rand.New(rand.NewPCG(r.Seed, plan.Seed(c.sides[0].Name+" "+c.sides[1].Name)))
	for side := range c.sides {
		spec := &c.specs[side]
		*spec = setup.Spec(c.sides[side].Scenario)
		spec.CPUs, spec.Settle = r.CPUs, r.Clock == record.ClockICount
		r.tell(c, 1, plan.Step{})
		if err := r.probe(ctx, c, side); err != nil {
			return r.skipSide(ctx, c, side, err)
		}
		var err error
		if c.notes[side], err = r.closed.Offer(ctx, c.sides[side].Scenario, spec); err != nil {
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
		if c.hopeless(r.Pairs) {
			return r.giveUp(c)
		}
		r.tell(c, need, plan.Step{})
		trials, err := r.pair(ctx, c)
		if err != nil {
			return r.skipSide(ctx, c, r.whose(ctx, c), err)
		}
		if err := r.take(c, block, trials); err != nil {
			return err
		}
		r.tell(c, need-1, plan.Step{Trial: &trials[1], Base: &trials[0]})
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
	var sides [2]trial.Variant
	for i := range sides {
		sides[i] = trial.Variant{Spec: c.specs[i], Hook: c.sides[i].Hook}
		sides[i].Spec.Seed = seed // both send the same packets
	}
	if r.Builds != nil {
		return r.pairOfBuilds(ctx, c, sides)
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
	if _, err := r.lab.Run(ctx, c.specs[0], c.sides[0].Hook, r.floor); err != nil {
		return 0
	}
	return 1
}

// sideBySide tells whether the windows of two trials can alternate: virtual time
// has nothing that wanders.
func (r *abRunner) sideBySide(c *comparison) bool {
	return r.Clock != record.ClockICount && c.specs[0].SideBySide() && c.specs[1].SideBySide()
}

// take writes a pair's trials and, unless a gate failed, counts them in.
func (r *abRunner) take(c *comparison, block int, trials [2]record.Trial) error {
	c.pairs++
	for i := range trials {
		t, v := &trials[i], c.sides[i]
		t.Kind, t.Scenario, t.Axes = record.KindTrial, v.Name, v.Axes
		t.Arm = record.Bare
		if v.Hook != record.HookNone {
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
	c.gates = slices.DeleteFunc(r.Judge.Gates(&trials[0], &trials[1]), func(g Gate) bool {
		_, inA := r.Judge.Value(&trials[0], g.Name)
		_, inB := r.Judge.Value(&trials[1], g.Name)
		return !inA || !inB
	})
	rules := make([]stat.Rule, len(c.gates))
	for i, g := range c.gates {
		rules[i] = g.Rule
	}
	if c.proto, err = stat.NewProtocol(rules, stat.ProtocolOptions{Pairs: r.Pairs}); err != nil {
		return fmt.Errorf("compare %s: %w", c.sides[0].Name, err)
	}
	if need := c.proto.PairsNeeded(); need > r.Pairs {
		return &TooFewPairsError{c.sides[0].Name, r.Pairs, len(rules), need}
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
			v, ok := r.Judge.Value(&trials[side], g.Name)
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
