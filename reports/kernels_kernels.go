package reports

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// kernelsText writes what is said of a kernel lab.
type kernelsText struct{ *kernelLab }

// columns are the kernels that get a table of their own beside the first; with
// a single kernel that is nil, which stands for nothing to compare with.
func (l kernelsText) columns() []*kernel {
	if len(l.kernels) == 1 {
		return []*kernel{nil}
	}
	return l.rest()
}

func (l kernelsText) document() document {
	d := document{title: "tunbench: " + l.title(), alerts: l.alerts(), lead: l.lead(), points: l.points()}
	measured := false
	for _, k := range l.kernels {
		measured = measured || len(k.bare) > 0
	}
	if measured {
		d.sections = append(d.sections, l.costs()...)
		if sec, ok := l.charts(); ok {
			d.sections = append(d.sections, sec)
		}
	} else {
		d.lead = append(d.lead, say(" Nothing was measured.")...)
	}
	if sec, ok := l.observerCost(); ok {
		d.sections = append(d.sections, sec)
	}
	for _, part := range []func() (section, bool){l.refusals, l.differences, l.raw} {
		if sec, ok := part(); ok {
			d.sections = append(d.sections, sec)
		}
	}
	return d
}

func (l kernelsText) title() string {
	var names []string
	for _, k := range l.kernels {
		names = append(names, k.name)
	}
	switch len(names) {
	case 0:
		return "no kernels"
	case 1:
		return "Linux " + names[0]
	}
	return "Linux " + strings.Join(names[1:], ", ") + " against " + names[0]
}

func (l kernelsText) alerts() (a []prose) { return slices.Concat(l.headlines(), l.cautions()) }

// rule is what makes an exit code of the verdicts.
func (l kernelsText) rule() record.ExitRule {
	return record.ExitRule{AllowMissing: slices.Contains(l.allow, AllowMissing)}
}

// headlines are what a reader must know before anything else: that nothing could
// be judged, and which scenarios a kernel does not have that the first has.
func (l kernelsText) headlines() (a []prose) {
	if len(l.kernels) < 2 {
		return nil // nothing is compared
	}
	var verdicts []record.Verdict
	type lack struct{ kernel, scenario string }
	missing := map[lack]string{}
	var order []lack
	for _, v := range l.verdicts() {
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
		a = append(a, say(bold("Nothing could be judged:"), " "+why+"."))
	}
	for i, m := range order {
		if i == fewVerdicts {
			a = append(a, say(bold("Not judged:"), " "+strconv.Itoa(len(order)-i)+" more that a kernel does not have."))
			break
		}
		hint := " (--allow missing)"
		if l.rule().AllowMissing {
			hint = "; allowed by --allow missing"
		}
		a = append(a, say(bold("Not judged, since "+m.kernel+" does not have it:"), " ", mono(m.scenario), " ("+missing[m]+")"+hint+"."))
	}
	return a
}

// cautions are for the reader, before any figure.
func (l kernelsText) cautions() (a []prose) {
	for _, k := range l.kernels {
		if n := len(k.lost); n > 0 {
			var list []string
			for _, boot := range k.lost {
				list = append(list, strconv.Itoa(boot))
			}
			rest := "the figures come from the others."
			if n == k.boots {
				rest = "there is nothing to show of it."
			}
			a = append(a, say(bold(plural(n, "boot", "boots")+" of "+k.name+" delivered nothing"), " (number "+strings.Join(list, ", ")+" of "+strconv.Itoa(k.boots)+"): "+rest))
		}
		if k.cut > 0 {
			a = append(a, say(bold(plural(k.cut, "run", "runs")+" on "+k.name+" did not end"), ": what was finished is shown, the scenario that was under way is left out."))
		}
		told := map[string]bool{}
		for _, f := range k.files {
			for _, w := range f.Warnings {
				if !told[w] {
					a = append(a, say(k.name+": "+w+"."))
				}
				told[w] = true
			}
		}
	}
	if len(l.clocks) > 1 {
		a = append(a, say(bold("The runs have different clocks"), " ("+strings.Join(l.clocks, ", ")+"): their figures have different units. Do not compare them."))
	}
	for _, next := range l.rest() {
		differences, allowed := l.incomparable(l.kernels[0], next)
		for _, why := range differences {
			a = append(a, say(bold(next.name+" and "+l.kernels[0].name+" are not comparable:"), " "+why+"."))
		}
		for _, text := range allowed {
			a = append(a, say(text+"; allowed by --allow, so part of any change may be that."))
		}
	}
	return a
}

