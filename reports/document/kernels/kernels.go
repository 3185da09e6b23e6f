// Package kernels makes the document on a comparison of kernels.
package kernels

import (
	"cmp"
	"fmt"
	"maps"
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
		d.Sections = append(d.Sections, l.costs()...)
		if sec, ok := l.charts(); ok {
			d.Sections = append(d.Sections, sec)
		}
	} else {
		d.Lead = append(d.Lead, prose.Say(" Nothing was measured.")...)
	}
	if sec, ok := l.observerCost(); ok {
		d.Sections = append(d.Sections, sec)
	}
	for _, part := range []func() (document.Section, bool){l.refusals, l.differences, l.raw} {
		if sec, ok := part(); ok {
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
func (l Text) rule() record.ExitRule {
	return record.ExitRule{AllowMissing: slices.Contains(l.Allow, verdict.AllowMissing)}
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
	if slices.Contains(l.Clocks, metric.VirtualClock) {
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
			var beyond, within, unknown []float64
			absentees := 0
			for _, name := range l.Scenarios {
				s := verdict.NewShift(base.Cost(name, side.Metric), next.Cost(name, side.Metric))
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
				continue
			}
			line := append(prose.Say(next.Short+" against "+base.Short+", ", prose.Bold(side.Name), ": "), prose.Say(parts...)...)
			if absentees > 0 {
				line = append(line, prose.Say("; "+strconv.Itoa(absentees)+" not measured on one of them")...)
			}
			p = append(p, append(line, prose.Say(".")...))
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

// costs is the comparison of each later kernel with the first.
func (l Text) costs() (secs []document.Section) {
	first := document.Section{Heading: "What a packet costs, in " + l.Unit()}
	if len(l.Common) > 0 {
		p := prose.Say("All scenarios have ")
		for i, a := range l.Common {
			if i > 0 {
				p = append(p, prose.Say(", ")...)
			}
			p = append(p, prose.Mono(a))
		}
		first.Blocks = append(first.Blocks, append(p, prose.Say(". An axis that is not named is at its default.")...))
	}
	secs = append(secs, first)
	for _, next := range l.Columns() {
		t := l.table(next)
		if next == nil {
			secs[0].Blocks = append(secs[0].Blocks, t)
			continue
		}
		secs = append(secs, document.Section{Heading: next.Short + " against " + l.Kernels[0].Short, Sub: true, Blocks: []document.Block{t}})
	}
	last := &secs[len(secs)-1]
	note := prose.Say(prose.Bold("send"), " and ", prose.Bold("receive"), ": "+l.Unit()+" inside the calls of each side, a packet; super-packets count as the segments they carry. ",
		prose.Bold("spread"), ": (highest − lowest) / median over the boots of one kernel. ")
	if len(l.Kernels) > 1 {
		note = append(note, prose.Say(prose.Bold("change"), ": this kernel / base − 1, of the two figures beside it; where a cost has several states, both are medians over the trials in one state and the marks give those over all boots. A change stands in bold where it is larger than both spreads; otherwise ", prose.Bold("no change seen"), ". ")...)
	}
	note = append(note, prose.Say(prose.Bold("unsettled"), ": the trials never agreed to 0.1 % five times in a row, so the figure is no constant.")...)
	last.Blocks = append(last.Blocks, document.Small(note))
	return secs
}

// rowsFor are the scenarios that the base or next measured.
func (l Text) rowsFor(next *verdict.Kernel) (names []string) {
	for _, name := range l.Scenarios {
		if len(l.Kernels[0].Bare[name]) > 0 || (next != nil && len(next.Bare[name]) > 0) {
			names = append(names, name)
		}
	}
	return names
}

func (l Text) table(next *verdict.Kernel) document.Table {
	base := l.Kernels[0]
	t := document.Table{Columns: document.Text("scenario")}
	for _, side := range verdict.Sides {
		if next == nil {
			t.Columns = slices.Concat(t.Columns, document.Numeric(side.Name, "spread %"))
			continue
		}
		t.Columns = slices.Concat(t.Columns, document.Numeric(side.Name+" "+base.Short, side.Name+" "+next.Short, "change %", "spread %"))
	}
	t.Columns = slices.Concat(t.Columns, document.Text("marks"))
	for _, name := range l.rowsFor(next) {
		cells := []any{l.name(name)}
		var shifts []verdict.Shift
		for _, side := range verdict.Sides {
			a := base.Cost(name, side.Metric)
			if next == nil {
				shifts = append(shifts, verdict.Shift{Base: a})
				own, _ := shifts[len(shifts)-1].Shown()
				cells = append(cells, costCell(own), spreadCell(a))
				continue
			}
			s := verdict.NewShift(a, next.Cost(name, side.Metric))
			shifts = append(shifts, s)
			old, young := s.Shown()
			cells = append(cells, costCell(old), costCell(young), changeCell(s), spreadCell(s.Base, s.New))
		}
		t.Rows = append(t.Rows, document.Row(append(cells, l.marks(base, next, name, shifts))...))
	}
	return t
}

// Brief is the table for a terminal.
func (l Text) Brief(next *verdict.Kernel) document.Table {
	if next == nil {
		return l.table(nil)
	}
	base := l.Kernels[0]
	t := document.Table{Columns: slices.Concat(document.Text("scenario"), document.Numeric("send "+base.Short, next.Short, "%", "receive "+base.Short, next.Short, "%"), document.Text("marks"))}
	for _, name := range l.rowsFor(next) {
		cells := []any{l.name(name)}
		var shifts []verdict.Shift
		for _, side := range verdict.Sides {
			s := verdict.NewShift(base.Cost(name, side.Metric), next.Cost(name, side.Metric))
			shifts = append(shifts, s)
			old, young := s.Shown()
			cells = append(cells, costCell(old), costCell(young), changeCell(s))
		}
		t.Rows = append(t.Rows, document.Row(append(cells, l.marks(base, next, name, shifts))...))
	}
	return t
}

// marks says what there is to know about a row beside its figures.
func (l Text) marks(base, next *verdict.Kernel, scenario string, shifts []verdict.Shift) string {
	var m []string
	if next != nil {
		var still []string
		alone, compared := false, 0
		for i, s := range shifts {
			seen, known := s.Seen()
			if s.Change != nil {
				compared++
				alone = alone || !known
				if known && !seen {
					still = append(still, verdict.Sides[i].Name)
				}
			}
		}
		switch {
		case alone:
			m = append(m, "one boot: spread not known")
		case len(still) == compared && compared > 0:
			m = append(m, "no change seen")
		case len(still) > 0:
			m = append(m, strings.Join(still, ", ")+": no change seen")
		}
		for i, s := range shifts {
			if s.InState() {
				m = append(m, verdict.Sides[i].Name+": one state of several, over all boots "+text.PerPacket(s.Base.Median)+" and "+text.PerPacket(s.New.Median))
			}
		}
		if len(verdict.BuiltOtherwise(base, next, scenario)) > 0 {
			m = append(m, "the device differs")
		}
	}
	for _, k := range []*verdict.Kernel{base, next} {
		if k == nil {
			continue
		}
		readings := k.Bare[scenario]
		if len(readings) == 0 {
			reason, _ := k.Why(scenario)
			m = append(m, k.Short+": "+cmp.Or(reason, "missing"))
			continue
		}
		unsettled, dead := 0, 0
		for _, r := range readings {
			if r.Unsettled {
				unsettled++
			}
			if r.Invalid {
				dead++
			}
		}
		if unsettled > 0 {
			m = append(m, fmt.Sprintf("%s: unsettled %d/%d", k.Short, unsettled, len(readings)))
		}
		if dead > 0 {
			m = append(m, fmt.Sprintf("%s: invalid %d/%d", k.Short, dead, len(readings)))
		}
		if n := k.Boots - len(k.Lost); len(readings) < n {
			m = append(m, fmt.Sprintf("%s: in %d of %d boots", k.Short, len(readings), n))
		}
	}
	return strings.Join(m, "; ")
}

// charts shows both sides of every scenario, kernels side by side.
func (l Text) charts() (document.Section, bool) {
	sec := document.Section{Heading: "The same as charts", Sub: true}
	var names []string
	for _, k := range l.Kernels {
		names = append(names, k.Short)
	}
	for _, side := range verdict.Sides {
		var groups []chart.BarGroup
		for _, scenario := range l.Scenarios {
			g := chart.BarGroup{Label: l.name(scenario)}
			any := false
			for _, k := range l.Kernels {
				b := chart.GroupBar{Text: text.Absent}
				if c := k.Cost(scenario, side.Metric); c != nil {
					any = true
					b = chart.GroupBar{Value: c.Median, Min: c.Min, Max: c.Max, Text: text.PerPacket(c.Median), Hollow: c.Unsettled+c.Invalid > 0, Measured: true}
				} else if reason, _ := k.Why(scenario); len(k.Bare[scenario]) == 0 {
					b.Text = cmp.Or(reason, "missing")
				}
				g.Bars = append(g.Bars, b)
			}
			if any {
				groups = append(groups, g)
			}
		}
		for i, part := range slices.Collect(slices.Chunk(groups, max(1, chart.RowsAChart/max(1, len(names))))) {
			file := map[string]string{record.SendNsPerPkt: "kernels-send", record.RecvNsPerPkt: "kernels-receive"}[side.Metric]
			sec.Blocks = append(sec.Blocks, document.Picture{
				File: document.Numbered(file, i), Alt: "Cost of a packet on the " + side.Name + " side by scenario, kernels side by side",
				Chart: chart.Groups{
					Title: "Cost of a packet, " + side.Name + " side", Desc: "One bar a kernel in each scenario; lower is better.",
					Unit: l.Unit(), Names: names, Groups: part,
				},
			})
		}
	}
	return sec, len(sec.Blocks) > 0
}

// observerCost is what each rung adds to a packet on each kernel.
func (l Text) observerCost() (document.Section, bool) {
	all := l.RungsOf()
	if len(all) == 0 {
		return document.Section{}, false
	}
	unit := "in " + l.Unit() + " a packet"
	sec := document.Section{Heading: "What the observer costs, " + unit}
	shared := l.ObservedEverywhere()
	t := document.Table{Columns: slices.Concat(document.Text("kernel", "rung"), document.Numeric("scenarios"))}
	for _, side := range verdict.Sides {
		t.Columns = slices.Concat(t.Columns, document.Numeric(side.Name, "lowest to highest", side.Name+" %"))
	}
	byScenario := document.Table{Columns: slices.Concat(document.Text("scenario", "kernel", "rung"), document.Numeric("bare send", "send", "send %", "bare receive", "receive", "receive %"), document.Text("marks"))}
	unmeasured := false
	for _, k := range l.Kernels {
		for _, rung := range all {
			if len(k.Observed[rung]) == 0 {
				unmeasured = true
				t.Rows = append(t.Rows, document.Row(k.Short, rung, "not measured", text.Absent, text.Absent, text.Absent, text.Absent, text.Absent, text.Absent))
				continue
			}
			cells := []any{k.Short, cmp.Or(rung, "none"), strconv.Itoa(len(shared))}
			for _, side := range verdict.Sides {
				var added, ratios []float64
				for _, name := range shared {
					if o, ok := k.Overhead(rung, name, side.Metric); ok {
						added, ratios = append(added, o.Added), append(ratios, o.Ratio)
					}
				}
				a, errA := stat.Summarize(added)
				r, errR := stat.Summarize(ratios)
				if errA != nil || errR != nil {
					cells = append(cells, text.Absent, text.Absent, text.Absent)
					continue
				}
				cells = append(cells, prose.Bold(text.Plus(a.Median)), span(a.Min, a.Max), text.Precisely(r.Median))
			}
			t.Rows = append(t.Rows, document.Row(cells...))
		}
	}
	names := map[string]bool{}
	for _, k := range l.Kernels {
		for _, rung := range all {
			for name := range k.Observed[rung] {
				names[name] = true
			}
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(names), axis.Compare) {
		called := l.name(name)
		for _, k := range l.Kernels {
			for _, rung := range all {
				cells := []any{called, k.Short, cmp.Or(rung, "none")}
				have := false
				var marks []string
				for _, side := range verdict.Sides {
					o, ok := k.Overhead(rung, name, side.Metric)
					if !ok {
						cells = append(cells, text.Absent, text.Absent, text.Absent)
						continue
					}
					have = true
					cells = append(cells, text.PerPacket(o.Bare), text.Plus(o.Added), text.Precisely(o.Ratio))
					if o.Unsettled > 0 {
						marks = append(marks, fmt.Sprintf("%s: unsettled %d/%d", side.Name, o.Unsettled, o.Boots))
					}
					if o.Boots > 1 && o.Max-o.Min > math.Abs(o.Added) {
						marks = append(marks, side.Name+": the boots differ by more")
					}
				}
				if have {
					byScenario.Rows = append(byScenario.Rows, document.Row(append(cells, strings.Join(marks, "; "))...))
					called = "" // once a scenario
				}
			}
		}
	}
	byScenario.Fold = "By scenario"
	t.Note = prose.Say("Observed minus bare in the same boot, median over boots, then over the scenarios that every kernel measured on every rung that it has; ",
		prose.Bold("lowest to highest"), ": over those scenarios. In per cent of the bare cost, median over the same.")
	if unmeasured {
		t.Note = append(t.Note, prose.Say(" ", prose.Bold("not measured"), ": that kernel has no observed run on the rung.")...)
	}
	sec.Blocks = append(sec.Blocks, t)
	if len(shared) == 0 {
		sec.Blocks = append(sec.Blocks, prose.Say("No scenario was measured bare and on every rung of every kernel, so nothing can be summed up."))
	}
	sec.Blocks = append(sec.Blocks, byScenario)
	return sec, true
}

// refusals lists what was not measured, and why.
func (l Text) refusals() (document.Section, bool) {
	t := document.Table{Columns: document.Text("scenario", "kernel", "arm", "reason", "detail")}
	type line struct {
		verdict.Refusal
		kernel *verdict.Kernel
	}
	var lines []line
	reasons := map[string]bool{}
	for _, k := range l.Kernels {
		for _, r := range k.Refused {
			lines = append(lines, line{r, k})
			reasons[r.Reason] = true
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return axis.Compare(a.Scenario, b.Scenario) })
	for _, r := range lines {
		t.Rows = append(t.Rows, document.Row(prose.Mono(r.Scenario), r.kernel.Short, r.Arm, r.Reason, r.Detail))
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		if m := document.SkipMeaning[reason]; m != "" {
			if len(t.Note) > 0 {
				t.Note = append(t.Note, prose.Say(" ")...)
			}
			t.Note = append(t.Note, prose.Say(prose.Bold(reason), ": "+m+".")...)
		}
	}
	return document.Section{Heading: "Not measured", Blocks: []document.Block{t.Folded("Not measured")}}, len(t.Rows) > 0
}

// differences shows what the kernels do not have in common.
func (l Text) differences() (document.Section, bool) {
	sec := document.Section{Heading: "What differs between the kernels"}
	var with []figure.Party
	for _, k := range l.Kernels {
		if len(k.Files) > 0 {
			with = append(with, k.Party())
		}
	}
	if sec.Blocks = document.Differing(with); sec.Blocks == nil {
		return document.Section{}, false
	}

	devices := document.Table{Columns: document.Text("scenario", "kernel", "what differs"), Fold: "Devices that came out different"}
	for _, next := range l.Rest() {
		for _, name := range l.Scenarios {
			for _, why := range verdict.BuiltOtherwise(l.Kernels[0], next, name) {
				devices.Rows = append(devices.Rows, document.Row(l.name(name), next.Short, why))
			}
		}
	}
	sec.Blocks = append(sec.Blocks, devices)
	return sec, true
}

// raw shows what every boot said.
func (l Text) raw() (document.Section, bool) {
	each := document.Table{Columns: slices.Concat(document.Text("scenario", "kernel"), document.Numeric("boots"), document.Text("send in each boot", "receive in each boot"))}
	full := document.Bullets{}
	for _, name := range l.Scenarios {
		full = append(full, prose.Say(prose.Mono(name)))
		called := l.name(name)
		for _, k := range l.Kernels {
			if len(k.Bare[name]) == 0 {
				continue
			}
			cells := []any{called, k.Short, len(k.Bare[name])}
			for _, side := range verdict.Sides {
				var values []string
				if c := k.Cost(name, side.Metric); c != nil {
					for _, v := range c.Boots {
						values = append(values, text.PerPacket(v))
					}
				}
				cells = append(cells, cmp.Or(strings.Join(values, " · "), text.Absent))
			}
			each.Rows = append(each.Rows, document.Row(cells...))
			called = ""
		}
	}
	runs := document.Table{Columns: slices.Concat(document.Text("kernel", "suite", "arm", "started", "arguments"), document.Numeric("trials"))}
	for _, k := range l.Kernels {
		for _, f := range k.Files {
			arm := cmp.Or(f.Run.Hook.Used, "none")
			if arm == "none" {
				arm = string(record.Bare)
			}
			runs.Rows = append(runs.Rows, document.Row(k.Short, f.Run.Suite, arm, f.Run.Started, prose.Mono(strings.Join(f.Run.Args, " ")), len(f.Trials)))
		}
	}
	sec := document.Section{Heading: "Raw figures", Blocks: []document.Block{
		document.Fold{Summary: "Every boot", Blocks: []document.Block{each}}, document.Fold{Summary: "Every run", Blocks: []document.Block{runs}}, document.Fold{Summary: "Full names of the scenarios", Blocks: []document.Block{full}},
	}}
	return sec, len(runs.Rows) > 0
}

func New(l *verdict.Lab) Text { return Text{l} }
