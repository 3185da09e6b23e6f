package advise

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"tunbench/bench/suite"
	"tunbench/reports/advice"
	"tunbench/reports/stat"
)

const (
	// wantedFinals is how many blocks of the finals the time is divided among.
	wantedFinals = 10
	// leastMembers are in a final however slow the knock-out was: what it did at the
	// beginning may not say how long a final takes.
	leastMembers = 5
	// longest is the longest measured time of a trial: that of a suite.
	longest = 540 * time.Millisecond
	// mostFinalists is how many recommendations are tried at most.
	mostFinalists = 3
)

// Why what a final showed is not measured again.
const (
	budgetSpent = "the budget was spent before that could be measured again: give a longer one"
	onlyLast    = "only the last blocks showed that, and none were measured after them: give a longer budget"
)

// finals measure the candidates that were left, and what they are compared with, in fresh
// blocks.
type finals struct{ *runner }

// choose takes the simplest of the candidates that may be the best.
func (r finals) choose() {
	if r.use != nil {
		return
	}
	var list []*candidate
	for _, i := range r.contest.Close() {
		list = append(list, r.entrants[i])
	}
	if len(list) > 0 {
		r.use = slices.MinFunc(list, (*candidate).compare)
	}
}

// run measures the recommendation in fresh blocks, with what it is compared with. If one
// of these is better, or simpler and not shown to be slower, it is recommended instead, and
// there is another final: so no figure is from blocks by which it was chosen.
func (r finals) run(ctx context.Context) (again bool, err error) {
	if r.use == nil {
		return false, errNothing
	}
	left := r.Budget - r.passed()
	if len(r.before) < mostFinalists-1 {
		left = time.Duration(finalShare * float64(left))
	}
	end := r.passed() + left
	if err := r.lineUp(ctx, left); err != nil {
		return false, err
	}
	if r.lost() != nil {
		return false, nil
	}
	measure := r.finalMeasure(left)
	r.scores, r.advice.Finals, r.block, r.advice.Reused = map[*candidate][]score{}, 0, 0, false
	if err := r.blocksUntil(ctx, end, measure); err != nil {
		return false, err
	}
	for _, m := range r.members {
		if why, ok := r.meter.failed[m]; ok {
			r.lack(m.words, why)
		}
	}
	if again = r.decide(); again {
		return true, nil
	}
	// What is left of the budget makes the intervals narrower.
	return false, r.blocksUntil(ctx, r.Budget, measure)
}

// blocksUntil measures the members in blocks that end before a part of the budget is spent,
// and in as many as an interval takes if the budget has room for these.
func (r finals) blocksUntil(ctx context.Context, end, measure time.Duration) error {
	for n := r.advice.Finals; n < mostFinals; n++ {
		if due := r.passed() + r.block; n >= leastFinals && due > end || n > 0 && due > r.Budget {
			return nil
		}
		r.meter.tell = func(round, rounds int) {
			r.tell(Step{Phase: "final", Block: n + 1, Round: round, Rounds: rounds, Left: len(r.members)})
		}
		r.tell(Step{Phase: "final", Block: n + 1, Left: len(r.members)})
		begun := r.passed()
		scores, err := r.meter.measure(ctx, r.members, measure)
		if err != nil {
			return err
		}
		r.block = r.passed() - begun
		for i, m := range r.members {
			r.scores[m] = append(r.scores[m], scores[i])
		}
		r.advice.Finals++
	}
	return nil
}

// lost is the recommendation or the plain candidate, if that can no longer be measured: without
// it nothing is shown.
func (r finals) lost() *candidate {
	for _, c := range []*candidate{r.use, r.base} {
		if _, failed := r.meter.failed[c]; failed {
			return c
		}
	}
	return nil
}

