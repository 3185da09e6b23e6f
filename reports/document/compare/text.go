// Package compare makes the document on a comparison of two sides.
package compare

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document"
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
		Changed(s, "Regressed", s.Regressed, "Nothing regressed."),
		Changed(s, "Improved", s.Improved, "Nothing improved."),
		Rest(s))
	for _, part := range []func(*Text) (document.Section, bool){charts, OnlyOnes, HostDifferences} {
		if sec, ok := part(s); ok {
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
	if s.Base.Run != nil && s.Base.Run.Clock == record.ClockICount {
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
	p = append(p, sight(s)...)
	for _, m := range Means(s) {
		p = append(p, prose.Say("Geometric mean of new / base, ", prose.Mono(m.Metric), ": "+text.Decimals(m.Ratio, 3)+" over "+text.Plural(m.Cells, "scenario", "scenarios")+"; for information, not judged."))
	}
	return p
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