func (l kernelsText) lead() prose {
	measured := 0
	for _, name := range l.scenarios {
		if slices.ContainsFunc(l.kernels, func(k *kernel) bool { return len(k.bare[name]) > 0 }) {
			measured++
		}
	}
	p := say(bold(plural(measured, "scenario", "scenarios")))
	for i, s := range l.suites {
		p = append(p, say([]string{" of suite ", ", "}[min(i, 1)], mono(s))...)
	}
	for i, k := range l.kernels {
		p = append(p, say([]string{" on ", ", "}[min(i, 1)], bold(k.name), " ("+plural(k.boots-len(k.lost), "boot", "boots"))...)
		if i == 0 && len(l.kernels) > 1 {
			p = append(p, say("; the base")...)
		}
		p = append(p, say(")")...)
	}
	p = append(p, say(". What a packet costs on each side, without an observer: a scenario's figure in one boot is the median of its last five trials, its figure on a kernel the median over boots or, where kernels are compared, over the trials that are.")...)
	for i, c := range l.clocks {
		p = append(p, say([]string{" Clock: ", ", "}[min(i, 1)], mono(c))...)
	}
	if len(l.clocks) > 0 {
		p = append(p, say(".")...)
	}
	for i, t := range l.tools {
		p = append(p, say([]string{" Measured by tunbench ", ", "}[min(i, 1)], mono(t))...)
	}
	if len(l.tools) > 0 {
		p = append(p, say(".")...)
	}
	if slices.Contains(l.clocks, virtualClock) {
		p = append(p, say(" ", bold("Virtual time:"), " "+virtualTime)...)
	}
	return p
}

func (l kernelsText) points() (p []prose) {
	for _, next := range l.rest() {
		base := l.kernels[0]
		if verdicts := l.counted(next); verdicts != "" {
			line := say("Verdicts on " + next.short + " against " + base.short + ": " + verdicts)
			if l.virtual() {
				line = append(line, say("; threshold "+thresholdText(record.Verdict{Threshold: virtualThreshold}))...)
			}
			p = append(p, append(line, say(".")...))
		}
		for _, side := range sides {
			var beyond, within, unknown []float64
			absentees := 0
			for _, name := range l.scenarios {
				s := newShift(base.cost(name, side.metric), next.cost(name, side.metric))
				seen, known := s.seen()
				switch {
				case s.change == nil:
					absentees++
				case !known:
					unknown = append(unknown, *s.change)
				case seen:
					beyond = append(beyond, *s.change)
				default:
					within = append(within, *s.change)
				}
			}
			told := len(beyond) + len(within)
			var parts []any
			if sum, err := stat.Summarize(beyond); err == nil {
				parts = append(parts, say("changed in "+strconv.Itoa(sum.N)+" of "+plural(told, "scenario", "scenarios")+", ",
					bold(reach(sum)), " (median "+precisely(sum.Median)+" %)"))
				if len(within) > 0 {
					parts = append(parts, "; no change seen in "+strconv.Itoa(len(within)))
				}
			} else if told > 0 {
				parts = append(parts, "no change seen in any of "+plural(told, "scenario", "scenarios"))
			}
			if sum, err := stat.Summarize(unknown); err == nil {
				if told > 0 {
					parts = append(parts, "; ")
				}
				parts = append(parts, "differs "+reach(sum)+" in "+plural(sum.N, "scenario", "scenarios")+" that one of them measured in one boot only, so that the spread is not known")
			}
			if len(parts) == 0 {
				continue
			}
			line := append(say(next.short+" against "+base.short+", ", bold(side.name), ": "), say(parts...)...)
			if absentees > 0 {
				line = append(line, say("; "+strconv.Itoa(absentees)+" not measured on one of them")...)
			}
			p = append(p, append(line, say(".")...))
		}
	}
	for _, k := range l.kernels {
		var spreads []float64
		for _, name := range l.scenarios {
			for _, side := range sides {
				if c := k.cost(name, side.metric); c != nil && len(c.boots) > 1 {
					spreads = append(spreads, c.spread)
				}
			}
		}
		if s, err := stat.Summarize(spreads); err == nil {
			p = append(p, say("From boot to boot "+k.short+" spreads by "+percent(s.Median)+" % (median over scenarios and sides), at most "+percent(s.Max)+" %."))
		}
	}
	unsettled := 0
	for _, k := range l.kernels {
		for _, name := range l.scenarios {
			if slices.ContainsFunc(k.bare[name], func(r reading) bool { return r.unsettled }) {
				unsettled++
			}
		}
	}
	if unsettled > 0 {
		p = append(p, say(bold(plural(unsettled, "figure", "figures")+" never settled"), ": marked unsettled in the table."))
	}
	return p
}

