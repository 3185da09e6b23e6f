// Package compare makes the document on a comparison of two sides.
package compare

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// Text is a Comparison with what its report needs beside the verdicts.
type Text struct {
	*verdict.Comparison
	scenarios           []string // in order
	Common              []string // axes of all of them
	modes               int
	Regressed, Improved []record.Verdict // the largest change first
}

// Of gives the verdicts that are one of kinds: scenarios by their largest
// change, in multiples of the threshold, and the metrics of each together.
func (s *Text) Of(kinds ...string) []record.Verdict {
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
		return cmp.Or(cmp.Compare(weight[b.Scenario], weight[a.Scenario]), axis.Compare(a.Scenario, b.Scenario))
	})
	return list
}

// Name gives what to call a scenario in the tables.
func (s *Text) Name(scenario string) string {
	own := axis.Label(scenario, s.Common)
	if s.modes < 2 && len(s.Common) > 0 {
		return own
	}
	mode, _ := axis.Split(scenario)
	return mode + " " + own
}

func (s *Text) Document() document.Document {
	d := document.Document{Title: "tunbench: " + s.New.Name + " against " + s.Base.Name, Alerts: s.Alerts(), Lead: s.lead(), Points: s.Points()}
	d.Sections = append(d.Sections,
		s.Changed("Regressed", s.Regressed, "Nothing regressed."),
		s.Changed("Improved", s.Improved, "Nothing improved."),
		s.Rest())
	for _, part := range []func() (document.Section, bool){s.charts, s.OnlyOnes, s.HostDifferences} {
		if sec, ok := part(); ok {
			d.Sections = append(d.Sections, sec)
		}
	}
	return d
}

func (s *Text) Alerts() (a []prose.Prose) { return slices.Concat(s.Headlines(), s.Cautions()) }

// Headlines are what a reader must know before anything else: that nothing could
// be judged, and which scenarios the new side does not have.
func (s *Text) Headlines() (a []prose.Prose) {
	missing := s.Lacking(record.NewSide)
	if s.Rule().Unjudged(s.Verdicts) {
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
			why = strings.Join(notes[:min(len(notes), document.FewVerdicts)], "; ")
		case len(s.Verdicts) == 0:
			why = "there is no figure to compare"
		}
		a = append(a, prose.Say(prose.Bold("Nothing could be judged:"), " "+why+"."))
	}
	if n := len(missing); n > 0 {
		line := prose.Say(prose.Bold("Not judged, since new does not have "+map[bool]string{true: "it", false: "them"}[n == 1]+":"), " ")
		for i, v := range missing[:min(n, document.FewVerdicts)] {
			if i > 0 {
				line = append(line, prose.Say("; ")...)
			}
			line = append(line, prose.Say(prose.Mono(v.Scenario))...)
			line = append(line, prose.Say(" ("+strings.TrimPrefix(strings.Join(v.Notes, "; "), record.NewSide+": ")+")")...)
		}
		if more := n - document.FewVerdicts; more > 0 {
			line = append(line, prose.Say("; and "+strconv.Itoa(more)+" more")...)
		}
		if s.AllowMissing {
			line = append(line, prose.Say("; allowed by --allow missing")...)
		} else {
			line = append(line, prose.Say(" (--allow missing)")...)
		}
		a = append(a, append(line, prose.Say(".")...))
	}
	return a
}

// Lacking are the verdicts on what that side does not have.
func (s *Text) Lacking(side string) (list []record.Verdict) {
	for _, v := range s.Verdicts {
		if v.Missing == side {
			list = append(list, v)
		}
	}
	return list
}

// Cautions are for the reader, before any figure.
func (s *Text) Cautions() (a []prose.Prose) {
	for _, side := range []verdict.Side{s.Base, s.New} {
		if side.Cut {
			what := side.Name
			if s.Paired {
				what = "The run"
			}
			a = append(a, prose.Say(prose.Bold(what+" was interrupted:"), " it has no end record. What was finished is compared."))
		}
		for _, w := range side.Warnings {
			a = append(a, prose.Say(w+" ("+side.Name+")."))
		}
		if s.Paired {
			break // both come from one file
		}
	}
	for _, r := range s.Reasons(record.NotComparable) {
		a = append(a, prose.Say(prose.Bold("Not comparable"), " in "+text.Plural(r.N, "verdict", "verdicts")+": "+r.Note+"."))
	}
	for _, w := range s.Warnings {
		a = append(a, prose.Say(w, "."))
	}
	if len(s.Differences) > 0 {
		a = append(a, prose.Say(prose.Bold("The hosts differ,"), " and part of any change may be that: "+document.Briefly(s.Differences)+"."))
	}
	return a
}

