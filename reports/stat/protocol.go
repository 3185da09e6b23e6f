package stat

import (
	"fmt"
	"math"
	"slices"
)

// ProtocolOptions says how many pairs a Protocol takes.
type ProtocolOptions struct {
	// Pairs of the first look, and of the fresh block. Default 10.
	Pairs int
	// Most is the number of pairs to which the first block is extended, once,
	// while a metric is inconclusive. Default 2 * Pairs; equal to Pairs, there
	// is one look, and it takes the whole alpha.
	Most int
	// Alpha is the chance of any false alarm that the first block is allowed.
	// Default 0.05.
	Alpha float64
}

// The blocks of a Protocol.
const (
	FirstBlock = 1 // Pairs, or Most when extended
	FreshBlock = 2 // confirms a change
)

// Protocol decides which pairs are run and what they show. The caller must draw the
// order within each pair at random: under no change the signs of the differences are
// then random, whatever the host's drift, and the signed-rank test is exact (Fisher, The Design of Experiments, 1935, section 21).
//
//	for need, block := p.Next(); need > 0; need, block = p.Next() {
//		... run one pair ...
//		p.Add(block, base, new)
//	}
//	p.Result()
//
// The first block is looked at after Pairs pairs. While a metric is inconclusive
// it is extended once, to Most pairs, and looked at again. Each look has half of
// alpha, so that two looks together stay within alpha (Bonferroni), and the interval, at
// 1 - alpha/2, covers the truth at both looks with 1 - alpha (a repeated
// confidence interval: Jennison and Turnbull, J. Roy. Statist. Soc. B 51 (1989)
// 305). P is doubled for the same reason.
//
// A regression or improvement that the first block shows must be confirmed in a
// fresh block of Pairs pairs. It is confirmed when
//
//   - the fresh block alone, tested one-sided in the direction of the change, has
//     p <= alpha and an estimate in that direction; and
//   - the estimate from all pairs together exceeds the threshold, and their
//     interval excludes 0.
//
// The fresh block need not pass the threshold by itself. A change chosen because
// it looked large is on average smaller than it looked, so that requiring the
// threshold twice would miss true changes near it; all pairs together are the
// better estimate of its size. Nor does the fresh test need a correction for looks or
// metrics: a false alarm must pass the corrected test first, so that the chance of
// both is at most alpha/2 (one direction) times alpha. A change that is not confirmed
// is inconclusive.
//
// A Protocol must not be used by two goroutines at once.
type Protocol struct {
	rules        []Rule
	o            ProtocolOptions
	first, fresh pairs
}

// pairs are the values of each rule, pair by pair.
type pairs struct{ base, new [][]float64 }

func (p pairs) len() int {
	if len(p.base) == 0 {
		return 0
	}
	return len(p.base[0])
}

func (p pairs) add(base, new []float64) {
	for i := range base {
		p.base[i] = append(p.base[i], base[i])
		p.new[i] = append(p.new[i], new[i])
	}
}

func newPairs(rules int) pairs {
	return pairs{make([][]float64, rules), make([][]float64, rules)}
}

// NewProtocol returns a Protocol that judges by rules, at least one.
func NewProtocol(rules []Rule, o ProtocolOptions) (*Protocol, error) {
	if o.Pairs == 0 {
		o.Pairs = 10
	}
	if o.Most == 0 {
		o.Most = 2 * o.Pairs
	}
	if o.Alpha == 0 {
		o.Alpha = 0.05
	}
	if o.Pairs < 1 || o.Most < o.Pairs {
		return nil, fmt.Errorf("plan %d pairs, at most %d: both must be above 0, and the second not below the first", o.Pairs, o.Most)
	}
	if err := checkAlpha(o.Alpha); err != nil {
		return nil, err
	}
	if len(rules) == 0 {
		return nil, fmt.Errorf("plan pairs: there is no metric to judge")
	}
	for _, r := range rules {
		if err := r.check(); err != nil {
			return nil, err
		}
	}
	return &Protocol{rules: slices.Clone(rules), o: o, first: newPairs(len(rules)), fresh: newPairs(len(rules))}, nil
}

// Looks is how many times the first block may be looked at: alpha is split
// evenly among them.
func (p *Protocol) Looks() int {
	if p.o.Most > p.o.Pairs {
		return 2
	}
	return 1
}

// PairsNeeded is the least number of pairs at which any metric can be judged to
// have changed. With Most below that number, no change can be shown.
func (p *Protocol) PairsNeeded() int {
	return PairsNeeded(len(p.rules), p.o.Alpha/float64(p.Looks()))
}