// counted tells how many verdicts of each kind next has, the worst first.
func (l kernelsText) counted(next *kernel) string {
	n := map[string]int{}
	for _, scenario := range l.scenarios {
		for _, side := range sides {
			n[l.verdict(l.kernels[0], next, scenario, side.metric).Verdict.Verdict]++
		}
	}
	var parts []string
	for _, k := range kinds {
		if n[k.verdict] > 0 {
			parts = append(parts, strconv.Itoa(n[k.verdict])+" "+k.verdict)
		}
	}
	return strings.Join(parts, ", ")
}

// name gives what to call a scenario in the tables.
func (l kernelsText) name(scenario string) string {
	var modes []string
	for _, s := range l.scenarios {
		if mode, _ := split(s); !slices.Contains(modes, mode) {
			modes = append(modes, mode)
		}
	}
	own := label(scenario, l.common)
	if len(modes) < 2 {
		return own
	}
	mode, _ := split(scenario)
	return mode + " " + own
}

// costs is the comparison of each later kernel with the first.
func (l kernelsText) costs() (secs []section) {
	first := section{heading: "What a packet costs, in " + l.unit()}
	if len(l.common) > 0 {
		p := say("All scenarios have ")
		for i, a := range l.common {
			if i > 0 {
				p = append(p, say(", ")...)
			}
			p = append(p, mono(a))
		}
		first.blocks = append(first.blocks, append(p, say(". An axis that is not named is at its default.")...))
	}
	secs = append(secs, first)
	for _, next := range l.columns() {
		t := l.table(next)
		if next == nil {
			secs[0].blocks = append(secs[0].blocks, t)
			continue
		}
		secs = append(secs, section{heading: next.short + " against " + l.kernels[0].short, sub: true, blocks: []block{t}})
	}
	last := &secs[len(secs)-1]
	note := say(bold("send"), " and ", bold("receive"), ": "+l.unit()+" inside the calls of each side, a packet; super-packets count as the segments they carry. ",
		bold("spread"), ": (highest − lowest) / median over the boots of one kernel. ")
	if len(l.kernels) > 1 {
		note = append(note, say(bold("change"), ": this kernel / base − 1, of the two figures beside it; where a cost has several states, both are medians over the trials in one state and the marks give those over all boots. A change stands in bold where it is larger than both spreads; otherwise ", bold("no change seen"), ". ")...)
	}
	note = append(note, say(bold("unsettled"), ": the trials never agreed to 0.1 % five times in a row, so the figure is no constant.")...)
	last.blocks = append(last.blocks, small(note))
	return secs
}

// rowsFor are the scenarios that the base or next measured.
func (l kernelsText) rowsFor(next *kernel) (names []string) {
	for _, name := range l.scenarios {
		if len(l.kernels[0].bare[name]) > 0 || (next != nil && len(next.bare[name]) > 0) {
			names = append(names, name)
		}
	}
	return names
}

