package advise

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"tunbench/bench/suite"
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

// budgetSpent is why a recommendation is not measured again.
const budgetSpent = "the budget was spent: give a longer one"

// finals measure the candidates that were left, and what they are compared with, in fresh
// blocks.
type finals struct{ *runner }

// choose takes the simplest of the candidates that may be the best, by the blocks of the
// knock-out.
func (r finals) choose() {
	if r.use != nil {
		return
	}
	indexes := r.contest.Left()
	if r.contest.Blocks() < leastFinals {
		indexes = r.contest.Close()
	}
	var list []*candidate
	for _, i := range indexes {
		list = append(list, r.entrants[i])
	}
	r.use = r.simplest(list)
}

// simplest begins with the simplest candidate of list and goes, while others are shown to be
// faster than the one it has come to by more than the threshold, to the simplest of these. So
// it leaves a candidate that is within the threshold of the fastest with a chance of at most
// alpha, and only for one that is shown to be better. It is nil if the list is empty.
func (r finals) simplest(list []*candidate) *candidate {
	if len(list) == 0 {
		return nil
	}
	use := slices.MinFunc(list, (*candidate).compare)
	for range list { // each once at most, were the tests to lead in a circle
		var left, others []*candidate
		for _, o := range list {
			switch {
			case o == use:
			case r.contends(o):
				left = append(left, o)
			default:
				others = append(others, o)
			}
		}
		faster := r.meter.evidence.faster(use, left, others)
		if len(faster) == 0 {
			break
		}
		use = slices.MinFunc(faster, (*candidate).compare)
	}
	return use
}

// contends reports whether c was left in the knock-out: it is among a few, and needs no proof
// against the chance that the best of many details seems fast.
func (r finals) contends(c *candidate) bool {
	return r.contest != nil && slices.ContainsFunc(r.contest.Left(), func(i int) bool { return r.entrants[i] == c })
}

// run measures the recommendation in fresh blocks, with what it is compared with. If these
// and the blocks before them speak for another one, that is recommended instead, and there is
// another final, so that no figure is from blocks by which it was chosen; or, without time for
// that, no other final, and the advice says so.
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
	if again = r.decide(false); again {
		return true, nil
	}
	// What is left of the budget makes the intervals narrower.
	if err := r.blocksUntil(ctx, r.Budget, measure); err != nil {
		return false, err
	}
	return r.decide(true), nil
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

// decide recommends another member if the evidence speaks for one, and reports whether that is
// to be measured in another final. Until the last blocks of this one are measured, it changes
// nothing without time for another.
func (r finals) decide(last bool) (again bool) {
	r.advice.Stopped = ""
	var list []*candidate
	for _, c := range r.members {
		_, failed := r.meter.failed[c]
		if c == r.use || !failed && (c == r.base || len(r.logs(c, r.base, ofPPS)) >= leastFinals) {
			list = append(list, c)
		}
	}
	use := r.simplest(list)
	if use == r.use || use == nil || r.advice.Finals < leastFinals {
		return false
	}
	why := r.notAgain()
	if why != "" && !last {
		return false
	}
	r.before, r.use, r.advice.Reused, r.advice.Stopped = append(r.before, r.use), use, true, why
	return why == ""
}

// notAgain is why no other final can follow; "" if one can.
func (r finals) notAgain() string {
	switch n := len(r.before); {
	case n >= mostFinalists:
		return fmt.Sprintf("the recommendation had changed %d times, which is the most in one run: run it again", n)
	case r.Budget-r.passed() < leastFinals*r.block:
		return budgetSpent
	}
	return ""
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
