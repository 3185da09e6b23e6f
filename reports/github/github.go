// Package github writes a comparison for a job of GitHub Actions: its step summary, its
// annotation, its outputs, and a comment for the pull request.
package github

import (
	"bytes"
	"embed"
	"fmt"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/document/compare"
	"tunbench/reports/document/run"
	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))

// StepSummaryLimit is how many bytes of summary a step writes at most. GitHub
// takes 1 MiB and drops all of a longer one.
const StepSummaryLimit = 900 << 10

// StepSummary is c for the summary of a job of GitHub Actions, in at most room
// bytes: verdicts first, a chart of the changes, and the details folded. What
// there is no room for is left out, and said to be.
func StepSummary(c *verdict.Comparison, room int) ([]byte, error) {
	s := compare.New(c)
	d := s.Document()
	d.Sections = []document.Section{compare.Regressed(s), compare.Improved(s)}
	if bars := compare.Bars(s); len(bars) > 0 {
		d.Sections = append(d.Sections, document.Section{Heading: "Changes", Blocks: bars})
	}
	d.Sections = append(d.Sections, compare.Others(s).FoldedWhole())
	for _, part := range []func(*compare.Text) (document.Section, bool){compare.OneSided, compare.Hosts} {
		if sec, ok := part(s); ok {
			d.Sections = append(d.Sections, sec.FoldedWhole())
		}
	}
	return fitted(d, room)
}

// FirstStepSummary is that of a job which has nothing to compare with: why, and
// what was measured.
func FirstStepSummary(r record.Named, why string, room int) ([]byte, error) {
	d := run.New(r.File)
	d.Alerts = append([]prose.Prose{book.Say("no baseline", prose.Values{"Why": why})}, d.Alerts...)
	for i := range d.Sections {
		if i > 0 {
			d.Sections[i] = d.Sections[i].FoldedWhole()
		}
	}
	return fitted(d, room)
}

// fitted renders d in at most room bytes, with as many rows of its tables as
// there is room for.
func fitted(d document.Document, room int) ([]byte, error) {
	write := func(d document.Document) ([]byte, error) {
		var b bytes.Buffer
		err := render.Markdown(&b, d, render.Options{})
		return b.Bytes(), err
	}
	whole, err := write(d)
	if err != nil || len(whole) <= room {
		return whole, err
	}
	for rows := 4096; rows > 0; rows /= 4 {
		cut, err := write(d.AtMost(rows))
		if err != nil || len(cut) <= room {
			return cut, err
		}
	}
	title := ""
	if d.Title != "" {
		title = "tunbench"
	}
	text, err := write(document.Document{Title: title, Points: []prose.Prose{document.CutNote(0)}})
	if err == nil && len(text) > room {
		return nil, fmt.Errorf("write a summary: there is room for %d bytes only, and %d are needed to say so", max(0, room), len(text))
	}
	return text, err
}

// Level is how loud an annotation is.
type Level string

// Levels of GitHub's workflow commands.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Notice  Level = "notice"
)

// Annotation is a remark of a job, which GitHub shows at the pull request. Its
// String is the workflow command.
type Annotation struct {
	Level   Level
	Title   string
	Message string
}

func (a Annotation) String() string {
	return "::" + string(a.Level) + " title=" + commandProperty.Replace(a.Title) + "::" + commandData.Replace(a.Message)
}

// Escapes of workflow commands are those of GitHub's toolkit, in
// packages/core/src/command.ts (escapeData, escapeProperty).
var (
	commandData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	commandProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// Summary is the one remark on c, so that the page of a pull request is not filled: the
// verdict and, below it, the figures that matter most. It is an error if the verdicts fail
// the job.
func Summary(c *verdict.Comparison) Annotation {
	o := verdictOf(compare.New(c))
	return Annotation{o.level, o.title, o.text() + o.remarks()}
}

// remark is a verdict in a line.
func remark(v record.Verdict) string {
	name, change, interval, base, threshold := v.Metric, "", "", "", ""
	if v.Missing != "" && v.Verdict != record.NotComparable {
		name = "" // it stands for all metrics of the scenario
	}
	if v.Change != nil {
		change = metric.ChangeText(v)
	}
	if v.CI != nil {
		interval = metric.IntervalText(v)
	}
	if v.Base != nil && v.New != nil {
		base = metric.FigureText(v, v.Base)
	}
	if v.Threshold > 0 {
		threshold = metric.ThresholdText(v)
	}
	return text.Clip(book.Text("remark", prose.Values{
		"Scenario": v.Scenario, "Metric": name, "Change": change, "Interval": interval, "P": text.PValue(v.P), "Base": base, "New": metric.FigureText(v, v.New),
		"Threshold": threshold, "Notes": strings.Join(v.Notes, "; "),
	}), document.Longest)
}

// StepOutputs are the counts of c's verdicts by name, in the form of
// $GITHUB_OUTPUT, one a line.
func StepOutputs(c *verdict.Comparison) []byte {
	s := compare.New(c)
	var b bytes.Buffer
	for _, k := range verdict.Kinds {
		fmt.Fprintf(&b, "%s=%d\n", k.Verdict, s.Count(k.Verdict))
	}
	fmt.Fprintf(&b, "verdicts=%d\n", len(c.Verdicts))
	return b.Bytes()
}
