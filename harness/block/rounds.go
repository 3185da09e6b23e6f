package block

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"tunbench/bpf"
	"tunbench/harness/trial"
	"tunbench/reports/record"
)

// moreRounds is by which share of the planned rounds a block may be extended, to
// measure windows again from which the hypervisor stole.
const moreRounds = 0.5

// anyPrograms stands for those of any variant: the set-up leaves programs attached.
const anyPrograms = "any"

// rounds is a Block while it runs.
type rounds struct {
	Block
	rng     *rand.Rand
	members []*member // in the order of the variants
	classes []*class
	round   int          // that is at hand, from 1
	planned int          // rounds
	rest    func() error // takes the programs of observers away: bpf.Rest, or a fake in tests
	// attached names the programs of observers that may be attached; "" if there are none.
	attached string
}

// newRounds prepares the sides of a block. A variant that cannot be measured has an
// error.
func newRounds(b Block) *rounds {
	r := &rounds{Block: b, rng: rand.New(rand.NewPCG(b.Seed, 1)), rest: bpf.Rest, attached: anyPrograms}
	for _, v := range b.Variants {
		m := newMember(b, v)
		r.members = append(r.members, m)
		if m.err == nil {
			r.classOf(v).add(m)
			r.planned = max(r.planned, m.want)
		}
	}
	return r
}

// run takes the members through all steps. What cannot be torn down is an error of its member,
// so all is closed before the results are made.
func (r *rounds) run(ctx context.Context) []Result {
	started := time.Now().UTC().Format(time.RFC3339Nano)
	r.setUp(ctx)
	r.measure(ctx)
	trials := r.trials(ctx)
	r.close()
	results := make([]Result, len(r.members))
	for i, m := range r.members {
		results[i] = Result{trials[i], m.err}
		if m.err == nil {
			results[i].Trial.Started = started
		}
	}
	return results
}

// classOf returns the class of the variants that have the same yardstick as v.
func (r *rounds) classOf(v trial.Variant) *class {
	y, kind, ok := v.Spec.Yardstick()
	if !ok || r.Alone {
		c := &class{}
		r.classes = append(r.classes, c)
		return c
	}
	key := y.YardstickKey()
	for _, c := range r.classes {
		if c.key == key {
			return c
		}
	}
	c := &class{key: key, kind: kind, yardstick: newMember(r.Block, trial.Variant{Spec: y, Hook: record.HookNone})}
	r.classes = append(r.classes, c)
	return c
}

// all lists the members that are still measured, and the yardsticks.
func (r *rounds) all() (list []*member) {
	for _, m := range r.members {
		if m.err == nil {
			list = append(list, m)
		}
	}
	for _, c := range r.classes {
		if c.followed() {
			list = append(list, c.yardstick)
		}
	}
	return list
}

// workers is how many threads the members have.
func (r *rounds) workers() (n int) {
	for _, m := range r.all() {
		n += m.workers
	}
	return n
}

// setUp builds all members, and warms them up.
func (r *rounds) setUp(ctx context.Context) {
	for _, m := range r.all() {
		for _, step := range []trial.Step{trial.Build, trial.Start, trial.Warm, trial.Ramp} {
			if err := ctx.Err(); err != nil {
				m.fail(err)
				break
			}
			m.do(ctx, step)
		}
	}
}

// measure goes round the members until each has its windows.
func (r *rounds) measure(ctx context.Context) {
	for _, m := range r.all() {
		m.do(ctx, trial.Look)
	}
	last := r.planned + int(moreRounds*float64(r.planned))
	for r.round = 1; r.round <= last && ctx.Err() == nil; r.round++ {
		turns := r.order()
		if len(turns) == 0 && r.round > r.planned {
			break
		}
		if r.Tell != nil {
			r.Tell(min(r.round, r.planned), r.planned)
		}
		for _, m := range turns {
			if ctx.Err() != nil {
				break
			}
			if err := r.restOthers(m); err != nil {
				m.fail(err)
				continue
			}
			m.turn(ctx, r.round)
		}
		for _, c := range r.classes {
			c.align(r.round)
		}
	}
	ctx = context.WithoutCancel(ctx)
	for _, m := range r.all() {
		m.do(ctx, trial.Look)
		m.fillUp()
	}
}

