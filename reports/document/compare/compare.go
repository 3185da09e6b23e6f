// Package compare makes the document on a comparison of two sides.
package compare

import (
	"cmp"
	"embed"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))

// Text is a Comparison with what its report needs beside the verdicts.
type Text struct {
	*verdict.Comparison
	scenarios           []string // in order
	Common              []string // mode and axes of all of them: see axis.Shared
	modes               int
	Regressed, Improved []record.Verdict // the largest change first
}

// New prepares the report on c.
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
	s.Common, s.modes = axis.Shared(s.scenarios), len(modes)
	s.Regressed = s.Of(record.Regression, record.IndicativeRegression)
	s.Improved = s.Of(record.Improvement, record.IndicativeImprovement)
	return s
}

// Of returns the verdicts of the given kinds. The verdicts of a scenario stay together;
// scenarios are sorted by their largest change in multiples of the threshold.
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

// Name is the name of a scenario in the tables.
func (s *Text) Name(scenario string) string {
	own := axis.Label(scenario, s.Common)
	if s.modes < 2 && len(s.Common) > 0 {
		return own
	}
	mode, _ := axis.Split(scenario)
	return mode + " " + own
}

// named returns what names scenarios in a chart of them, and the axes that all have in
// common, which the labels leave out.
func (s *Text) named(scenarios []string) (name func(string) string, shared string) {
	common := axis.Common(scenarios)
	var modes []string
	for _, scenario := range scenarios {
		if mode, _ := axis.Split(scenario); !slices.Contains(modes, mode) {
			modes = append(modes, mode)
		}
	}
	if len(scenarios) < 2 {
		return s.Name, strings.Join(s.Common, " ")
	}
	return func(scenario string) string {
		own := axis.Label(scenario, common)
		if mode, _ := axis.Split(scenario); len(modes) > 1 {
			own = mode + " " + own
		}
		return own
	}, strings.Join(slices.Concat(onlyOne(modes), common), " ")
}

// onlyOne is list where it has a single element.
func onlyOne(list []string) []string {
	if len(list) == 1 {
		return list
	}
	return nil
}

// Document is the report.
func (s *Text) Document() document.Document {
	d := document.Document{
		Title:  book.Text("title", prose.Values{"New": s.New.Called(), "Base": s.Base.Called()}),
		Alerts: s.Alerts(), Lead: s.lead(), Points: s.Points(),
		Source: document.SourceOf(s.Base.Run, s.New.Run),
	}
	d.Sections = append(d.Sections, Regressed(s), Improved(s), Others(s))
	for _, part := range []func(*Text) (document.Section, bool){charts, profiles, OneSided, Hosts} {
		if sec, ok := part(s); ok {
			d.Sections = append(d.Sections, sec)
		}
	}
	return d
}

// Alerts are what a reader must know before any figure.
func (s *Text) Alerts() (a []prose.Prose) { return slices.Concat(s.Headlines(), s.Cautions()) }

// Headlines are what a reader must know before anything else: that nothing could
// be judged, and which scenarios the new side does not have.
func (s *Text) Headlines() (a []prose.Prose) {
	if s.Rule().Unjudged(s.Verdicts) {
		a = append(a, book.Say("unjudged", prose.Values{"Why": s.whyUnjudged()}))
	}
	missing := s.Lacking(record.NewSide)
	if len(missing) == 0 {
		return a
	}
	var list []prose.Prose
	for _, v := range missing[:min(len(missing), document.FewVerdicts)] {
		list = append(list, book.Say("lacking scenario", prose.Values{
			"Name": v.Scenario, "Why": strings.TrimPrefix(strings.Join(v.Notes, "; "), record.NewSide+": "),
		}))
	}
	return append(a, book.Say("lacking", prose.Values{"Scenarios": list, "More": len(missing) - len(list), "Allowed": s.AllowMissing}))
}

// whyUnjudged are the reasons that the verdicts give, each once.
func (s *Text) whyUnjudged() (why []string) {
	for _, v := range s.Verdicts {
		if v.Missing != "" {
			continue
		}
		for _, n := range v.Notes {
			if !slices.Contains(why, n) {
				why = append(why, n)
			}
		}
	}
	switch {
	case len(why) > 0:
		return why[:min(len(why), document.FewVerdicts)]
	case len(s.Verdicts) == 0:
		return []string{book.Text("unjudged no figure", nil)}
	}
	return []string{book.Text("unjudged no scenario", nil)}
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
		if side.Cut && s.Paired {
			a = append(a, book.Say("interrupted run", nil))
		} else if side.Cut {
			a = append(a, book.Say("interrupted", prose.Values{"Name": side.Name}))
		}
		for _, w := range side.Warnings {
			a = append(a, book.Say("file warning", prose.Values{"Warning": w, "Name": side.Name}))
		}
		if s.Paired {
			break // both come from one file
		}
	}
	for _, r := range s.Reasons(record.NotComparable) {
		a = append(a, book.Say("not comparable", prose.Values{"Verdicts": r.N, "Why": r.Note}))
	}
	for _, w := range s.Warnings {
		a = append(a, book.Say("warning", prose.Values{"Warning": w}))
	}
	if len(s.Differences) > 0 {
		a = append(a, book.Say("hosts differ", prose.Values{"Differences": document.Briefly(s.Differences)}))
	}
	return a
}

// Reasons returns each note of the verdicts of one kind, in their order, and how many
// verdicts have it. Verdicts on scenarios that a side lacks are left out.
func (s *Text) Reasons(kind string) (list []reason) {
	for _, v := range s.Verdicts {
		if v.Verdict != kind || v.Missing != "" {
			continue
		}
		for _, note := range v.Notes {
			if verdict.Circumstance(note) {
				continue
			}
			i := slices.IndexFunc(list, func(r reason) bool { return r.Note == note })
			if i < 0 {
				i, list = len(list), append(list, reason{Note: note})
			}
			list[i].N++
		}
	}
	return list
}

