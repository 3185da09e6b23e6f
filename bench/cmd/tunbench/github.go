package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tunbench/reports/record"
)

// jobFlags are those that decide how verdicts fail a job.
type jobFlags struct {
	failOn string
	github bool
}

// Values of --fail-on.
const (
	failOnRegression   = "regression"
	failOnInconclusive = "inconclusive"
)

var failOns = []string{failOnRegression, failOnInconclusive}

func (j *jobFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&j.failOn, "fail-on", failOnRegression, "verdicts that fail a job: "+strings.Join(failOns, ", ")+" (inconclusive exits with 3 for inconclusive and invalid verdicts, too)")
	f.BoolVar(&j.github, "github", false, "write the step summary, the outputs, the annotation and, into --out, the comment of a job of GitHub Actions")
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cobra.FixedCompletions(failOns, cobra.ShellCompDirectiveNoFileComp))
}

func (j jobFlags) check() error {
	switch j.failOn {
	case failOnRegression, failOnInconclusive:
		return nil
	}
	return fmt.Errorf("--fail-on %q: choose %s", j.failOn, strings.Join(failOns, ", "))
}

// unknownFails reports whether inconclusive and invalid verdicts make the exit code
// other than 0.
func (j jobFlags) unknownFails() bool { return j.failOn == failOnInconclusive }

// tellFailure returns err, and reports it to the job first. An exit code that follows
// from verdicts is no failure.
func tellFailure(a *app, err error, o compareOptions) error {
	var exit exitError
	if o.fail.github && err != nil && !(errors.As(err, &exit) && exit.err == nil) {
		o.job(a).Failed(err)
	}
	return err
}

// withoutBase is the comparison of a job's first run.
func withoutBase(a *app, base, next string, o compareOptions) error {
	f, err := record.ReadFile(next)
	if err != nil {
		return err
	}
	why := fmt.Sprintf("there is no baseline at %s: nothing is compared, and %s can be the baseline of the next run", base, next)
	if _, err := fmt.Fprintln(a.stdout, strings.ToUpper(why[:1])+why[1:]+"."); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	o.job(a).First(record.Named{Name: next, File: f}, why)
	return nil
}