// Reasons counts the notes of the verdicts of one kind, in their order. What a
// side lacks is told elsewhere.
func (s *Text) Reasons(kind string) (list []reason) {
	for _, v := range s.Verdicts {
		if v.Verdict != kind || v.Missing != "" {
			continue
		}
		for _, note := range v.Notes {
			i := slices.IndexFunc(list, func(r reason) bool { return r.Note == note })
			if i < 0 {
				i, list = len(list), append(list, reason{Note: note})
			}
			list[i].N++
		}
	}
	return list
}

func (s *Text) lead() prose.Prose {
	p := prose.Say(prose.Bold(text.Plural(len(s.scenarios), "scenario", "scenarios")), ", "+text.Plural(len(s.Verdicts), "verdict", "verdicts")+".")
	for i, side := range []verdict.Side{s.Base, s.New} {
		p = append(p, prose.Say([]string{" Base: ", " New: "}[i], prose.Bold(side.Name))...)
		if r := side.Run; r != nil {
			p = append(p, prose.Say(" (Linux ", prose.Mono(cmp.Or(r.Host.Kernel, "unknown")))...)
			if r.Started != "" {
				p = append(p, prose.Say(", "+text.Clock(r.Started))...)
			}
			p = append(p, prose.Say(")")...)
		}
		p = append(p, prose.Say(".")...)
	}
	if s.Paired {
		p = append(p, prose.Say(" Trials were interleaved and are judged in pairs: the change is the Hodges-Lehmann estimate, its interval and p are those of the exact signed-rank test. ")...)
	} else {
		p = append(p, prose.Say(" The runs were not interleaved, so that a change may be the host's: verdicts are at most indicative. "+
			"The change is the median of all differences between a trial of new and one of base, its interval and p are those of the Mann-Whitney test. ")...)
	}
	p = append(p, prose.Say("p is corrected after Holm for all tests of this comparison.")...)
	if s.Base.Run != nil && s.Base.Run.Clock == metric.VirtualClock {
		p = append(p, prose.Say(" ", prose.Bold("Virtual time:"), " "+document.VirtualTime)...)
	}
	return p
}

// Points is the result in a few lines: regressions first. That nothing regressed
// is said of what was decided alone.
func (s *Text) Points() (p []prose.Prose) {
	decided := len(s.Regressed) + len(s.Improved) + s.Count(record.Equivalent)
	among := ""
	if open := len(s.Verdicts) - decided - len(s.Lacking(record.BaseSide)); open > 0 {
		among = " among the " + text.Plural(decided, "verdict that is decided", "verdicts that are decided")
	}
	for _, group := range []struct {
		list []record.Verdict
		what string
		kind string
	}{{s.Regressed, "regression", record.IndicativeRegression}, {s.Improved, "improvement", record.IndicativeImprovement}} {
		if len(group.list) == 0 {
			if decided > 0 {
				p = append(p, prose.Say("No "+group.what+among+"."))
			}
			continue
		}
		line := prose.Say(prose.Bold(text.Plural(len(group.list), group.what, group.what+"s")))
		if n := s.Count(group.kind); n == len(group.list) {
			line = append(line, prose.Say(", indicative")...)
		} else if n > 0 {
			line = append(line, prose.Say(", "+strconv.Itoa(n)+" of them indicative")...)
		}
		p = append(p, append(line, prose.Say(".")...))
	}
	if n := s.Count(record.Equivalent); n > 0 {
		p = append(p, prose.Say(text.Plural(n, "verdict is", "verdicts are")+" equivalent: nothing changed by more than the metric's threshold."))
	}
	if n := s.Count(record.Inconclusive); n > 0 {
		p = append(p, prose.Say(prose.Bold(text.Plural(n, "verdict is", "verdicts are")+" inconclusive:"), " neither a change nor its absence is shown."))
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
		p = append(p, prose.Say(prose.Bold("Not judged:"), " "+strings.Join(unjudged, ", ")+"."))
	}
	if n := len(s.Lacking(record.BaseSide)); n > 0 {
		p = append(p, prose.Say(text.Plural(n, "scenario is", "scenarios are")+" in new alone, and compared with nothing."))
	}
	for _, r := range s.Reasons(record.InvalidVerdict) {
		p = append(p, prose.Say("Invalid in "+text.Plural(r.N, "verdict", "verdicts")+": "+r.Note+"."))
	}
	p = append(p, s.sight()...)
	for _, m := range s.Means() {
		p = append(p, prose.Say("Geometric mean of new / base, ", prose.Mono(m.Metric), ": "+text.Decimals(m.Ratio, 3)+" over "+text.Plural(m.Cells, "scenario", "scenarios")+"; for information, not judged."))
	}
	return p
}

