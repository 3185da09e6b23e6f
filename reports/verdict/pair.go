package verdict

import (
	"fmt"
	"maps"
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// CompareVariants judges the two variants of a file of tunbench ab. Verdicts in the
// file are kept: ab judged while it decided how much to measure, and only that whole
// procedure keeps the promised error. Without verdicts, as after an interruption, the
// finished pairs of the first block are judged, and a change is only indicative, since
// no fresh block confirmed it.
func CompareVariants(f *record.File, o Options) (*Comparison, error) {
	sides := map[string]*record.File{}
	for _, variant := range []string{"a", "b"} {
		side := *f
		side.Trials = nil
		for _, t := range f.Trials {
			if t.Variant == variant {
				side.Trials = append(side.Trials, t)
			}
		}
		sides[variant] = &side
	}
	a, b := sides["a"], sides["b"]
	c := comparing(a, b, o)
	c.done.Base.Name, c.done.Base.Short = variantName("a", a, b)
	c.done.New.Name, c.done.New.Short = variantName("b", b, a)
	c.done.Paired = true
	for i := range f.Profiles {
		for k := range f.Profiles {
			if p, q := &f.Profiles[i], &f.Profiles[k]; p.Variant == "a" && q.Variant == "b" && p.Subject == q.Subject {
				c.done.Profiles = append(c.done.Profiles, Profiles{p, q})
			}
		}
	}
	if len(f.Verdicts) > 0 {
		c.done.Verdicts = slices.Clone(f.Verdicts)
		for i := range c.done.Verdicts {
			c.done.Verdicts[i].Kind = ""
		}
		unfinished(c, b)
		showApart(c, a, b)
		return c.finish(), nil
	}
	if err := judgePairs(c, a, b); err != nil {
		return nil, err
	}
	showApart(c, a, b)
	c.done.Warnings = append(c.done.Warnings, "the file holds no verdicts: the finished pairs are judged, and no fresh pairs confirm a change")
	return c.finish(), nil
}

// unfinished adds a verdict on each scenario of b that has trials and no verdict: ab was
// interrupted during it.
func unfinished(c *comparer, b *record.File) {
	for name, trials := range trialsByScenario(b) {
		if !slices.ContainsFunc(c.done.Verdicts, func(v record.Verdict) bool { return v.Scenario == name }) {
			of := c.headline()
			c.done.Verdicts = append(c.done.Verdicts, Lacking(name, of.Metric, of.Unit, record.NewSide, "",
				"interrupted after "+text.Plural(len(trials), "pair", "pairs")+", before a verdict"))
		}
	}
}

// judgePairs judges the pairs of the first block in which both trials are valid.
func judgePairs(c *comparer, a, b *record.File) error {
	scenariosA, scenariosB := trialsByScenario(a), trialsByScenario(b)
	if len(scenariosA) == 1 && len(scenariosB) == 1 {
		// The variants may be two scenarios, which are compared with each other.
		pairsOf(c, a.Trials, b.Trials)
	} else {
		for _, name := range slices.SortedFunc(maps.Keys(scenariosA), axis.Compare) {
			pairsOf(c, scenariosA[name], scenariosB[name])
		}
	}
	if len(c.done.Verdicts) == 0 && len(a.Trials)+len(b.Trials) > 0 {
		c.done.Verdicts = append(c.done.Verdicts, noPair(c, a, b))
	}
	judged, err := c.judgeBy(stat.JudgePairs)
	if err != nil {
		return err
	}
	for i, t := range c.tests {
		v := &c.done.Verdicts[t.at]
		take(v, judged[i])
		switch v.Verdict {
		case record.Regression:
			v.Verdict = record.IndicativeRegression
		case record.Improvement:
			v.Verdict = record.IndicativeImprovement
		}
	}
	if n := len(c.tests); n > 0 {
		warnTooFew(c, stat.SmallestPaired, stat.PairsNeeded(n, compareAlpha), "valid pair", "valid pairs")
	}
	return nil
}

// noPair is the verdict on variants of which no pair is valid.
func noPair(c *comparer, a, b *record.File) record.Verdict {
	of, trials := c.headline(), slices.Concat(b.Trials, a.Trials)
	return record.Verdict{
		Scenario: trials[0].Scenario, Metric: of.Metric, Unit: of.Unit, Verdict: record.InvalidVerdict,
		Notes: []string{fmt.Sprintf("no pair of %s of a and %d of b has two valid trials", text.Plural(len(a.Trials), "trial", "trials"), len(b.Trials))},
	}
}

// pairsOf adds a test for each gate of the valid pairs of a and b, if there are any.
func pairsOf(c *comparer, a, b []record.Trial) {
	type key struct{ block, pair int }
	first := map[key]*record.Trial{}
	for i := range a {
		t := &a[i]
		if !t.Invalid() && t.Block <= 1 {
			first[key{t.Block, t.Pair}] = t
		}
	}
	var base, next []*record.Trial
	for i := range b {
		t := &b[i]
		if p := first[key{t.Block, t.Pair}]; p != nil && !t.Invalid() {
			base, next = append(base, p), append(next, t)
			delete(first, key{t.Block, t.Pair})
		}
	}
	if len(base) == 0 {
		return
	}
	x, y := figure.NewArm(base), figure.NewArm(next)
	for _, g := range metric.Gates(c.base.Clock, base[0]) {
		if g.Metric == record.BitPerS && figure.SameSize(x, y) || metric.Apart(g.Metric, base[0], next[0]) != "" {
			continue
		}
		var old, young []float64
		for i := range base {
			u, okU := metric.Value(base[i], g.Metric)
			v, okV := metric.Value(next[i], g.Metric)
			if okU && okV {
				old, young = append(old, u), append(young, v)
			}
		}
		if len(old) == 0 {
			continue
		}
		v := c.blank(next[0].Scenario, g, old, young)
		if apart := c.options.Apart(base[0], next[0]); len(apart) > 0 {
			v.Verdict, v.Notes = record.NotComparable, apart
		} else if dead := slices.Concat(gateNotes("base", x, g), gateNotes("new", y, g)); len(dead) > 0 {
			v.Verdict, v.Notes = record.InvalidVerdict, dead
		} else {
			c.tests = append(c.tests, test{len(c.done.Verdicts), g, old, young})
		}
		c.done.Verdicts = append(c.done.Verdicts, v)
	}
}

// showApart moves to the figures that are shown and not judged what does not count the
// same in a and b: an older ab judged it.
func showApart(c *comparer, a, b *record.File) {
	first := map[[2]int]*record.Trial{} // by shard and number: ab numbers the trials of a pair one after the other
	for i := range a.Trials {
		first[[2]int{a.Trials[i].Shard, a.Trials[i].Trial + 1}] = &a.Trials[i]
	}
	by := trialsByScenario(b)
	for _, name := range slices.SortedFunc(maps.Keys(by), axis.Compare) {
		var base, next []*record.Trial
		for i := range by[name] {
			t := &by[name][i]
			if p := first[[2]int{t.Shard, t.Trial}]; p != nil && !p.Invalid() && !t.Invalid() {
				base, next = append(base, p), append(next, t)
			}
		}
		if len(base) == 0 {
			continue
		}
		for _, g := range metric.Gates(c.base.Clock, base[0]) {
			why := metric.Apart(g.Metric, base[0], next[0])
			if why == "" {
				continue
			}
			c.done.Verdicts = slices.DeleteFunc(c.done.Verdicts, func(v record.Verdict) bool {
				return v.Scenario == name && v.Metric == g.Metric && v.Missing == ""
			})
			v := c.blank(name, g, figure.NewArm(base).Values(g.Metric), figure.NewArm(next).Values(g.Metric))
			v.Verdict, v.Notes = record.NotComparable, []string{ApartNote + why}
			c.done.Shown = append(c.done.Shown, v)
		}
	}
}

// HoldsVariants reports whether f is a file of tunbench ab. Only such files hold
// verdicts.
func HoldsVariants(f *record.File) bool {
	return len(f.Verdicts) > 0 || slices.ContainsFunc(f.Trials, func(t record.Trial) bool { return t.Variant != "" })
}

func holdsOnly(f *record.File, variant string) bool {
	return len(f.Trials) > 0 && !slices.ContainsFunc(f.Trials, func(t record.Trial) bool { return t.Variant != variant })
}

// variantName is the letter of a variant, the build that measured it if the file names
// builds, and its scenario or else its arm where the variants differ in that. The short
// name has of each what differs.
func variantName(letter string, own, other *record.File) (name, short string) {
	name, short = letter, letter
	if b, ok := own.Run.Builds[letter]; ok {
		name += ", " + b.Path + " (" + b.Tool.Version + ", " + b.Tool.Commit + ")"
		short += ", " + text.ShortPath(b.Path, own.Run.Builds[map[string]string{"a": "b", "b": "a"}[letter]].Path)
	}
	if len(own.Trials) == 0 || len(other.Trials) == 0 {
		return name, short
	}
	switch a, b := &own.Trials[0], &other.Trials[0]; {
	case a.Scenario != b.Scenario:
		return name + ": " + a.Scenario, short + ": " + axis.Apart(a, b)
	case a.Arm != b.Arm:
		return name + ": " + string(a.Arm), short + ": " + string(a.Arm)
	}
	return name, short
}

func trialsByScenario(f *record.File) map[string][]record.Trial {
	by := map[string][]record.Trial{}
	for _, t := range f.Trials {
		by[t.Scenario] = append(by[t.Scenario], t)
	}
	return by
}
