// Package curve finds the curves of a run: figures of scenarios that differ on an axis of
// numbers, one line for each value of another axis. It knows which of them a report shows
// by itself, and makes those that a user asks for.
package curve

import (
	"cmp"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
)

// Curve is a figure over the values of an axis.
type Curve struct {
	// X is the axis. Of load it is not the value that stands at a point, but the rate
	// that was offered, in packets/s.
	X string
	// Metric is the figure, as named by NamesOf; "" where the lines are quantiles of the
	// end-to-end latency.
	Metric string
	Clock  string
	By     []string // the axes in which the lines differ; none of a single line
	Mode   string   // TUN or TAP; "" where the lines differ in it
	Common []string // axis=value that all points have in common
	Lines  []Line
	Marks  []Mark
	// Left are the values of X that are no numbers, whose scenarios are left out.
	Left []string
	// Without are the scenarios that have no points for want of valid trials.
	Without []*figure.Scenario
}

// Line has its points in the order of X.
type Line struct {
	Name   string
	Points []Point
}

// Point is the figure of one scenario.
type Point struct {
	X float64
	Value
}

// Mark is a rate that a curve over load is compared with.
type Mark struct {
	Name string
	PPS  float64
}

// Axes are those over which a report shows curves by itself.
var Axes = []string{"size", "queues", "flows", "txqlen", "senders", load}

const (
	load = "load"
	// fewest is how many numbers make an axis of a curve.
	fewest = 3
	// Lines is how many lines a curve has at most.
	Lines = 5
)

// united are axes that describe one thing together, so that lines may differ in all of
// them.
var united = [][]string{{"vnet", "offload"}, {"path", "cipher", "program"}}

// Of gives the curves that the report on f shows. list are the scenarios of f. A curve has
// at least one line of three points.
func Of(f *record.File, list []*figure.Scenario) (all []Curve) {
	for _, x := range Axes {
		families := familiesOf(list, x)
		for _, group := range together(families) {
			for part := range slices.Chunk(group.families, Lines) {
				all = append(all, group.curves(f, list, part)...)
			}
		}
	}
	return all
}

// family are scenarios that differ in one axis of numbers only, one or more for each
// number.
type family struct {
	x         string
	scenarios []*figure.Scenario
}

// first stands for what all scenarios of the family have in common.
func (m family) first() *figure.Scenario { return m.scenarios[0] }

// familiesOf gives the families of at least three numbers on x, in the order of their
// first scenarios. A rate that an open loop sets says nothing about another axis, so only
// load has open loops, and nothing else.
func familiesOf(list []*figure.Scenario, x string) (families []family) {
	byRest := map[string]int{}
	for _, s := range list {
		if _, ok := number(s, x); !ok || s.Open() != (x == load) {
			continue
		}
		rest := restOf(s, x)
		i, ok := byRest[rest]
		if !ok {
			i = len(families)
			byRest[rest] = i
			families = append(families, family{x: x})
		}
		families[i].scenarios = append(families[i].scenarios, s)
	}
	return slices.DeleteFunc(families, func(m family) bool {
		return len(distinct(m.scenarios, x)) < fewest
	})
}

// group is families that differ in the axes by only.
type group struct {
	by       []string
	families []family
}

// together groups families: again and again, the largest group of those that differ in one
// axis, or in united ones. Of groups of the same size the first counts, in the order of
// the axes in names, the mode last. Groups are in the order of their first families.
func together(families []family) (all []group) {
	for left := families; len(left) > 0; {
		best := group{nil, left[:1]}
		for _, by := range candidates(left) {
			byRest := map[string][]family{}
			for _, m := range left {
				rest := restOf(m.first(), append([]string{m.x}, by...)...)
				byRest[rest] = append(byRest[rest], m)
				if len(byRest[rest]) > len(best.families) {
					best = group{by, byRest[rest]}
				}
			}
		}
		all = append(all, best)
		left = slices.DeleteFunc(slices.Clone(left), func(m family) bool {
			return slices.ContainsFunc(best.families, func(taken family) bool { return taken.first() == m.first() })
		})
	}
	at := func(g group) int {
		return slices.IndexFunc(families, func(m family) bool { return m.first() == g.families[0].first() })
	}
	slices.SortFunc(all, func(a, b group) int { return cmp.Compare(at(a), at(b)) })
	return all
}

// candidates are the axes in which families differ, those that are united as one.
func candidates(families []family) (list [][]string) {
	var differing []string
	for _, name := range append(slices.Clone(record.Axes[1:]), record.Axes[0]) {
		if slices.ContainsFunc(families, func(m family) bool { return valueOf(m.first(), name) != valueOf(families[0].first(), name) }) && name != families[0].x {
			differing = append(differing, name)
		}
	}
	for _, name := range differing {
		of := []string{name}
		for _, u := range united {
			if slices.Contains(u, name) {
				of = slices.DeleteFunc(slices.Clone(u), func(a string) bool { return !slices.Contains(differing, a) })
			}
		}
		if of[0] == name {
			list = append(list, of)
		}
	}
	return list
}

