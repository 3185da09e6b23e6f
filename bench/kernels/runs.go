package kernels

import (
	"errors"

	"tunbench/bench/plan"
	"tunbench/bench/suite"
	"tunbench/harness/vm/guest"
	"tunbench/reports/record"
)

// run is a run that every boot makes.
type run struct {
	what string // names the folder of its file
	args []string
}

// The suites of the runs, unless --suite names another.
const (
	bareSuite     = "kernels"
	observerSuite = "kernels-observer"
)

// bareRun is the run that all comparisons come from.
const bareRun = "bare"

// Selection says which of the runs are made, and of which scenarios.
type Selection struct {
	BareOnly bool     // leave out the runs that show what the observer costs
	Suite    string   // of the bare run
	Filters  []string // as for --filter of run
	Sets     []string // as for --set of run
	Profile  bool     // make profiles of what the bare run measures
}

// SelectionFlags are those of Selection.Register.
var SelectionFlags = []string{"suite", "filter", "set", "profile"}

// Register registers the flags.
func (s *Selection) Register(f flagSet) {
	f.StringVar(&s.Suite, "suite", bareSuite, "what to measure: a suite or a file that ends in .yaml; with another suite than "+bareSuite+", the cost of the observer is not measured")
	f.StringArrayVar(&s.Filters, "filter", nil, "keep scenarios that match all of 'axis=v1,v2 axis=v' (may repeat)")
	f.StringArrayVar(&s.Sets, "set", nil, "set an axis of every scenario: axis=value; several values, axis=v1,v2, multiply the scenarios (may repeat)")
	plan.ProfileFlag(f, &s.Profile)
}

// runs returns them in the order in which a guest makes them. Seeds are fixed, so that
// all boots send the same packets.
func (s Selection) runs() []run {
	of := func(what, suite, arm, hook string) run {
		r := run{what, []string{
			"run", "--suite", suite, "--arm", arm, "--hook", hook, "--seed", "1", "--out", guest.OutDir + "/" + what,
			"--verbose", // the console of a guest that hangs then shows where
		}}
		for _, filter := range s.Filters {
			r.args = append(r.args, "--filter", filter)
		}
		for _, set := range s.Sets {
			r.args = append(r.args, "--set", set)
		}
		return r
	}
	list := []run{of(bareRun, s.Suite, "bare", record.HookNone)}
	if s.Profile {
		list[0].args = append(list[0].args, "--profile")
	}
	if s.BareOnly || s.Suite != bareSuite {
		return list
	}
	list = append(list, of("observer-bare", observerSuite, "bare", record.HookNone))
	for _, hook := range record.Hooks {
		list = append(list, of("observer-"+hook, observerSuite, "observed", hook))
	}
	return list
}

// runFolders are the folders of all runs that a boot may have made.
func runFolders() (names []string) {
	for _, r := range (Selection{Suite: bareSuite}).runs() {
		names = append(names, r.what)
	}
	return names
}

// Commands returns the command lines of tunbench that run in every boot, in order.
func (s Selection) Commands() (commands [][]string) {
	for _, r := range s.runs() {
		commands = append(commands, r.args)
	}
	return commands
}

// Fit leaves out the runs of the observer if the filter matches none of their scenarios.
// check rehearses a command line; its error is returned where a run cannot be made for
// another reason.
func (s *Selection) Fit(check func(command []string) error) error {
	for i, command := range s.Commands() {
		err := check(command)
		switch {
		case err == nil:
		case i > 0 && errors.Is(err, suite.ErrNoMatch):
			s.BareOnly = true
			return nil
		default:
			return err
		}
	}
	return nil
}
