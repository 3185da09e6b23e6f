package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"tunbench/bench/compare"
	"tunbench/harness"
	"tunbench/harness/doctor"
	"tunbench/reports/record"
)

// Exit codes.
const (
	exitFailure     = 2 // wrong use or a failure of the tool
	exitUnknown     = 3 // not judged, see record.ExitRule
	exitInterrupted = 130
)

// app is what the commands share. Its functions are fields so that tests run
// the commands without a kernel.
type app struct {
	args           []string
	stdout, stderr io.Writer
	quiet, verbose bool

	lab        func() compare.Lab
	host       func() record.Host
	privileges func() error
	doctor     func(context.Context) (doctor.Report, error)

	rehearsal *rehearsal // a command stops at its plan and leaves it here; nil: it runs

	held []*record.Lock // of the run files that this command writes, until it ends
}

// run executes the command line args and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a := &app{
		args: args, stdout: stdout, stderr: stderr,
		lab: func() compare.Lab { return harness.New() }, host: func() record.Host { return harness.New().Host() },
		privileges: harness.CheckPrivileges, doctor: doctor.Examine,
	}
	return a.execute(ctx)
}

func (a *app) execute(ctx context.Context) int {
	root := a.root()
	root.SetArgs(append([]string{}, a.args...)) // nil would mean os.Args
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	for _, lock := range a.held {
		lock.Close()
	}
	a.held = nil
	if err == nil {
		return 0
	}
	code := exitFailure
	var exit exitError
	if errors.As(err, &exit) {
		code, err = exit.code, exit.err
	}
	if err != nil {
		fmt.Fprintf(a.stderr, "tunbench: %v\n", err)
	}
	return code
}

// exitError ends the process with code, after printing err if that is not nil.
type exitError struct {
	code int
	err  error
}

func (e exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e exitError) Unwrap() error { return e.err }

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tunbench",
		Short: "measure Linux TUN/TAP devices, seen from inside the kernel",
		Long: `tunbench builds TUN and TAP devices in a network namespace of its own, drives
packets through them, watches tun_net_xmit and tun_do_read with eBPF, and
writes what it measured to run.jsonl and report.md.

Exit codes: 0 all well; 1 a regression; 2 wrong use or a failure of the tool;
3 not judged: a scenario of the base is missing or failed, or nothing could be
judged, and under --strict or --fail-on inconclusive what is inconclusive or
invalid; 130 interrupted.`,
		Example: `  sudo tunbench run --suite smoke
  tunbench doctor
  tunbench report reports/runs/20260102T030405Z-6.18.0`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		// cobra calls this before each command.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return noneEmpty(cmd) },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())
	})
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "print errors only, beside what was asked for")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "print a line for each scenario where no progress is drawn")
	root.MarkFlagsMutuallyExclusive("quiet", "verbose")
	root.AddCommand(a.runCommand(), a.abCommand(), a.workerCommand(), a.listCommand(), a.doctorCommand(), a.reportCommand(), a.compareCommand(), a.historyCommand(), a.mergeCommand(), a.vmCommand(), a.kernelsCommand(), a.versionCommand(), a.manCommand())
	return root
}

// mayBeEmpty are the flags whose empty value says something: a scenario as it
// is, no more kernel parameters.
var mayBeEmpty = []string{"a", "b", "append"}

// noneEmpty refuses `--out ”` and its like, which a script writes where it means
// another value: taken for the default, it would measure something else.
func noneEmpty(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && f.Value.Type() == "string" && f.Value.String() == "" && !slices.Contains(mayBeEmpty, f.Name) {
			err = fmt.Errorf("--%s \"\": is empty: give it a value, or leave it out; see %s --help", f.Name, cmd.CommandPath())
		}
	})
	return err
}

// warnf prints to stderr unless -q is given.
func (a *app) warnf(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}