// restOthers takes the programs of other observers away, which would be on the way of the
// packets of m too.
func (r *rounds) restOthers(m *member) error {
	if m.programs == r.attached {
		return nil
	}
	if err := r.rest(); err != nil {
		return fmt.Errorf("detach observers: %w", err)
	}
	r.attached = m.programs
	return nil
}

// order lists whose windows are measured in the round at hand. Members without an
// observer and those with one follow each other, in random order of the two, and so do
// members that are observed by the same programs: those are attached once in a round.
func (r *rounds) order() (turns []*member) {
	var bare []*member
	observed := map[string][]*member{} // by the programs
	r.rng.Shuffle(len(r.classes), func(i, j int) { r.classes[i], r.classes[j] = r.classes[j], r.classes[i] })
	for _, c := range r.classes {
		alone := r.orderOf(c, false, true)
		bare = append(bare, alone...)
		// Observed windows are held against loopback beside the others.
		beside := ""
		for _, m := range r.orderOf(c, true, len(alone) == 0) {
			if m.observed || beside == "" {
				beside = cmp.Or(m.programs, c.programs())
			}
			observed[beside] = append(observed[beside], m)
		}
	}
	parts := [][]*member{bare}
	for _, name := range slices.Sorted(maps.Keys(observed)) {
		parts = append(parts, observed[name])
	}
	r.rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	return slices.Concat(parts...)
}

// orderOf lists the members of a class, with or without observer, that are due, and
// between them the yardstick: beside every second of them.
func (r *rounds) orderOf(c *class, observed, yardstick bool) (turns []*member) {
	var due []*member
	for _, m := range c.members {
		if m.err == nil && m.observed == observed && r.due(m) {
			due = append(due, m)
		}
	}
	r.rng.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	first := r.rng.IntN(2)
	for i, m := range due {
		turns = append(turns, m)
		if yardstick && c.followed() && (i%2 == first || len(due) == 1) {
			turns = append(turns, c.yardstick)
		}
	}
	if r.rng.IntN(2) == 1 {
		slices.Reverse(turns)
	}
	return turns
}

// due reports whether a window of m belongs to the round at hand. The windows of a
// member that wants fewer than there are rounds are spread evenly. After the planned
// rounds those are due that lack windows.
func (r *rounds) due(m *member) bool {
	if r.round > r.planned {
		return len(m.kept) < m.want
	}
	return r.round*m.want/r.planned > (r.round-1)*m.want/r.planned
}

// trials ends the members, and makes the record of each that has no error. Those
// that were interrupted are kept if they have enough windows.
func (r *rounds) trials(ctx context.Context) []record.Trial {
	interrupted := ctx.Err()
	ctx = context.WithoutCancel(ctx)
	for _, c := range r.classes {
		if c.followed() {
			c.judged = c.yardstick.end(ctx, nil)
		}
	}
	trials := make([]record.Trial, len(r.members))
	for i, m := range r.members {
		if m.err == nil && interrupted != nil && len(m.kept) < min(m.want, trial.LeastWindows) {
			m.fail(interrupted)
		}
		if m.err != nil {
			continue
		}
		trials[i] = m.end(ctx, m.class)
		m.class.describe(&trials[i], m)
		m.note(&trials[i], interrupted != nil)
	}
	return trials
}

// close tears down what is left.
func (r *rounds) close() {
	for _, m := range r.all() {
		m.fail(m.side.Close())
	}
	if err := r.rest(); err != nil {
		for _, m := range r.all() {
			m.fail(fmt.Errorf("detach observers: %w", err))
		}
	}
}