// decide takes another recommendation if the last final speaks for one, and reports whether
// that is to be measured in another final.
func (r finals) decide() (again bool) {
	if was := r.unconfirmed(); was != nil {
		again = r.another()
		r.refuted, r.before = append(r.refuted, r.use), append(r.before, was)
		r.use, r.advice.Reused = was, true
		return again
	}
	if r.better = r.winner(); r.better != nil {
		if again = r.another(); again {
			r.replace(r.better)
			r.better, r.switched = nil, true
		}
		return again
	}
	if equal := r.simpler(); equal != nil {
		if again = r.another(); again {
			r.replace(equal)
		}
	}
	return again
}

// another reports whether another final may follow, and notes why not.
func (r finals) another() bool {
	r.advice.Stopped = ""
	switch n := len(r.before); {
	case n >= mostFinalists:
		r.advice.Stopped = fmt.Sprintf("fresh blocks had changed the recommendation %d times, which is the most in one run: run it again", n)
	case r.Budget-r.passed() < leastFinals*r.block:
		r.advice.Stopped = budgetSpent
	}
	return r.advice.Stopped == ""
}

// replace recommends c, which has not been measured since.
func (r finals) replace(c *candidate) {
	r.before, r.use, r.advice.Reused = append(r.before, r.use), c, true
}

// unconfirmed is what was recommended before, if the last final does not show again that the
// recommendation is better than that: one of many candidates that are equal may win a final
// by chance, and hardly two.
func (r finals) unconfirmed() *candidate {
	if !r.switched {
		return nil
	}
	r.switched = false
	was := r.before[len(r.before)-1]
	logs := r.logs(r.use, was, ofPPS)
	p, err := stat.SignedRank(logs)
	if d, hlErr := stat.HodgesLehmann(logs); err == nil && hlErr == nil && d > 0 && p/2 < alpha {
		return nil
	}
	return was
}

// worth is how much slower a simpler candidate may be by estimate, as a ratio, while it is
// not shown to be slower: else two runs on one host would recommend different candidates
// that differ by little, as chance has it.
const worth = 2 * advice.Threshold

// simpler is the simplest member that is simpler than the recommendation, and not shown to
// be slower.
func (r finals) simpler() (simplest *candidate) {
	for _, m := range r.members {
		if m.compare(r.use) >= 0 || slices.Contains(r.before, m) || simplest != nil && m.compare(simplest) >= 0 {
			continue
		}
		ratio := advice.Estimate(r.logs(m, r.use, ofPPS))
		switch v := ratio.Verdict(); {
		case v == advice.Equal || v == advice.Better, v == advice.Inconclusive && ratio.CI != nil && ratio.Value >= 1-worth:
			simplest = m
		}
	}
	return simplest
}

// finalMeasure is how long a trial of a final is measured, so that wantedFinals blocks take
// so long.
func (r finals) finalMeasure(left time.Duration) time.Duration {
	spare := left/wantedFinals/time.Duration(len(r.members)) - r.each
	more := float64(spare) / float64(len(r.Traffic)) / 1.2 // beside each window there is time that is not measured
	return min(longest, max(r.Measure, suite.MinMeasure, r.Measure+time.Duration(more).Truncate(time.Millisecond)))
}

// lineUp makes the list of those that are measured in a final of so long, the most
// important first: the recommendation, the plain candidate, the way from one to the other,
// and the changes of one choice.
func (r finals) lineUp(ctx context.Context, left time.Duration) error {
	r.members = nil
	most := len(r.known) + 64
	if r.each > 0 {
		most = max(leastMembers, int(left/(leastFinals*r.each)))
	}
	var wanted []*candidate
	wanted = append(wanted, r.use, r.base)
	wanted = append(wanted, r.before...)
	for _, aside := range []bool{false, true} {
		for _, s := range r.steps(r.use) {
			if s.aside == aside {
				wanted = append(wanted, s.to)
			}
		}
	}
	// A value that is measured in every combination before one that is a detail.
	changes := r.changes(r.use)
	for _, detail := range []bool{false, true} {
		for _, c := range changes {
			if (c.value >= r.main[c.choice]) == detail {
				wanted = append(wanted, c.candidate)
			}
		}
	}
	if c := r.frugal(); c != nil {
		wanted = append(wanted, c)
	}
	rivals := r.contest.Left()
	slices.SortStableFunc(rivals, func(i, j int) int {
		if ratio, ok := r.contest.Ratio(i, j); ok && ratio > 1 {
			return -1
		}
		return 1
	})
	for _, i := range rivals[:min(mostRivals, len(rivals))] {
		wanted = append(wanted, r.entrants[i])
	}
	for _, c := range wanted {
		if len(r.members) >= most {
			return nil
		}
		if slices.Contains(r.members, c) {
			continue
		}
		_, known := r.meter.failed[c]
		why, err := r.meter.probe(ctx, c)
		switch {
		case err != nil:
			return err
		case why == nil:
			r.members = append(r.members, c)
			continue
		case !known:
			r.lackChange(c, *why)
		}
		if r.lost() != nil {
			return nil
		}
	}
	return nil
}

