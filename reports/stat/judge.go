package stat

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Verdicts of a Comparison, in the words of the run file.
const (
	Regression            = "regression"
	Improvement           = "improvement"
	Equivalent            = "equivalent"
	Inconclusive          = "inconclusive"
	Invalid               = "invalid"
	IndicativeRegression  = "indicative-regression"
	IndicativeImprovement = "indicative-improvement"
)

// Rule says how a metric is judged.
type Rule struct {
	Name   string
	Better int // +1: higher is better; -1: lower is better
	// Absolute metrics are compared by their difference, in their own unit; the
	// others by their ratio, which needs values above 0.
	Absolute bool
	// Threshold is the least change that matters: 0.03 is 3 % of a ratio, or a
	// difference of 0.03 where Absolute. It must not be negative. The interval of an
	// equivalent metric lies within it, however noisy the host is.
	Threshold float64
	// Detectable is the least change that can be detected on the host, in the unit
	// of Threshold; 0 where that is not known. Where it is above Threshold, a
	// regression or an improvement must exceed it.
	Detectable float64
}

// effective is the threshold that a regression or an improvement must exceed.
func (r Rule) effective() float64 { return max(r.Threshold, r.Detectable) }

func (r Rule) check() error {
	if r.Better != 1 && r.Better != -1 {
		return fmt.Errorf("judge %s: better is %d, not 1 or -1", r.Name, r.Better)
	}
	if !(r.Threshold >= 0) || math.IsInf(r.Threshold, 0) {
		return fmt.Errorf("judge %s: threshold is %v", r.Name, r.Threshold)
	}
	if !(r.Detectable >= 0) || math.IsInf(r.Detectable, 0) {
		return fmt.Errorf("judge %s: the least change that the host can show is %v", r.Name, r.Detectable)
	}
	return nil
}

// Comparison compares a metric of NEW with that of BASE. It has no NaN and no
// infinity: unknown figures are 0, and HasMedians, HasChange and HasInterval say
// which figures are known.
type Comparison struct {
	Metric string
	// Base and New are medians, in the metric's unit.
	Base, New float64
	// Change is the estimate of new/base - 1, or of new - base where the rule is
	// absolute: below 0, new is lower, whether that is better or not. Low and High are
	// the interval of Change, and Level the confidence that the interval reaches.
	Change, Low, High, Level float64
	// P is corrected by Holm for the metrics judged together, and for the looks
	// taken, so that it is compared with the whole alpha.
	P float64
	N int // pairs, or values of the smaller sample
	// Threshold is what a change must exceed, and Own the metric's own threshold,
	// which judges equivalence. Threshold is larger than Own where the detectable
	// change of the host is.
	Threshold, Own float64
	Verdict        string
	// Notes are sentences on what the verdict rests on or lacks, and what to do next.
	Notes []string

	HasMedians  bool // Base and New
	HasChange   bool // Change and P
	HasInterval bool // Low, High and Level
}

// JudgePairs judges pairs that were run interleaved: base[i][k] and new[i][k]
// are the values of rules[i] in pair k. The estimate is that of Hodges and
// Lehmann on ln(new/base), or on new - base; interval and p are those of the
// signed-rank test; p is corrected by Holm over the rules.
//
//	regression    the interval excludes 0, the estimate is worse by more than the
//	              threshold and than the detectable change, and the corrected p is
//	              below alpha
//	improvement   the same, but better
//	equivalent    the interval lies within the threshold
//	inconclusive  none of these, or too few pairs to tell; a note says how many it takes
//	invalid       a value has no ratio; a note says which
//
// A regression or an improvement is what these pairs alone show: a Protocol also
// confirms it in a fresh block. Metrics may have different numbers of pairs. An error
// is a fault of the caller: an invalid rule, base and new of different length, or a
// value that is not finite.
func JudgePairs(rules []Rule, base, new [][]float64, alpha float64) ([]Comparison, error) {
	if err := checkSamples(rules, base, new, alpha); err != nil {
		return nil, err
	}
	for i := range rules {
		if len(base[i]) != len(new[i]) {
			return nil, fmt.Errorf("judge %s: %d values of the base against %d", rules[i].Name, len(base[i]), len(new[i]))
		}
	}
	return judge(rules, base, new, paired, alpha, 1), nil
}

