package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"tunbench/bench/folder"
	"tunbench/reports/record"
)

// withResume are the flags that may be given with --resume. What they ask for is done beside
// what that run was asked for; --json only says what this process prints.
var withResume = []string{"resume", "json", "strict", "github", "full"}

// resumeRun measures what is missing in the run that flags.resume names.
func resumeRun(a *app, cmd *cobra.Command, flags runFlags) error {
	if err := leaveOut(cmd, "--resume takes the flags of that run", except(withResume...)); err != nil {
		return err
	}
	dir, err := folder.Find(flags.resume)
	if err != nil {
		return fmt.Errorf("--resume: %w", err)
	}
	// The lock is taken before the file is read: otherwise trials that another process
	// still writes would be measured again.
	if err := a.hold(filepath.Join(dir, record.FileName)); err != nil {
		return fmt.Errorf("--resume: %w", err)
	}
	f, err := record.ReadFile(dir)
	if err != nil {
		return fmt.Errorf("--resume: %w", err)
	}
	args, ok := runArguments(f.Run.Args)
	if !ok {
		return fmt.Errorf("--resume %s: its file was not made by tunbench run, but by %q", flags.resume, f.Run.Args)
	}
	if f.End != nil {
		to := a.stdout
		if flags.asJSON { // stdout is for records only
			to = a.stderr
		}
		fmt.Fprintf(to, "%s is finished: nothing is missing\n", flags.resume)
		return nil
	}
	var was runFlags
	earlier := &cobra.Command{Use: "run"}
	was.register(earlier)
	// The flags of all commands are not registered here.
	earlier.FParseErrWhitelist.UnknownFlags = true
	if err := earlier.ParseFlags(args); err != nil {
		return fmt.Errorf("--resume %s: its flags: %w", flags.resume, err)
	}
	if p := f.Run.Plan; p != nil && p.SuiteFile != "" {
		was.suite = p.SuiteFile // the path may have been relative to another folder
	}
	plan, err := was.runPlan(f.Run.Args)
	if err != nil {
		return fmt.Errorf("--resume %s: its flags: %w", flags.resume, err)
	}
	if was.userns {
		return fmt.Errorf("--resume %s: a run inside a user namespace cannot be resumed; begin a new one", flags.resume)
	}
	if err := cmp.Or(a.privileges(), a.modules()); err != nil {
		return err
	}
	plan.Done, plan.Strict = f, flags.strict || was.strict
	return measurePlan(cmd.Context(), a, plan, outputs{
		out: dir, format: was.format, asJSON: flags.asJSON, github: flags.github || was.github, full: flags.full || was.full,
	})
}

// runArguments returns the arguments of a run, as they were typed, without the name of
// the command; false if it is not run.
func runArguments(args []string) ([]string, bool) {
	i := slices.Index(args, "run")
	if i < 0 {
		return nil, false
	}
	return slices.Concat(args[:i], args[i+1:]), true
}
