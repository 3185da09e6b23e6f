package study

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/flame"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/study"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// versionsOf shows all lines: a chart, and a table for each series.
func versionsOf(t Text) (secs []document.Section) {
	top := document.Section{Heading: book.Text("versions heading", nil)}
	top.Blocks = append(top.Blocks, picture(t), document.Small(book.Say("how steps", prose.Values{"Threshold": threshold()})))
	secs = append(secs, top)
	for _, s := range t.Series {
		first, last := ends(s)
		tab := document.Table{Columns: slices.Concat(document.Text("scenario", "side"), document.Numeric("first", "last", "change %", "lowest %", "highest %"), document.Text("steps"))}
		for _, l := range s.Lines {
			var steps []string
			for _, step := range l.Steps {
				steps = append(steps, step.New.Version+": "+text.Precisely(*step.Change)+" %")
			}
			a, b, change := l.Ends()
			low, high := l.Reach()
			tab.Rows = append(tab.Rows, document.Row(t.name(l.Scenario), l.Side, text.PerPacket(a), text.PerPacket(b), text.Precisely(change), text.Precisely(low), text.Precisely(high), strings.Join(steps, "; ")))
		}
		tab.Note = book.Say("line columns", prose.Values{"Unit": t.Unit(), "First": first, "Last": last})
		secs = append(secs, document.Section{Heading: book.Text("series heading", prose.Values{"Unit": t.Unit(), "Series": s.Name}), Sub: true, Blocks: []document.Block{tab}})
	}
	return secs
}

// picture draws the lines of all series, each against the first kernel of its series.
func picture(t Text) document.Picture {
	kernels, pairs, at := 0, 0, 0
	ch := chart.Versions{
		Desc: book.Text("chart about", nil), Threshold: verdictThreshold,
		Note: book.Text("chart note", prose.Values{"Virtual": t.Virtual(), "Scenarios": t.measured(), "Threshold": threshold()}),
	}
	for _, s := range t.Series {
		first, last := ends(s)
		of := chart.VersionSeries{Name: book.Text("series name", prose.Values{"Name": s.Name, "First": first, "Last": last})}
		for _, k := range s.Kernels {
			of.Versions = append(of.Versions, strconv.Itoa(numberOf(k.Release)))
		}
		ch.Series = append(ch.Series, of)
		kernels, pairs, at = kernels+len(s.Kernels), pairs+len(s.Kernels)-1, at+len(places(s))
	}
	for _, side := range verdict.PacketCosts {
		panel := chart.VersionPanel{Title: book.Text("panel time", prose.Values{"Side": side.Name})}
		if t.Virtual() {
			panel.Title = book.Text("panel", prose.Values{"Side": side.Name})
		}
		for i, s := range t.Series {
			lines, marks := drawn(t, s, i, side.Metric)
			panel.Lines, panel.Marks = append(panel.Lines, lines...), append(panel.Marks, marks...)
		}
		ch.Panels = append(ch.Panels, panel)
	}
	ch.Title = book.Text("chart title time", prose.Values{"Kernels": kernels})
	if t.Virtual() {
		ch.Title = book.Text("chart title", prose.Values{"Kernels": kernels, "Pairs": pairs, "Places": at})
	}
	return document.Picture{File: "versions.svg", Alt: book.Text("chart alt", prose.Values{"Kernels": kernels}), Chart: ch}
}

// drawn are the lines and steps of one side of the i-th series.
func drawn(t Text, s *study.Series, i int, metric string) (lines []chart.VersionLine, marks []chart.VersionMark) {
	for _, l := range s.Lines {
		if l.Metric != metric {
			continue
		}
		line := chart.VersionLine{Name: book.Text("line", prose.Values{"Scenario": t.name(l.Scenario), "Side": l.Side, "Series": s.Name}), Series: i, Values: l.Changes}
		if len(l.Unjudged) > 0 {
			line.Trend = chart.Unjudged
		}
		if len(l.Steps) > 0 {
			line.Trend = chart.Cheaper
			// Of the steps alone: a cost may also drift, or have several states.
			sum := 0.0
			for _, step := range l.Steps {
				sum += math.Log1p(*step.Change)
			}
			if sum > 0 {
				line.Trend = chart.Dearer
			}
		}
		lines = append(lines, line)
	}
	for _, p := range places(&study.Series{Lines: slices.DeleteFunc(slices.Clone(s.Lines), func(l *study.Line) bool { return l.Metric != metric })}) {
		marks = append(marks, chart.VersionMark{Series: i, At: p.At, Text: reach(p.low, p.high)})
	}
	return lines, marks
}

