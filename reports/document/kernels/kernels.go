// Package kernels makes the document on a comparison of kernels.
package kernels

import (
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/stat"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// Text writes what is said of a kernel lab.
type Text struct{ *verdict.Lab }

// Columns are the kernels that get a table of their own beside the first; with
// a single kernel that is nil, which stands for nothing to compare with.
func (l Text) Columns() []*verdict.Kernel {
	if len(l.Kernels) == 1 {
		return []*verdict.Kernel{nil}
	}
	return l.Rest()
}

func (l Text) Document() document.Document {
	d := document.Document{Title: "tunbench: " + l.title(), Alerts: l.alerts(), Lead: l.lead(), Points: l.Points()}
	measured := false
	for _, k := range l.Kernels {
		measured = measured || len(k.Bare) > 0
	}
	if measured {
		d.Sections = append(d.Sections, costs(l)...)
		if sec, ok := charts(l); ok {
			d.Sections = append(d.Sections, sec)
		}
	} else {
		d.Lead = append(d.Lead, prose.Say(" Nothing was measured.")...)
	}
	if sec, ok := observerCost(l); ok {
		d.Sections = append(d.Sections, sec)
	}
	for _, part := range []func(Text) (document.Section, bool){refusals, differences, raw} {
		if sec, ok := part(l); ok {
			d.Sections = append(d.Sections, sec)
		}
	}
	return d
}

func (l Text) title() string {
	var names []string
	for _, k := range l.Kernels {
		names = append(names, k.Name)
	}
	switch len(names) {
	case 0:
		return "no kernels"
	case 1:
		return "Linux " + names[0]
	}
	return "Linux " + strings.Join(names[1:], ", ") + " against " + names[0]
}

func (l Text) alerts() (a []prose.Prose) { return slices.Concat(l.Headlines(), l.Cautions()) }

// rule is what makes an exit code of the verdicts.
func (l Text) rule() verdict.ExitRule {
	return verdict.ExitRule{AllowMissing: slices.Contains(l.Allow, verdict.AllowMissing)}
}

// Headlines are what a reader must know before anything else: that nothing could
// be judged, and which scenarios a kernel does not have that the first has.
func (l Text) Headlines() (a []prose.Prose) {
	if len(l.Kernels) < 2 {
		return nil // nothing is compared
	}
	var verdicts []record.Verdict
	type lack struct{ kernel, scenario string }
	missing := map[lack]string{}
	var order []lack
	for _, v := range l.Verdicts() {
		verdicts = append(verdicts, v.Verdict)
		at := lack{v.NewKernel, v.Scenario}
		if _, told := missing[at]; v.Missing == record.NewSide && !told {
			missing[at] = strings.TrimPrefix(strings.Join(v.Notes, "; "), v.NewKernel+": ")
			order = append(order, at)
		}
	}
	if l.rule().Unjudged(verdicts) {
		why := "no scenario was measured on both kernels"
		for _, v := range verdicts {
			if v.Missing == "" {
				why = strings.Join(v.Notes, "; ")
				break
			}
		}
		a = append(a, prose.Say(prose.Bold("Nothing could be judged:"), " "+why+"."))
	}
	for i, m := range order {
		if i == document.FewVerdicts {
			a = append(a, prose.Say(prose.Bold("Not judged:"), " "+strconv.Itoa(len(order)-i)+" more that a kernel does not have."))
			break
		}
		hint := " (--allow missing)"
		if l.rule().AllowMissing {
			hint = "; allowed by --allow missing"
		}
		a = append(a, prose.Say(prose.Bold("Not judged, since "+m.kernel+" does not have it:"), " ", prose.Mono(m.scenario), " ("+missing[m]+")"+hint+"."))
	}
	return a
}

// Cautions are for the reader, before any figure.
func (l Text) Cautions() (a []prose.Prose) {
	for _, k := range l.Kernels {
		if n := len(k.Lost); n > 0 {
			var list []string
			for _, boot := range k.Lost {
				list = append(list, strconv.Itoa(boot))
			}
			rest := "the figures come from the others."
			if n == k.Boots {
				rest = "there is nothing to show of it."
			}
			a = append(a, prose.Say(prose.Bold(text.Plural(n, "boot", "boots")+" of "+k.Name+" delivered nothing"), " (number "+strings.Join(list, ", ")+" of "+strconv.Itoa(k.Boots)+"): "+rest))
		}
		if k.Cut > 0 {
			a = append(a, prose.Say(prose.Bold(text.Plural(k.Cut, "run", "runs")+" on "+k.Name+" did not end"), ": what was finished is shown, the scenario that was under way is left out."))
		}
		told := map[string]bool{}
		for _, f := range k.Files {
			for _, w := range f.Warnings {
				if !told[w] {
					a = append(a, prose.Say(k.Name+": "+w+"."))
				}
				told[w] = true
			}
		}
	}
	if len(l.Clocks) > 1 {
		a = append(a, prose.Say(prose.Bold("The runs have different clocks"), " ("+strings.Join(l.Clocks, ", ")+"): their figures have different units. Do not compare them."))
	}
	for _, next := range l.Rest() {
		differences, allowed := l.Incomparable(l.Kernels[0], next)
		for _, why := range differences {
			a = append(a, prose.Say(prose.Bold(next.Name+" and "+l.Kernels[0].Name+" are not comparable:"), " "+why+"."))
		}
		for _, text := range allowed {
			a = append(a, prose.Say(text+"; allowed by --allow, so part of any change may be that."))
		}
	}
	return a
}

func (l Text) lead() prose.Prose {
	measured := 0
	for _, name := range l.Scenarios {
		if slices.ContainsFunc(l.Kernels, func(k *verdict.Kernel) bool { return len(k.Bare[name]) > 0 }) {
			measured++
		}
	}
	p := prose.Say(prose.Bold(text.Plural(measured, "scenario", "scenarios")))
	for i, s := range l.Suites {
		p = append(p, prose.Say([]string{" of suite ", ", "}[min(i, 1)], prose.Mono(s))...)
	}
	for i, k := range l.Kernels {
		p = append(p, prose.Say([]string{" on ", ", "}[min(i, 1)], prose.Bold(k.Name), " ("+text.Plural(k.Boots-len(k.Lost), "boot", "boots"))...)
		if i == 0 && len(l.Kernels) > 1 {
			p = append(p, prose.Say("; the base")...)
		}
		p = append(p, prose.Say(")")...)
	}
	p = append(p, prose.Say(". What a packet costs on each side, without an observer: a scenario's figure in one boot is the median of its last five trials, its figure on a kernel the median over boots or, where kernels are compared, over the trials that are.")...)
	for i, c := range l.Clocks {
		p = append(p, prose.Say([]string{" Clock: ", ", "}[min(i, 1)], prose.Mono(c))...)
	}
	if len(l.Clocks) > 0 {
		p = append(p, prose.Say(".")...)
	}
	for i, t := range l.Tools {
		p = append(p, prose.Say([]string{" Measured by tunbench ", ", "}[min(i, 1)], prose.Mono(t))...)
	}
	if len(l.Tools) > 0 {
		p = append(p, prose.Say(".")...)
	}
	if slices.Contains(l.Clocks, record.ClockICount) {
		p = append(p, prose.Say(" ", prose.Bold("Virtual time:"), " "+document.VirtualTime)...)
	}
	return p
}

func (l Text) Points() (p []prose.Prose) {
	for _, next := range l.Rest() {
		base := l.Kernels[0]
		if verdicts := l.counted(next); verdicts != "" {
			line := prose.Say("Verdicts on " + next.Short + " against " + base.Short + ": " + verdicts)
			if l.Virtual() {
				line = append(line, prose.Say("; threshold "+metric.ThresholdText(record.Verdict{Threshold: metric.VirtualThreshold}))...)
			}
			p = append(p, append(line, prose.Say(".")...))
		}
		for _, side := range verdict.Sides {
			if line := sideMoved(l, next, side.Metric, side.Name); line != nil {
				p = append(p, line)
			}
		}
	}
	for _, k := range l.Kernels {
		var spreads []float64
		for _, name := range l.Scenarios {
			for _, side := range verdict.Sides {
				if c := k.Cost(name, side.Metric); c != nil && len(c.Boots) > 1 {
					spreads = append(spreads, c.Spread)
				}
			}
		}
		if s, err := stat.Summarize(spreads); err == nil {
			p = append(p, prose.Say("From boot to boot "+k.Short+" spreads by "+text.Percent(s.Median)+" % (median over scenarios and sides), at most "+text.Percent(s.Max)+" %."))
		}
	}
	unsettled := 0
	for _, k := range l.Kernels {
		for _, name := range l.Scenarios {
			if slices.ContainsFunc(k.Bare[name], func(r verdict.Reading) bool { return r.Unsettled }) {
				unsettled++
			}
		}
	}
	if unsettled > 0 {
		p = append(p, prose.Say(prose.Bold(text.Plural(unsettled, "figure", "figures")+" never settled"), ": marked unsettled in the table."))
	}
	return p
}

// counted tells how many verdicts of each kind next has, the worst first.
func (l Text) counted(next *verdict.Kernel) string {
	n := map[string]int{}
	for _, scenario := range l.Scenarios {
		for _, side := range verdict.Sides {
			n[l.Verdict(l.Kernels[0], next, scenario, side.Metric).Verdict.Verdict]++
		}
	}
	var parts []string
	for _, k := range verdict.Kinds {
		if n[k.Verdict] > 0 {
			parts = append(parts, strconv.Itoa(n[k.Verdict])+" "+k.Verdict)
		}
	}
	return strings.Join(parts, ", ")
}

// name gives what to call a scenario in the tables.
func (l Text) name(scenario string) string {
	var modes []string
	for _, s := range l.Scenarios {
		if mode, _ := axis.Split(s); !slices.Contains(modes, mode) {
			modes = append(modes, mode)
		}
	}
	own := axis.Label(scenario, l.Common)
	if len(modes) < 2 {
		return own
	}
	mode, _ := axis.Split(scenario)
	return mode + " " + own
}

func New(l *verdict.Lab) Text { return Text{l} }

// sideMoved is what one side of next costs against the first kernel, over all
// scenarios; nil where there is nothing to say.
func sideMoved(l Text, next *verdict.Kernel, cost, side string) prose.Prose {
	base := l.Kernels[0]
	var beyond, within, unknown []float64
	absentees := 0
	for _, name := range l.Scenarios {
		s := verdict.NewShift(base.Cost(name, cost), next.Cost(name, cost))
		seen, known := s.Seen()
		switch {
		case s.Change == nil:
			absentees++
		case !known:
			unknown = append(unknown, *s.Change)
		case seen:
			beyond = append(beyond, *s.Change)
		default:
			within = append(within, *s.Change)
		}
	}
	told := len(beyond) + len(within)
	var parts []any
	if sum, err := stat.Summarize(beyond); err == nil {
		parts = append(parts, prose.Say("changed in "+strconv.Itoa(sum.N)+" of "+text.Plural(told, "scenario", "scenarios")+", ",
			prose.Bold(reach(sum)), " (median "+text.Precisely(sum.Median)+" %)"))
		if len(within) > 0 {
			parts = append(parts, "; no change seen in "+strconv.Itoa(len(within)))
		}
	} else if told > 0 {
		parts = append(parts, "no change seen in any of "+text.Plural(told, "scenario", "scenarios"))
	}
	if sum, err := stat.Summarize(unknown); err == nil {
		if told > 0 {
			parts = append(parts, "; ")
		}
		parts = append(parts, "differs "+reach(sum)+" in "+text.Plural(sum.N, "scenario", "scenarios")+" that one of them measured in one boot only, so that the spread is not known")
	}
	if len(parts) == 0 {
		return nil
	}
	line := append(prose.Say(next.Short+" against "+base.Short+", ", prose.Bold(side), ": "), prose.Say(parts...)...)
	if absentees > 0 {
		line = append(line, prose.Say("; "+strconv.Itoa(absentees)+" not measured on one of them")...)
	}
	return append(line, prose.Say(".")...)
}
