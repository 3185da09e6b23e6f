package verdict

import (
	"fmt"
	"maps"
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/shift"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// comparer builds a Comparison.
type comparer struct {
	options   Options
	base, new *record.Run
	done      Comparison
	tests     []test
	ratios    []ratioTest
	allowed   map[string]bool // texts of the differences that --allow permitted
	company   [2]int          // scenarios that were measured by turns, of base and new
}

// apart returns notes on the differences that prevent a comparison. An allowed
// difference becomes a warning.
func (c *comparer) apart(differences []difference) []string {
	why, allowed := apart(c.options.Allow, differences)
	for _, text := range allowed {
		c.allowed[text] = true
	}
	return why
}

// only adds a scenario that only side measured, and why the other run did not.
func (c *comparer) only(name, side string, other *record.File) {
	lacks, reason, detail := record.NewSide, "", "not in the run"
	if side == record.NewSide {
		lacks = record.BaseSide
	}
	if other.End == nil {
		detail = "not in the run, which was interrupted"
	}
	why := ""
	if i := slices.IndexFunc(other.Skips, func(s record.Skip) bool { return s.Scenario == name && s.Arm == "" }); i >= 0 {
		reason, detail = other.Skips[i].Reason, other.Skips[i].Detail
		why = reason + ": " + detail
	}
	of := c.headline()
	c.done.Verdicts = append(c.done.Verdicts, Lacking(name, of.Metric, of.Unit, lacks, reason, detail))
	c.done.Only = append(c.done.Only, OnlyOne{name, side, why})
}

// headline is the gate of the verdict on a scenario without figures.
func (c *comparer) headline() metric.Gate {
	return metric.Headline(c.base.Clock)
}

// broken adds a verdict on a scenario that failed in the new run after some trials.
func (c *comparer) broken(name string, next *record.File) {
	for _, s := range next.Skips {
		if s.Scenario == name && s.Reason == record.Failed {
			of := c.headline()
			v := Lacking(name, of.Metric, of.Unit, record.NewSide, s.Reason, s.Detail)
			v.Notes = append(v.Notes, "what was measured before the failure has verdicts of its own")
			c.done.Verdicts = append(c.done.Verdicts, v)
			return
		}
	}
}

// armsOf are the arms of a scenario that are compared: the bare ones or, where a side has
// none, the observed ones. lone is the side that alone has bare trials, where observed ones
// are compared.
func armsOf(base, next *figure.Scenario) (a, b figure.Arm, lone string) {
	has := func(arm figure.Arm) bool { return len(arm.All) > 0 }
	switch bare := [2]bool{has(base.Bare), has(next.Bare)}; {
	case bare[0] && bare[1]:
		return base.Bare, next.Bare, ""
	case !has(base.Observ) || !has(next.Observ):
		// One run measured the scenario only bare, the other only observed.
		return base.Head(), next.Head(), ""
	case bare[0]:
		lone = record.BaseSide
	case bare[1]:
		lone = record.NewSide
	}
	return base.Observ, next.Observ, lone
}

// bareless adds a verdict on the bare trials of a scenario, which the new run lacks: the
// rate that a run is about is that of bare trials.
func (c *comparer) bareless(name string, next *record.File) {
	reason, detail := "", "no bare trials in the run"
	if i := slices.IndexFunc(next.Skips, func(s record.Skip) bool { return s.Scenario == name && s.Arm == record.Bare }); i >= 0 {
		reason, detail = next.Skips[i].Reason, next.Skips[i].Detail
	}
	if reason == record.Failed {
		return // see broken
	}
	of := c.headline()
	v := Lacking(name, of.Metric, of.Unit, record.NewSide, reason, detail)
	v.Notes = append(v.Notes, "the observed trials have verdicts of their own")
	c.done.Verdicts = append(c.done.Verdicts, v)
}

// scenario adds the verdicts on one scenario that both sides measured.
func (c *comparer) scenario(name string, base, next *figure.Scenario, file *record.File) {
	a, b, lone := armsOf(base, next)
	valid := [2]figure.Arm{a, b}
	a, b = a.OrInvalid(), b.OrInvalid() // a verdict on such figures is invalid, and says why
	apart := c.apart(slices.Concat(
		hostDifferences(figure.Group{Runs: []*record.Run{base.Run}}, figure.Group{Runs: []*record.Run{next.Run}}),
		armDifferences(a.All[0], b.All[0], base.Run.Hook.Used, next.Run.Hook.Used),
		deviceDifferences(&a.Used[0].Device, &b.Used[0].Device)))
	proportional := figure.SameSize(a, b)
	// Bare figures without counterpart in the new run count as missing there, like a
	// scenario that the new run does not have.
	lost := len(base.Bare.All) > 0 && len(next.Bare.All) == 0
	byRatio := c.base.Clock != record.ClockICount && hasYardstick(a) && hasYardstick(b)
	first, some := len(c.done.Verdicts), false
	for _, g := range metric.Gates(c.base.Clock, a.All[0]) {
		x, y := a.Values(g.Metric), b.Values(g.Metric)
		if g.Metric == record.Jain && len(x) == 0 && len(y) == 0 {
			// Only the observer counts queues.
			x, y = base.Observ.Values(g.Metric), next.Observ.Values(g.Metric)
		}
		if len(x) == 0 && len(y) == 0 {
			continue
		}
		if g.Metric == record.BitPerS && proportional {
			continue // the test of the packet rate is the same
		}
		some = some || len(y) > 0 || len(x) == 0
		if byRatio && (g.Metric == record.BitPerS || g.Metric == record.CPUNsPerPkt) {
			continue // shown, not judged
		}
		v := c.blank(name, g, x, y)
		switch dead := slices.Concat(gateNotes("base", a, g), gateNotes("new", b, g)); {
		case len(apart) > 0:
			v.Verdict, v.Notes = record.NotComparable, apart
			if lost {
				v.Missing = record.NewSide
			}
		case len(x) == 0:
			v.Verdict, v.Notes = record.InvalidVerdict, []string{"base has no such figure"}
		case len(y) == 0:
			v.Verdict, v.Notes = record.InvalidVerdict, []string{"new has no such figure"}
		case len(dead) > 0:
			v.Verdict, v.Notes = record.InvalidVerdict, dead
		case g.Metric == record.PPS && byRatio:
			if why := c.apart(yardstickDifferences(a, b)); len(why) > 0 {
				v.Verdict, v.Notes = record.NotComparable, why
				break
			}
			c.ratios = append(c.ratios, ratioTest{len(c.done.Verdicts), g, shift.Scenario{Base: ratios(a), New: ratios(b), Groups: groupsOf(a.Used[0])}})
		default:
			if g.Metric == record.PPS && (hasYardstick(a) || hasYardstick(b)) {
				v.Notes = append(v.Notes, withoutYardstick(hasYardstick(a)))
			}
			c.tests = append(c.tests, test{len(c.done.Verdicts), g, x, y})
		}
		if lone != "" && v.Verdict != record.NotComparable {
			v.Notes = append(v.Notes, "observed trials are judged: only "+lone+" has bare ones")
		}
		c.done.Verdicts = append(c.done.Verdicts, v)
	}
	if given := c.done.Verdicts[first:]; len(given) == 0 || !some && len(apart) == 0 {
		c.done.Verdicts = append(c.done.Verdicts[:first], c.noFigures(name, a))
	}
	showUnjudged(c, name, valid[0], valid[1], shownBy{proportional, byRatio})
	if lone == record.BaseSide && len(apart) == 0 {
		c.bareless(name, file)
	}
}

// noFigures is the verdict on a scenario of which the new side has trials, but none of
// the figures that base has. Base may have none either.
func (c *comparer) noFigures(name string, base figure.Arm) record.Verdict {
	of := c.headline()
	for _, g := range metric.Gates(c.base.Clock, base.All[0]) {
		if len(base.Values(g.Metric)) > 0 {
			return Lacking(name, of.Metric, of.Unit, record.NewSide, "", "its trials have none of the figures that base has")
		}
	}
	return Lacking(name, of.Metric, of.Unit, record.BaseSide, "", "its trials have no figure that is judged")
}

// blank is a verdict before its test, with medians and thresholds.
func (c *comparer) blank(name string, g metric.Gate, x, y []float64) record.Verdict {
	v := record.Verdict{
		Scenario: name, Metric: g.Metric, Unit: g.Unit, N: min(len(x), len(y)),
		Verdict: record.Inconclusive, Notes: []string{},
	}
	setThresholds(&v, c.options.held(g).Threshold, c.options.Threshold(g))
	if s, err := stat.Summarize(x); err == nil {
		v.Base = &s.Median
	}
	if s, err := stat.Summarize(y); err == nil {
		v.New = &s.Median
	}
	return v
}

// judge decides the open verdicts. All scenarios and metrics are one family of tests:
// one false alarm among them makes the comparison wrong.
func (c *comparer) judge() error {
	judged, err := c.judgeBy(stat.JudgeSamples)
	if err != nil {
		return err
	}
	for i, t := range c.tests {
		if len(c.ratios) > 0 {
			judged[i] = strictly(judged[i])
		}
		take(&c.done.Verdicts[t.at], judged[i])
	}
	judgeRatios(c)
	// Beside ratios, the others are not what the comparison is about: their notes say it.
	if n := len(c.tests); n > 0 && len(c.ratios) == 0 {
		warnTooFew(c, stat.SmallestIndependent, stat.SamplesNeeded(n, compareAlpha), "valid trial per side", "valid trials per side")
	}
	return nil
}

func (c *comparer) judgeBy(judge judgement) ([]stat.Comparison, error) {
	rules := make([]stat.Rule, len(c.tests))
	base, next := make([][]float64, len(c.tests)), make([][]float64, len(c.tests))
	for i, t := range c.tests {
		rules[i] = c.options.held(t.gate).Rule()
		base[i], next[i] = t.base, t.new
	}
	judged, err := judge(rules, base, next, compareAlpha)
	if err != nil {
		return nil, fmt.Errorf("compare %s with %s: %w", c.done.New.Name, c.done.Base.Name, err)
	}
	return judged, nil
}

// finish fills in what depends on all verdicts, and returns the comparison.
func (c *comparer) finish() *Comparison {
	d := &c.done
	d.Strict, d.Unknown, d.AllowMissing = c.options.Strict, c.options.Unknown, slices.Contains(c.options.Allow, AllowMissing)
	pps := map[string]string{}
	for _, v := range d.Verdicts {
		if v.Metric == record.PPS && v.Missing == "" {
			pps[v.Scenario] = v.Verdict
		}
	}
	for i := range d.Shown {
		if d.Shown[i].Metric == record.BitPerS {
			d.Shown[i].Verdict = pps[d.Shown[i].Scenario]
		}
	}
	d.Differences = figure.OtherDifferences(c.base, c.new)
	for i := range d.Verdicts {
		if d.Verdicts[i].Judged() {
			d.Verdicts[i].Differs = d.Differences
		}
	}
	for _, text := range slices.Sorted(maps.Keys(c.allowed)) {
		d.Warnings = append(d.Warnings, text+"; allowed by --allow, so it may be the reason for part of any change")
	}
	slices.SortStableFunc(d.Verdicts, func(a, b record.Verdict) int { return axis.Compare(a.Scenario, b.Scenario) })
	return d
}

func comparing(base, next *record.File, o Options) *comparer {
	side := func(name, other string, f *record.File) Side {
		return Side{Name: name, Short: text.ShortPath(name, other), Run: f.Run, Warnings: slices.Concat(f.Warnings, figure.ShardWarnings(f)), Cut: f.End == nil}
	}
	c := &comparer{
		options: o, base: base.Run, new: next.Run, allowed: map[string]bool{}, company: [2]int{companyOf(base), companyOf(next)},
		done: Comparison{Base: side(o.BaseName, o.NewName, base), New: side(o.NewName, o.BaseName, next)},
	}
	return c
}
