package curve

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// Ask is a curve that a user asks for, such as x=size,y=bit_per_s,by=vnet,dir=k2u.
type Ask struct {
	Text string // as typed
	X, Y string
	// By are the axes in which the lines differ, given as by=vnet or by=vnet+offload.
	By []string
	// Keep holds, for some axes, the values that are kept.
	Keep map[string][]string
}

// askSyntax is what an error says about the syntax.
const askSyntax = "write x=AXIS,y=METRIC,by=AXIS, such as x=size,y=bit_per_s,by=vnet, and AXIS=VALUE for each axis of which one value is to be kept"

// ParseAsk reads what a user asks for. Which metrics there are depends on the run.
func ParseAsk(s string) (Ask, error) {
	a := Ask{Text: s, Keep: map[string][]string{}}
	last := ""
	for _, token := range strings.Split(s, ",") {
		key, value, ok := strings.Cut(strings.TrimSpace(token), "=")
		if !ok && a.Keep[last] != nil {
			key, value, ok = last, key, true // another value of the same axis, as in io=read,poll
		}
		switch {
		case !ok || key == "" || value == "":
			return Ask{}, fmt.Errorf("%q: %q is no KEY=VALUE: %s", s, token, askSyntax)
		case (key == "x" && a.X != "") || (key == "y" && a.Y != "") || (key == "by" && a.By != nil):
			return Ask{}, fmt.Errorf("%q: %s= is given twice: repeat --plot for another plot", s, key)
		case key == "x":
			a.X = value
		case key == "y":
			a.Y = value
		case key == "by":
			a.By = strings.Split(value, "+")
		default:
			a.Keep[key] = append(a.Keep[key], value)
		}
		last = key
	}
	if a.X == "" || a.Y == "" {
		return Ask{}, fmt.Errorf("%q: x= or y= is missing: %s", s, askSyntax)
	}
	for _, name := range slices.Concat([]string{a.X}, a.By, slices.Sorted(maps.Keys(a.Keep))) {
		if !slices.Contains(record.Axes, name) {
			return Ask{}, fmt.Errorf("%q: no axis %q: choose %s", s, name, strings.Join(record.Axes, ", "))
		}
	}
	if slices.Contains(a.By, a.X) {
		return Ask{}, fmt.Errorf("%q: %s cannot be both x and by", s, a.X)
	}
	return a, nil
}

// Of makes the curve of f, whose scenarios are list. An error says what to ask for instead.
func (a Ask) Of(f *record.File, list []*figure.Scenario) (Curve, error) {
	if slices.ContainsFunc(f.Trials, func(t record.Trial) bool { return t.Variant != "" }) {
		return Curve{}, fmt.Errorf("%q: a file of tunbench ab holds two variants, not scenarios that differ on an axis: plot a run", a.Text)
	}
	kept, err := a.kept(list)
	if err != nil {
		return Curve{}, err
	}
	if names := NamesOf(kept); !slices.Contains(names, a.Y) {
		return Curve{}, fmt.Errorf("%q: no scenario has a metric %q: choose %s", a.Text, a.Y, strings.Join(names, ", "))
	}
	numbered, left, err := a.numbered(kept)
	if err != nil {
		return Curve{}, err
	}
	a.By = withUnited(numbered, a.By)
	if err := a.same(numbered); err != nil {
		return Curve{}, err
	}
	lines := map[string]*family{}
	var order []string
	for _, s := range numbered {
		name := nameOf(s, a.By)
		if lines[name] == nil {
			order = append(order, name)
			lines[name] = &family{x: a.X}
		}
		lines[name].scenarios = append(lines[name].scenarios, s)
	}
	c := Curve{X: a.X, Metric: a.Y, Clock: f.Run.Clock, By: a.By, Left: left}
	var families []family
	longest := 0
	for _, name := range order {
		families = append(families, *lines[name])
		if len(distinct(lines[name].scenarios, a.X)) < len(lines[name].scenarios) {
			return Curve{}, fmt.Errorf("%q: the scenarios also differ in an axis that this tunbench does not know: use the one that measured them", a.Text)
		}
		points := pointsOf(lines[name].scenarios, a.X, a.Y)
		longest = max(longest, len(points))
		c.add(Line{name, points}, 1)
	}
	if longest < 2 {
		return Curve{}, fmt.Errorf("%q: no line has two points: fewer than two scenarios of each value of %s have %s", a.Text, strings.Join(a.By, " and "), a.Y)
	}
	if len(c.Lines) > Lines {
		values := distinct(numbered, a.By[0])
		return Curve{}, fmt.Errorf("%q: %d lines, and a chart can tell %d apart: keep some of the values of %s (%s), such as by adding %s=%s", a.Text, len(c.Lines), Lines,
			a.By[0], listed(values), a.By[0], strings.Join(values[:min(2, len(values))], ","))
	}
	c.describe(families)
	if len(c.Lines) == 1 {
		c.By = nil
		c.Marks = a.marks(f, list, families[0])
	}
	return c, nil
}

