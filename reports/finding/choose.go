package finding

import (
	"cmp"
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
)

// Most is how many findings a report leads with.
const Most = 5

// mostOfOne is how many findings one respect has at most.
const mostOfOne = 2

// Informative is how far from 1 an interval that includes 1 may reach at most, so that
// "no difference seen" says something.
const Informative = 0.05

// respects are the differences that findings come from: those of the tables, programs of
// path=program beside the other paths, and paths with offloads beside a veth pair, which
// has them too. The same scenario measured twice is none.
func respects() (list []respect) {
	for _, d := range figure.Differences {
		if d.Name != "copy" && d.Name != programs.Name {
			list = append(list, respect{d, func(_, _ *figure.Scenario) bool { return true }})
		}
	}
	return append(list, respect{programs, func(s, _ *figure.Scenario) bool {
		return isProgram(s) // two other paths are compared as paths
	}}, respect{offloaded, func(s, base *figure.Scenario) bool {
		segments := slices.Contains([]string{"tso", "uso", "tunnel"}, of(s, "offload"))
		return isVeth(base) && !isVeth(s) && segments // others are compared as paths
	}})
}

// respect is a difference, with the scenarios of a group that are compared with its base.
type respect struct {
	figure.Difference
	compares func(s, base *figure.Scenario) bool
}

var (
	programs  = figure.Difference{Name: "program", Axes: []string{"path", "program", "cipher"}, First: "veth"}
	offloaded = figure.Difference{Name: "path", Axes: []string{"path", "cipher", "vnet", "offload"}, First: "veth"}
)

// of is the value of an axis of s.
func of(s *figure.Scenario, name string) string { return axis.Of(s.Head().All[0], name) }

// isProgram reports whether s measures a program of others.
func isProgram(s *figure.Scenario) bool { return of(s, "path") == "program" }

func isVeth(s *figure.Scenario) bool { return of(s, "path") == "veth" }

// Compared gives each ratio between scenarios of list that has an exact interval: a
// comparison of two closed loops, each with a valid trial in six blocks or more, whose
// packets cross in the same form. In what form a program of others moves them is a
// property of the program: its findings say so where the form is another.
func Compared(list []*figure.Scenario) (all []Finding) {
	counts := func(s *figure.Scenario) bool {
		return !s.Head().Invalid && !s.Head().Paced() && !figure.Short(s)
	}
	for _, d := range respects() {
		for _, g := range d.Groups(list) {
			base := g.Base()
			for _, s := range g.Scenarios[1:] {
				if !d.compares(s, base) || !counts(s) || !counts(base) || !Alike(d.Difference, s, base) && d.Name != programs.Name {
					continue
				}
				if r, ok := d.Ratio(s, base); ok && r.Interval.Exact && r.Interval.Low > 0 {
					all = append(all, Finding{d.Difference, s, base, r})
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
// choose from. The ratio whose interval stays farthest from 1 comes first, less the width
// of the interval. No respect is found twice before each has been found once, none three
// times, and where a respect shows no difference, one ratio that says how small it is at
// most follows the others.
func Of(list []*figure.Scenario) (chosen []Finding, of int) {
	all := Compared(list)
	beyond := TrustOf(list)
	var differ, equal []Finding
	for _, f := range all {
		switch {
		case beyond.Shows(f.Ratio):
			differ = append(differ, f)
		case !f.Differs() && f.AtMost() <= Informative:
			equal = append(equal, f)
		}
	}
	slices.SortStableFunc(differ, func(a, b Finding) int { return cmp.Compare(b.weight(), a.weight()) })
	slices.SortStableFunc(equal, func(a, b Finding) int { return cmp.Compare(a.AtMost(), b.AtMost()) })
	seen := map[string]int{}
	var more []Finding
	take := func(from []Finding) {
		for _, f := range from {
			switch seen[f.Difference.Name]++; seen[f.Difference.Name] {
			case 1:
				chosen = append(chosen, f)
			case mostOfOne:
				more = append(more, f)
			}
		}
	}
	take(differ)
	second := more
	take(equal)
	chosen = chosen[:min(len(chosen), Most)]
	chosen = append(chosen, second[:min(len(second), Most-len(chosen))]...)
	slices.SortStableFunc(chosen, func(a, b Finding) int { return cmp.Compare(b.weight(), a.weight()) })
	return chosen, len(all)
}
