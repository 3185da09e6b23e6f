// Package question draws the charts that answer one question each, such as what offloads
// gain: a few scenarios that differ in one respect only, with their ratios to a base.
package question

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/finding"
	"tunbench/reports/prose"
	"tunbench/reports/text"
)

// fileNames are the files of the charts, by the difference that they show.
var fileNames = map[string]string{
	"io": "engines", "vnet": "header-and-offloads", "queues": "number-of-queues", "dir": "directions", "path": "paths", "copy": "same-twice",
}

const (
	// leastPoint is the least change that makes a chart worth its place, as a ratio: of a
	// smaller one the table tells.
	leastPoint = 0.05
	// farAhead is how many times as long as the longest of another group a bar may be:
	// beside it nobody sees how the others differ.
	farAhead = 12
)

// Pictures draws the groups of d in list that have a point: in which some scenario is
// faster or slower than the base, and the interval of the ratio says so. A scenario whose
// packets cross in another form than those of the base is left out. Groups share a chart
// as far as it stays small.
func Pictures(d figure.Difference, list []*figure.Scenario) (pics []document.Picture) {
	var own []set
	hidden := 0
	trust := finding.TrustOf(list)
	for _, g := range d.Groups(list) {
		drawn := sets(d, g, trust)
		if len(drawn) == 0 && slices.ContainsFunc(g.Scenarios[1:], func(s *figure.Scenario) bool { return finding.Alike(d, s, g.Base()) }) {
			hidden++
		}
		own = append(own, drawn...)
	}
	for i, part := range packed(own) {
		pics = append(pics, picture(d, part, i, hidden))
	}
	return pics
}

// Draws reports whether p is a chart of this package that has the ratio of f on a bar.
func Draws(p document.Picture, f finding.Finding) bool {
	ch, ok := p.Chart.(chart.Ratios)
	return ok && strings.HasPrefix(p.File, cmp.Or(fileNames[f.Difference.Name], f.Difference.Name)) && slices.ContainsFunc(ch.Groups, func(g chart.RatioGroup) bool {
		return slices.ContainsFunc(g.Bars, func(b chart.RatioBar) bool { return b.Ratio == RatioText(f.Ratio) })
	})
}

// ChartOf is how the title of the chart begins that has the ratio of f; "" where none has it.
func ChartOf(f finding.Finding, list []*figure.Scenario) string {
	if slices.ContainsFunc(Pictures(f.Difference, list), func(p document.Picture) bool { return Draws(p, f) }) {
		return book.Text("question "+f.Difference.Name, nil)
	}
	return ""
}

// set is a base and what is compared with it.
type set struct {
	figure.DifferenceGroup
	ratios []figure.Ratio // of each scenario to the base; Each is empty where there is none
	top    float64        // the highest rate
	trust  finding.Trust
}

// side is that of the j-th scenario, 0 where its 95 % interval shows no difference that
// the run is to be believed.
func (s set) side(j int) int {
	if r := s.ratios[j]; !r.Interval.Exact || s.trust.Shows(r) {
		return Side(r)
	}
	return 0
}

// farther reports whether the j-th scenario of s shows a larger difference than another.
func (s set) farther(j int, than set, other int) bool {
	if s.side(j) == 0 {
		return false
	}
	return than.side(other) == 0 || math.Abs(math.Log(s.ratios[j].Value)) > math.Abs(math.Log(than.ratios[other].Value))
}

// sets makes charts' worth of a group: none if it has no point, several, each with the
// base, if it has too many bars.
func sets(d figure.Difference, g figure.DifferenceGroup, trust finding.Trust) (list []set) {
	base := g.Base()
	if v, ok := base.Head().Metric(d.Metric()); !ok || !(v.Median > 0) {
		return nil
	}
	measured := slices.DeleteFunc(slices.Clone(g.Scenarios[1:]), func(s *figure.Scenario) bool {
		_, ok := s.Head().Metric(d.Metric())
		return !ok || !finding.Alike(d, s, base)
	})
	for _, part := range slices.Collect(slices.Chunk(measured, chart.BarsAChart-1)) {
		s := set{DifferenceGroup: figure.DifferenceGroup{Name: g.Name, Scenarios: slices.Concat([]*figure.Scenario{base}, part)}, trust: trust}
		point := false
		for j, one := range s.Scenarios {
			r := ratio(d, one, base)
			s.ratios = append(s.ratios, r)
			point = point || one != base && s.side(j) != 0 && math.Abs(r.Value-1) >= leastPoint
			if m, ok := one.Head().Metric(d.Metric()); ok {
				s.top = max(s.top, m.Median)
			}
		}
		if point {
			list = append(list, s)
		}
	}
	return list
}

