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
	"time"

	"github.com/spf13/cobra"

	"tunbench/bench/compare"
	"tunbench/bench/completion"
	"tunbench/bench/folder"
	"tunbench/bench/plan"
	"tunbench/bench/progress"
	"tunbench/bench/suite"
	"tunbench/harness"
	"tunbench/reports/aa"
	"tunbench/reports/export"
	"tunbench/reports/figure"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// abOptions are the flags of tunbench ab in addition to those of a selection.
type abOptions struct {
	a, b       string
	builds     [2]string // programs that measure A and B; "" is this one
	out        string
	json       bool
	format     string
	thresholds []string
	fail       jobFlags
	forget     bool
	allow      []string
}

// abAllows are what --allow of ab takes: all else is the same on both sides, or what is
// compared.
var abAllows = []string{figure.AllowDevice, verdict.AllowMissing}

func abCommand(a *app) *cobra.Command {
	sel := selection{single: true}
	var o abOptions
	cmd := &cobra.Command{
		Use:   "ab",
		Short: "compare two variants of a scenario, interleaved in pairs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.forget {
				if err := leaveOut(cmd, "--forget-aa measures nothing", except("forget-aa")); err != nil {
					return err
				}
				return forgetAA(a)
			}
			if _, err := export.FindFormat(o.format, true); err != nil {
				return err
			}
			if err := o.fail.check(); err != nil {
				return err
			}
			if slices.ContainsFunc(o.allow, func(what string) bool { return !slices.Contains(abAllows, what) }) {
				return fmt.Errorf("--allow %s: ab measures both variants on one host: choose %s", strings.Join(o.allow, ", "), strings.Join(abAllows, ", "))
			}
			sel.strict = sel.strict || o.fail.unknownFails()
			plan, options, err := sel.comparison(a.args, o)
			if err != nil {
				return err
			}
			if a.rehearsal != nil {
				return nil
			}
			if slices.ContainsFunc(plan.Scenarios, func(s suite.Scenario) bool { return len(s.Require) > 0 }) {
				a.warnf("suite %s sets limits (require): they are judged by tunbench run, not by ab", plan.Suite)
			}
			if err := cmp.Or(a.privileges(), a.modules()); err != nil {
				return err
			}
			if plan.Builds, err = compare.FindBuilds(cmd.Context(), o.builds); err == nil {
				err = compareVariants(cmd.Context(), a, plan, options, o)
			}
			return tellFailure(a, err, compareOptions{json: o.json, fail: o.fail})
		},
	}
	sel.register(cmd)
	sel.arm = string(record.Bare)
	cmd.Flags().Lookup("arm").DefValue = sel.arm
	cmd.Flags().Lookup("arm").Usage = "trials of both variants unless they set hook=: bare or observed"
	cmd.Flags().Lookup("trials").Usage = fmt.Sprintf("pairs before the first analysis; at most twice as many follow (default %d)", compare.DefaultPairs)
	f := cmd.Flags()
	f.Lookup("suite").Usage += fmt.Sprintf(" (default with --filter: %s; without, one scenario: tun, udp, one queue, 64 bytes)", sel.suite)
	f.Lookup("suite").DefValue = ""
	f.BoolVar(&sel.strict, "strict", false, "exit with 3 if a verdict is inconclusive, invalid or not comparable, as --fail-on inconclusive does")
	// They have a short form too: without one, cobra does not complete values of a flag
	// whose name is one letter.
	f.StringVarP(&o.a, "a", "a", "", "the base variant: 'axis=value axis=value hook=H'; empty: the scenario unchanged")
	f.StringVarP(&o.b, "b", "b", "", "the variant to compare with A")
	f.StringVar(&o.out, "out", "", "folder for run.jsonl and report.md (default reports/runs/<UTC time>-ab-<kernel release>/)")
	formatFlag(cmd, &o.format, defaultFormat, "format of a second report, beside report.md", true)
	f.BoolVar(&o.json, "json", false, "print one JSON object a line for each verdict, instead of the summary")
	f.StringArrayVar(&o.thresholds, "threshold", nil, "smallest change of a metric that counts: metric=x% (may repeat)")
	f.StringVar(&o.builds[0], "base-binary", "", "build of tunbench that measures A (default: this one)")
	f.StringVar(&o.builds[1], "new-binary", "", "build of tunbench that measures B (default: this one)")
	plan.ProfileFlag(f, &sel.profile)
	o.fail.register(cmd)
	allowFlag(cmd, &o.allow, abAllows, "device: compare although the device came out different; missing: pass although B cannot measure a scenario that A can (may repeat)")
	f.BoolVar(&o.forget, "forget-aa", false, "measure nothing; remove the A/A runs that are kept for this host")
	cmd.MarkFlagsOneRequired("a", "b", "base-binary", "new-binary", "forget-aa")
	_ = cmd.MarkFlagDirname("out")
	_ = cmd.RegisterFlagCompletionFunc("a", completion.Variant)
	_ = cmd.RegisterFlagCompletionFunc("b", completion.Variant)
	_ = cmd.RegisterFlagCompletionFunc("threshold", completion.Threshold)
	return cmd
}