// lackChange records why c cannot be measured, unless one of its values is known to be
// lacking.
func (r finals) lackChange(c *candidate, why refused) {
	for choice, value := range c.values {
		if o, err := r.with(r.base, choice, value); err == nil && value > 0 && o != c {
			if _, known := r.meter.failed[o]; known {
				return
			}
		}
	}
	r.lack(c.words, why)
}

// frugal is the candidate whose packets cost the least CPU time in the knock-out.
func (r finals) frugal() (least *candidate) {
	lowest := math.Inf(1)
	for _, c := range r.entrants {
		of := r.costs[c]
		if of == nil || len(of.logs) < 3 {
			continue
		}
		if m, err := stat.Median(of.logs); err == nil && m < lowest {
			least, lowest = c, m
		}
	}
	return least
}

// winner is the member that is better than the recommendation by more than the threshold,
// as the last final shows at the level alpha over all members; nil if there is none.
func (r finals) winner() *candidate {
	members, p, estimates := r.tests()
	var best *candidate
	highest := math.Log1p(advice.Threshold)
	for i, corrected := range stat.Holm(p) {
		if corrected < alpha && estimates[i] > highest {
			best, highest = members[i], estimates[i]
		}
	}
	return best
}

// tests compare the packet rate of each other member with that of the recommendation: p of
// the signed-rank test, not corrected, and the estimate of the logarithm of the ratio. What
// did not come out better when it was measured again is left out.
func (r finals) tests() (members []*candidate, p, estimates []float64) {
	for _, m := range r.members {
		logs := r.logs(m, r.use, ofPPS)
		if m == r.use || len(logs) < leastFinals || slices.Contains(r.refuted, m) {
			continue
		}
		value, err := stat.SignedRank(logs)
		if err != nil {
			continue
		}
		estimate, err := stat.HodgesLehmann(logs)
		if err != nil {
			continue
		}
		members, p, estimates = append(members, m), append(p, value), append(estimates, estimate)
	}
	return members, p, estimates
}

func ofPPS(s score) []float64 { return s.pps }
func ofCPU(s score) []float64 { return s.cpu }

// logs are the logarithms of the ratio of two members in each block of the final in which
// both were measured under each traffic.
func (r finals) logs(of, against *candidate, metric func(score) []float64) (logs []float64) {
	return logs2(r.scores[of], r.scores[against], func(s score) float64 { return total(metric(s)) })
}

// logs2 are the differences of a figure in each block in which both have it.
func logs2(of, against []score, figure func(score) float64) (logs []float64) {
	for i := range min(len(of), len(against)) {
		if d := figure(of[i]) - figure(against[i]); !math.IsNaN(d) && !math.IsInf(d, 0) {
			logs = append(logs, d)
		}
	}
	return logs
}

// beyondChance reports whether m is faster than the recommendation at the level alpha over
// all members.
func (r finals) beyondChance(m *candidate) bool {
	members, p, _ := r.tests()
	for i, corrected := range stat.Holm(p) {
		if members[i] == m {
			return corrected < alpha
		}
	}
	return false
}
