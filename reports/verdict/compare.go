package verdict

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
)

// Compare judges two stored runs, which were not interleaved: its verdicts are
// at most indicative. What one of them did not measure has a verdict of its own,
// and two that have nothing in common nothing but such. It refuses runs
// that hold variants: CompareVariants is for them.
//
// Two files that hold one variant each of one run of tunbench ab are put
// together, and judged in pairs.
func Compare(base, next *record.File, o Options) (*Comparison, error) {
	if base.Run.ID != "" && base.Run.ID == next.Run.ID && holdsOnly(base, "a") && holdsOnly(next, "b") {
		both := *base
		both.Trials = slices.Concat(base.Trials, next.Trials)
		return CompareVariants(&both, o)
	}
	for i, f := range []*record.File{base, next} {
		if HoldsVariants(f) {
			return nil, fmt.Errorf("%s holds the variants of tunbench ab: compare it alone, without a second file", []string{o.BaseName, o.NewName}[i])
		}
	}
	if o.Seen == nil {
		o.Seen = seenBy(base.Run, next.Run)
	}
	c := comparing(base, next, o)
	old, young := ByName(base), ByName(next)
	for _, name := range slices.SortedFunc(maps.Keys(old), axis.Compare) {
		if young[name] == nil {
			c.only(name, "base", next)
			continue
		}
		c.scenario(name, old[name], young[name])
		c.broken(name, next)
	}
	for _, name := range slices.SortedFunc(maps.Keys(young), axis.Compare) {
		if old[name] == nil {
			c.only(name, "new", base)
		}
	}
	c.searches(base, next)
	if err := c.judge(); err != nil {
		return nil, err
	}
	return c.finish(), nil
}

// seenBy is the largest of what the hosts of both runs could see when they ran.
func seenBy(base, next *record.Run) func(string) (float64, bool) {
	return func(name string) (float64, bool) {
		most, known := 0.0, false
		for _, r := range slices.Concat(figure.RunsOf(base), figure.RunsOf(next)) {
			if v, ok := r.Sees[name]; ok && metric.UsableSight(name, v) {
				most, known = max(most, v), true
			}
		}
		return most, known
	}
}

// ByName gives the scenarios that f measured.
func ByName(f *record.File) map[string]*figure.Scenario {
	list, _ := figure.Scenarios(f)
	by := map[string]*figure.Scenario{}
	for _, s := range list {
		by[s.Name] = s
	}
	return by
}

// comparer builds a Comparison.
type comparer struct {
	options   Options
	base, new *record.Run
	done      Comparison
	tests     []test
	allowed   map[string]bool // differences that --allow let pass
}

// apart tells what keeps all figures of two runs apart. Those of a merged file
// are its shards, each with a host of its own.
func (c *comparer) apart(base, next *record.Run) (why []string) {
	for _, d := range differencesOf(base, next) {
		if c.forbids(d) {
			why = append(why, d.note())
		}
	}
	return why
}

// forbids tells whether d keeps figures apart. One that is allowed becomes a
// warning.
func (c *comparer) forbids(d difference) bool {
	if !slices.Contains(c.options.Allow, d.field) {
		return true
	}
	c.allowed[d.text] = true
	return false
}

// only adds what there is to say of a scenario that side alone measured: why the
// other did not.
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
	c.done.Verdicts = append(c.done.Verdicts, record.Lacking(name, of.Metric, of.Unit, lacks, reason, detail))
	c.done.Only = append(c.done.Only, OnlyOne{name, side, why})
}

// headline is the metric that stands for a scenario which has no figures.
func (c *comparer) headline() metric.Gate {
	if c.base.Clock == metric.VirtualClock {
		return metric.VirtualGates[0]
	}
	return metric.RealGates[0]
}

// broken tells of a scenario that failed in the run of the new side after some
// trials.
func (c *comparer) broken(name string, next *record.File) {
	for _, s := range next.Skips {
		if s.Scenario == name && s.Reason == record.Failed {
			of := c.headline()
			v := record.Lacking(name, of.Metric, of.Unit, record.NewSide, s.Reason, s.Detail)
			v.Notes = append(v.Notes, "what was measured before it failed is judged beside this")
			c.done.Verdicts = append(c.done.Verdicts, v)
			return
		}
	}
}