// curves gives those of part, some families of g.
func (g group) curves(f *record.File, all []*figure.Scenario, part []family) (curves []Curve) {
	base := Curve{X: part[0].x, Clock: f.Run.Clock, By: g.by}
	if len(part) == 1 {
		base.By = nil
	}
	base.describe(part)
	if base.X == load {
		if f.Run.Clock == record.ClockICount {
			return nil // a second is a number of instructions
		}
		return latencies(f, all, base, part)
	}
	for _, name := range shown(base.X, f.Run.Clock, part) {
		c := base
		c.Metric = name
		for _, m := range part {
			c.add(Line{nameOf(m.first(), base.By), pointsOf(m.scenarios, base.X, name)}, fewest)
		}
		if len(c.Lines) > 0 && !c.flat() {
			curves = append(curves, c)
		}
	}
	return curves
}

// latencies gives the curves over the offered rate: for each family the quantiles, and
// where there are several families also the p99 of them all.
func latencies(f *record.File, all []*figure.Scenario, base Curve, part []family) (curves []Curve) {
	for _, m := range part {
		c := base
		c.By, c.Metric = nil, ""
		c.describe([]family{m})
		for _, own := range strings.Fields(nameOf(m.first(), base.By)) {
			if own != c.Mode && !slices.Contains(c.Common, own) {
				c.Common = append(c.Common, own) // at its default, which no name has
			}
		}
		for _, q := range []string{"p50", "p99", "p99.9"} {
			c.add(Line{q, pointsOf(m.scenarios, load, record.E2E+"_"+q)}, fewest)
		}
		c.Marks = marksOf(f, all, m.first())
		if len(c.Lines) > 0 {
			curves = append(curves, c)
		}
	}
	if len(curves) > 1 {
		c := base
		c.Metric = metric.LatencyP99
		for _, m := range part {
			c.add(Line{nameOf(m.first(), base.By), pointsOf(m.scenarios, load, c.Metric)}, fewest)
		}
		curves = append(curves, c)
	}
	return curves
}

// describe names what all scenarios of families have in common.
func (c *Curve) describe(families []family) {
	var names []string
	c.Mode, c.Without = families[0].first().Mode, nil
	for _, m := range families {
		if m.first().Mode != c.Mode {
			c.Mode = ""
		}
		for _, s := range m.scenarios {
			names = append(names, s.Name)
			// Where the observed trials alone are valid, the offered rate is not known.
			if _, placed := placeOf(s, c.X); len(s.Valid()) == 0 || s.Head().Invalid && !placed {
				c.Without = append(c.Without, s)
			}
		}
	}
	c.Common = axis.Common(names)
	if where := families[0].first().Where; where != "" {
		c.Common = append(c.Common, strings.TrimLeft(where, " ·"))
	}
}

// add adds a line of at least so many points, or as many as are left, and two, where
// scenarios have no valid trial.
func (c *Curve) add(l Line, least int) {
	if len(l.Points) >= max(min(least, 2), least-len(c.Without)) {
		c.Lines = append(c.Lines, l)
	}
}

// flat reports whether the figure is 0 at every point, such as a loss that nobody had.
func (c *Curve) flat() bool {
	return !slices.ContainsFunc(c.Lines, func(l Line) bool { return slices.ContainsFunc(l.Points, func(p Point) bool { return p.Y != 0 }) })
}

// pointsOf gives the points of scenarios that have the figure.
func pointsOf(scenarios []*figure.Scenario, x, name string) (points []Point) {
	for _, s := range scenarios {
		at, ok := placeOf(s, x)
		value, has := ValueOf(s, name)
		if ok && has {
			points = append(points, Point{at, value})
		}
	}
	slices.SortStableFunc(points, func(a, b Point) int { return cmp.Compare(a.X, b.X) })
	return points
}

// shown names the figures that a report shows over x.
func shown(x, clock string, families []family) []string {
	if clock == record.ClockICount {
		return []string{metric.Headline(clock).Metric} // rates mean nothing
	}
	all := func(gens ...string) bool {
		return !slices.ContainsFunc(families, func(m family) bool { return !slices.Contains(gens, valueOf(m.first(), "gen")) })
	}
	rate := record.PPS
	switch {
	case all("tcp", "iperf3"):
		rate = record.GoodputBitPerS
	case all("tcp-rr", "udp-rr"):
		rate = record.TPS
	case x == "size":
		rate = record.BitPerS
	}
	switch x {
	case "size":
		return []string{rate, record.CPUNsPerPkt}
	case "flows":
		return []string{rate, record.Jain}
	case "txqlen":
		return []string{rate, record.Loss}
	}
	return []string{rate}
}

// marksOf gives the rates that the latencies of s are compared with: what the closed loop
// of the same device delivered, and the NDR that a search found.
func marksOf(f *record.File, all []*figure.Scenario, s *figure.Scenario) (marks []Mark) {
	open := []string{load, "spacing", "pause"}
	rest := restOf(s, open...)
	for _, other := range all {
		if other.Open() || restOf(other, open...) != rest || valueOf(other, "pause") != valueOf(s, "pause") {
			continue
		}
		if m, ok := other.Head().Metric(record.PPS); ok {
			marks = append(marks, Mark{"load=max", m.Median})
		}
		for _, found := range f.Searches {
			for _, g := range found.Goals {
				if found.Scenario == other.Name && found.Shard == other.Shard && g.Name == record.NDRPPS && g.Resolved && g.LowerPPS != nil {
					marks = append(marks, Mark{metric.GoalName(g), *g.LowerPPS})
				}
			}
		}
	}
	slices.SortStableFunc(marks, func(a, b Mark) int { return cmp.Compare(a.PPS, b.PPS) })
	return marks
}