// JudgeSamples judges two runs that were not interleaved as JudgePairs judges pairs,
// by the Mann-Whitney test and Shift. base[i] and new[i] are the values of rules[i],
// and may differ in length. A difference may be one of the host, so that a change is
// only indicative.
func JudgeSamples(rules []Rule, base, new [][]float64, alpha float64) ([]Comparison, error) {
	if err := checkSamples(rules, base, new, alpha); err != nil {
		return nil, err
	}
	out := judge(rules, base, new, independent, alpha, 1)
	for i := range out {
		switch out[i].Verdict {
		case Regression:
			out[i].Verdict = IndicativeRegression
		case Improvement:
			out[i].Verdict = IndicativeImprovement
		}
	}
	return out, nil
}

func checkSamples(rules []Rule, base, new [][]float64, alpha float64) error {
	if err := checkAlpha(alpha); err != nil {
		return err
	}
	if len(base) != len(rules) || len(new) != len(rules) {
		return fmt.Errorf("judge %d metrics: the base has %d and new %d", len(rules), len(base), len(new))
	}
	for i, r := range rules {
		if err := r.check(); err != nil {
			return err
		}
		if err := check(base[i]); err != nil && !errors.Is(err, ErrEmpty) {
			return fmt.Errorf("judge %s: base: %w", r.Name, err)
		}
		if err := check(new[i]); err != nil && !errors.Is(err, ErrEmpty) {
			return fmt.Errorf("judge %s: new: %w", r.Name, err)
		}
	}
	return nil
}

// design is how two samples are related: in pairs, or independent.
type design struct {
	// compare returns the estimate of new - base, and p. Each sample needs at least
	// one value.
	compare func(base, new []float64, alpha float64) (Estimate, float64, error)
	// smallest is the least p that samples of these sizes can have.
	smallest func(base, new int) float64
	needed   func(tests int, alpha float64) int
	count    string // what is counted, in a note
}

var (
	paired      = design{comparePairs, SmallestPaired, PairsNeeded, "pairs"}
	independent = design{compareSamples, SmallestIndependent, SamplesNeeded, "trials per side"}
)

func comparePairs(base, new []float64, alpha float64) (Estimate, float64, error) {
	d := make([]float64, len(base))
	for i := range d {
		d[i] = new[i] - base[i]
	}
	p, err := SignedRank(d)
	if err != nil {
		return Estimate{}, 0, err
	}
	e, err := SignedRankInterval(d, alpha)
	return e, p, err
}

func compareSamples(base, new []float64, alpha float64) (Estimate, float64, error) {
	p, err := RankSum(base, new)
	if err != nil {
		return Estimate{}, 0, err
	}
	e, err := Shift(base, new, alpha)
	return e, p, err
}

// judge judges every metric by its rule. The caller has checked the samples. alpha is
// split evenly over the looks.
func judge(rules []Rule, base, new [][]float64, d design, alpha float64, looks int) []Comparison {
	out := make([]Comparison, len(rules))
	var p []float64
	for i, r := range rules {
		out[i] = measure(r, base[i], new[i], d, alpha/float64(looks))
		if out[i].HasChange {
			p = append(p, out[i].P)
		}
	}
	tests := len(p)
	p = Holm(p)
	for i := range out {
		c := &out[i]
		if !c.HasChange {
			continue
		}
		c.P, p = min(1, float64(looks)*p[0]), p[1:]
		c.Verdict = verdict(*c, rules[i].Better, alpha)
		least := float64(tests) * d.smallest(len(base[i]), len(new[i]))
		if c.Verdict != Equivalent && least >= alpha/float64(looks) {
			c.Notes = append(c.Notes, d.tooFew(c.N, tests, alpha/float64(looks)))
		}
		if c.Verdict == Inconclusive && c.P < alpha && c.beyond(c.Own) && !c.beyond(c.Threshold) {
			c.Notes = append(c.Notes, c.belowDetectable(rules[i]))
		}
	}
	return out
}

