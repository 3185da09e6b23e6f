package advise

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"tunbench/reports/advice"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// conclusion is what the last final shows.
type conclusion struct{ finals }

// draw computes what the last final shows.
func (r conclusion) draw() {
	a := r.advice
	a.SpentNs = int64(r.passed())
	a.Failed = r.meter.failedTrials()
	a.Trials, a.Invalid, a.Flags, a.Flagged = r.meter.trials, r.meter.invalid, maps.Clone(r.meter.flags), maps.Clone(r.meter.flagged)
	if r.use == nil && r.contest != nil && r.contest.Blocks() > 0 {
		r.choose()
	}
	if r.use == nil {
		a.Verdict, a.Why = advice.Inconclusive, "nothing was measured"
		if a.Interrupted {
			a.Why = "it was interrupted before the first block was finished"
		}
		return
	}
	a.Use, a.Plain = r.candidate(r.use), r.candidate(r.base)
	r.compareAll()
	gain, lost := a.Gain, r.lost()
	shown := gain != nil && gain.PPS.CI != nil
	if r.use == r.base {
		shown = slices.ContainsFunc(a.Comparisons, func(c advice.Comparison) bool { return c.PPS.CI != nil })
	}
	switch {
	case lost != nil && (!shown || a.Reused):
		a.Verdict = advice.Inconclusive
		why := r.meter.failed[lost]
		a.Why = fmt.Sprintf("%s can no longer be measured (%s: %s)", lost.words, why.reason, why.detail)
	case a.Finals < leastFinals:
		a.Verdict = advice.Inconclusive
		a.Why = fmt.Sprintf("%s measured, and an interval takes %d: give a longer --budget", text.Plural(a.Finals, "fresh block was", "fresh blocks were"), leastFinals)
		if r.block > 0 {
			a.Why += ", such as " + r.enough().String()
		}
	case r.use == r.base && shown:
		a.Verdict = advice.Equal
	case !shown:
		a.Verdict = advice.Inconclusive
		a.Why = fmt.Sprintf("too few blocks have a valid trial of both: %d of %d trials are invalid; tunbench doctor says what disturbs this host", a.Invalid, a.Trials)
	case gain.Verdict != advice.Better:
		a.Verdict = advice.Inconclusive
		a.Why = "the fresh blocks alone do not show a gain: try again when the host is quiet, or give a longer --budget"
	default:
		a.Verdict = advice.Better
	}
	if a.Interrupted {
		a.Verdict, a.Why = advice.Inconclusive, "it was interrupted"
	}
}

// enough is a budget of which what is left after the knock-out holds an interval, with a quarter
// to spare, in half minutes: its blocks take as long as the last one did.
func (r conclusion) enough() time.Duration {
	const step = 30 * time.Second
	need := time.Duration(1.25 / (1 - knockoutShare) * leastFinals * float64(r.block))
	return (need + step - 1).Truncate(step)
}

// compareAll compares the members of the final with each other, as far as that says
// something.
func (r conclusion) compareAll() {
	a := r.advice
	add := func(role string, of, against *candidate, choice int) {
		c := r.compare(role, of, against, choice)
		if against == r.use {
			c.WhyNot = r.whyNot(of, c)
		}
		if c.PPS.N > 0 {
			a.Comparisons = append(a.Comparisons, c)
		}
	}
	if r.use != r.base {
		add(advice.Gain, r.use, r.base, -1)
		for _, s := range r.steps(r.use) {
			role := advice.Step
			if s.aside {
				role = advice.Aside
			}
			add(role, s.to, s.from, s.choice)
		}
	}
	seen := []*candidate{r.use, r.base}
	for _, c := range r.changes(r.use) {
		seen = append(seen, c.candidate)
		add(advice.Change, c.candidate, r.use, c.choice)
	}
	for _, m := range r.members {
		if !slices.Contains(seen, m) {
			add(advice.Rival, m, r.use, -1)
		}
	}
	if c := r.leastCPU(); c != nil {
		add(advice.Frugal, c, r.use, -1)
	}
	r.bars()
	for i := range a.Comparisons {
		c := &a.Comparisons[i]
		switch {
		case c.Role == advice.Gain:
			a.Gain = c
		case c.Role != advice.Change && c.Role != advice.Rival:
		case c.Verdict == advice.Equal:
			a.Equal = append(a.Equal, c.New)
		case c.Verdict == advice.Inconclusive:
			a.Unclear = append(a.Unclear, c.New)
		}
	}
}

