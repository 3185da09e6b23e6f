package compare

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"tunbench/bench/plan"
	"tunbench/bench/setup"
	"tunbench/harness/trial"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/verdict"
)

// variantNames are those of the variants in records.
var variantNames = [2]string{"a", "b"}

// runner is an AB while it runs.
type runner struct {
	AB
	lab    Lab
	rec    plan.Recorder
	floor  record.Floor
	out    *Outcome
	builds *builds // that measure the variants, or nil

	closed *plan.ClosedLoops

	measured []*subject // to the end, so that they can be profiled
}

// subject compares the variants of a subject. Its error ends the run.
func (r *runner) subject(ctx context.Context, index int) error {
	s := &subject{index: index, variants: r.Subjects[index], spoilt: map[string]int{}}
	s.rng = rand.New(rand.NewPCG(r.Seed, plan.Seed(s.variants[0].Name+" "+s.variants[1].Name)))
	for i := range s.variants {
		spec := &s.specs[i]
		*spec = setup.Spec(s.variants[i].Scenario)
		spec.CPUs, spec.GuestKernel, spec.Settle = r.CPUs, r.GuestKernel, r.Clock == record.ClockICount
		r.tell(s, 1, plan.Step{})
		if err := r.probe(ctx, s, i); err != nil {
			return r.skip(ctx, s, i, err)
		}
		var err error
		if s.notes[i], err = r.closed.Offer(ctx, s.variants[i].Scenario, spec); err != nil {
			return r.skip(ctx, s, i, err)
		}
	}
	for {
		need, block := 1, stat.FirstBlock
		if s.proto != nil {
			need, block = s.proto.Next()
		}
		if need == 0 {
			r.measured = append(r.measured, s)
			return r.judge(s)
		}
		if len(s.apart) > 0 {
			return r.notComparable(s)
		}
		if s.hopeless(r.Pairs) {
			return r.giveUp(s)
		}
		r.tell(s, need, plan.Step{})
		trials, err := r.pair(ctx, s)
		if err != nil {
			return r.skip(ctx, s, r.failing(ctx, s), err)
		}
		if err := r.take(s, block, trials); err != nil {
			return err
		}
		r.tell(s, need-1, plan.Step{Trial: &trials[1], Base: &trials[0]})
	}
}

// pair measures both variants once.
func (r *runner) pair(ctx context.Context, s *subject) (trials [2]record.Trial, err error) {
	if ctx.Err() != nil {
		return trials, ctx.Err()
	}
	seed := s.rng.Uint64()
	var sides [2]trial.Variant
	for i := range sides {
		sides[i] = trial.Variant{Spec: s.specs[i], Hook: s.variants[i].Hook}
		sides[i].Spec.Seed = seed // both send the same packets
	}
	if r.builds != nil {
		return r.builds.pair(ctx, s, sides, !r.sideBySide(s))
	}
	if r.sideBySide(s) {
		return r.lab.RunPair(ctx, sides, s.rng.Uint64(), r.floor)
	}
	order := []int{0, 1}
	s.rng.Shuffle(len(order), func(a, b int) { order[a], order[b] = order[b], order[a] })
	for _, i := range order {
		if trials[i], err = r.lab.Run(ctx, sides[i].Spec, sides[i].Hook, r.floor); err != nil {
			return trials, err
		}
	}
	return trials, nil
}

// probe builds the device of the i-th variant, and tears it down.
func (r *runner) probe(ctx context.Context, s *subject, i int) error {
	if r.builds != nil {
		return r.builds.probe(ctx, s, i)
	}
	return r.lab.Probe(ctx, s.specs[i], s.variants[i].Hook)
}

// failing is the index of the variant that made a pair fail, which the error of the
// pair does not say: A if A cannot be measured alone either, else B.
func (r *runner) failing(ctx context.Context, s *subject) int {
	if r.builds != nil || ctx.Err() != nil {
		return 1
	}
	if _, err := r.lab.Run(ctx, s.specs[0], s.variants[0].Hook, r.floor); err != nil {
		return 0
	}
	return 1
}

// sideBySide reports whether the windows of two trials can alternate. In virtual time
// the speed of the host does not change, and they need not.
func (r *runner) sideBySide(s *subject) bool {
	return r.Clock != record.ClockICount && s.specs[0].SideBySide() && s.specs[1].SideBySide()
}

// take writes the trials of a pair and, if both are valid, counts them.
func (r *runner) take(s *subject, block int, trials [2]record.Trial) error {
	s.pairs++
	for i := range trials {
		t, v := &trials[i], s.variants[i]
		t.Kind, t.Scenario, t.Axes = record.KindTrial, v.Name, v.Axes
		t.Arm = record.Bare
		if v.Hook != record.HookNone {
			t.Arm = record.Observed
		}
		if note := s.notes[i]; note != "" {
			t.Notes = append(t.Notes, note)
		}
		if cost := plan.PacketCost(*t); cost > 0 {
			s.costs[i] = append(s.costs[i], cost)
		}
		t.Variant, t.Block, t.Pair, t.Trial = variantNames[i], block, s.pairs, r.out.Trials+1
		t.DropBuckets()
		if err := r.rec.Write(*t); err != nil {
			return err
		}
		r.out.Trials++
		if t.Disturbed() {
			s.disturbed++
		}
	}
	if trials[0].Invalid() || trials[1].Invalid() {
		r.out.Invalid++
		s.spoil(trials)
		return nil
	}
	if s.proto == nil {
		s.apart = r.Options.Apart(&trials[0], &trials[1])
		if err := s.start(r.gates(trials), r.Pairs, trials); err != nil {
			return err
		}
	}
	return s.count(block, trials)
}