// scenario adds the verdicts on one scenario that both sides measured.
func (c *comparer) scenario(name string, base, next *figure.Scenario) {
	apart := c.apart(base.Run, next.Run)
	a, b := base.Bare, next.Bare
	if len(a.All) == 0 || len(b.All) == 0 {
		observedOnly := len(a.All) == 0 && len(b.All) == 0
		a, b = base.Observ, next.Observ
		if !observedOnly && (len(a.All) == 0 || len(b.All) == 0) {
			// One was measured bare only, the other observed only.
			a, b = base.Head(), next.Head()
			d := difference{figure.AllowHook, fmt.Sprintf("the arm differs: %s, %s", a.All[0].Arm, b.All[0].Arm)}
			if c.forbids(d) {
				apart = append(apart, d.note())
			}
		} else if was, is := base.Run.Hook.Used, next.Run.Hook.Used; was != is {
			d := difference{figure.AllowHook, fmt.Sprintf("hook differs: %s, %s", cmp.Or(was, "none"), cmp.Or(is, "none"))}
			if c.forbids(d) {
				apart = append(apart, d.note())
			}
		}
	}
	for _, why := range deviceDifferences(&a.Used[0].Device, &b.Used[0].Device) {
		if d := (difference{figure.AllowDevice, why}); c.forbids(d) {
			apart = append(apart, d.note())
		}
	}
	proportional := figure.SameSize(a, b)
	// Figures that nothing of the new run can be held against are missing there, as
	// those of a scenario are that it does not have.
	lost := len(base.Bare.All) > 0 && len(next.Bare.All) == 0
	first, some := len(c.done.Verdicts), false
	for _, g := range metric.Gates(c.base.Clock, a.All[0]) {
		x, y := a.Values(g.Metric), b.Values(g.Metric)
		if g.Metric == record.Jain && len(x) == 0 && len(y) == 0 {
			// Queues are counted by the observer only.
			x, y = base.Observ.Values(g.Metric), next.Observ.Values(g.Metric)
		}
		if len(x) == 0 && len(y) == 0 {
			continue
		}
		if g.Metric == record.BitPerS && proportional {
			continue // the same test as that of the packet rate
		}
		some = some || len(y) > 0 || len(x) == 0
		v := c.blank(name, g, x, y)
		switch dead := slices.Concat(gateNotes("base", a, g), gateNotes("new", b, g)); {
		case len(apart) > 0:
			v.Verdict, v.Notes = record.NotComparable, apart
			if lost {
				v.Missing = record.NewSide
			}
		case len(x) == 0:
			v.Verdict, v.Notes = record.InvalidVerdict, []string{"base does not have it"}
		case len(y) == 0:
			v.Verdict, v.Notes = record.InvalidVerdict, []string{"new does not have it"}
		case len(dead) > 0:
			v.Verdict, v.Notes = record.InvalidVerdict, dead
		default:
			c.tests = append(c.tests, test{len(c.done.Verdicts), g, x, y})
		}
		c.done.Verdicts = append(c.done.Verdicts, v)
	}
	if given := c.done.Verdicts[first:]; len(given) == 0 || !some && len(apart) == 0 {
		c.done.Verdicts = append(c.done.Verdicts[:first], c.noFigures(name, a))
	}
	c.show(name, a, b, proportional)
}

// noFigures is the verdict on a scenario of which the new side has trials, and no
// figure that base has. Base may have none either.
func (c *comparer) noFigures(name string, base figure.Arm) record.Verdict {
	of := c.headline()
	for _, g := range metric.Gates(c.base.Clock, base.All[0]) {
		if len(base.Values(g.Metric)) > 0 {
			return record.Lacking(name, of.Metric, of.Unit, record.NewSide, "", "its trials have none of the figures that base has")
		}
	}
	return record.Lacking(name, of.Metric, of.Unit, record.BaseSide, "", "its trials have no figure that is judged")
}

// blank is a verdict that is still open.
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

// show adds figures that no test is made for.
func (c *comparer) show(name string, a, b figure.Arm, proportional bool) {
	if c.base.Clock == metric.VirtualClock {
		return
	}
	for _, g := range metric.RealGates {
		latency := g.Metric == metric.LatencyP50 || g.Metric == metric.LatencyP99
		bits := g.Metric == record.BitPerS && proportional
		if !bits && !(latency && !metric.OpenLoop(a.All[0])) {
			continue
		}
		v := c.blank(name, g, a.Values(g.Metric), b.Values(g.Metric))
		if v.Base == nil && v.New == nil {
			continue
		}
		v.Verdict = ""
		v.Notes = []string{"closed loop: the latency is that of the queue which the load fills"}
		if bits {
			v.Notes = []string{"proportional to pps, whose verdict it has"}
		}
		c.done.Shown = append(c.done.Shown, v)
	}
}

