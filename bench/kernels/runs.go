package kernels

import (
	"tunbench/harness/vm/guest"
	"tunbench/reports/record"
)

// run is a run that every boot makes.
type run struct {
	what string // names the folder of its file
	args []string
}

// Selection says which of the runs are made, and of which scenarios.
type Selection struct {
	BareOnly bool     // leave out the runs that show what the observer costs
	Filters  []string // as for --filter of run
	Profile  bool     // make profiles of what the first run measures
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
		return r
	}
	list := []run{of("bare", "kernels", "bare", record.HookNone)}
	if s.Profile {
		list[0].args = append(list[0].args, "--profile")
	}
	if s.BareOnly {
		return list
	}
	list = append(list, of("observer-bare", "kernels-observer", "bare", record.HookNone))
	for _, hook := range record.Hooks {
		list = append(list, of("observer-"+hook, "kernels-observer", "observed", hook))
	}
	return list
}

// Commands returns the command lines of tunbench that run in every boot, in order.
func (s Selection) Commands() (commands [][]string) {
	for _, r := range s.runs() {
		commands = append(commands, r.args)
	}
	return commands
}