func (d design) tooFew(n, tests int, alpha float64) string {
	change := "a change"
	if tests > 1 {
		change = fmt.Sprintf("a change in one of %d metrics judged together", tests)
	}
	return fmt.Sprintf("too few %s: %d, where %s takes at least %d", d.count, n, change, d.needed(tests, alpha))
}

// measure fills in all but the verdict of a metric that can be judged, and P before
// its correction.
func measure(r Rule, base, new []float64, d design, alpha float64) Comparison {
	c := Comparison{Metric: r.Name, N: min(len(base), len(new)), Threshold: r.effective(), Own: r.Threshold, Verdict: Inconclusive}
	if c.N == 0 {
		c.Notes = append(c.Notes, d.tooFew(0, 1, alpha))
		return c
	}
	var err error
	if c.Base, err = Median(base); err == nil {
		c.New, err = Median(new)
	}
	if err != nil {
		return invalid(c, err)
	}
	c.HasMedians = true
	back := func(v float64) float64 { return v }
	if !r.Absolute {
		if base, err = logs(base); err == nil {
			new, err = logs(new)
		}
		if err != nil {
			return invalid(c, err)
		}
		back = math.Expm1
	}
	e, p, err := d.compare(base, new, alpha)
	if err != nil && !errors.Is(err, ErrTooFew) {
		return invalid(c, err) // a difference overflows
	}
	change, low, high := back(e.Value), back(e.Low), back(e.High)
	if err := check([]float64{change, low, high}); err != nil {
		return invalid(c, fmt.Errorf("%v and %v are too far apart", c.Base, c.New))
	}
	c.Change, c.P, c.HasChange = change, p, true
	if err == nil {
		c.Low, c.High, c.Level, c.HasInterval = low, high, e.Level, true
	}
	return c
}

func invalid(c Comparison, err error) Comparison {
	c.Verdict = Invalid
	c.Notes = append(c.Notes, fmt.Sprintf("no change can be given: %v", err))
	return c
}

// logs are the natural logarithms of x.
func logs(x []float64) ([]float64, error) {
	l := make([]float64, len(x))
	for i, v := range x {
		if v <= 0 {
			return nil, fmt.Errorf("a ratio needs values above 0, and one is %v", v)
		}
		l[i] = math.Log(v)
	}
	return l, nil
}

// text is a change, in per cent where it is one of a ratio.
func (r Rule) text(change float64) string {
	if r.Absolute {
		return fmt.Sprintf("%+.3g", change)
	}
	return fmt.Sprintf("%+.2f %%", 100*change)
}

// size is a change without its sign.
func (r Rule) size(change float64) string { return strings.TrimPrefix(r.text(math.Abs(change)), "+") }

// thresholdSlack keeps a change of exactly the threshold from exceeding it: 0.97 / 1
// - 1 is a little below -0.03 in floating point.
const thresholdSlack = 1e-9

// verdict judges by the figures of c. better is +1 or -1, as in Rule.
func verdict(c Comparison, better int, alpha float64) string {
	if !c.HasInterval {
		return Inconclusive
	}
	own := c.Own * (1 + thresholdSlack)
	switch {
	case c.Low >= -own && c.High <= own:
		return Equivalent
	case c.P >= alpha || !c.beyond(c.Threshold):
		return Inconclusive
	case c.Change > 0 == (better > 0):
		return Improvement
	}
	return Regression
}

// beyond reports whether the interval excludes 0 and the estimate exceeds a
// threshold.
func (c Comparison) beyond(threshold float64) bool {
	return c.HasInterval && (c.Low > 0 || c.High < 0) && math.Abs(c.Change) > threshold*(1+thresholdSlack)
}

// belowDetectable is the note on a change that exceeds the metric's own threshold,
// but not the detectable change of this host.
func (c Comparison) belowDetectable(r Rule) string {
	return fmt.Sprintf("the change of %s exceeds the metric's threshold of %s, but not %s, the smallest change that an A/A run detected on this host: compare on a quieter host, or repeat the A/A run when this host is quiet",
		r.text(c.Change), r.size(c.Own), r.size(c.Threshold))
}

func (c Comparison) changed() bool { return c.Verdict == Regression || c.Verdict == Improvement }
