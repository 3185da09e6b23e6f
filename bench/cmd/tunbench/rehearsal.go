package main

import (
	"errors"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"tunbench/bench/plan"
	"tunbench/bench/progress"
)

// rehearsal is what a command line would do, found out without doing it.
type rehearsal struct {
	progress.Work
	outputs // of a run
	command string
}

// plans records that the command would measure p.
func (r *rehearsal) plans(p plan.Plan) {
	r.Work = progress.Work{Trials: p.Trials(), OfArm: p.Pairs, Arms: len(p.Arms)}
}

// errRehearsed ends a command that is only rehearsed.
var errRehearsed = errors.New("rehearsed")

// rehearse checks a command line of tunbench, as far as that needs neither root nor the
// kernel. Its errors are those that the command would return.
func rehearse(a *app, args []string) (rehearsal, error) {
	var r rehearsal
	b := &app{args: args, stdout: io.Discard, stderr: io.Discard, quiet: true, lab: a.lab, host: a.host, privileges: a.privileges, doctor: a.doctor, rehearsal: &r}
	root := rootCommand(b)
	root.SetArgs(slices.Clone(args))
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		r.command = cmd.Name()
		if err := errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil {
			return err
		}
		switch r.command {
		case "run", "ab", "advise", "list":
			return nil // they continue to their plan
		}
		return errRehearsed
	}
	err := root.Execute()
	if errors.Is(err, errRehearsed) {
		err = nil
	}
	return r, err
}