// stepsOf lists what changed between which kernels, and the functions behind it.
func stepsOf(t Text) document.Section {
	sec := document.Section{Heading: book.Text("steps heading", prose.Values{"Unit": t.Unit()})}
	tab := document.Table{Columns: slices.Concat(document.Text("from", "to", "scenario", "side"), document.Numeric("base", "new", "change %"), document.Text("functions"))}
	profiled := map[string]string{} // scenario by pair
	for _, p := range study.Pairs(t.Study) {
		profiled[p.Name] = p.Scenario
	}
	for _, s := range t.Series {
		for _, step := range s.Steps() {
			functions := any("")
			if pair := step.Base.Name + ".." + step.New.Name; profiled[pair] == step.Scenario {
				functions = functionsOf(t, pair, step.Scenario, step.Scenario)
			}
			tab.Rows = append(tab.Rows, document.Row(
				versionOf(t, step.Base, step.Gradual), versionOf(t, step.New, false), t.name(step.Scenario), sideOf(step.Metric),
				text.PerPacket(*step.Verdict.Base), text.PerPacket(*step.Verdict.New), text.Precisely(*step.Change), functions))
		}
	}
	if len(tab.Rows) == 0 {
		sec.Blocks = append(sec.Blocks, book.Say("no steps", nil))
		return sec
	}
	tab.Note = book.Say("step columns", prose.Values{"Unit": t.Unit()})
	sec.Blocks = append(sec.Blocks, tab)
	return sec
}

// versionOf names a kernel and what it was made from.
func versionOf(t Text, k *study.Kernel, gradual bool) string {
	name := book.Text("step versions", prose.Values{"Release": t.short(k), "Upstream": k.Upstream})
	if gradual {
		return book.Text("gradual", prose.Values{"Release": name})
	}
	return name
}

// mostFunctions is how many functions of a step are named.
const mostFunctions = 6

// functionsOf names the functions whose cost changed most from a scenario on the first
// kernel of a pair to one on the last.
func functionsOf(t Text, pair, scenario, other string) any {
	lab := t.Profiles[pair]
	if lab == nil {
		return book.Text("unprofiled", nil)
	}
	base, next := profileOf(lab.Kernels[0], scenario), profileOf(lab.Kernels[len(lab.Kernels)-1], other)
	if base == nil || next == nil || base.Reason != "" || next.Reason != "" {
		return book.Text("unprofiled", nil)
	}
	var list []prose.Prose
	for _, c := range flame.Compare(base, next, false).Moved() {
		if len(list) < mostFunctions {
			list = append(list, book.Say("function", prose.Values{"Name": prose.Mono(c.Name), "Change": text.Plus(c.Mean)}))
		}
	}
	if len(list) == 0 {
		return book.Text("none moved", nil)
	}
	return book.Say("functions", prose.Values{"List": list})
}

// profileOf is the profile of a scenario over all boots of k; nil if there is none.
func profileOf(k *verdict.Kernel, scenario string) *record.Profile {
	var list []*record.Profile
	for _, f := range k.Files {
		for i := range f.Profiles {
			if f.Profiles[i].Scenario == scenario {
				list = append(list, &f.Profiles[i])
			}
		}
	}
	return flame.Merge(list)
}

func sideOf(metric string) string {
	for _, side := range verdict.PacketCosts {
		if side.Metric == metric {
			return side.Name
		}
	}
	return metric
}
