// Package job tells a job of GitHub Actions what a comparison found: in the step
// summary, in the outputs and in annotations.
package job

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"tunbench/reports/github"
	"tunbench/reports/record"
	"tunbench/reports/requirement"
	"tunbench/reports/verdict"
)

// Job is a step of GitHub Actions. If something cannot be written, that is a warning:
// the verdicts alone decide whether the job fails.
type Job struct {
	Annotations io.Writer // stdout or stderr: the runner looks for them on both
	Warnings    io.Writer
}

// Tell writes the verdicts of c for the job.
func (j Job) Tell(c *verdict.Comparison) {
	j.annotate(github.Annotations(c)...)
	j.appendTo("GITHUB_STEP_SUMMARY", func(room int) ([]byte, error) { return github.StepSummary(c, room) })
	j.appendTo("GITHUB_OUTPUT", func(int) ([]byte, error) { return github.StepOutputs(c), nil })
}

// Failed reports that there are no verdicts, because of err.
func (j Job) Failed(err error) {
	j.annotate(github.Annotation{Level: github.Error, Title: "tunbench failed", Message: err.Error()})
}

// First reports the first run of a job, which has nothing to be compared with; why says
// so.
func (j Job) First(run record.Named, why string) {
	j.annotate(github.Annotation{Level: github.Notice, Title: "tunbench: no baseline", Message: why})
	j.appendTo("GITHUB_STEP_SUMMARY", func(room int) ([]byte, error) { return github.FirstStepSummary(run, why, room) })
	j.appendTo("GITHUB_OUTPUT", func(int) ([]byte, error) { return github.StepOutputs(&verdict.Comparison{}), nil })
}

// mostLimits is how many limits are annotated: GitHub shows ten errors of a step.
const mostLimits = 10

// Limits reports the limits of a suite: an error for each that was missed or could not be
// judged, or a notice that all are met. Without limits it reports nothing.
func (j Job) Limits(all []requirement.Result) {
	open := slices.Concat(requirement.Of(all, requirement.Missed), requirement.Of(all, requirement.NotJudged))
	for i, r := range open {
		note := github.Annotation{Level: github.Error, Title: "tunbench: limit " + strings.ReplaceAll(r.Verdict, "-", " "), Message: r.Scenario + ": " + r.Text()}
		if rest := len(open) - i; i == mostLimits-1 && rest > 1 {
			note.Message = fmt.Sprintf("%d more limits are not met: the report lists them", rest)
			j.annotate(note)
			return
		}
		j.annotate(note)
	}
	if len(all) > 0 && len(open) == 0 {
		j.annotate(github.Annotation{Level: github.Notice, Title: "tunbench", Message: fmt.Sprintf("limits of the suite: all %d are met", len(all))})
	}
}

func (j Job) annotate(list ...github.Annotation) {
	for _, note := range list {
		fmt.Fprintln(j.Annotations, note)
	}
}

// appendTo appends to the file that an environment variable names. content is called
// with the number of bytes that there is room for.
func (j Job) appendTo(variable string, content func(room int) ([]byte, error)) {
	if err := appendToFile(variable, content); err != nil {
		// Nothing else shows what is missing: this is printed with --quiet, too.
		fmt.Fprintf(j.Warnings, "warning: --github: %v\n", err)
	}
}

func appendToFile(variable string, content func(room int) ([]byte, error)) (err error) {
	path := os.Getenv(variable)
	if path == "" {
		if variable == "GITHUB_OUTPUT" {
			return nil // outputs are optional, the summary is not
		}
		return fmt.Errorf("%s is not set, so that the summary is not written: is this a step of GitHub Actions?", variable)
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
	size := int(min(st.Size(), github.StepSummaryLimit))
	text, err := content(github.StepSummaryLimit - size)
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