// ratio compares s with base in the rounds that both have. It is not a number where they
// share none: a ratio of medians, which the table below the chart does not give either, has
// no interval, and two scenarios that were not measured by turns met different hosts.
func ratio(d figure.Difference, s, base *figure.Scenario) figure.Ratio {
	if s == base {
		return figure.Ratio{Value: 1}
	}
	if r, ok := d.Ratio(s, base); ok {
		return r
	}
	return figure.Ratio{Value: math.NaN()}
}

// Side is 1 where the interval of r is above 1, −1 where it is below, and 0 where r shows
// no difference, or has no interval.
func Side(r figure.Ratio) int {
	switch {
	case len(r.Each) < 2:
		return 0
	case r.Interval.Low > 1:
		return 1
	case r.Interval.High < 1:
		return -1
	}
	return 0
}

// packed puts sets into charts, that with the largest difference first: into one as long as its bars are few, of
// one mode, and can be seen beside each other.
func packed(all []set) (charts [][]set) {
	for _, s := range all {
		fits := func(c []set) bool {
			bars := len(s.Scenarios)
			for _, other := range c {
				bars += len(other.Scenarios)
				if other.Base().Mode != s.Base().Mode || other.top > farAhead*s.top || s.top > farAhead*other.top {
					return false
				}
			}
			return bars <= chart.BarsAChart
		}
		if i := slices.IndexFunc(charts, fits); i >= 0 {
			charts[i] = append(charts[i], s)
		} else {
			charts = append(charts, []set{s})
		}
	}
	slices.SortStableFunc(charts, func(a, b []set) int { return cmp.Compare(reach(b), reach(a)) })
	return charts
}

// reach is the largest difference that a chart shows, on logarithms.
func reach(c []set) (most float64) {
	for _, s := range c {
		for j, r := range s.ratios {
			if s.side(j) != 0 {
				most = max(most, math.Abs(math.Log(r.Value)))
			}
		}
	}
	return most
}

// least is the smallest difference, in per cent, that a group has if it is drawn; "" where
// what decides is not that, but which ratios of the run are to be believed.
func least(trust finding.Trust) string {
	if trust == 0 || float64(trust) > 1+leastPoint {
		return ""
	}
	return text.Decimals(100*leastPoint, 0)
}

// picture draws the i-th chart of d, which leaves out some groups without a point.
func picture(d figure.Difference, part []set, i, hidden int) document.Picture {
	var all []*figure.Scenario
	top := 0.0
	for _, s := range part {
		all = append(all, s.Scenarios...)
		top = max(top, s.top)
	}
	scale := text.RateScale(top)
	if d.Bits {
		scale = text.Scale{Div: 1e9, Unit: "Gbit/s"}
	}
	shared := shared(d, all)
	ch := chart.Ratios{Desc: book.Text("description", nil), Unit: scale.Unit, Shared: book.Text("shared in chart", prose.Values{"Axes": strings.Join(shared, " "), "Control": Control(all), "Hidden": hidden, "Least": least(part[0].trust)})}
	var labels []string
	best, bestSet := 0, part[0]
	for _, s := range part {
		g := chart.RatioGroup{}
		if len(part) > 1 {
			g.Name = common(d, s.Scenarios, append(slices.Clone(shared), s.Base().Mode))
		}
		for j, one := range s.Scenarios {
			b := bar(d, one, scale)
			b.Label = label(d, one, s.Scenarios)
			if j > 0 {
				b.Ratio, b.Side = RatioText(s.ratios[j]), s.side(j)
				if s.farther(j, bestSet, best) || best == 0 {
					best, bestSet = j, s
				}
			}
			if !slices.Contains(labels, b.Label) {
				labels = append(labels, b.Label)
			}
			g.Bars = append(g.Bars, b)
		}
		ch.Groups = append(ch.Groups, g)
	}
	question := book.Text("question "+d.Name, nil)
	name, base := label(d, bestSet.Scenarios[best], bestSet.Scenarios), label(d, bestSet.Base(), bestSet.Scenarios)
	// Groups of a chart may have different bases: those of another one are not meant.
	meant := func(s set, j int) bool {
		return label(d, s.Scenarios[j], s.Scenarios) == name && label(d, s.Base(), s.Scenarios) == base
	}
	ratios, shown, of := times(part, meant)
	ch.Title = book.Text("title", prose.Values{
		"Question": question, "Bits": d.Bits, "Times": ratios, "Best": name, "Base": base, "Shown": shown, "Of": of,
	})
	return document.Picture{
		File: document.Numbered(cmp.Or(fileNames[d.Name], d.Name), i), Chart: ch, N: document.TrialsEach(all),
		Alt: book.Text("alt", prose.Values{"Question": question, "Bits": d.Bits, "Labels": labels}),
	}
}