// marks are those of a latency over load.
func (a Ask) marks(f *record.File, list []*figure.Scenario, m family) []Mark {
	if a.X != load || KindOf(a.Y, f.Run.Clock).Unit != "ns" {
		return nil
	}
	return marksOf(f, list, m.first())
}

// kept are the scenarios that have the values to keep.
func (a Ask) kept(list []*figure.Scenario) ([]*figure.Scenario, error) {
	for _, name := range slices.Sorted(maps.Keys(a.Keep)) {
		there := distinct(list, name)
		for _, v := range a.Keep[name] {
			if !slices.Contains(there, v) {
				return nil, fmt.Errorf("%q: no scenario has %s=%s: this run has %s", a.Text, name, v, listed(there))
			}
		}
		list = slices.DeleteFunc(slices.Clone(list), func(s *figure.Scenario) bool { return !slices.Contains(a.Keep[name], valueOf(s, name)) })
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("%q: no scenario of this run has all of these values", a.Text)
	}
	return list, nil
}

// numbered are the scenarios whose value of X is a number, and left the values that are
// none.
func (a Ask) numbered(list []*figure.Scenario) (numbered []*figure.Scenario, left []string, err error) {
	for _, s := range list {
		if _, ok := number(s, a.X); ok {
			numbered = append(numbered, s)
		} else if v := valueOf(s, a.X); !slices.Contains(left, v) {
			left = append(left, v)
		}
	}
	if len(distinct(numbered, a.X)) >= 2 {
		return numbered, left, nil
	}
	var can []string
	for _, name := range record.Axes {
		var numbers []*figure.Scenario
		for _, s := range list {
			if _, ok := number(s, name); ok {
				numbers = append(numbers, s)
			}
		}
		if values := distinct(numbers, name); len(values) >= 2 {
			can = append(can, name+" ("+listed(values)+")")
		}
	}
	instead := "no axis has two numbers here"
	if len(can) > 0 {
		instead = "choose " + strings.Join(can, " or ")
	}
	return nil, nil, fmt.Errorf("%q: %s has fewer than two numbers in these scenarios (%s): %s", a.Text, a.X, listed(distinct(list, a.X)), instead)
}

// withUnited adds to by the axes that describe one thing together with one of them, where
// its value decides theirs: vnet=off has offload=none, and vnet=10 has offload=uso.
func withUnited(list []*figure.Scenario, by []string) []string {
	all := slices.Clone(by)
	for _, name := range by {
		for _, u := range united {
			if !slices.Contains(u, name) {
				continue
			}
			for _, other := range u {
				if !slices.Contains(all, other) && len(distinct(list, other)) > 1 && decides(list, name, other) {
					all = append(all, other)
				}
			}
		}
	}
	return all
}

// decides reports whether scenarios of one value of name all have one value of other.
func decides(list []*figure.Scenario, name, other string) bool {
	of := map[string]string{}
	for _, s := range list {
		v, o := valueOf(s, name), valueOf(s, other)
		if was, ok := of[v]; ok && was != o {
			return false
		}
		of[v] = o
	}
	return true
}

// same makes sure that the scenarios differ in X and By only: two lines that differ in
// something else as well would not show what By does.
func (a Ask) same(list []*figure.Scenario) error {
	var further, fixed []string
	for _, name := range record.Axes {
		if name == a.X || slices.Contains(a.By, name) {
			continue
		}
		if values := distinct(list, name); len(values) > 1 {
			further = append(further, name+" ("+listed(values)+")")
			fixed = append(fixed, name+"="+values[0])
		}
	}
	hosts := map[string]bool{}
	for _, s := range list {
		hosts[s.Where] = true
	}
	switch {
	case len(hosts) > 1:
		return fmt.Errorf("%q: the scenarios were measured on %d hosts, whose figures cannot be compared: plot the file of each", a.Text, len(hosts))
	case len(further) == 0:
		return nil
	}
	each := ""
	if len(further) > 1 {
		each = " of one of them"
	}
	draw := "by=" + strings.Join(append(slices.Clone(a.By), strings.SplitN(fixed[0], "=", 2)[0]), "+")
	return fmt.Errorf("%q: the scenarios also differ in %s: keep one value of each, such as by adding %s, or draw a line for each value%s with %s", a.Text, strings.Join(further, " and "), strings.Join(fixed, ","), each, draw)
}

// listed names values, but not more than can be read.
func listed(values []string) string {
	const most = 8
	shown := slices.Clone(values)
	for i, v := range shown {
		if v == "" {
			shown[i] = "its default"
		}
	}
	if len(shown) > most {
		return strings.Join(shown[:most], ", ") + fmt.Sprintf(" and %d more", len(shown)-most)
	}
	return strings.Join(shown, ", ")
}
