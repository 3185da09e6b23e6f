package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tunbench/bench/compare"
	"tunbench/bench/completion"
	"tunbench/bench/folder"
	"tunbench/bench/job"
	"tunbench/reports/export"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/verdict"
)

// compareOptions are the flags of tunbench compare.
type compareOptions struct {
	out, format  string
	json, strict bool
	aa           bool
	allow        []string
	thresholds   []string
	fail         jobFlags
}

func compareCommand(a *app) *cobra.Command {
	var o compareOptions
	cmd := &cobra.Command{
		Use:   "compare BASE NEW",
		Short: "judge what NEW changed against BASE",
		Args: func(cmd *cobra.Command, args []string) error {
			return cobra.RangeArgs(1, map[bool]int{true: math.MaxInt, false: 2}[o.aa])(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.aa {
				if err := leaveOut(cmd, "--aa keeps how far runs of one build scatter, and judges nothing", except("aa", "json")); err != nil {
					return err
				}
				return compare.KeepScatter(a.stdout, args, o.json)
			}
			options, err := o.parse()
			if err != nil {
				return err
			}
			if err := o.fail.check(); err != nil {
				return err
			}
			if o.out != "" {
				if err := folder.ForReport(o.out, args...); err != nil {
					return err
				}
			}
			return tellFailure(a, compareRuns(a, args, o, options), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "", "folder to write report.md and charts to")
	formatFlag(cmd, &o.format, "", "format of the report, which is printed, or written to --out, instead of the summary", true)
	f.BoolVar(&o.json, "json", false, "print one JSON object a line for each verdict, instead of the summary; with --aa, one for what is kept")
	f.BoolVar(&o.strict, "strict", false, "exit with 1 for an indicative regression, with 3 if a verdict is inconclusive, invalid or not comparable")
	allowFlag(cmd, &o.allow, verdict.AllowValues, "compare although this differs: "+strings.Join(verdict.AllowFields, ", ")+"; or missing: pass although NEW lacks scenarios of BASE (may repeat)")
	f.BoolVar(&o.aa, "aa", false, "measure how far stored runs of one build scatter on their host, and keep it: --aa RUN RUN RUN")
	f.StringArrayVar(&o.thresholds, "threshold", nil, "smallest change of a metric that counts: metric=x% (may repeat)")
	o.fail.register(cmd)
	_ = cmd.MarkFlagDirname("out")
	cmd.MarkFlagsMutuallyExclusive("json", "format")
	_ = cmd.RegisterFlagCompletionFunc("threshold", completion.Threshold)
	return cmd
}

// allowFlag registers --allow, which says what may differ between base and new.
func allowFlag(cmd *cobra.Command, allow *[]string, values []string, usage string) {
	cmd.Flags().StringArrayVar(allow, "allow", nil, usage)
	_ = cmd.RegisterFlagCompletionFunc("allow", cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

func (o compareOptions) parse() (verdict.Options, error) {
	options := verdict.Options{Allow: o.allow, Strict: o.strict, Unknown: o.fail.unknownFails()}
	if o.format != "" {
		if _, err := export.FindFormat(o.format, true); err != nil {
			return options, err
		}
	}
	if err := verdict.CheckAllow(o.allow); err != nil {
		return options, err
	}
	var err error
	options.Thresholds, err = metric.ParseThresholds(o.thresholds)
	return options, err
}

func compareRuns(a *app, runs []string, o compareOptions, options verdict.Options) error {
	files := make([]*record.File, len(runs))
	for i, run := range runs {
		f, err := record.ReadFile(run)
		if i == 0 && len(runs) == 2 && o.fail.github && errors.Is(err, fs.ErrNotExist) {
			return withoutBase(a, runs[0], runs[1], o)
		}
		if err != nil {
			return err
		}
		files[i] = f
	}
	options.BaseName = runs[0]
	var c *verdict.Comparison
	var err error
	switch {
	case len(files) == 2:
		options.NewName = runs[1]
		options.Scatter = compare.Scatter(files[0].Run.Host, a.warnf)
		c, err = verdict.Compare(files[0], files[1], options)
	case verdict.HoldsVariants(files[0]):
		c, err = verdict.CompareVariants(files[0], options)
	default:
		err = fmt.Errorf("compare %s: it holds no variants of tunbench ab: name a second run to compare it with", runs[0])
	}
	if err != nil {
		return err
	}
	if err := printComparison(a, c, o); err != nil {
		return err
	}
	if code := c.Rule().Code(c.Verdicts); code != 0 {
		return exitError{code: code}
	}
	return nil
}

// job is the job of GitHub Actions to report to. Annotations go to stderr if stdout is
// for another program.
func (o compareOptions) job(a *app) job.Job {
	j := job.Job{Annotations: a.stdout, Warnings: a.stderr, Out: o.out}
	if o.json || o.format != "" && o.out == "" {
		j.Annotations = a.stderr
	}
	return j
}

// printComparison writes the report if a folder is given, and prints the verdicts as
// JSON, as a report or as a summary.
func printComparison(a *app, c *verdict.Comparison, o compareOptions) error {
	format, err := export.FindFormat(cmp.Or(o.format, defaultFormat), true)
	if err != nil {
		return err
	}
	if o.fail.github {
		// The job gets the verdicts even if the rest fails.
		defer o.job(a).Tell(c)
	}
	report := ""
	if o.out != "" {
		if report, err = format.WriteComparison(o.out, c); err != nil {
			return err
		}
	}
	switch {
	case o.json:
		warnHeadlines(a, c)
		return printVerdicts(a.stdout, append(slices.Clone(c.Verdicts), c.Taken()...))
	case o.format != "" && o.out == "":
		warnHeadlines(a, c)
		return format.PrintComparison(a.stdout, c)
	}
	if err := render.ComparisonSummary(a.stdout, c); err != nil {
		return err
	}
	if report != "" {
		fmt.Fprintf(a.stdout, "\nreport: %s\n", report)
	}
	return nil
}

// warnHeadlines prints on stderr the lines that the summary would begin with.
func warnHeadlines(a *app, c *verdict.Comparison) {
	for _, line := range render.Headlines(c) {
		a.warnf("warning: %s", line)
	}
}

// printVerdicts prints each verdict as one JSON object a line.
func printVerdicts[V any](w io.Writer, verdicts []V) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, v := range verdicts {
		if err := enc.Encode(v); err != nil {
			return fmt.Errorf("write verdicts: %w", err)
		}
	}
	return nil
}