func (l kernelsText) table(next *kernel) table {
	base := l.kernels[0]
	t := table{columns: text("scenario")}
	for _, side := range sides {
		if next == nil {
			t.columns = slices.Concat(t.columns, numeric(side.name, "spread %"))
			continue
		}
		t.columns = slices.Concat(t.columns, numeric(side.name+" "+base.short, side.name+" "+next.short, "change %", "spread %"))
	}
	t.columns = slices.Concat(t.columns, text("marks"))
	for _, name := range l.rowsFor(next) {
		cells := []any{l.name(name)}
		var shifts []shift
		for _, side := range sides {
			a := base.cost(name, side.metric)
			if next == nil {
				shifts = append(shifts, shift{base: a})
				own, _ := shifts[len(shifts)-1].shown()
				cells = append(cells, costCell(own), spreadCell(a))
				continue
			}
			s := newShift(a, next.cost(name, side.metric))
			shifts = append(shifts, s)
			old, young := s.shown()
			cells = append(cells, costCell(old), costCell(young), changeCell(s), spreadCell(s.base, s.new))
		}
		t.rows = append(t.rows, row(append(cells, l.marks(base, next, name, shifts))...))
	}
	return t
}

// brief is the table for a terminal.
func (l kernelsText) brief(next *kernel) table {
	if next == nil {
		return l.table(nil)
	}
	base := l.kernels[0]
	t := table{columns: slices.Concat(text("scenario"), numeric("send "+base.short, next.short, "%", "receive "+base.short, next.short, "%"), text("marks"))}
	for _, name := range l.rowsFor(next) {
		cells := []any{l.name(name)}
		var shifts []shift
		for _, side := range sides {
			s := newShift(base.cost(name, side.metric), next.cost(name, side.metric))
			shifts = append(shifts, s)
			old, young := s.shown()
			cells = append(cells, costCell(old), costCell(young), changeCell(s))
		}
		t.rows = append(t.rows, row(append(cells, l.marks(base, next, name, shifts))...))
	}
	return t
}

