package reports

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/record"
)

// contrast is a Comparison with what its report needs beside the verdicts.
type contrast struct {
	*Comparison
	scenarios           []string // in order
	common              []string // axes of all of them
	modes               int
	regressed, improved []record.Verdict // the largest change first
}

// of gives the verdicts that are one of kinds: scenarios by their largest
// change, in multiples of the threshold, and the metrics of each together.
func (s *contrast) of(kinds ...string) []record.Verdict {
	var list []record.Verdict
	weight := map[string]float64{}
	for _, v := range s.Verdicts {
		if slices.Contains(kinds, v.Verdict) {
			list = append(list, v)
			if v.Change != nil && v.Threshold > 0 {
				weight[v.Scenario] = max(weight[v.Scenario], math.Abs(*v.Change)/v.Threshold)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b record.Verdict) int {
		return cmp.Or(cmp.Compare(weight[b.Scenario], weight[a.Scenario]), compareNames(a.Scenario, b.Scenario))
	})
	return list
}

// name gives what to call a scenario in the tables.
func (s *contrast) name(scenario string) string {
	own := label(scenario, s.common)
	if s.modes < 2 && len(s.common) > 0 {
		return own
	}
	mode, _ := split(scenario)
	return mode + " " + own
}

func (s *contrast) document() document {
	d := document{title: "tunbench: " + s.New.Name + " against " + s.Base.Name, alerts: s.alerts(), lead: s.lead(), points: s.points()}
	d.sections = append(d.sections,
		s.changed("Regressed", s.regressed, "Nothing regressed."),
		s.changed("Improved", s.improved, "Nothing improved."),
		s.rest())
	for _, part := range []func() (section, bool){s.charts, s.onlyOnes, s.differences} {
		if sec, ok := part(); ok {
			d.sections = append(d.sections, sec)
		}
	}
	return d
}

func (s *contrast) alerts() (a []prose) { return slices.Concat(s.headlines(), s.cautions()) }

// headlines are what a reader must know before anything else: that nothing could
// be judged, and which scenarios the new side does not have.
func (s *contrast) headlines() (a []prose) {
	missing := s.lacking(record.NewSide)
	if s.rule().Unjudged(s.Verdicts) {
		why := "no scenario was measured on both sides"
		var notes []string
		for _, v := range s.Verdicts {
			if v.Missing == "" {
				for _, n := range v.Notes {
					if !slices.Contains(notes, n) {
						notes = append(notes, n)
					}
				}
			}
		}
		switch {
		case len(notes) > 0:
			why = strings.Join(notes[:min(len(notes), fewVerdicts)], "; ")
		case len(s.Verdicts) == 0:
			why = "there is no figure to compare"
		}
		a = append(a, say(bold("Nothing could be judged:"), " "+why+"."))
	}
	if n := len(missing); n > 0 {
		line := say(bold("Not judged, since new does not have "+map[bool]string{true: "it", false: "them"}[n == 1]+":"), " ")
		for i, v := range missing[:min(n, fewVerdicts)] {
			if i > 0 {
				line = append(line, say("; ")...)
			}
			line = append(line, say(mono(v.Scenario))...)
			line = append(line, say(" ("+strings.TrimPrefix(strings.Join(v.Notes, "; "), record.NewSide+": ")+")")...)
		}
		if more := n - fewVerdicts; more > 0 {
			line = append(line, say("; and "+strconv.Itoa(more)+" more")...)
		}
		if s.AllowMissing {
			line = append(line, say("; allowed by --allow missing")...)
		} else {
			line = append(line, say(" (--allow missing)")...)
		}
		a = append(a, append(line, say(".")...))
	}
	return a
}

// lacking are the verdicts on what that side does not have.
func (s *contrast) lacking(side string) (list []record.Verdict) {
	for _, v := range s.Verdicts {
		if v.Missing == side {
			list = append(list, v)
		}
	}
	return list
}

// cautions are for the reader, before any figure.
func (s *contrast) cautions() (a []prose) {
	for _, side := range []Side{s.Base, s.New} {
		if side.Cut {
			what := side.Name
			if s.Paired {
				what = "The run"
			}
			a = append(a, say(bold(what+" was interrupted:"), " it has no end record. What was finished is compared."))
		}
		for _, w := range side.Warnings {
			a = append(a, say(w+" ("+side.Name+")."))
		}
		if s.Paired {
			break // both come from one file
		}
	}
	for _, r := range s.reasons(record.NotComparable) {
		a = append(a, say(bold("Not comparable"), " in "+plural(r.n, "verdict", "verdicts")+": "+r.note+"."))
	}
	for _, w := range s.Warnings {
		a = append(a, say(w, "."))
	}
	if len(s.Differences) > 0 {
		a = append(a, say(bold("The hosts differ,"), " and part of any change may be that: "+briefly(s.Differences)+"."))
	}
	return a
}

// reasons counts the notes of the verdicts of one kind, in their order. What a
// side lacks is told elsewhere.
func (s *contrast) reasons(kind string) (list []reason) {
	for _, v := range s.Verdicts {
		if v.Verdict != kind || v.Missing != "" {
			continue
		}
		for _, note := range v.Notes {
			i := slices.IndexFunc(list, func(r reason) bool { return r.note == note })
			if i < 0 {
				i, list = len(list), append(list, reason{note: note})
			}
			list[i].n++
		}
	}
	return list
}

func (s *contrast) lead() prose {
	p := say(bold(plural(len(s.scenarios), "scenario", "scenarios")), ", "+plural(len(s.Verdicts), "verdict", "verdicts")+".")
	for i, side := range []Side{s.Base, s.New} {
		p = append(p, say([]string{" Base: ", " New: "}[i], bold(side.Name))...)
		if r := side.Run; r != nil {
			p = append(p, say(" (Linux ", mono(cmp.Or(r.Host.Kernel, "unknown")))...)
			if r.Started != "" {
				p = append(p, say(", "+clock(r.Started))...)
			}
			p = append(p, say(")")...)
		}
		p = append(p, say(".")...)
	}
	if s.Paired {
		p = append(p, say(" Trials were interleaved and are judged in pairs: the change is the Hodges-Lehmann estimate, its interval and p are those of the exact signed-rank test. ")...)
	} else {
		p = append(p, say(" The runs were not interleaved, so that a change may be the host's: verdicts are at most indicative. "+
			"The change is the median of all differences between a trial of new and one of base, its interval and p are those of the Mann-Whitney test. ")...)
	}
	p = append(p, say("p is corrected after Holm for all tests of this comparison.")...)
	if s.Base.Run != nil && s.Base.Run.Clock == virtualClock {
		p = append(p, say(" ", bold("Virtual time:"), " "+virtualTime)...)
	}
	return p
}

// points is the result in a few lines: regressions first. That nothing regressed
// is said of what was decided alone.
func (s *contrast) points() (p []prose) {
	decided := len(s.regressed) + len(s.improved) + s.count(record.Equivalent)
	among := ""
	if open := len(s.Verdicts) - decided - len(s.lacking(record.BaseSide)); open > 0 {
		among = " among the " + plural(decided, "verdict that is decided", "verdicts that are decided")
	}
	for _, group := range []struct {
		list []record.Verdict
		what string
		kind string
	}{{s.regressed, "regression", record.IndicativeRegression}, {s.improved, "improvement", record.IndicativeImprovement}} {
		if len(group.list) == 0 {
			if decided > 0 {
				p = append(p, say("No "+group.what+among+"."))
			}
			continue
		}
		line := say(bold(plural(len(group.list), group.what, group.what+"s")))
		if n := s.count(group.kind); n == len(group.list) {
			line = append(line, say(", indicative")...)
		} else if n > 0 {
			line = append(line, say(", "+strconv.Itoa(n)+" of them indicative")...)
		}
		p = append(p, append(line, say(".")...))
	}
	if n := s.count(record.Equivalent); n > 0 {
		p = append(p, say(plural(n, "verdict is", "verdicts are")+" equivalent: nothing changed by more than the metric's threshold."))
	}
	if n := s.count(record.Inconclusive); n > 0 {
		p = append(p, say(bold(plural(n, "verdict is", "verdicts are")+" inconclusive:"), " neither a change nor its absence is shown."))
	}
	var unjudged []string
	for _, k := range []string{record.InvalidVerdict, record.NotComparable, record.UnsupportedVerdict} {
		n := 0
		for _, v := range s.Verdicts {
			if v.Verdict == k && v.Missing == "" {
				n++
			}
		}
		if n > 0 {
			unjudged = append(unjudged, strconv.Itoa(n)+" "+k)
		}
	}
	if len(unjudged) > 0 {
		p = append(p, say(bold("Not judged:"), " "+strings.Join(unjudged, ", ")+"."))
	}
	if n := len(s.lacking(record.BaseSide)); n > 0 {
		p = append(p, say(plural(n, "scenario is", "scenarios are")+" in new alone, and compared with nothing."))
	}
	for _, r := range s.reasons(record.InvalidVerdict) {
		p = append(p, say("Invalid in "+plural(r.n, "verdict", "verdicts")+": "+r.note+"."))
	}
	p = append(p, s.sight()...)
	for _, m := range s.means() {
		p = append(p, say("Geometric mean of new / base, ", mono(m.metric), ": "+decimals(m.ratio, 3)+" over "+plural(m.cells, "scenario", "scenarios")+"; for information, not judged."))
	}
	return p
}

// sight tells what the hosts could see at all, where A/A runs told.
func (s *contrast) sight() (p []prose) {
	for _, side := range []Side{s.Base, s.New} {
		if side.Run == nil {
			continue
		}
		line := sees(side.Run.Sees)
		if len(line) > 0 && !slices.ContainsFunc(p, func(other prose) bool { return slices.Equal(other, line) }) {
			p = append(p, line)
		}
	}
	return p
}

// means gives one for each metric that is compared by its ratio, over the
// scenarios that both sides measured and that can be compared.
func (s *contrast) means() (list []mean) {
	for _, g := range slices.Concat(realGates, virtualGates, rateGates) {
		if g.Absolute {
			continue
		}
		m := mean{metric: g.Metric}
		sum := 0.0
		for _, v := range s.Verdicts {
			if v.Metric != g.Metric || v.Base == nil || v.New == nil || *v.Base <= 0 || *v.New <= 0 ||
				v.Verdict == record.NotComparable || v.Verdict == record.InvalidVerdict {
				continue
			}
			sum += math.Log(*v.New) - math.Log(*v.Base)
			m.cells++
		}
		if m.cells > 1 {
			m.ratio = math.Exp(sum / float64(m.cells))
			list = append(list, m)
		}
	}
	return list
}

// changed is the section of what got worse, or better.
func (s *contrast) changed(heading string, list []record.Verdict, none string) section {
	sec := section{heading: heading}
	if len(list) == 0 {
		sec.blocks = append(sec.blocks, say(none))
		return sec
	}
	sec.blocks = append(sec.blocks, s.table(list))
	return sec
}

// table shows verdicts with all that is known of them.
func (s *contrast) table(list []record.Verdict) table {
	t := table{columns: slices.Concat(text("scenario", "metric"), numeric("base", "new", "change", "95 % interval", "p", "n", "threshold"), text("verdict", "notes"))}
	for _, v := range list {
		verdict := any(v.Verdict)
		if v.Verdict == record.Regression || v.Verdict == record.IndicativeRegression {
			verdict = bold(v.Verdict)
		}
		t.rows = append(t.rows, row(s.name(v.Scenario), v.Metric, quantity(v.Metric, v.Base), quantity(v.Metric, v.New),
			moved(v), ciText(v), pvalue(v.P), v.N, thresholdText(v), verdict, strings.Join(v.Notes, "; ")))
	}
	return t
}

// rest counts what neither got worse nor better, and folds every figure.
func (s *contrast) rest() section {
	sec := section{heading: "The rest"}
	counts := table{columns: slices.Concat(text("verdict"), numeric("count"), text("meaning"))}
	for _, k := range kinds[4:] {
		if n := s.count(k.verdict); n > 0 {
			counts.rows = append(counts.rows, row(k.verdict, n, k.meaning))
		}
	}
	if len(counts.rows) == 0 {
		sec.blocks = append(sec.blocks, say("Nothing else was compared."))
	}
	sec.blocks = append(sec.blocks, counts)
	why := table{columns: slices.Concat(text("verdict", "why"), numeric("verdicts"))}
	for _, kind := range []string{record.InvalidVerdict, record.NotComparable, record.UnsupportedVerdict} {
		for _, r := range s.reasons(kind) {
			why.rows = append(why.rows, row(kind, r.note, r.n))
		}
	}
	for _, v := range slices.Concat(s.lacking(record.NewSide), s.lacking(record.BaseSide)) {
		why.rows = append(why.rows, row(v.Verdict, s.name(v.Scenario)+": "+strings.Join(v.Notes, "; "), 1))
	}
	sec.blocks = append(sec.blocks, why)
	every := s.table(s.Verdicts)
	every.fold = "Every verdict: " + plural(len(every.rows), "row", "rows")
	if len(s.common) > 0 {
		every.note = say("All scenarios have " + strings.Join(s.common, ", ") + ". ")
	}
	every.note = append(every.note, say(bold("base"), ", ", bold("new"), ": medians over the valid trials. ", bold("change"), ": new / base − 1; of loss and jain the difference, in points and as it is. ",
		bold("threshold"), ": what a change must be beyond; where an A/A run says that the host cannot show less, the interval of an equivalent verdict still lies within the metric's own, in brackets. ",
		bold("p"), ": corrected. ", bold("n"), ": pairs, or valid trials of the side that has fewer.")...)
	shown := s.table(s.Shown)
	shown.fold = "Shown, not judged: " + plural(len(shown.rows), "row", "rows")
	sec.blocks = append(sec.blocks, every, shown)
	return sec
}

// onlyOnes lists what one side did not measure.
func (s *contrast) onlyOnes() (section, bool) {
	t := table{columns: text("scenario", "only in", "what the other says")}
	for _, o := range s.Only {
		t.rows = append(t.rows, row(mono(o.Scenario), o.Side, cmp.Or(o.Why, absent)))
	}
	return section{heading: "Only on one side", blocks: []block{t.folded("Only on one side")}}, len(t.rows) > 0
}

func (s *contrast) differences() (section, bool) {
	sec := section{heading: "What differs between the hosts"}
	if s.Base.Run == nil || s.New.Run == nil {
		return sec, false
	}
	if s.Base.Run == s.New.Run {
		sec.blocks = []block{say("Both sides were measured in one run, on one host.")}
		if builds := s.builds(); len(builds.rows) > 0 {
			sec.blocks = append(sec.blocks, say("Each by a tunbench of its own, whose processes took turns:"), builds)
		}
		return sec, true
	}
	sec.blocks = differing([]party{
		{"base: " + s.Base.Name, runsOf(s.Base.Run)},
		{"new: " + s.New.Name, runsOf(s.New.Run)},
	})
	return sec, true
}

// builds tells which programs measured the two sides, where there were two.
func (s *contrast) builds() table {
	t := table{columns: text("side", "program", "version", "commit", "Go", "SHA-256")}
	for i, letter := range []string{"a", "b"} {
		if b, ok := s.Base.Run.Builds[letter]; ok {
			t.rows = append(t.rows, row([]string{"base", "new"}[i], mono(b.Path), b.Tool.Version, b.Tool.Commit, b.Tool.Go, mono(b.SHA256)))
		}
	}
	return t
}

// charts shows the changes of each metric with their intervals.
func (s *contrast) charts() (section, bool) {
	sec := section{heading: "Changes and their intervals"}
	for _, g := range slices.Concat(realGates, virtualGates) {
		if g.Absolute {
			continue
		}
		var rows []changeRow
		for _, v := range s.Verdicts {
			if v.Metric != g.Metric || v.Change == nil || v.CI == nil {
				continue
			}
			class := "muted"
			switch v.Verdict {
			case record.Regression, record.IndicativeRegression:
				class = "b"
			case record.Improvement, record.IndicativeImprovement:
				class = "a"
			}
			rows = append(rows, changeRow{s.name(v.Scenario), *v.Change, v.CI[0], v.CI[1], v.Threshold, class, moved(v)})
		}
		for i, part := range slices.Collect(slices.Chunk(rows, rowsAChart)) {
			better := "lower is better"
			if g.Better > 0 {
				better = "higher is better"
			}
			sec.blocks = append(sec.blocks, picture{
				file: numbered("compare-"+strings.ReplaceAll(g.Metric, "_", "-"), i), alt: "Change of " + g.Metric + " in each scenario, with its interval",
				chart: changeChart{title: "Change of " + g.Metric, desc: "One line a scenario: the estimate and its 95 % interval; " + better + ".", note: better, rows: part},
			})
		}
	}
	return sec, len(sec.blocks) > 0
}

// bars draws the changes of each metric that is judged by a ratio, the largest
// first. The intervals are in the tables: a mermaid chart has none.
func (s *contrast) bars() (blocks []block) {
	for _, g := range slices.Concat(realGates, virtualGates, rateGates) {
		if g.Absolute {
			continue
		}
		var list []record.Verdict
		for _, v := range s.Verdicts {
			if v.Metric == g.Metric && v.Change != nil && v.Verdict != record.NotComparable && v.Verdict != record.InvalidVerdict {
				list = append(list, v)
			}
		}
		if len(list) == 0 {
			continue
		}
		slices.SortStableFunc(list, func(a, b record.Verdict) int {
			return cmp.Compare(math.Abs(*b.Change), math.Abs(*a.Change))
		})
		better := "lower is better"
		if g.Better > 0 {
			better = "higher is better"
		}
		shown := list[:min(mostBars, len(list))]
		note := say(bold(g.Metric), ": "+better+". ")
		if n := len(list) - len(shown); n > 0 {
			note = append(note, say("The "+strconv.Itoa(mostBars)+" largest changes; "+strconv.Itoa(n)+" smaller ones are in the table of every verdict. ")...)
		}
		if slices.ContainsFunc(shown, func(v record.Verdict) bool { return math.Abs(*v.Change) > farthest }) {
			note = append(note, say("A bar marked ", bold(cutOff), " ends at ±"+farthestText+" %; the change stands beside its name. ")...)
		}
		blocks = append(blocks, s.barsOf(g.Metric, shown), small(append(note, say("The intervals are in the tables.")...)))
	}
	return blocks
}

func (s *contrast) barsOf(metric string, list []record.Verdict) mermaid {
	var labels, values []string
	reach := 0.01
	for _, v := range list {
		label := clip(s.name(v.Scenario), 60)
		if math.Abs(*v.Change) > farthest {
			label += " (" + cutOff + ", " + precisely(*v.Change) + " per cent)"
		}
		labels = append(labels, mermaidText(label))
		change := min(max(*v.Change, -farthest), farthest)
		values = append(values, strconv.FormatFloat(100*change, 'f', 2, 64))
		reach = max(reach, math.Abs(change))
	}
	limit := strconv.Itoa(int(math.Ceil(110 * reach)))
	return mermaid("xychart-beta horizontal\n" +
		"  title " + mermaidText("Change of "+metric+", per cent of base") + "\n" +
		"  x-axis [" + strings.Join(labels, ", ") + "]\n" +
		"  y-axis " + mermaidText("per cent") + " -" + limit + " --> " + limit + "\n" +
		"  bar [" + strings.Join(values, ", ") + "]\n")
}

func newContrast(c *Comparison) *contrast {
	s := &contrast{Comparison: c}
	var modes []string
	for _, v := range slices.Concat(c.Verdicts, c.Shown) {
		if !slices.Contains(s.scenarios, v.Scenario) {
			s.scenarios = append(s.scenarios, v.Scenario)
			if mode, _ := split(v.Scenario); !slices.Contains(modes, mode) {
				modes = append(modes, mode)
			}
		}
	}
	slices.SortFunc(s.scenarios, compareNames)
	s.common, s.modes = commonAxes(s.scenarios), len(modes)
	s.regressed = s.of(record.Regression, record.IndicativeRegression)
	s.improved = s.of(record.Improvement, record.IndicativeImprovement)
	return s
}

// reason is a note and how many verdicts have it.
type reason struct {
	note string
	n    int
}

// mean is the geometric mean of new/base over scenarios.
type mean struct {
	metric string
	ratio  float64
	cells  int
}
