package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"tunbench/bench/compare"
	"tunbench/bench/folder"
	"tunbench/bench/plan"
	"tunbench/bench/progress"
	"tunbench/bench/search"
	"tunbench/bench/suite"
	"tunbench/bench/userns"
	"tunbench/reports/export"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/screen"
)

// runFlags are those of run.
type runFlags struct {
	selection
	outputs
	search, resume string
	userns         bool
}

// outputs are where the results of a run go.
type outputs struct {
	out, format    string
	asJSON, github bool
	full           bool // the report and the summary leave nothing out
}

func (r *runFlags) register(cmd *cobra.Command) {
	r.selection.register(cmd)
	r.registerShard(cmd)
	f := cmd.Flags()
	f.StringVar(&r.out, "out", "", "folder for run.jsonl and report.md (default reports/runs/<UTC time>-<kernel release>/)")
	formatFlag(cmd, &r.format, defaultFormat, "format of a second report, beside report.md", false)
	f.BoolVar(&r.strict, "strict", false, "exit with 3 if a trial is invalid, or a rate of --search was not found")
	fullFlag(f, &r.full)
	f.StringVar(&r.search, "search", "", "after the pairs, search each scenario for its highest rates: "+strings.Join(search.ProfileNames(), ", ")+" (at most 1, 3, 20 minutes for each)")
	f.StringVar(&r.resume, "resume", "", "folder of an interrupted run: measure what is missing, with the flags of that run")
	f.BoolVar(&r.buckets, "buckets", false, "keep the buckets of each queue's histogram in the records")
	f.BoolVar(&r.asJSON, "json", false, "print the records instead of the summary, one JSON object a line, as they are finished")
	f.BoolVar(&r.github, "github", false, "write an annotation of GitHub Actions for each limit of the suite (require) that is not met")
	plan.ProfileFlag(f, &r.profile)
	f.BoolVar(&r.userns, "userns", false, "measure inside a new user namespace, without root: --arm bare --hook none")
}

// runPlan is the plan of the flags.
func (r *runFlags) runPlan(args []string) (plan.Plan, error) {
	if _, err := export.FindFormat(r.format, false); err != nil {
		return plan.Plan{}, err
	}
	if r.userns {
		if r.profile {
			return plan.Plan{}, errors.New("--userns cannot sample stacks, which needs CAP_PERFMON: leave out --profile, or run as root")
		}
		if err := r.forceBare(); err != nil {
			return plan.Plan{}, err
		}
	}
	plan, err := r.plan(args)
	if err != nil {
		return plan, err
	}
	if plan.Search, err = search.ParseProfile(r.search); err != nil {
		return plan, fmt.Errorf("--search: %w", err)
	}
	if err := plan.CheckSearch(); err != nil {
		return plan, fmt.Errorf("--search: %w", err)
	}
	return r.split(plan)
}

