package advise

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"tunbench/bench/knockout"
	"tunbench/bench/plan"
	"tunbench/reports/advice"
	"tunbench/reports/record"
)

const (
	// alpha is the chance of dropping the best candidate in the knock-out, and of recommending
	// one although a simpler one is as good.
	alpha = 0.05
	// knockoutShare is the share of the budget after which the knock-out ends, and
	// finalShare that of the time left which the finals may take while another may follow.
	knockoutShare = 0.5
	finalShare    = 0.6
	// leastFinals and mostFinals bound the blocks of the finals: with fewer there is no
	// interval, and with more little is gained.
	leastFinals, mostFinals = 6, 20
	// quietFor is how many times the least number of blocks may pass without a loser
	// before the knock-out ends.
	quietFor = 1.5
	// mostRivals is how many other candidates that were left come into the finals.
	mostRivals = 4
)

// Config says what to find out.
type Config struct {
	Topic  *Topic
	Plants []Plant
	Plan   plan.Plan // its header, seed, CPUs, Now
	Budget time.Duration
	Tell   func(Step) // called at each step, if not nil
}

// Step is the progress of an advise.
type Step struct {
	Phase         string // "probe", "knock-out" or "final"
	Block         int
	Round, Rounds int
	Left          int           // candidates
	Passed        time.Duration // of the budget
	Dropped       *advice.Dropped
	Lack          *advice.Lack
}

// Labs measure.
type Labs struct {
	plan.Lab
	Blocks plan.Blocks
}

// errNothing is the error where no candidate can be measured.
var errNothing = errors.New("none of the candidates can be measured here")

// Run finds the recommendation, and writes the trials from which it is. When ctx ends, what
// was found so far is returned, as interrupted. begun says that the header is written.
func (c Config) Run(ctx context.Context, labs Labs, open func() (plan.Recorder, error)) (a *advice.Advice, begun bool, err error) {
	if c.Plan.Now == nil {
		c.Plan.Now = time.Now
	}
	started := c.Plan.Now()
	f := newField(c.Topic, c.Plants)
	base, err := f.base()
	if err != nil {
		return nil, false, fmt.Errorf("the plain candidate of %s: %w", c.Topic.Name, err)
	}
	rec, err := open()
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, rec.Close()) }()
	floor, err := labs.Floor(c.Plan.CPUs)
	if err != nil {
		return nil, false, err
	}
	if err := rec.Write(c.Plan.Header(record.Hook{Requested: record.HookNone, Used: record.HookNone}, floor)); err != nil {
		return nil, false, err
	}
	r := &runner{
		Config: c, field: f, base: base, started: started, costs: map[*candidate]*cost{},
		meter: &meter{
			lab: labs.Lab, blocks: labs.Blocks, rec: rec, floor: floor, cpus: c.Plan.CPUs,
			rng: rand.New(rand.NewPCG(c.Plan.Seed, 0)), flags: map[string]int{}, flagged: map[string]int{}, failed: map[*candidate]refused{}, failures: map[*candidate]int{}, evidence: evidence{},
		},
		advice: &advice.Advice{
			Topic: c.Topic.Name, About: c.Topic.About, Started: started.UTC().Format(time.RFC3339Nano), Tool: c.Plan.Tool,
			Kernel: c.Plan.Host.Kernel, CPU: c.Plan.Host.CPU, CPUs: c.Plan.Host.CPUs, Traffic: c.Topic.Traffic, PlainName: cmp.Or(c.Topic.Plain, "the plain candidate"),
			Alpha: alpha, BudgetNs: int64(c.Budget),
		},
	}
	err = r.all(ctx)
	if interrupted(ctx, err) {
		r.advice.Interrupted, err = true, nil
	}
	if err != nil {
		return nil, true, err
	}
	conclusion{finals{r}}.draw()
	if r.advice.Interrupted {
		return r.advice, true, nil
	}
	out := plan.Outcome{Trials: r.meter.trials, Skips: len(r.meter.failed), Invalid: r.meter.invalid}
	return r.advice, true, rec.Write(c.Plan.End(len(f.known), out, exitCode(r.advice)))
}

// exitCode is that of the process which found a.
func exitCode(a *advice.Advice) int {
	switch {
	case a.Interrupted:
		return exitInterrupted
	case a.Verdict == advice.Inconclusive:
		return exitUnknown
	}
	return 0
}

// runner is a Config while it runs.
type runner struct {
	Config
	*field
	meter   *meter
	base    *candidate
	started time.Time
	advice  *advice.Advice

	contest  *knockout.Knockout
	entrants []*candidate
	costs    map[*candidate]*cost // in the knock-out
	each     time.Duration        // that a candidate took in the last block of the knock-out

	use     *candidate
	before  []*candidate  // what was recommended before the blocks of a final spoke for another
	members []*candidate  // of the finals
	block   time.Duration // that the last block of the finals took
	scores  map[*candidate][]score
}

// cost is what a candidate's packets cost in the knock-out.
type cost struct{ logs []float64 }

func (r *runner) passed() time.Duration { return r.Plan.Now().Sub(r.started) }

