package finding

import (
	"cmp"
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
)

// Most is how many findings a report leads with.
const Most = 5

// Informative is how far from 1 an interval that includes 1 may reach at most, so that
// "no difference seen" says something.
const Informative = 0.05

// Respects are the differences that findings come from: those of the tables, and programs
// of path=program beside the other paths. The same scenario measured twice is none.
func Respects() (list []figure.Difference) {
	for _, d := range figure.Differences {
		if d.Name != "copy" && d.Name != programs.Name {
			list = append(list, d)
		}
	}
	return append(list, programs)
}

var programs = figure.Difference{Name: "program", Axes: []string{"path", "program", "cipher"}, First: "veth"}

// isProgram reports whether s measures a program of others.
func isProgram(s *figure.Scenario) bool { return axis.Of(s.Head().All[0], "path") == "program" }

// Compared gives each ratio between scenarios of list that has an exact interval: a
// comparison of two closed loops, each with a valid trial in six blocks or more.
func Compared(list []*figure.Scenario) (all []Finding) {
	counts := func(s *figure.Scenario) bool {
		return !s.Head().Invalid && !s.Head().Paced() && !figure.Short(s)
	}
	for _, d := range Respects() {
		for _, g := range d.Groups(list) {
			base := g.Base()
			for _, s := range g.Scenarios[1:] {
				// Two other paths are compared as paths.
				if d.Name == programs.Name && !isProgram(s) || !counts(s) || !counts(base) {
					continue
				}
				if r, ok := d.Ratio(s, base); ok && r.Interval.Exact && r.Interval.Low > 0 {
					all = append(all, Finding{d, s, base, r})
				}
			}
		}
	}
	return all
}

// OnHeaders reports whether what a report leads with speaks of headers.
func OnHeaders(list []*figure.Scenario) bool {
	chosen, _ := Of(list)
	return slices.ContainsFunc(chosen, func(f Finding) bool { return f.Difference.Name == "vnet" })
}

// Of gives what to lead with, at most Most findings, and how many ratios there were to
// choose from. The ratio whose interval stays farthest from 1 comes first. No respect is
// found twice before each has been found once, and where a respect shows no difference,
// one ratio that says how small it is at most follows the others.
func Of(list []*figure.Scenario) (chosen []Finding, of int) {
	all := Compared(list)
	var differ, equal []Finding
	for _, f := range all {
		switch {
		case f.Differs():
			differ = append(differ, f)
		case f.AtMost() <= Informative:
			equal = append(equal, f)
		}
	}
	slices.SortStableFunc(differ, func(a, b Finding) int { return cmp.Compare(b.clear(), a.clear()) })
	slices.SortStableFunc(equal, func(a, b Finding) int { return cmp.Compare(a.AtMost(), b.AtMost()) })
	seen := map[string]bool{}
	var more []Finding
	take := func(from []Finding) {
		for _, f := range from {
			if seen[f.Difference.Name] {
				more = append(more, f)
				continue
			}
			seen[f.Difference.Name] = true
			chosen = append(chosen, f)
		}
	}
	take(differ)
	second := more
	take(equal)
	chosen = chosen[:min(len(chosen), Most)]
	chosen = append(chosen, second[:min(len(second), Most-len(chosen))]...)
	slices.SortStableFunc(chosen, func(a, b Finding) int { return cmp.Compare(b.clear(), a.clear()) })
	return chosen, len(all)
}