// sight tells what the hosts could see at all, where A/A runs told.
func (s *Text) sight() (p []prose.Prose) {
	for _, side := range []verdict.Side{s.Base, s.New} {
		if side.Run == nil {
			continue
		}
		line := document.Sees(side.Run.Sees)
		if len(line) > 0 && !slices.ContainsFunc(p, func(other prose.Prose) bool { return slices.Equal(other, line) }) {
			p = append(p, line)
		}
	}
	return p
}

// Means gives one for each metric that is compared by its ratio, over the
// scenarios that both sides measured and that can be compared.
func (s *Text) Means() (list []mean) {
	for _, g := range slices.Concat(metric.RealGates, metric.VirtualGates, metric.RateGates) {
		if g.Absolute {
			continue
		}
		m := mean{Metric: g.Metric}
		sum := 0.0
		for _, v := range s.Verdicts {
			if v.Metric != g.Metric || v.Base == nil || v.New == nil || *v.Base <= 0 || *v.New <= 0 ||
				v.Verdict == record.NotComparable || v.Verdict == record.InvalidVerdict {
				continue
			}
			sum += math.Log(*v.New) - math.Log(*v.Base)
			m.Cells++
		}
		if m.Cells > 1 {
			m.Ratio = math.Exp(sum / float64(m.Cells))
			list = append(list, m)
		}
	}
	return list
}

// Changed is the section of what got worse, or better.
func (s *Text) Changed(heading string, list []record.Verdict, none string) document.Section {
	sec := document.Section{Heading: heading}
	if len(list) == 0 {
		sec.Blocks = append(sec.Blocks, prose.Say(none))
		return sec
	}
	sec.Blocks = append(sec.Blocks, s.table(list))
	return sec
}

// table shows verdicts with all that is known of them.
func (s *Text) table(list []record.Verdict) document.Table {
	t := document.Table{Columns: slices.Concat(document.Text("scenario", "metric"), document.Numeric("base", "new", "change", "95 % interval", "p", "n", "threshold"), document.Text("verdict", "notes"))}
	for _, v := range list {
		verdict := any(v.Verdict)
		if v.Verdict == record.Regression || v.Verdict == record.IndicativeRegression {
			verdict = prose.Bold(v.Verdict)
		}
		t.Rows = append(t.Rows, document.Row(s.Name(v.Scenario), v.Metric, metric.Quantity(v.Metric, v.Base), metric.Quantity(v.Metric, v.New),
			metric.ChangeText(v), metric.IntervalText(v), text.PValue(v.P), v.N, metric.ThresholdText(v), verdict, strings.Join(v.Notes, "; ")))
	}
	return t
}

