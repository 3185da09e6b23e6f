package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tunbench/reports/export"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// gateFlags are those by which verdicts stop a pull request.
type gateFlags struct {
	failOn string
	github bool
}

// Values of --fail-on.
const (
	failOnRegression   = "regression"
	failOnInconclusive = "inconclusive"
)

var failOns = []string{failOnRegression, failOnInconclusive}

const githubHelp = `--github is for a job of GitHub Actions: it writes the verdicts to the step
summary ($GITHUB_STEP_SUMMARY), their counts to the outputs ($GITHUB_OUTPUT), and
prints annotations. If these cannot be written it warns; the exit code is still
that of the verdicts.`

func (g *gateFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&g.failOn, "fail-on", failOnRegression, "what ends with an exit code other than 0: "+strings.Join(failOns, ", ")+" (which is also what is not known: 3)")
	f.BoolVar(&g.github, "github", false, "write the summary, outputs and annotations of a job of GitHub Actions")
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(failOns, cobra.ShellCompDirectiveNoFileComp))
}

func (g gateFlags) check() error {
	switch g.failOn {
	case failOnRegression, failOnInconclusive:
		return nil
	}
	return fmt.Errorf("--fail-on %q: choose %s", g.failOn, strings.Join(failOns, ", "))
}

// unknownFails tells whether a verdict that says nothing ends with an exit code
// other than 0.
func (g gateFlags) unknownFails() bool { return g.failOn == failOnInconclusive }

// tellGitHub hands c to the job. What cannot be written is a warning: the
// verdicts decide about the job, and not the room for them.
func (a *app) tellGitHub(c *verdict.Comparison, o compareOptions) {
	a.annotate(export.Annotations(c), o)
	a.appendTo("GITHUB_STEP_SUMMARY", func(room int) ([]byte, error) { return export.StepSummary(c, room) })
	a.appendTo("GITHUB_OUTPUT", func(int) ([]byte, error) { return export.StepOutputs(c), nil })
}

// failed passes err on, and first tells a job that there are no verdicts. An
// exit code that verdicts gave is no failure.
func (a *app) failed(err error, o compareOptions) error {
	var exit exitError
	if o.gate.github && err != nil && !(errors.As(err, &exit) && exit.err == nil) {
		a.annotate([]export.Annotation{{Level: export.Error, Title: "tunbench failed", Message: err.Error()}}, o)
	}
	return err
}

// withoutBase is the comparison of a job's first run.
func (a *app) withoutBase(base, next string, o compareOptions) error {
	f, err := record.ReadFile(next)
	if err != nil {
		return err
	}
	why := fmt.Sprintf("there is no baseline at %s: nothing is compared, and %s can be the baseline of the next run", base, next)
	if _, err := fmt.Fprintln(a.stdout, strings.ToUpper(why[:1])+why[1:]+"."); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	a.annotate([]export.Annotation{{Level: export.Notice, Title: "tunbench: no baseline", Message: why}}, o)
	a.appendTo("GITHUB_STEP_SUMMARY", func(room int) ([]byte, error) {
		return export.FirstStepSummary(record.Named{Name: next, File: f}, why, room)
	})
	a.appendTo("GITHUB_OUTPUT", func(int) ([]byte, error) { return export.StepOutputs(&verdict.Comparison{}), nil })
	return nil
}

// annotate prints annotations where the job looks for them, which is on both
// streams, and does not disturb a result for another program.
func (a *app) annotate(list []export.Annotation, o compareOptions) {
	w := a.stdout
	if o.json || o.format != "" && o.out == "" {
		w = a.stderr
	}
	for _, note := range list {
		fmt.Fprintln(w, note)
	}
}

// appendTo adds to the file that the job's variable names. make is told how many
// bytes there is room for.
func (a *app) appendTo(variable string, content func(room int) ([]byte, error)) {
	if err := appendToJob(variable, content); err != nil {
		// It is the only trace of what is missing: it is printed in quiet, too.
		fmt.Fprintf(a.stderr, "warning: --github: %v\n", err)
	}
}

func appendToJob(variable string, content func(room int) ([]byte, error)) (err error) {
	path := os.Getenv(variable)
	if path == "" {
		if variable == "GITHUB_OUTPUT" {
			return nil // a summary is what was asked for; outputs come along
		}
		return fmt.Errorf("%s is not set: is this a step of GitHub Actions? the summary is not written", variable)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("write $%s: %w", variable, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	st, err := f.Stat()
	if err != nil {
		return fmt.Errorf("write $%s: %w", variable, err)
	}
	size := int(min(st.Size(), export.StepSummaryLimit))
	text, err := content(export.StepSummaryLimit - size)
	if err != nil {
		return cmp.Or(err, errors.New("no text"))
	}
	if size > 0 {
		text = append([]byte("\n"), text...)
	}
	if _, err := f.Write(text); err != nil {
		return fmt.Errorf("write $%s: %w", variable, err)
	}
	return nil
}