// Control names TCP's congestion control in the streams of scenarios; "" where there are none.
func Control(all []*figure.Scenario) string {
	var names []string
	for _, s := range all {
		if name := s.Head().Congestion(); name != "" && name != text.Absent && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// times are the ratios of the scenarios of a chart that are meant, the least to the greatest:
// of those that show a difference, which are so many of all that are meant. A title does not
// claim what a grey bar has.
func times(all []set, meant func(s set, j int) bool) (ratios string, shown, of int) {
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range all {
		for j := 1; j < len(s.Scenarios); j++ {
			v := s.ratios[j].Value
			if !(v > 0) || !meant(s, j) {
				continue
			}
			of++
			if s.side(j) != 0 {
				shown++
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if shown == 0 {
		return text.Absent, 0, of
	}
	return text.FromTo(text.Ratio(low), text.Ratio(high)), shown, of
}

// bar is the rate of s.
func bar(d figure.Difference, s *figure.Scenario, scale text.Scale) chart.RatioBar {
	m, _ := s.Head().Metric(d.Metric())
	b := chart.RatioBar{Value: m.Median / scale.Div, Text: scale.Format(m.Median) + " " + scale.Unit}
	if sp, ok := s.Head().Interval(d.Metric()); ok {
		b.Low, b.High, b.Exact = sp.Low/scale.Div, sp.High/scale.Div, sp.Exact
	}
	return b
}

// RatioText is r with its interval.
func RatioText(r figure.Ratio) string {
	if math.IsNaN(r.Value) {
		return text.Absent
	}
	interval := ""
	if len(r.Each) >= 2 {
		interval = r.Interval.Text(text.IntervalName, text.Ratio)
	}
	return book.Text("ratio", prose.Values{"Times": text.Ratio(r.Value), "Interval": interval})
}

// shared are the mode and the axes that all scenarios of a chart of d have in common,
// beside those in which they differ.
func shared(d figure.Difference, all []*figure.Scenario) []string {
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	return append([]string{all[0].Mode}, without(d, axis.Common(names))...)
}

// common is what the scenarios of a group have in common beside what is known.
func common(d figure.Difference, all []*figure.Scenario, known []string) string {
	var names []string
	for _, s := range all {
		names = append(names, s.Name)
	}
	own := slices.DeleteFunc(without(d, axis.Common(names)), func(a string) bool { return slices.Contains(known, a) })
	return cmp.Or(strings.Join(own, " "), axis.AtDefaults) + all[0].Where
}

// without is list without the axes of d.
func without(d figure.Difference, list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(a string) bool {
		name, _, _ := strings.Cut(a, "=")
		return slices.Contains(d.Axes, name)
	})
}

// label names s among the scenarios of its group: by the axes of d, but for those that are
// the same, or at the default, in all.
func label(d figure.Difference, s *figure.Scenario, group []*figure.Scenario) string {
	var parts []string
	for i, a := range d.Axes {
		of := func(s *figure.Scenario) string {
			if v := axis.Of(s.Head().All[0], a); v != "" || i > 0 {
				return v
			}
			return d.First // at its default
		}
		own := of(s)
		differs := slices.ContainsFunc(group, func(o *figure.Scenario) bool { return of(o) != own })
		// The first axis is named even where only the others differ.
		if own == "" || !differs && i > 0 || i > 0 && own == "none" {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s=%s", a, own))
	}
	return cmp.Or(strings.Join(parts, " "), axis.AtDefaults)
}