// gates are the metrics that a pair is judged on, with their thresholds.
func (r *runner) gates(trials [2]record.Trial) []metric.Gate {
	options := r.Options
	// An A/A run is not judged by what an earlier one showed.
	if a, b := &trials[0], &trials[1]; r.Known != nil && (a.Scenario != b.Scenario || a.Arm != b.Arm || !r.SameBuild()) {
		options.Seen = func(metric string) (float64, bool) { return r.Known.Seen(b.Scenario, metric) }
	}
	return verdict.GatesFor(r.Clock, &trials[0], &trials[1], options)
}

// judge writes the verdicts on s.
func (r *runner) judge(s *subject) error {
	var unfit map[string]string
	if r.Same(s.variants) {
		found := s.detectable(r.Pairs)
		r.out.Detectable = append(r.out.Detectable, found)
		if r.Clock != record.ClockICount {
			_, unfit = found.Fit(metric.RefuseDetectable)
		}
	}
	for i, got := range s.proto.Result() {
		v := verdict.Given(got)
		v.Unit = s.gates[i].Unit
		switch {
		case verdict.GeneratorSet(got.Metric, s.limited, s.valid):
			v.Verdict = record.InvalidVerdict
			v.Notes = append(v.Notes, fmt.Sprintf("the generator, not the device, set the rate in %d of %d pairs: give the senders more CPUs (--cpus), or let them offer more (gen=udp-gso, gen=packet)", s.limited, s.valid))
		case s.unsteady == s.valid && withinNoise(got, s.gates[i].Absolute) && (v.Verdict == record.Regression || v.Verdict == record.Improvement):
			v.Verdict = record.Inconclusive
			v.Notes = append(v.Notes, fmt.Sprintf("the host was never steady: all %d pairs are flagged, and the interval is wider than the change is large; try again when it is quiet, or measure longer (--measure)", s.valid))
		}
		if why := unfit[got.Metric]; why != "" {
			v.Notes = append(v.Notes, "what this A/A run could see is not kept: "+why)
		}
		if err := r.verdict(s, v); err != nil {
			return err
		}
	}
	r.tell(s, 0, plan.Step{Verdicts: r.out.Verdicts[len(r.out.Verdicts)-len(s.gates):]})
	return nil
}

// verdict completes v and writes it. It has the name of B; a note gives that of A.
func (r *runner) verdict(s *subject, v record.Verdict) error {
	a, b := s.variants[0], s.variants[1]
	v.Kind, v.Scenario = record.KindVerdict, b.Name
	switch {
	case a.Name != b.Name:
		v.Notes = append(v.Notes, verdict.Against(a.Name+hooked(a, b)))
	case a.Hook != b.Hook:
		v.Notes = append(v.Notes, verdict.Against("hook="+a.Hook+" with hook="+b.Hook))
	}
	if n := s.pairs - s.valid; n > 0 {
		v.Notes = append(v.Notes, verdict.Spoilt(n, s.pairs, s.whySpoilt()))
	}
	r.out.Verdicts = append(r.out.Verdicts, v)
	return r.rec.Write(v)
}

// notComparable writes why the sides are not compared.
func (r *runner) notComparable(s *subject) error {
	return r.unjudged(s, record.NotComparable, s.apart)
}

// giveUp writes that nothing could be judged.
func (r *runner) giveUp(s *subject) error {
	return r.unjudged(s, record.InvalidVerdict, []string{"too few pairs were valid to go on: this host is not steady enough now; tunbench doctor says what disturbs it"})
}

// unjudged writes a verdict without figures, on the headline metric of the clock.
func (r *runner) unjudged(s *subject, kind string, notes []string) error {
	of := metric.Headline(r.Clock)
	if err := r.verdict(s, record.Verdict{Metric: of.Metric, Unit: of.Unit, N: s.valid, Verdict: kind, Notes: notes}); err != nil {
		return err
	}
	r.tell(s, 0, plan.Step{Verdicts: r.out.Verdicts[len(r.out.Verdicts)-1:]})
	return nil
}

// skip records why the i-th variant cannot be measured, so that there is nothing to
// compare.
func (r *runner) skip(ctx context.Context, s *subject, i int, cause error) error {
	if ctx.Err() != nil {
		r.out.Interrupted = true
		return nil
	}
	reason, detail := classify(cause)
	v := s.variants[i]
	skip := record.Skip{Kind: record.KindSkip, Scenario: v.Name, Axes: v.Axes, Reason: reason, Detail: detail}
	if err := r.rec.Write(skip); err != nil {
		return err
	}
	r.out.Skips++
	if reason == record.Failed {
		r.out.Failed++
	}
	r.tell(s, 0, plan.Step{Skip: &skip})
	of := metric.Headline(r.Clock)
	return r.verdict(s, verdict.Lacking(v.Name, of.Metric, of.Unit, []string{record.BaseSide, record.NewSide}[i], reason, detail))
}

// tell completes step and passes it on; need pairs are still wanted.
func (r *runner) tell(s *subject, need int, step plan.Step) {
	if r.Progress == nil {
		return
	}
	step.Scenario, step.Index, step.Scenarios = s.variants[1].Name, s.index+1, len(r.Subjects)
	step.Pair, step.Pairs = s.pairs+1, s.pairs+need
	perPair := plan.TrialTime(s.variants[0].Scenario) + plan.TrialTime(s.variants[1].Scenario)
	step.Left = time.Duration(need+(len(r.Subjects)-s.index-1)*r.Pairs) * perPair
	if r.Profiling != nil {
		step.Left += profilesLeft(r.AB, s, step)
	}
	r.Progress(step)
}
