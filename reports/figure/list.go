package figure

import (
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/metric"
	"tunbench/reports/record"
)

func AllTrials(list []*Scenario) (all []*record.Trial) {
	for _, s := range list {
		all = append(all, s.All()...)
	}
	return all
}

// ModesOf gives the modes in the order of the scenarios.
func ModesOf(list []*Scenario) (modes []string) {
	for _, s := range list {
		if !slices.Contains(modes, s.Mode) {
			modes = append(modes, s.Mode)
		}
	}
	return modes
}

// CostUnit is the unit of a cost per packet in scenarios: in virtual time, it is no time.
func CostUnit(list []*Scenario) string {
	if len(list) == 0 || list[0].Run == nil {
		return metric.Of(record.SendNsPerPkt, record.ClockMonotonic).Unit
	}
	return FloorUnit(list[0].Run)
}

// InRounds reports whether some trial was measured in rounds.
func InRounds(list []*Scenario) bool {
	return slices.ContainsFunc(AllTrials(list), (*record.Trial).InRounds)
}

// OnLoopback reports whether some scenario has a ratio to loopback.
func OnLoopback(list []*Scenario) bool {
	return slices.ContainsFunc(list, func(s *Scenario) bool {
		_, ok := s.Head().Metric(record.LoopbackRatio)
		return ok
	})
}

// Titles returns the function that names scenarios in a table or chart: with the mode if
// list has more than one mode.
func Titles(list []*Scenario) func(*Scenario) string {
	if len(ModesOf(list)) > 1 {
		return (*Scenario).Full
	}
	return func(s *Scenario) string { return s.Label }
}

// Short reports whether the figures of s rest on a trial that measured for too
// short a time to be quoted.
func Short(s *Scenario) bool { return slices.ContainsFunc(s.Head().All, (*record.Trial).TooShort) }

// Named returns the function that names scenarios in a sentence, without a list of common
// axes next to it: a label that says nothing alone is replaced by all axes.
func Named(list []*Scenario) func(*Scenario) string {
	title := Titles(list)
	return func(s *Scenario) string {
		if mode, axes := axis.Split(s.Name); strings.HasPrefix(s.Label, axis.AtDefaults) && len(axes) > 0 {
			return mode + " " + strings.Join(axes, " ") + s.Where
		}
		return title(s)
	}
}

// IntervalsOf gives the intervals of a metric, of each scenario that has one.
func IntervalsOf(list []*Scenario, metric string) map[*Scenario]Interval {
	spans := map[*Scenario]Interval{}
	for _, s := range list {
		if sp, ok := s.Head().Interval(metric); ok {
			spans[s] = sp
		}
	}
	return spans
}

// Marks are the flags of t that say something about t. That there are more workers than
// CPUs is a fact of the host, which reports tell once.
func Marks(t *record.Trial) []string {
	return slices.DeleteFunc(slices.Clone(t.Flags), func(f string) bool { return f == record.FlagOversubscribed })
}