// Rest counts what neither got worse nor better, and folds every figure.
func (s *Text) Rest() document.Section {
	sec := document.Section{Heading: "The rest"}
	counts := document.Table{Columns: slices.Concat(document.Text("verdict"), document.Numeric("count"), document.Text("meaning"))}
	for _, k := range verdict.Kinds[4:] {
		if n := s.Count(k.Verdict); n > 0 {
			counts.Rows = append(counts.Rows, document.Row(k.Verdict, n, k.Meaning))
		}
	}
	if len(counts.Rows) == 0 {
		sec.Blocks = append(sec.Blocks, prose.Say("Nothing else was compared."))
	}
	sec.Blocks = append(sec.Blocks, counts)
	why := document.Table{Columns: slices.Concat(document.Text("verdict", "why"), document.Numeric("verdicts"))}
	for _, kind := range []string{record.InvalidVerdict, record.NotComparable, record.UnsupportedVerdict} {
		for _, r := range s.Reasons(kind) {
			why.Rows = append(why.Rows, document.Row(kind, r.Note, r.N))
		}
	}
	for _, v := range slices.Concat(s.Lacking(record.NewSide), s.Lacking(record.BaseSide)) {
		why.Rows = append(why.Rows, document.Row(v.Verdict, s.Name(v.Scenario)+": "+strings.Join(v.Notes, "; "), 1))
	}
	sec.Blocks = append(sec.Blocks, why)
	every := s.table(s.Verdicts)
	every.Fold = "Every verdict: " + text.Plural(len(every.Rows), "row", "rows")
	if len(s.Common) > 0 {
		every.Note = prose.Say("All scenarios have " + strings.Join(s.Common, ", ") + ". ")
	}
	every.Note = append(every.Note, prose.Say(prose.Bold("base"), ", ", prose.Bold("new"), ": medians over the valid trials. ", prose.Bold("change"), ": new / base − 1; of loss and jain the difference, in points and as it is. ",
		prose.Bold("threshold"), ": what a change must be beyond; where an A/A run says that the host cannot show less, the interval of an equivalent verdict still lies within the metric's own, in brackets. ",
		prose.Bold("p"), ": corrected. ", prose.Bold("n"), ": pairs, or valid trials of the side that has fewer.")...)
	shown := s.table(s.Shown)
	shown.Fold = "Shown, not judged: " + text.Plural(len(shown.Rows), "row", "rows")
	sec.Blocks = append(sec.Blocks, every, shown)
	return sec
}

// OnlyOnes lists what one side did not measure.
func (s *Text) OnlyOnes() (document.Section, bool) {
	t := document.Table{Columns: document.Text("scenario", "only in", "what the other says")}
	for _, o := range s.Only {
		t.Rows = append(t.Rows, document.Row(prose.Mono(o.Scenario), o.Side, cmp.Or(o.Why, text.Absent)))
	}
	return document.Section{Heading: "Only on one side", Blocks: []document.Block{t.Folded("Only on one side")}}, len(t.Rows) > 0
}

func (s *Text) HostDifferences() (document.Section, bool) {
	sec := document.Section{Heading: "What differs between the hosts"}
	if s.Base.Run == nil || s.New.Run == nil {
		return sec, false
	}
	if s.Base.Run == s.New.Run {
		sec.Blocks = []document.Block{prose.Say("Both sides were measured in one run, on one host.")}
		if builds := s.builds(); len(builds.Rows) > 0 {
			sec.Blocks = append(sec.Blocks, prose.Say("Each by a tunbench of its own, whose processes took turns:"), builds)
		}
		return sec, true
	}
	sec.Blocks = document.Differing([]figure.Party{
		{Name: "base: " + s.Base.Name, Runs: figure.RunsOf(s.Base.Run)},
		{Name: "new: " + s.New.Name, Runs: figure.RunsOf(s.New.Run)},
	})
	return sec, true
}

// builds tells which programs measured the two sides, where there were two.
func (s *Text) builds() document.Table {
	t := document.Table{Columns: document.Text("side", "program", "version", "commit", "Go", "SHA-256")}
	for i, letter := range []string{"a", "b"} {
		if b, ok := s.Base.Run.Builds[letter]; ok {
			t.Rows = append(t.Rows, document.Row([]string{"base", "new"}[i], prose.Mono(b.Path), b.Tool.Version, b.Tool.Commit, b.Tool.Go, prose.Mono(b.SHA256)))
		}
	}
	return t
}