func (r *runner) tell(s Step) {
	if r.Tell != nil {
		s.Passed = r.passed()
		r.Tell(s)
	}
}

// all measures. Its error is that of ctx, or ends the run.
func (r *runner) all(ctx context.Context) error {
	if err := r.probe(ctx); err != nil {
		return err
	}
	if err := r.knockOut(ctx); err != nil {
		return err
	}
	for {
		f := finals{r}
		f.choose()
		again, err := f.run(ctx)
		if err != nil || !again {
			return err
		}
	}
}

// probe finds out which candidates can be measured here: each value of a choice for itself,
// and then their combinations.
func (r *runner) probe(ctx context.Context) error {
	r.tell(Step{Phase: "probe"})
	lacking := map[string]bool{} // choices and values
	values := append([]change{{candidate: r.base}}, r.changes(r.base)...)
	for _, v := range values {
		why, err := r.meter.probe(ctx, v.candidate)
		if err != nil {
			return err
		}
		if why == nil {
			continue
		}
		if v.candidate == r.base {
			return fmt.Errorf("%w: %s: %s: %s", errNothing, r.base.words, why.reason, why.detail)
		}
		lacking[fmt.Sprint(v.choice, v.value)] = true
		r.lack(r.choices[v.choice].Values[v.value], *why)
	}
	for _, c := range r.combinations() {
		if slices.ContainsFunc(r.changes(r.base), func(v change) bool {
			return lacking[fmt.Sprint(v.choice, v.value)] && c.values[v.choice] == v.value
		}) {
			continue
		}
		why, err := r.meter.probe(ctx, c)
		if err != nil {
			return err
		}
		if why != nil {
			r.lack(c.words, *why)
			continue
		}
		r.entrants = append(r.entrants, c)
	}
	r.advice.Candidates = len(r.entrants)
	return nil
}

// lack records what cannot be measured here, once for each reason.
func (r *runner) lack(what string, why refused) {
	for i := range r.advice.Lacks {
		l := &r.advice.Lacks[i]
		if l.Reason == why.reason && l.Detail == why.detail {
			if !slices.Contains(l.What, what) {
				l.What = append(l.What, what)
			}
			return
		}
	}
	l := advice.Lack{What: []string{what}, Reason: why.reason, Detail: why.detail}
	r.advice.Lacks = append(r.advice.Lacks, l)
	r.tell(Step{Lack: &l})
}

// knockOut measures the entrants by turns and drops the losers, until one is left, nothing
// changes any more, or its share of the budget is spent.
func (r *runner) knockOut(ctx context.Context) error {
	r.contest = knockout.New(len(r.entrants), advice.Threshold, alpha)
	need := knockout.BlocksNeeded(len(r.entrants), alpha)
	last := 0 // block after which one was dropped
	end := time.Duration(knockoutShare * float64(r.Budget))
	for len(r.contest.Left()) > 1 {
		left := r.contest.Left()
		n := r.contest.Blocks()
		if n > 0 && r.passed()+time.Duration(len(left))*r.each > end || n-last > int(quietFor*float64(need)) && len(left) == len(r.contest.Close()) {
			return nil
		}
		r.meter.tell = func(round, rounds int) {
			r.tell(Step{Phase: "knock-out", Block: n + 1, Round: round, Rounds: rounds, Left: len(left)})
		}
		r.tell(Step{Phase: "knock-out", Block: n + 1, Left: len(left)})
		var list []*candidate
		for _, i := range left {
			list = append(list, r.entrants[i])
		}
		begun := r.passed()
		scores, err := r.meter.measure(ctx, list, r.Measure)
		if err != nil {
			return err
		}
		r.each = (r.passed() - begun) / time.Duration(len(list))
		all := nans(len(r.entrants))
		for k, i := range left {
			all[i] = total(scores[k].pps)
			if why, ok := r.meter.failed[list[k]]; ok {
				r.contest.Withdraw(i)
				r.lack(list[k].words, why)
				continue
			}
			r.pay(list[k], scores[k])
		}
		for _, d := range r.contest.Add(all) {
			last = d.Block
			r.knocked(d)
		}
		r.advice.Blocks = r.contest.Blocks()
	}
	return nil
}

// pay notes what the packets of c cost in a block of the knock-out.
func (r *runner) pay(c *candidate, s score) {
	of := r.costs[c]
	if of == nil {
		of = &cost{}
		r.costs[c] = of
	}
	if v := total(s.cpu); !math.IsNaN(v) {
		of.logs = append(of.logs, v)
	}
}

// knocked records a candidate that was dropped.
func (r *runner) knocked(d knockout.Dropped) {
	ratio, _ := r.contest.Ratio(d.Candidate, d.By)
	out := advice.Dropped{Candidate: r.entrants[d.Candidate].words, By: r.entrants[d.By].words, Block: d.Block, Ratio: ratio}
	r.advice.Knocked = append(r.advice.Knocked, out)
	r.advice.Dropped++
	r.tell(Step{Phase: "knock-out", Dropped: &out, Left: len(r.contest.Left())})
}
