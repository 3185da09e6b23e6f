package figure

import (
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/record"
)

// Difference is a respect in which scenarios differ.
type Difference struct {
	Name string // what its sentences are called
	Axes []string
	// First is the value of the first axis that the other values are compared with,
	// if a group has it; otherwise they are compared with the first one of the group.
	First string
	// Bits compares bit rates: what counts is how much one call carries.
	Bits bool
}

// Differences are those that reports show.
var Differences = []Difference{
	{Name: "io", Axes: []string{"io"}, First: "read"},
	{Name: "vnet", Axes: []string{"vnet", "offload"}, First: "off", Bits: true},
	{Name: "queues", Axes: []string{"queues"}, First: "1"},
	{Name: "dir", Axes: []string{"dir"}, First: "k2u"},
	{Name: "path", Axes: []string{"path", "cipher"}, First: "veth"},
	{Name: "copy", Axes: []string{"copy"}, First: "1"},
}

// DifferenceGroup is at least two scenarios that differ in the axes of a Difference
// only.
type DifferenceGroup struct {
	Name      string // what they have in common
	Scenarios []*Scenario
}

// Base is the scenario that the others are compared with, the first.
func (g DifferenceGroup) Base() *Scenario { return g.Scenarios[0] }

// Groups gives the groups of d in list, in the order of their first scenarios.
func (d Difference) Groups(list []*Scenario) (groups []DifferenceGroup) {
	byName := map[string][]*Scenario{}
	var order []string
	for _, s := range list {
		name := d.rest(s)
		if _, ok := byName[name]; !ok {
			order = append(order, name)
		}
		byName[name] = append(byName[name], s)
	}
	for _, name := range order {
		all := byName[name]
		if len(all) < 2 {
			continue
		}
		base := max(0, slices.IndexFunc(all, func(s *Scenario) bool { return axis.Of(s.Head().All[0], d.Axes[0]) == d.First }))
		groups = append(groups, DifferenceGroup{name, slices.Concat(all[base:base+1], all[:base], all[base+1:])})
	}
	return groups
}

// Metric is the rate that d compares.
func (d Difference) Metric() string {
	if d.Bits {
		return record.BitPerS
	}
	return record.PPS
}

// Ratio compares the rate of s with that of base, in the rounds that they share. An
// observed scenario is compared with an observed one only.
func (d Difference) Ratio(s, base *Scenario) (Ratio, bool) {
	if (len(s.Bare.All) == 0) != (len(base.Bare.All) == 0) {
		return Ratio{}, false
	}
	if d.Bits {
		return RatioOf(s.Head(), base.Head(), Bytes)
	}
	return RatioOf(s.Head(), base.Head(), Packets)
}

// rest names a scenario without the axes of d: what its group has in common.
func (d Difference) rest(s *Scenario) string {
	mode, axes := axis.Split(s.Name)
	own := slices.DeleteFunc(slices.Clone(axes), func(a string) bool {
		axis, _, _ := strings.Cut(a, "=")
		return slices.Contains(d.Axes, axis)
	})
	return mode + " " + strings.Join(own, " ") + s.Where // other hosts have groups of their own
}