// workerCommand is the command that another tunbench starts: see compare.Build.
func workerCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:    compare.WorkerCommand,
		Short:  "measure one variant for another tunbench, over stdin and stdout",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return compare.Serve(cmd.Context(), harness.New(), tool(), os.Stdin, a.stdout)
		},
	}
}

// compareVariants runs ab into the folder of o and reports on the result, however the
// run ended.
func compareVariants(ctx context.Context, a *app, ab compare.AB, options verdict.Options, o abOptions) error {
	lab, host := a.lab(), a.host()
	ab.Host = host
	out := o.out
	if out == "" {
		out = folder.Default(time.Now(), "ab-"+host.Kernel)
	}
	ab.Profiling.Use(a.profiler, folder.Keep(out))
	path := filepath.Join(out, record.FileName)
	if err := folder.Free(path, ""); err != nil {
		return err
	}
	known := compare.Known(ab.Clock, host, a.warnf)
	// The report of an A/A run does not show what an earlier one showed.
	if known != nil && slices.ContainsFunc(ab.Subjects, func(s [2]compare.Variant) bool { return !ab.Same(s) }) {
		ab.Sees = known.Sees()
	}
	ab.Options, ab.Known = options, known
	told := progress.NewRun(a.stderr, a.quiet, a.verbose)
	defer told.Clear()
	ab.Progress = told.Step
	created := false
	outcome, runErr := ab.Run(ctx, lab, func() (plan.Recorder, error) {
		rec, err := folder.Create(path, a.hold)
		created = err == nil
		return rec, err
	})
	told.Clear()
	var tooFew *compare.TooFewPairsError
	if !outcome.Begun || outcome.Trials == 0 && (runErr != nil || outcome.Interrupted || outcome.Failed > 0 || len(outcome.Verdicts) == 0) || errors.As(runErr, &tooFew) && len(outcome.Verdicts) == 0 {
		if created { // it holds nothing that can be compared
			os.Remove(path)
			os.Remove(out) // fails, as it should, if the folder held something before
		}
		switch {
		case runErr != nil:
			return runErr
		case outcome.Interrupted:
			return exitError{exitInterrupted, errors.New("interrupted before a pair was measured")}
		}
		return fmt.Errorf("nothing was measured: %s", outcome.Notes())
	}
	reportErr := reportVariants(a, path, out, options, o)
	for _, s := range outcome.Detectable {
		reportErr = errors.Join(reportErr, compare.Keep(host, tool().Version, ab.Clock, s, a.warnf))
	}
	switch err := errors.Join(runErr, reportErr); {
	case outcome.Interrupted && runErr == nil:
		return exitError{exitInterrupted, errors.Join(fmt.Errorf("interrupted: %s in %s", record.Plural(outcome.Trials, "trial is", "trials are"), path), reportErr)}
	case err != nil:
		return fmt.Errorf("%w; %s in %s", err, record.Plural(outcome.Trials, "trial is", "trials are"), path)
	}
	code := outcome.Exit(ab.ExitRule())
	switch {
	case outcome.Failed > 0:
		return exitError{code, fmt.Errorf("%d of %d comparisons failed, for the reasons in %s", outcome.Failed, len(ab.Subjects), path)}
	case code != 0:
		return exitError{code: code}
	}
	return nil
}

// reportVariants writes the report of an ab's file into out, and prints the
// verdicts.
func reportVariants(a *app, path, out string, options verdict.Options, o abOptions) error {
	f, err := record.ReadFile(path)
	if err != nil {
		return err
	}
	options.BaseName = path
	c, err := verdict.CompareVariants(f, options)
	if err != nil {
		return err
	}
	if o.format != defaultFormat {
		markdown, err := export.FindFormat(defaultFormat, true)
		if err != nil {
			return err
		}
		if _, err := markdown.WriteComparison(out, c); err != nil {
			return err
		}
	}
	return printComparison(a, c, compareOptions{out: out, format: o.format, json: o.json, fail: o.fail})
}

// forgetAA removes the A/A runs of this host.
func forgetAA(a *app) error {
	dir, err := aa.Dir()
	if err != nil {
		return err
	}
	file, err := aa.Forget(dir, a.host())
	switch {
	case errors.Is(err, aa.ErrNone):
		_, err = fmt.Fprintf(a.stdout, "No A/A run of this host is kept: there is no %s.\n", file)
	case err == nil:
		_, err = fmt.Fprintf(a.stdout, "The A/A runs of this host are no longer kept: %s is removed.\n", file)
	}
	return err
}
