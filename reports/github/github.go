// Package github writes a comparison for a job of GitHub Actions: its step summary, its
// annotations and its outputs.
package github

import (
	"bytes"
	"embed"
	"fmt"
	"slices"
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
	text, err := write(document.Document{Title: "tunbench", Points: []prose.Prose{document.CutNote(0)}})
	if err == nil && len(text) > room {
		return nil, fmt.Errorf("write a step summary: there is room for %d bytes only, and %d are needed to say so", max(0, room), len(text))
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

// mostAnnotations is how many of a level GitHub shows of one step.
const mostAnnotations = 10

// Annotations returns the remarks on c: an error for each regression, a warning for
// each verdict that may hide one, and a notice if there is neither. If there are more
// than GitHub shows, the last one says how many more.
func Annotations(c *verdict.Comparison) (list []Annotation) {
	s := compare.New(c)
	add := func(level Level, verdicts []record.Verdict) {
		for i, v := range verdicts {
			if rest := len(verdicts) - i; i == mostAnnotations-1 && rest > 1 {
				list = append(list, Annotation{level, "tunbench", book.Text("annotation more", prose.Values{"N": rest})})
				return
			}
			title := book.Text("annotation", prose.Values{"Metric": v.Metric, "Verdict": v.Verdict})
			if v.Missing != "" {
				title = book.Text("annotation missing", prose.Values{"Side": v.Missing})
			}
			list = append(list, Annotation{level, title, remark(v)})
		}
	}
	if lines := s.Headlines(); s.Rule().Unjudged(s.Verdicts) {
		list = append(list, Annotation{Error, book.Text("annotation unjudged", nil), text.Clip(document.PlainText(lines[0]), document.Longest)})
	}
	add(Error, s.Of(record.Regression))
	lacking := Error
	if s.AllowMissing {
		lacking = Warning
	}
	add(lacking, s.Lacking(record.NewSide))
	measured := func(list []record.Verdict) []record.Verdict {
		return slices.DeleteFunc(list, func(v record.Verdict) bool { return v.Missing != "" })
	}
	add(Warning, slices.Concat(s.Of(record.IndicativeRegression), measured(s.Of(record.InvalidVerdict)), measured(s.Of(record.NotComparable)), s.Of(record.Inconclusive)))
	if len(list) == 0 {
		list = append(list, Annotation{Notice, "tunbench", strings.Join(pointLines(s), " ")})
	}
	return list
}

// pointLines are the points of a comparison as plain text.
func pointLines(s *compare.Text) (lines []string) {
	for _, p := range s.Points() {
		lines = append(lines, document.PlainText(p))
	}
	return lines
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
		base = metric.Quantity(v.Metric, v.Base)
	}
	if v.Threshold > 0 {
		threshold = metric.ThresholdText(v)
	}
	return text.Clip(book.Text("remark", prose.Values{
		"Scenario": v.Scenario, "Metric": name, "Change": change, "Interval": interval, "P": text.PValue(v.P), "Base": base, "New": metric.Quantity(v.Metric, v.New),
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