// judge gives the open verdicts: one family of tests over all scenarios and
// metrics, since one wrong verdict among them would spoil the comparison.
func (c *comparer) judge() error {
	judged, err := c.judgeBy(stat.JudgeSamples)
	if err != nil {
		return err
	}
	for i, t := range c.tests {
		take(&c.done.Verdicts[t.at], judged[i])
	}
	if n := len(c.tests); n > 0 {
		c.warnTooFew(leastRankSum, stat.SamplesNeeded(n, compareAlpha), "valid trial a side", "valid trials a side")
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

// warnTooFew says at the top that some tests could not have shown anything,
// whatever was measured: their smallest p, corrected for all tests, is above
// the level.
func (c *comparer) warnTooFew(smallest func(test) float64, need int, one, many string) {
	tests, least, short := len(c.tests), 0, 0
	for _, t := range c.tests {
		if float64(tests)*smallest(t) < compareAlpha {
			continue
		}
		if n := min(len(t.base), len(t.new)); short == 0 || n < least {
			least = n
		}
		short++
	}
	if short == 0 {
		return
	}
	which := "all"
	if short < tests {
		which = strconv.Itoa(short)
	}
	c.done.Warnings = append(c.done.Warnings, fmt.Sprintf("%s cannot show a change in %s of %s that are judged together: at least %d are needed (--trials %d)",
		text.Plural(least, one, many), which, text.Plural(tests, "test", "tests"), need, need))
}

// searches compares the rates that both runs searched for. A search leaves
// bounds, not samples: it differs if the bounds do not even touch.
func (c *comparer) searches(base, next *record.File) {
	type key struct{ scenario, goal string }
	found := map[key]record.Goal{}
	of := map[string]*record.Run{}
	for _, s := range base.Searches {
		of[s.Scenario] = base.Header(s.Shard)
		for _, g := range s.Goals {
			found[key{s.Scenario, g.Name}] = g
		}
	}
	by := slices.SortedStableFunc(slices.Values(next.Searches), func(a, b record.Search) int { return axis.Compare(a.Scenario, b.Scenario) })
	for _, s := range by {
		for _, gate := range metric.RateGates {
			i := slices.IndexFunc(s.Goals, func(g record.Goal) bool { return g.Name == gate.Metric })
			old, ok := found[key{s.Scenario, gate.Metric}]
			if i < 0 || !ok {
				continue
			}
			v := c.rate(s.Scenario, gate, old, s.Goals[i])
			if apart := c.apart(of[s.Scenario], next.Header(s.Shard)); len(apart) > 0 {
				v.Verdict, v.Change, v.Notes = record.NotComparable, nil, apart
			}
			c.done.Verdicts = append(c.done.Verdicts, v)
			delete(found, key{s.Scenario, gate.Metric})
		}
	}
	// What the new side does not have at all has a verdict already.
	lacking := map[string]bool{}
	for _, v := range c.done.Verdicts {
		lacking[v.Scenario] = lacking[v.Scenario] || v.Missing == record.NewSide
	}
	for _, s := range base.Searches {
		for _, gate := range metric.RateGates {
			if g, left := found[key{s.Scenario, gate.Metric}]; left && g.Resolved && !lacking[s.Scenario] {
				c.done.Verdicts = append(c.done.Verdicts, record.Verdict{
					Scenario: s.Scenario, Metric: gate.Metric, Unit: gate.Unit, Base: g.LowerPPS,
					Verdict: record.InvalidVerdict, Notes: []string{"new does not have it: there was no search for this rate"},
				})
			}
		}
	}
}

func (c *comparer) rate(scenario string, gate metric.Gate, base, next record.Goal) record.Verdict {
	v := record.Verdict{
		Scenario: scenario, Metric: gate.Metric, Unit: gate.Unit, Base: base.LowerPPS, New: next.LowerPPS,
		N: 1, Verdict: record.Inconclusive, Notes: []string{},
	}
	setThresholds(&v, c.options.held(gate).Threshold, c.options.Threshold(gate))
	for i, g := range []record.Goal{base, next} {
		side := []string{"base", "new"}[i]
		if !g.Resolved || g.LowerPPS == nil || g.UpperPPS == nil {
			v.Notes = append(v.Notes, fmt.Sprintf("%s: unresolved: %s", side, cmp.Or(g.Detail, "the search has no bounds")))
			continue
		}
		sc := text.RateScale(*g.UpperPPS)
		v.Notes = append(v.Notes, fmt.Sprintf("%s: between %s and %s %s", side, sc.Format(*g.LowerPPS), sc.Format(*g.UpperPPS), sc.Unit))
	}
	if !base.Resolved || !next.Resolved || base.LowerPPS == nil || base.UpperPPS == nil || next.LowerPPS == nil || next.UpperPPS == nil || *base.LowerPPS <= 0 {
		return v
	}
	change := *next.LowerPPS / *base.LowerPPS - 1
	if math.IsInf(change, 0) {
		return v
	}
	v.Change = &change
	low, high := *next.LowerPPS / *base.UpperPPS - 1, *next.UpperPPS / *base.LowerPPS - 1 // the least and most that it may be
	switch {
	case low >= -ownThreshold(v) && high <= ownThreshold(v):
		v.Verdict = record.Equivalent
	case high < 0 && change < -v.Threshold:
		v.Verdict = record.IndicativeRegression
	case low > 0 && change > v.Threshold:
		v.Verdict = record.IndicativeImprovement
	}
	return v
}

// finish fills in what depends on all verdicts, and gives the comparison.
func (c *comparer) finish() *Comparison {
	d := &c.done
	d.Strict, d.AllowMissing = c.options.Strict, slices.Contains(c.options.Allow, AllowMissing)
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
		d.Warnings = append(d.Warnings, text+"; allowed by --allow, so part of any change may be that")
	}
	slices.SortStableFunc(d.Verdicts, func(a, b record.Verdict) int { return axis.Compare(a.Scenario, b.Scenario) })
	return d
}

// unfinished adds the scenarios of b that have trials and no verdict: ab was
// interrupted in them.
func (c *comparer) unfinished(b *record.File) {
	for name, trials := range trialsByScenario(b) {
		if !slices.ContainsFunc(c.done.Verdicts, func(v record.Verdict) bool { return v.Scenario == name }) {
			of := c.headline()
			c.done.Verdicts = append(c.done.Verdicts, record.Lacking(name, of.Metric, of.Unit, record.NewSide, "",
				"interrupted after "+text.Plural(len(trials), "pair", "pairs")+", before a verdict"))
		}
	}
}

// pairs judges the pairs of the first block in which both trials are valid.
func (c *comparer) pairs(a, b *record.File) error {
	scenariosA, scenariosB := trialsByScenario(a), trialsByScenario(b)
	if len(scenariosA) == 1 && len(scenariosB) == 1 {
		// The variants may be of two scenarios, which are one pair's.
		c.pairsOf(a.Trials, b.Trials)
	} else {
		for _, name := range slices.SortedFunc(maps.Keys(scenariosA), axis.Compare) {
			c.pairsOf(scenariosA[name], scenariosB[name])
		}
	}
	if len(c.done.Verdicts) == 0 && len(a.Trials)+len(b.Trials) > 0 {
		c.done.Verdicts = append(c.done.Verdicts, c.noPair(a, b))
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
		c.warnTooFew(leastSignedRank, stat.PairsNeeded(n, compareAlpha), "valid pair", "valid pairs")
	}
	return nil
}

// noPair is the verdict on variants of which no pair is valid.
func (c *comparer) noPair(a, b *record.File) record.Verdict {
	of, trials := c.headline(), slices.Concat(b.Trials, a.Trials)
	return record.Verdict{
		Scenario: trials[0].Scenario, Metric: of.Metric, Unit: of.Unit, Verdict: record.InvalidVerdict,
		Notes: []string{fmt.Sprintf("no pair of %s of a and %d of b has two valid trials", text.Plural(len(a.Trials), "trial", "trials"), len(b.Trials))},
	}
}

// pairsOf adds the tests of the pairs that a and b hold; none if they hold none.
func (c *comparer) pairsOf(a, b []record.Trial) {
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
		if g.Metric == record.BitPerS && figure.SameSize(x, y) {
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
		if dead := slices.Concat(gateNotes("base", x, g), gateNotes("new", y, g)); len(dead) > 0 {
			v.Verdict, v.Notes = record.InvalidVerdict, dead
		} else {
			c.tests = append(c.tests, test{len(c.done.Verdicts), g, old, young})
		}
		c.done.Verdicts = append(c.done.Verdicts, v)
	}
}

// test is a verdict that waits for all others: they are corrected together.
type test struct {
	at        int // in done.Verdicts
	gate      metric.Gate
	base, new []float64 // a trial each
}

func comparing(base, next *record.File, o Options) *comparer {
	side := func(name string, f *record.File) Side {
		return Side{Name: name, Run: f.Run, Warnings: slices.Concat(f.Warnings, figure.ShardWarnings(f.Run)), Cut: f.End == nil}
	}
	c := &comparer{
		options: o, base: base.Run, new: next.Run, allowed: map[string]bool{},
		done: Comparison{Base: side(o.BaseName, base), New: side(o.NewName, next)},
	}
	return c
}