// marks says what there is to know about a row beside its figures.
func (l kernelsText) marks(base, next *kernel, scenario string, shifts []shift) string {
	var m []string
	if next != nil {
		var still []string
		alone, compared := false, 0
		for i, s := range shifts {
			seen, known := s.seen()
			if s.change != nil {
				compared++
				alone = alone || !known
				if known && !seen {
					still = append(still, sides[i].name)
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
			if s.inState() {
				m = append(m, sides[i].name+": one state of several, over all boots "+perPacket(s.base.median)+" and "+perPacket(s.new.median))
			}
		}
		if len(builtOtherwise(base, next, scenario)) > 0 {
			m = append(m, "the device differs")
		}
	}
	for _, k := range []*kernel{base, next} {
		if k == nil {
			continue
		}
		readings := k.bare[scenario]
		if len(readings) == 0 {
			reason, _ := k.why(scenario)
			m = append(m, k.short+": "+cmp.Or(reason, "missing"))
			continue
		}
		unsettled, dead := 0, 0
		for _, r := range readings {
			if r.unsettled {
				unsettled++
			}
			if r.invalid {
				dead++
			}
		}
		if unsettled > 0 {
			m = append(m, fmt.Sprintf("%s: unsettled %d/%d", k.short, unsettled, len(readings)))
		}
		if dead > 0 {
			m = append(m, fmt.Sprintf("%s: invalid %d/%d", k.short, dead, len(readings)))
		}
		if n := k.boots - len(k.lost); len(readings) < n {
			m = append(m, fmt.Sprintf("%s: in %d of %d boots", k.short, len(readings), n))
		}
	}
	return strings.Join(m, "; ")
}

// charts shows both sides of every scenario, kernels side by side.
func (l kernelsText) charts() (section, bool) {
	sec := section{heading: "The same as charts", sub: true}
	var names []string
	for _, k := range l.kernels {
		names = append(names, k.short)
	}
	for _, side := range sides {
		var groups []barGroup
		for _, scenario := range l.scenarios {
			g := barGroup{label: l.name(scenario)}
			any := false
			for _, k := range l.kernels {
				b := groupBar{text: absent}
				if c := k.cost(scenario, side.metric); c != nil {
					any = true
					b = groupBar{c.median, c.min, c.max, perPacket(c.median), c.unsettled+c.invalid > 0, true}
				} else if reason, _ := k.why(scenario); len(k.bare[scenario]) == 0 {
					b.text = cmp.Or(reason, "missing")
				}
				g.bars = append(g.bars, b)
			}
			if any {
				groups = append(groups, g)
			}
		}
		for i, part := range slices.Collect(slices.Chunk(groups, max(1, rowsAChart/max(1, len(names))))) {
			file := map[string]string{record.SendNsPerPkt: "kernels-send", record.RecvNsPerPkt: "kernels-receive"}[side.metric]
			sec.blocks = append(sec.blocks, picture{
				file: numbered(file, i), alt: "Cost of a packet on the " + side.name + " side by scenario, kernels side by side",
				chart: groupChart{
					title: "Cost of a packet, " + side.name + " side", desc: "One bar a kernel in each scenario; lower is better.",
					unit: l.unit(), names: names, groups: part,
				},
			})
		}
	}
	return sec, len(sec.blocks) > 0
}

// observerCost is what each rung adds to a packet on each kernel.
func (l kernelsText) observerCost() (section, bool) {
	all := l.rungsOf()
	if len(all) == 0 {
		return section{}, false
	}
	unit := "in " + l.unit() + " a packet"
	sec := section{heading: "What the observer costs, " + unit}
	shared := l.observedEverywhere()
	t := table{columns: slices.Concat(text("kernel", "rung"), numeric("scenarios"))}
	for _, side := range sides {
		t.columns = slices.Concat(t.columns, numeric(side.name, "lowest to highest", side.name+" %"))
	}
	byScenario := table{columns: slices.Concat(text("scenario", "kernel", "rung"), numeric("bare send", "send", "send %", "bare receive", "receive", "receive %"), text("marks"))}
	unmeasured := false
	for _, k := range l.kernels {
		for _, rung := range all {
			if len(k.observed[rung]) == 0 {
				unmeasured = true
				t.rows = append(t.rows, row(k.short, rung, "not measured", absent, absent, absent, absent, absent, absent))
				continue
			}
			cells := []any{k.short, cmp.Or(rung, "none"), strconv.Itoa(len(shared))}
			for _, side := range sides {
				var added, ratios []float64
				for _, name := range shared {
					if o, ok := k.overhead(rung, name, side.metric); ok {
						added, ratios = append(added, o.added), append(ratios, o.ratio)
					}
				}
				a, errA := stat.Summarize(added)
				r, errR := stat.Summarize(ratios)
				if errA != nil || errR != nil {
					cells = append(cells, absent, absent, absent)
					continue
				}
				cells = append(cells, bold(plus(a.Median)), span(a.Min, a.Max), precisely(r.Median))
			}
			t.rows = append(t.rows, row(cells...))
		}
	}
	names := map[string]bool{}
	for _, k := range l.kernels {
		for _, rung := range all {
			for name := range k.observed[rung] {
				names[name] = true
			}
		}
	}
	for _, name := range slices.SortedFunc(maps.Keys(names), compareNames) {
		called := l.name(name)
		for _, k := range l.kernels {
			for _, rung := range all {
				cells := []any{called, k.short, cmp.Or(rung, "none")}
				have := false
				var marks []string
				for _, side := range sides {
					o, ok := k.overhead(rung, name, side.metric)
					if !ok {
						cells = append(cells, absent, absent, absent)
						continue
					}
					have = true
					cells = append(cells, perPacket(o.bare), plus(o.added), precisely(o.ratio))
					if o.unsettled > 0 {
						marks = append(marks, fmt.Sprintf("%s: unsettled %d/%d", side.name, o.unsettled, o.boots))
					}
					if o.boots > 1 && o.max-o.min > math.Abs(o.added) {
						marks = append(marks, side.name+": the boots differ by more")
					}
				}
				if have {
					byScenario.rows = append(byScenario.rows, row(append(cells, strings.Join(marks, "; "))...))
					called = "" // once a scenario
				}
			}
		}
	}
	byScenario.fold = "By scenario"
	t.note = say("Observed minus bare in the same boot, median over boots, then over the scenarios that every kernel measured on every rung that it has; ",
		bold("lowest to highest"), ": over those scenarios. In per cent of the bare cost, median over the same.")
	if unmeasured {
		t.note = append(t.note, say(" ", bold("not measured"), ": that kernel has no observed run on the rung.")...)
	}
	sec.blocks = append(sec.blocks, t)
	if len(shared) == 0 {
		sec.blocks = append(sec.blocks, say("No scenario was measured bare and on every rung of every kernel, so nothing can be summed up."))
	}
	sec.blocks = append(sec.blocks, byScenario)
	return sec, true
}

// refusals lists what was not measured, and why.
func (l kernelsText) refusals() (section, bool) {
	t := table{columns: text("scenario", "kernel", "arm", "reason", "detail")}
	type line struct {
		refusal
		kernel *kernel
	}
	var lines []line
	reasons := map[string]bool{}
	for _, k := range l.kernels {
		for _, r := range k.refused {
			lines = append(lines, line{r, k})
			reasons[r.Reason] = true
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int { return compareNames(a.Scenario, b.Scenario) })
	for _, r := range lines {
		t.rows = append(t.rows, row(mono(r.Scenario), r.kernel.short, r.arm, r.Reason, r.Detail))
	}
	for _, reason := range slices.Sorted(maps.Keys(reasons)) {
		if m := skipMeaning[reason]; m != "" {
			if len(t.note) > 0 {
				t.note = append(t.note, say(" ")...)
			}
			t.note = append(t.note, say(bold(reason), ": "+m+".")...)
		}
	}
	return section{heading: "Not measured", blocks: []block{t.folded("Not measured")}}, len(t.rows) > 0
}

// differences shows what the kernels do not have in common.
func (l kernelsText) differences() (section, bool) {
	sec := section{heading: "What differs between the kernels"}
	var with []party
	for _, k := range l.kernels {
		if len(k.files) > 0 {
			with = append(with, k.party())
		}
	}
	if sec.blocks = differing(with); sec.blocks == nil {
		return section{}, false
	}

	devices := table{columns: text("scenario", "kernel", "what differs"), fold: "Devices that came out different"}
	for _, next := range l.rest() {
		for _, name := range l.scenarios {
			for _, why := range builtOtherwise(l.kernels[0], next, name) {
				devices.rows = append(devices.rows, row(l.name(name), next.short, why))
			}
		}
	}
	sec.blocks = append(sec.blocks, devices)
	return sec, true
}

// raw shows what every boot said.
func (l kernelsText) raw() (section, bool) {
	each := table{columns: slices.Concat(text("scenario", "kernel"), numeric("boots"), text("send in each boot", "receive in each boot"))}
	full := bullets{}
	for _, name := range l.scenarios {
		full = append(full, say(mono(name)))
		called := l.name(name)
		for _, k := range l.kernels {
			if len(k.bare[name]) == 0 {
				continue
			}
			cells := []any{called, k.short, len(k.bare[name])}
			for _, side := range sides {
				var values []string
				if c := k.cost(name, side.metric); c != nil {
					for _, v := range c.boots {
						values = append(values, perPacket(v))
					}
				}
				cells = append(cells, cmp.Or(strings.Join(values, " · "), absent))
			}
			each.rows = append(each.rows, row(cells...))
			called = ""
		}
	}
	runs := table{columns: slices.Concat(text("kernel", "suite", "arm", "started", "arguments"), numeric("trials"))}
	for _, k := range l.kernels {
		for _, f := range k.files {
			arm := cmp.Or(f.Run.Hook.Used, "none")
			if arm == "none" {
				arm = string(record.Bare)
			}
			runs.rows = append(runs.rows, row(k.short, f.Run.Suite, arm, f.Run.Started, mono(strings.Join(f.Run.Args, " ")), len(f.Trials)))
		}
	}
	sec := section{heading: "Raw figures", blocks: []block{
		fold{"Every boot", []block{each}}, fold{"Every run", []block{runs}}, fold{"Full names of the scenarios", []block{full}},
	}}
	return sec, len(runs.rows) > 0
}

func newKernelsText(l *kernelLab) kernelsText { return kernelsText{l} }
