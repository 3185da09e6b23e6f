// Package job tells a job of GitHub Actions what a comparison found: in the step
// summary, in a comment for the pull request, in the outputs and in an annotation.
package job

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tunbench/reports/disk"
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
	Out         string // folder for the comment; "" writes none
}

// Tell writes the verdicts of c for the job.
func (j Job) Tell(c *verdict.Comparison) {
	j.annotate(github.Summary(c))
	j.appendTo("GITHUB_STEP_SUMMARY", func(room int) ([]byte, error) { return github.StepSummary(c, room) })
	j.outputs(c, func() ([]byte, error) { return github.Comment(c, marker()) })
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
	j.outputs(&verdict.Comparison{}, func() ([]byte, error) { return github.FirstComment(run, why, marker()) })
}

// outputs writes the comment, and the outputs of the step: the verdicts by name, and where
// the comment is.
func (j Job) outputs(c *verdict.Comparison, comment func() ([]byte, error)) {
	path := ""
	if j.Out != "" {
		path = filepath.Join(j.Out, github.CommentName)
		text, err := comment()
		if err == nil {
			err = errors.Join(disk.MakeFolder(j.Out), disk.Replace(path, text))
		}
		if err != nil {
			path = ""
			fmt.Fprintf(j.Warnings, "warning: --github: write the comment: %v\n", err)
		}
	}
	j.appendTo("GITHUB_OUTPUT", func(int) ([]byte, error) {
		text := github.StepOutputs(c)
		if path != "" && !strings.ContainsAny(path, "\r\n") {
			text = fmt.Appendf(text, "comment=%s\n", path)
		}
		return text, nil
	})
}

// marker ends the comment of this job. Two jobs with the same name, such as those of a
// matrix, need names of their own.
func marker() string {
	return github.Marker(cmp.Or(os.Getenv("TUNBENCH_COMMENT_NAME"), strings.Trim(os.Getenv("GITHUB_WORKFLOW")+"/"+os.Getenv("GITHUB_JOB"), "/")))
}

// mostLimits is how many limits the annotation names.
const mostLimits = 10

// Limits reports the limits of a suite that were missed or could not be judged, in one
// annotation. If all are met, or there are none, it reports nothing.
func (j Job) Limits(all []requirement.Result) {
	missed, unknown := requirement.Of(all, requirement.Missed), requirement.Of(all, requirement.NotJudged)
	open := slices.Concat(missed, unknown)
	if len(open) == 0 {
		return
	}
	lines := []string{fmt.Sprintf("of %s of the suite, %d missed, %d not judged", record.Plural(len(all), "limit", "limits"), len(missed), len(unknown))}
	for i, r := range open {
		if i == mostLimits {
			lines = append(lines, fmt.Sprintf("%d more: the report lists them", len(open)-i))
			break
		}
		lines = append(lines, r.Scenario+": "+r.Text())
	}
	j.annotate(github.Annotation{Level: github.Error, Title: "tunbench: limits not met", Message: strings.Join(lines, "\n")})
}

func (j Job) annotate(note github.Annotation) { fmt.Fprintln(j.Annotations, note) }

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
