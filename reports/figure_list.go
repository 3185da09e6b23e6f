package reports

import (
	"slices"
	"strings"

	"tunbench/reports/record"
)

func allTrials(list []*scenario) (all []*record.Trial) {
	for _, s := range list {
		all = append(all, s.all()...)
	}
	return all
}

func allCosts(list []*scenario) (all []float64) {
	for _, s := range list {
		all = append(all, s.costs()...)
	}
	return all
}

// modesOf gives the modes in the order of the scenarios.
func modesOf(list []*scenario) (modes []string) {
	for _, s := range list {
		if !slices.Contains(modes, s.mode) {
			modes = append(modes, s.mode)
		}
	}
	return modes
}

// titles gives what to call the scenarios in a table or chart: with the mode
// if there is more than one.
func titles(list []*scenario) func(*scenario) string {
	if len(modesOf(list)) > 1 {
		return (*scenario).full
	}
	return func(s *scenario) string { return s.label }
}

// short reports whether the figures of s rest on a trial that measured for too
// short a time to be quoted.
func short(s *scenario) bool { return slices.ContainsFunc(s.head().all, (*record.Trial).TooShort) }

// named gives what to call the scenarios in a sentence, where no list of common
// axes stands beside it: a label that says nothing alone is replaced by all axes.
func named(list []*scenario) func(*scenario) string {
	title := titles(list)
	return func(s *scenario) string {
		if mode, axes := split(s.name); strings.HasPrefix(s.label, atDefaults) && len(axes) > 0 {
			return mode + " " + strings.Join(axes, " ") + s.where
		}
		return title(s)
	}
}

// ratesOf gives the spans of the packet rate of each scenario that has one.
func ratesOf(list []*scenario) map[*scenario]interval {
	spans := map[*scenario]interval{}
	for _, s := range list {
		if sp, ok := s.head().interval(record.PPS); ok {
			spans[s] = sp
		}
	}
	return spans
}
