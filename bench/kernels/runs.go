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

// runs returns them in the order in which a guest makes them. Seeds are fixed, so that
// all boots send the same packets.
func runs() []run {
	of := func(what, suite, arm, hook string) run {
		return run{what, []string{
			"run", "--suite", suite, "--arm", arm, "--hook", hook, "--seed", "1", "--out", guest.OutDir + "/" + what,
			"--verbose", // the console of a guest that hangs then shows where
		}}
	}
	list := []run{
		of("bare", "kernels", "bare", record.HookNone),
		of("observer-bare", "kernels-observer", "bare", record.HookNone),
	}
	for _, hook := range record.Hooks {
		list = append(list, of("observer-"+hook, "kernels-observer", "observed", hook))
	}
	return list
}

// Commands returns the command lines of tunbench that run in every boot, in order.
func Commands() (commands [][]string) {
	for _, r := range runs() {
		commands = append(commands, r.args)
	}
	return commands
}