func runCommand(a *app) *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "measure a suite and write a report",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if flags.resume != "" && a.rehearsal != nil {
				return errors.New("--resume in a guest: a guest has none of the files of this host")
			}
			if flags.resume != "" {
				return resumeRun(a, cmd, flags)
			}
			plan, err := flags.runPlan(a.args)
			if err != nil {
				return err
			}
			if a.rehearsal != nil {
				a.rehearsal.plans(plan)
				a.rehearsal.outputs = flags.outputs
				return nil
			}
			if flags.userns && !userns.Inside() {
				return inUserNamespace(cmd.Context(), a)
			}
			if err := cmp.Or(userns.Without(a.privileges()), a.modules()); err != nil {
				return err
			}
			f := cmd.Flags()
			chosen := f.Changed("suite") || f.Changed("filter") || f.Changed("set")
			if text := hint(chosen, screen.Of(a.stderr).Columns > 0, len(plan.Scenarios), plan.Duration()); text != "" {
				a.warnf("%s", text)
			}
			return measurePlan(cmd.Context(), a, plan, flags.outputs)
		},
	}
	flags.register(cmd)
	_ = cmd.MarkFlagDirname("out")
	_ = cmd.MarkFlagDirname("resume")
	_ = cmd.RegisterFlagCompletionFunc("search", cobra.FixedCompletions(search.ProfileNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// hint says what a run that was told nothing is about to measure, and what else would help
// now; "" where the reader chose, or where nobody reads.
func hint(chosen, terminal bool, scenarios int, takes time.Duration) string {
	if chosen || !terminal {
		return ""
	}
	return fmt.Sprintf("About to measure the default suite: %s, about %s. Shorter: --suite first (1 minute).\n"+
		"For your kind of program: --suite vpn, vm, bridge or stack (3 to 5 minutes each). To see what this host can do: tunbench doctor.\n"+
		"Ctrl-C ends it at any time; what was measured is kept and reported.",
		record.Plural(scenarios, "scenario", "scenarios"), record.Plural(int(max(1, takes.Round(time.Minute).Minutes())), "minute", "minutes"))
}

// measurePlan runs p into the folder o.out, which must not hold a run unless p resumes it,
// and reports on the result in markdown and in o.format, however the run ended.
func measurePlan(ctx context.Context, a *app, p plan.Plan, o outputs) error {
	lab, host, out := a.lab(), a.host(), o.out
	p.Host = host
	if out == "" {
		out = folder.Default(time.Now(), host.Kernel)
	}
	path := filepath.Join(out, record.FileName)
	p.Profiling.Use(a.profiler, folder.Keep(out))
	if p.Done == nil {
		if err := folder.Free(path, ", or resume it: --resume "+out); err != nil {
			return err
		}
	}
	if p.Shard != nil && len(p.Scenarios) == 0 {
		a.warnf("%v holds none of the %d scenarios: there is nothing to measure", *p.Shard, p.Shard.Scenarios)
	}
	if p.Search.Name != "" {
		for _, s := range p.Scenarios {
			closed := s.ClosedLoop().Name // whose search is that of all its loads
			if err := search.Check(s); err != nil && (closed == s.Name || !slices.ContainsFunc(p.Scenarios, func(o suite.Scenario) bool { return o.Name == closed })) {
				a.warnf("no rate search of %s: %v", s.Name, err)
			}
		}
	}
	told := progress.NewRun(a.stderr, a.quiet, a.verbose)
	defer told.Clear() // a panic must not begin in the middle of a line
	if o.asJSON {
		told.Yield(a.stdout)
	}
	p.Progress, p.Blocks = told.Step, a.blocks()
	if known := compare.Known(p.Clock, host, a.warnf); known != nil {
		p.Sees = known.Sees()
	}
	created := false
	outcome, runErr := p.Run(ctx, lab, func() (plan.Recorder, error) {
		var rec plan.Recorder
		var err error
		if p.Done != nil {
			rec, err = record.Append(path)
		} else {
			rec, err = folder.Create(path, a.hold)
			created = err == nil
		}
		if err != nil || !o.asJSON {
			return rec, err
		}
		return folder.Copied(rec, a.stdout), nil
	})
	told.Clear()

	if !outcome.Begun {
		if created {
			// An empty file is no run, and would be in the way of one.
			os.Remove(path)
		}
		if outcome.Interrupted {
			return exitError{exitInterrupted, errors.New("interrupted before anything was measured")}
		}
		return runErr
	}

	reportErr := reportRun(a, out, path, o)
	if o.github {
		compareOptions{json: o.asJSON}.job(a).Limits(outcome.Limits)
	}
	if err := ended(p, outcome, runErr, reportErr, out); err != nil {
		return err
	}
	if code := outcome.Exit(p.Strict); code != 0 {
		return exitError{code, outcome.Why(len(p.Scenarios), path, filepath.Join(out, render.ReportName))}
	}
	return nil
}

// ended returns the error of a run in the folder out that was interrupted, that failed,
// or whose report failed; nil for any other.
func ended(p plan.Plan, outcome plan.Outcome, runErr, reportErr error, out string) error {
	path := filepath.Join(out, record.FileName)
	kept := record.Plural(outcome.Trials, "trial is", "trials are") + " in " + path
	if full(runErr) {
		runErr = fmt.Errorf("%w: what was finished is kept: make room there, then continue with tunbench run --resume %s", runErr, out)
	} else if full(reportErr) {
		reportErr = fmt.Errorf("%w: the run itself is kept: make room there, then tunbench report %s --out %[2]s", reportErr, out)
	}
	switch {
	case outcome.Interrupted && runErr == nil:
		// If the terminal is gone, so is the output for the summary.
		return exitError{exitInterrupted, errors.Join(fmt.Errorf("interrupted: %d of %d trials are in %s", outcome.Trials, p.Trials(), path), reportErr)}
	case runErr != nil && reportErr != nil:
		return fmt.Errorf("%w; the report failed too: %w; %s", runErr, reportErr, kept)
	case runErr != nil || reportErr != nil:
		return fmt.Errorf("%w; %s", errors.Join(runErr, reportErr), kept)
	}
	return nil
}

// full reports whether a disk, a quota or a limit on the size of files is exhausted.
func full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// reportRun writes the reports on the run file at path into out, and prints the summary
// even if the reports cannot be written.
func reportRun(a *app, out, path string, o outputs) error {
	f, err := record.ReadFile(path)
	if err != nil {
		return err
	}
	written, writeErr := writeReports(out, o, record.Named{Name: out, File: f})
	if o.asJSON {
		return writeErr
	}
	if err := render.Summary(a.stdout, f, o.full); err != nil {
		return errors.Join(writeErr, err)
	}
	if len(written) > 0 {
		fmt.Fprintln(a.stdout)
	}
	for _, file := range written {
		fmt.Fprintf(a.stdout, "report: %s\n", file)
	}
	if picture := export.FirstPicture(f); picture != "" && len(written) > 0 {
		fmt.Fprintf(a.stdout, "picture: %s\n", filepath.Join(out, picture))
	}
	return writeErr
}

// writeReports writes the markdown report on r into dir, and that in another format next
// to it. It returns the paths of those that were written.
func writeReports(dir string, o outputs, r record.Named) (written []string, err error) {
	for _, name := range slices.Compact([]string{defaultFormat, cmp.Or(o.format, defaultFormat)}) {
		f, err := export.FindFormat(name, false)
		if err != nil {
			return written, err
		}
		if o.full {
			f = f.Full()
		}
		file, err := f.Write(dir, []record.Named{r})
		if err != nil {
			return written, err
		}
		written = append(written, file)
	}
	return written, nil
}

// inUserNamespace runs the command again in a user namespace, and returns its exit code.
func inUserNamespace(ctx context.Context, a *app) error {
	code, err := userns.Run(ctx, a.args, a.stdout, a.stderr)
	switch {
	case errors.Is(err, userns.ErrInterrupted):
		return exitError{exitInterrupted, err}
	case err != nil:
		return err
	case code != 0:
		return exitError{code: code}
	}
	return nil
}