// leastCPU is the member that needs the least CPU time, if that is less than the
// recommendation needs; nil if none is.
func (r conclusion) leastCPU() (least *candidate) {
	lowest := 1.0
	for _, m := range r.members {
		ratio := advice.Estimate(r.logs(m, r.use, ofCPU))
		if m != r.use && ratio.CI != nil && ratio.CI[1] < 1-advice.Threshold && ratio.Value < lowest {
			least, lowest = m, ratio.Value
		}
	}
	return least
}

// compare gives the ratios of two members. choice is the one in which they differ, or -1.
func (r conclusion) compare(role string, of, against *candidate, choice int) advice.Comparison {
	c := advice.Comparison{
		Role: role, New: of.words, Base: against.words, Label: of.words, Before: against.words,
		PPS: advice.Estimate(r.logs(of, against, ofPPS)), CPU: advice.Estimate(r.logs(of, against, ofCPU)), AB: abLines(against, of),
	}
	if choice >= 0 {
		c.Choice, c.Label, c.Before = r.choices[choice].Name, r.label(of, choice), r.label(against, choice)
	}
	if len(r.Traffic) > 1 {
		for i, traffic := range r.Traffic {
			one := func(metric func(score) []float64) advice.Ratio {
				return advice.Estimate(logs2(r.scores[of], r.scores[against], func(s score) float64 { return math.Log(metric(s)[i]) }))
			}
			c.ByTraffic = append(c.ByTraffic, advice.OfTraffic{Traffic: traffic, PPS: one(ofPPS), CPU: one(ofCPU)})
		}
	}
	if c.Verdict = c.PPS.Verdict(); c.Verdict == advice.Equal {
		c.AtMost = c.PPS.AtMost()
	}
	c.Simpler = of.compare(against) < 0
	return c
}

// candidate describes c, with its medians in the final.
func (r conclusion) candidate(c *candidate) advice.Candidate {
	out := advice.Candidate{Words: c.words, Axes: c.scenarios[0].Axes}
	median := func(metric func(score) []float64, traffic int) float64 {
		var values []float64
		for _, s := range r.scores[c] {
			if v := metric(s)[traffic]; !math.IsNaN(v) {
				values = append(values, v)
			}
		}
		m, err := stat.Median(values)
		if err != nil {
			return 0
		}
		return m
	}
	for i := range r.Traffic {
		if len(r.scores[c]) > 0 {
			out.PPS, out.CPU = append(out.PPS, median(ofPPS, i)), append(out.CPU, median(ofCPU, i))
		}
	}
	return out
}

// bars are the candidates on the way to the recommendation or, if that is the plain one,
// those with one more choice changed.
func (r conclusion) bars() {
	var list []*candidate
	for _, aside := range []bool{true, false} {
		for _, s := range r.steps(r.use) {
			if s.aside == aside && s.from == r.base || !aside && !s.aside {
				list = append(list, s.to)
			}
		}
	}
	if r.use == r.base {
		list = candidatesOf(r.changes(r.base))
	}
	const most = 6
	for _, c := range list {
		ratio := advice.Estimate(r.logs(c, r.base, ofPPS))
		if ratio.N > 0 && len(r.advice.Bars) < most && !slices.ContainsFunc(r.advice.Bars, func(b advice.Bar) bool { return b.Words == c.words }) {
			r.advice.Bars = append(r.advice.Bars, advice.Bar{Words: c.words, PPS: ratio})
		}
	}
}

// whyNot says why m is not recommended, although the comparison c with the recommendation
// lists it as faster, or as not slower and it is simpler. It is "" where c does not.
func (r conclusion) whyNot(m *candidate, c advice.Comparison) string {
	if c.PPS.CI == nil {
		return ""
	}
	all := advice.Estimate(r.meter.evidence.logs(m, r.use))
	switch {
	case c.Simpler && c.Verdict != advice.Worse:
		return fmt.Sprintf("over all %d blocks that had both, with those of the knock-out, the estimate is %s×", all.N, text.Ratio(all.Value))
	case c.Simpler || c.Verdict != advice.Better:
		return ""
	}
	var why string
	if cpu := c.CPU; cpu.CI != nil && cpu.CI[0] > 1 {
		why = "a packet needs " + text.Ratio(cpu.Value) + "× the CPU time, and "
	}
	return why + fmt.Sprintf("over all %d blocks that had both, more than %.3g %% was not shown beyond chance: take them as equal, or give a longer --budget", all.N, 100*advice.Threshold)
}