// reason is a note and how many verdicts have it.
type reason struct {
	Note string
	N    int
}

// lead says what was compared, and how far the verdicts can be trusted.
func (s *Text) lead() prose.Prose {
	p := book.Say("scenarios", prose.Values{"Scenarios": len(s.scenarios), "Verdicts": len(s.Verdicts)})
	say := func(sentence prose.Prose) { p = append(append(p, prose.Say(" ")...), sentence...) }
	for i, side := range []verdict.Side{s.Base, s.New} {
		kernel, started := "", ""
		if r := side.Run; r != nil {
			kernel = cmp.Or(r.Host.Kernel, "unknown")
			if r.Started != "" {
				started = text.Clock(r.Started)
			}
		}
		say(book.Say("side", prose.Values{"Side": []string{"Base", "New"}[i], "Name": side.Name, "Kernel": kernel, "Started": started}))
	}
	if s.Paired {
		say(book.Say("paired", nil))
	} else {
		say(book.Say("not paired", nil))
	}
	if s.Base.Run != nil && s.Base.Run.Clock == record.ClockICount {
		say(document.VirtualTime())
	}
	return p
}

// Points is the result in a few lines, regressions first. That nothing regressed is said
// only of the verdicts that are decided.
func (s *Text) Points() (p []prose.Prose) {
	p = append(s.decided(), moved(s.Stored)...)
	if n := s.Count(record.Equivalent); n > 0 {
		p = append(p, book.Say("equivalent", prose.Values{"N": n}))
	}
	if n := s.Count(record.Inconclusive); n > 0 {
		p = append(p, book.Say("inconclusive", prose.Values{"N": n}))
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
		p = append(p, book.Say("not judged", prose.Values{"Kinds": unjudged}))
	}
	p = append(p, s.apart()...)
	if n := len(s.Lacking(record.BaseSide)); n > 0 {
		p = append(p, book.Say("only new", prose.Values{"N": n}))
	}
	for _, r := range s.Reasons(record.InvalidVerdict) {
		p = append(p, book.Say("invalid", prose.Values{"Verdicts": r.N, "Why": r.Note}))
	}
	p = append(p, reach(s.Stored)...)
	if s.Stored == nil { // A/A runs of tunbench ab say nothing about stored runs
		p = append(p, s.detectable()...)
	}
	for _, m := range s.Means() {
		p = append(p, book.Say("mean", prose.Values{"Metric": m.Metric, "Ratio": text.Decimals(m.Ratio, 3), "Scenarios": m.Cells}))
	}
	return p
}

// apart names the metrics that do not count the same on both sides, with both figures
// where they are of one scenario.
func (s *Text) apart() (p []prose.Prose) {
	type reason struct{ metric, why string }
	by, order := map[reason][]record.Verdict{}, []reason{}
	for _, v := range s.Apart() {
		r := reason{v.Metric, strings.TrimPrefix(strings.Join(v.Notes, "; "), verdict.ApartNote)}
		if by[r] == nil {
			order = append(order, r)
		}
		by[r] = append(by[r], v)
	}
	for _, r := range order {
		v := by[r][0]
		p = append(p, book.Say("apart", prose.Values{
			"Metric": r.metric, "Why": r.why, "N": len(by[r]), "Base": metric.FigureText(v, v.Base), "New": metric.FigureText(v, v.New),
		}))
	}
	return p
}

// decided says how many verdicts are regressions and improvements.
func (s *Text) decided() (p []prose.Prose) {
	decided := len(s.Regressed) + len(s.Improved) + s.Count(record.Equivalent)
	open := len(s.Verdicts) - decided - len(s.Lacking(record.BaseSide))
	for _, group := range []struct {
		list       []record.Verdict
		what, kind string
	}{{s.Regressed, "regression", record.IndicativeRegression}, {s.Improved, "improvement", record.IndicativeImprovement}} {
		switch {
		case len(group.list) > 0:
			p = append(p, book.Say("some "+group.what, prose.Values{"N": len(group.list), "Indicative": s.Count(group.kind)}))
		case decided > 0:
			p = append(p, book.Say("no "+group.what, prose.Values{"Decided": decided, "Undecided": open > 0}))
		}
	}
	return p
}

// Undecided says why verdicts are inconclusive.
func (s *Text) Undecided() (p []prose.Prose) {
	for _, r := range s.Reasons(record.Inconclusive) {
		if r.N > 1 && r.N == len(s.Verdicts) {
			p = append(p, book.Say("inconclusive all", prose.Values{"Why": r.Note}))
		} else {
			p = append(p, book.Say("inconclusive why", prose.Values{"Verdicts": r.N, "Why": r.Note}))
		}
	}
	return p
}

// detectable says how small a change A/A runs could detect on the hosts, where there
// were A/A runs.
func (s *Text) detectable() (p []prose.Prose) {
	for _, side := range []verdict.Side{s.Base, s.New} {
		if side.Run == nil {
			continue
		}
		line := document.Detectable(side.Run.Sees)
		if len(line) > 0 && !slices.ContainsFunc(p, func(other prose.Prose) bool { return slices.Equal(other, line) }) {
			p = append(p, line)
		}
	}
	return p
}

// Means returns a mean for each metric that is compared by its ratio, over the
// scenarios that both sides measured and that can be compared.
func (s *Text) Means() (list []mean) {
	for _, g := range metric.Ratios() {
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

// mean is the geometric mean of new/base over scenarios.
type mean struct {
	Metric string
	Ratio  float64
	Cells  int
}