// Next says how many more pairs of which block are needed; 0 means that everything
// that can be decided is. The caller does not add an invalid pair. Next may be called
// after every pair.
func (p *Protocol) Next() (need, block int) {
	n := p.first.len()
	switch {
	case n < p.o.Pairs:
		return p.o.Pairs - n, FirstBlock
	case n > p.o.Pairs && n < p.o.Most, n == p.o.Pairs && n < p.o.Most && p.undecided():
		return p.o.Most - n, FirstBlock
	case p.fresh.len() < p.freshPairs() && p.changed():
		return p.freshPairs() - p.fresh.len(), FreshBlock
	}
	return 0, 0
}

// freshPairs is Pairs, or the pairs that a one-sided test needs if those are more.
func (p *Protocol) freshPairs() int {
	n := p.o.Pairs
	for math.Ldexp(1, -n) > p.o.Alpha {
		n++
	}
	return n
}

func (p *Protocol) undecided() bool {
	for _, c := range p.judge(p.first) {
		if c.Verdict == Inconclusive {
			return true
		}
	}
	return false
}

func (p *Protocol) changed() bool {
	for _, c := range p.judge(p.first) {
		if c.changed() {
			return true
		}
	}
	return false
}

func (p *Protocol) judge(x pairs) []Comparison {
	return judge(p.rules, x.base, x.new, paired, p.o.Alpha, p.Looks())
}

// Add adds a pair to a block: the value of each rule, in their order. It refuses
// values that are not finite.
func (p *Protocol) Add(block int, base, new []float64) error {
	if len(base) != len(p.rules) || len(new) != len(p.rules) {
		return fmt.Errorf("add a pair: %d and %d values for %d metrics", len(base), len(new), len(p.rules))
	}
	for i, r := range p.rules {
		if err := check([]float64{base[i], new[i]}); err != nil {
			return fmt.Errorf("add a pair: %s: %w", r.Name, err)
		}
	}
	switch block {
	case FirstBlock:
		p.first.add(base, new)
	case FreshBlock:
		p.fresh.add(base, new)
	default:
		return fmt.Errorf("add a pair: there is no block %d", block)
	}
	return nil
}

// Result judges the pairs that were added, even if Next asked for more, so that pairs
// read from a file can be judged again. It has one Comparison for each rule, in their
// order. The figures of a metric that needed confirmation are those of all pairs,
// except that P is that of the first block, whose test was not chosen by its result.
func (p *Protocol) Result() []Comparison {
	out := p.judge(p.first)
	all := p.judge(p.pooled())
	for i := range out {
		if out[i].changed() {
			out[i] = p.confirm(i, out[i], all[i])
		}
	}
	return out
}

func (p *Protocol) pooled() pairs {
	all := newPairs(len(p.rules))
	for i := range p.rules {
		all.base[i] = append(append(all.base[i], p.first.base[i]...), p.fresh.base[i]...)
		all.new[i] = append(append(all.new[i], p.first.new[i]...), p.fresh.new[i]...)
	}
	return all
}

// confirm judges whether the fresh block confirms the change that the first block
// shows in rule i.
func (p *Protocol) confirm(i int, first, all Comparison) Comparison {
	if !all.HasChange {
		return all // a value of a fresh pair has no ratio
	}
	c := all
	c.P, c.Verdict, c.Notes = first.P, Inconclusive, nil
	rule := p.rules[i]
	if p.fresh.len() == 0 {
		c.Notes = append(c.Notes, fmt.Sprintf("%s (%s) in %d pairs, but no fresh block to confirm it",
			first.Verdict, rule.text(first.Change), first.N))
		return c
	}
	up := first.Change > 0
	fresh := measure(rule, p.fresh.base[i], p.fresh.new[i], paired, p.o.Alpha)
	one := p.oneSided(i, up)
	again := one <= p.o.Alpha && fresh.Change > 0 == up
	outcome := "not seen again"
	switch {
	case again && all.beyond(all.Threshold) && all.Change > 0 == up:
		outcome, c.Verdict = "seen again", first.Verdict
	case again:
		outcome = "seen again, but not beyond the threshold in all pairs together"
	case fresh.Change > 0 == up && math.Abs(fresh.Change) >= math.Abs(first.Change)/2:
		// At least half of it is there.
		outcome = "seen again, but not significantly; more pairs may tell (--trials)"
	}
	c.Notes = append(c.Notes, fmt.Sprintf("%s: %s in the first %d pairs, %s in %d fresh ones (one-sided p = %.2g)",
		outcome, rule.text(first.Change), first.N, rule.text(fresh.Change), fresh.N, one))
	return c
}

// oneSided is the one-sided p of the fresh block alone for a change in rule i, upwards
// or downwards.
func (p *Protocol) oneSided(i int, up bool) float64 {
	base, new := p.fresh.base[i], p.fresh.new[i]
	d := make([]float64, len(base))
	for k := range d {
		if d[k] = new[k] - base[k]; !p.rules[i].Absolute {
			d[k] = math.Log(new[k]) - math.Log(base[k])
		}
	}
	below, above := signedRankTails(d)
	if up {
		return above
	}
	return below
}