// charts shows the changes of each metric with their intervals.
func (s *Text) charts() (document.Section, bool) {
	sec := document.Section{Heading: "Changes and their intervals"}
	for _, g := range slices.Concat(metric.RealGates, metric.VirtualGates) {
		if g.Absolute {
			continue
		}
		var rows []chart.ChangeRow
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
			rows = append(rows, chart.ChangeRow{Label: s.Name(v.Scenario), Value: *v.Change, Low: v.CI[0], High: v.CI[1], Threshold: v.Threshold, Class: class, Text: metric.ChangeText(v)})
		}
		for i, part := range slices.Collect(slices.Chunk(rows, chart.RowsAChart)) {
			better := "lower is better"
			if g.Better > 0 {
				better = "higher is better"
			}
			sec.Blocks = append(sec.Blocks, document.Picture{
				File: document.Numbered("compare-"+strings.ReplaceAll(g.Metric, "_", "-"), i), Alt: "Change of " + g.Metric + " in each scenario, with its interval",
				Chart: chart.Changes{Title: "Change of " + g.Metric, Desc: "One line a scenario: the estimate and its 95 % interval; " + better + ".", Note: better, Rows: part},
			})
		}
	}
	return sec, len(sec.Blocks) > 0
}

// Bars draws the changes of each metric that is judged by a ratio, the largest
// first. The intervals are in the tables: a mermaid chart has none.
func (s *Text) Bars() (blocks []document.Block) {
	for _, g := range slices.Concat(metric.RealGates, metric.VirtualGates, metric.RateGates) {
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
		shown := list[:min(MostBars, len(list))]
		note := prose.Say(prose.Bold(g.Metric), ": "+better+". ")
		if n := len(list) - len(shown); n > 0 {
			note = append(note, prose.Say("The "+strconv.Itoa(MostBars)+" largest changes; "+strconv.Itoa(n)+" smaller ones are in the table of every verdict. ")...)
		}
		if slices.ContainsFunc(shown, func(v record.Verdict) bool { return math.Abs(*v.Change) > chart.Farthest }) {
			note = append(note, prose.Say("A bar marked ", prose.Bold(CutOff), " ends at ±"+chart.FarthestText+" %; the change stands beside its name. ")...)
		}
		blocks = append(blocks, s.barsOf(g.Metric, shown), document.Small(append(note, prose.Say("The intervals are in the tables.")...)))
	}
	return blocks
}

func (s *Text) barsOf(metric string, list []record.Verdict) document.Mermaid {
	var labels, values []string
	reach := 0.01
	for _, v := range list {
		label := text.Clip(s.Name(v.Scenario), 60)
		if math.Abs(*v.Change) > chart.Farthest {
			label += " (" + CutOff + ", " + text.Precisely(*v.Change) + " per cent)"
		}
		labels = append(labels, MermaidText(label))
		change := min(max(*v.Change, -chart.Farthest), chart.Farthest)
		values = append(values, strconv.FormatFloat(100*change, 'f', 2, 64))
		reach = max(reach, math.Abs(change))
	}
	limit := strconv.Itoa(int(math.Ceil(110 * reach)))
	return document.Mermaid("xychart-beta horizontal\n" +
		"  title " + MermaidText("Change of "+metric+", per cent of base") + "\n" +
		"  x-axis [" + strings.Join(labels, ", ") + "]\n" +
		"  y-axis " + MermaidText("per cent") + " -" + limit + " --> " + limit + "\n" +
		"  bar [" + strings.Join(values, ", ") + "]\n")
}

func New(c *verdict.Comparison) *Text {
	s := &Text{Comparison: c}
	var modes []string
	for _, v := range slices.Concat(c.Verdicts, c.Shown) {
		if !slices.Contains(s.scenarios, v.Scenario) {
			s.scenarios = append(s.scenarios, v.Scenario)
			if mode, _ := axis.Split(v.Scenario); !slices.Contains(modes, mode) {
				modes = append(modes, mode)
			}
		}
	}
	slices.SortFunc(s.scenarios, axis.Compare)
	s.Common, s.modes = axis.Common(s.scenarios), len(modes)
	s.Regressed = s.Of(record.Regression, record.IndicativeRegression)
	s.Improved = s.Of(record.Improvement, record.IndicativeImprovement)
	return s
}

// reason is a note and how many verdicts have it.
type reason struct {
	Note string
	N    int
}

// mean is the geometric mean of new/base over scenarios.
type mean struct {
	Metric string
	Ratio  float64
	Cells  int
}
