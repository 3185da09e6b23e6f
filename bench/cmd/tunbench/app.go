package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tunbench/bench/boot"
	"tunbench/bench/compare"
	"tunbench/bench/kernels"
	"tunbench/bench/plan"
	"tunbench/harness"
	"tunbench/harness/doctor"
	"tunbench/harness/swap"
	"tunbench/reports/disk"
	"tunbench/reports/record"
)

// Exit codes.
const (
	exitFailure     = 2 // wrong use or a failure of the tool
	exitUnknown     = 3 // not judged, see verdict.ExitRule
	exitInterrupted = 130
)

// app is what the commands share. Its functions are fields so that tests run
// the commands without a kernel.
type app struct {
	args           []string
	stdout, stderr io.Writer
	quiet, verbose bool

	lab        func() compare.Lab
	blocks     func() plan.Blocks
	profiler   func() (plan.Profiler, error) // or why stacks cannot be sampled
	host       func() record.Host
	privileges func() error
	modules    func() error // whether those of --module can be loaded
	doctor     func(context.Context) (doctor.Report, error)

	rehearsal *rehearsal // if not nil, a command stops at its plan and leaves it here

	held []*disk.Lock // on the run files that this command writes
}

// run executes the command line args and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a := &app{
		args: args, stdout: stdout, stderr: stderr,
		lab: func() compare.Lab { return harness.New() }, blocks: func() plan.Blocks { return harness.New() },
		profiler:   func() (plan.Profiler, error) { return harness.New(), harness.CheckProfile() },
		host:       func() record.Host { return harness.New().Host() },
		privileges: harness.CheckPrivileges, modules: swap.Ready, doctor: doctor.Examine,
	}
	return a.execute(ctx)
}

func (a *app) execute(ctx context.Context) int {
	root := rootCommand(a)
	root.SetArgs(append([]string{}, a.args...)) // nil would mean os.Args
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	for _, lock := range a.held {
		lock.Close()
	}
	a.held = nil
	if restoreErr := swap.Restore(); restoreErr != nil {
		err = exitError{exitFailure, errors.Join(err, restoreErr)}
	}
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
	return kernels.BisectCode(a.args, code)
}

// exitIf ends the process with code, unless it is 0.
func exitIf(code int) error {
	if code == 0 {
		return nil
	}
	return exitError{code: code}
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

// hold locks the run file at path until the command ends. It is an error if another
// process holds the lock.
func (a *app) hold(path string) error {
	lock, err := disk.Hold(path)
	if err != nil {
		return err
	}
	a.held = append(a.held, lock)
	if lock.Warning != "" {
		a.warnf("warning: %s", lock.Warning)
	}
	return nil
}

// terminal is the output of commands that boot guests.
func (a *app) terminal() boot.Terminal {
	return boot.Terminal{Stdout: a.stdout, Stderr: a.stderr, Quiet: a.quiet, Verbose: a.verbose}
}

// warnf prints to stderr unless -q is given.
func (a *app) warnf(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.stderr, format+"\n", args...)
	}
}
