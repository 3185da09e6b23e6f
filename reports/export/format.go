// Package export writes runs, comparisons and histories in the formats that --format
// names: reports for people, and files for other programs and CI systems.
package export

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/series"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// Format is a form in which runs, or a comparison, leave tunbench.
type Format struct {
	Name string // of --format
	For  string // who reads it, in a few words
	// Each is whether each run has a report of its own; otherwise one report holds all runs.
	Each bool
	// Whole is whether a report is a whole document, so that stdout can hold only one.
	Whole bool
	// runs makes the files of a report, the main one first. If it stands alone,
	// nothing will lie beside it, as on stdout: there is one file only. Nil if the format
	// is of comparisons alone.
	runs ofRuns
	// full makes the files of a report that leaves nothing out; nil where runs does.
	full ofRuns
	// comparison makes the files of a comparison; nil if the format has none.
	comparison func(c *verdict.Comparison, alone bool) ([]render.Output, error)
	// history makes the files of a history; nil if the format has none.
	history func(c *series.Check, alone bool) ([]render.Output, error)
}

// ofRuns makes the files of a report on runs.
type ofRuns func(runs []record.Named, alone bool) ([]render.Output, error)

// Full is f, of a report that leaves nothing out.
func (f Format) Full() Format {
	if f.full != nil {
		f.runs = f.full
	}
	return f
}

// Print writes the report on runs to w.
func (f Format) Print(w io.Writer, runs []record.Named) error {
	return f.print(w, func() ([]render.Output, error) { return f.filesOf(runs, true) })
}

// PrintComparison writes the report on c to w.
func (f Format) PrintComparison(w io.Writer, c *verdict.Comparison) error {
	return f.print(w, func() ([]render.Output, error) { return f.comparison(c, true) })
}

// PrintHistory writes the report on c to w.
func (f Format) PrintHistory(w io.Writer, c *series.Check) error {
	return f.print(w, func() ([]render.Output, error) { return f.history(c, true) })
}

// WriteHistory writes the report on c into dir, as Write does.
func (f Format) WriteHistory(dir string, c *series.Check) (string, error) {
	files, err := f.history(c, false)
	return f.write(dir, files, err)
}

func (f Format) print(w io.Writer, content func() ([]render.Output, error)) error {
	files, err := content()
	if err != nil {
		return fmt.Errorf("render %s: %w", f.Name, err)
	}
	if len(files) != 1 {
		return fmt.Errorf("--format %s makes %s: name a folder with --out", f.Name, text.Plural(len(files), "file", "files"))
	}
	if _, err := w.Write(files[0].Content); err != nil {
		return fmt.Errorf("write %s: %w", f.Name, err)
	}
	return nil
}

// Write writes the report on runs into dir, which is made if it is not there.
// Each file appears whole or not at all, the main one last. The same run files
// give the same bytes. It gives the path of the main file.
func (f Format) Write(dir string, runs []record.Named) (string, error) {
	files, err := f.filesOf(runs, false)
	return f.write(dir, files, err)
}

// WriteComparison writes the report on c, as Write does for runs.
func (f Format) WriteComparison(dir string, c *verdict.Comparison) (string, error) {
	files, err := f.comparison(c, false)
	return f.write(dir, files, err)
}

// filesOf makes the report that the kind of file asks for: a run of two variants
// is a comparison.
func (f Format) filesOf(runs []record.Named, alone bool) ([]render.Output, error) {
	if len(runs) == 1 && f.Each && f.comparison != nil && verdict.HoldsVariants(runs[0].File) {
		c, err := verdict.CompareVariants(runs[0].File, verdict.Options{BaseName: runs[0].Name})
		if err != nil {
			return nil, err
		}
		return f.comparison(c, alone)
	}
	if f.runs == nil {
		return nil, errors.New("this format is for a comparison, and a run by itself compares nothing: use tunbench compare BASE NEW, or name a file of tunbench ab")
	}
	return f.runs(runs, alone)
}

func (f Format) write(dir string, files []render.Output, err error) (string, error) {
	if err != nil {
		return "", fmt.Errorf("render %s: %w", f.Name, err)
	}
	if err := render.WriteFiles(dir, files); err != nil {
		return "", err
	}
	return filepath.Join(dir, files[0].Name), nil
}

// GCPercent is the GOGC of a process that renders stored runs. They are most of its
// memory and stay to the end, so that collecting sooner costs little and keeps
// the rest small.
const GCPercent = 50

// HTMLFormat and PNGFormat are the names of the formats for a browser and for slides.
const (
	HTMLFormat = "html"
	PNGFormat  = "png"
)

// Formats lists all formats, the default first.
var Formats = []Format{
	{Name: "markdown", For: "people, on GitHub or GitLab", Each: true, runs: markdownRuns(false), full: markdownRuns(true), comparison: markdownComparison, history: markdownHistory},
	{Name: HTMLFormat, For: "people, in a browser: one page with its charts", Each: true, Whole: true, runs: htmlRuns(false), full: htmlRuns(true), comparison: htmlComparison, history: htmlHistory},
	{Name: PNGFormat, For: "slides: one image of 1920 × 1080 for each chart", Each: true, Whole: true, runs: pngRuns, comparison: pngComparison, history: pngHistory},
	{Name: "json", For: "programs: the figures of the report", Each: true, runs: jsonRuns, comparison: jsonComparison},
	{Name: "csv", For: "spreadsheets and data frames: a row a trial", runs: csvRuns, comparison: csvComparison},
	{Name: "benchfmt", For: "benchstat and other readers of Go's benchmark format", runs: benchRuns},
	{Name: "bmf", For: "Bencher", Each: true, runs: bmfRuns},
	{Name: "gha", For: "github-action-benchmark", Each: true, runs: ghaRuns},
	{Name: "openmetrics", For: "Prometheus, through node_exporter", runs: openMetricsRuns, comparison: openMetricsComparison},
	{Name: "junit", For: "Jenkins, GitLab and other CI systems", runs: junitRuns, comparison: junitComparison},
	{Name: CommitFormat, For: "the message of a commit: plain text of 72 columns, of a comparison", Each: true, Whole: true, comparison: commitComparison},
}

// FormatNames gives the names of the formats of runs, or of those that carry a
// comparison, the default first.
func FormatNames(comparison bool) (names []string) {
	for _, f := range Formats {
		if !comparison && f.runs != nil || comparison && f.comparison != nil {
			names = append(names, f.Name)
		}
	}
	return names
}

// FindFormat gives the format of that name, which must carry a comparison if
// that is what is to be written.
func FindFormat(name string, comparison bool) (Format, error) {
	names := FormatNames(comparison)
	i := slices.IndexFunc(Formats, func(f Format) bool { return f.Name == name })
	switch {
	case i < 0:
		return Format{}, fmt.Errorf("--format %q: choose %s", name, strings.Join(names, ", "))
	case !slices.Contains(names, name) && !comparison:
		return Format{}, fmt.Errorf("--format %s is for a comparison: choose %s", name, strings.Join(names, ", "))
	case !slices.Contains(names, name):
		return Format{}, fmt.Errorf("--format %s carries no verdicts: choose %s", name, strings.Join(names, ", "))
	}
	return Formats[i], nil
}

// HistoryFormats gives the names of the formats that carry a history, the default
// first.
func HistoryFormats() (names []string) {
	for _, f := range Formats {
		if f.history != nil {
			names = append(names, f.Name)
		}
	}
	return names
}

// FindHistoryFormat gives the format of that name, which must carry a history.
func FindHistoryFormat(name string) (Format, error) {
	i := slices.IndexFunc(Formats, func(f Format) bool { return f.Name == name })
	choose := strings.Join(HistoryFormats(), ", ")
	switch {
	case i < 0:
		return Format{}, fmt.Errorf("--format %q: choose %s", name, choose)
	case Formats[i].history == nil:
		return Format{}, fmt.Errorf("--format %s carries no history: choose %s", name, choose)
	}
	return Formats[i], nil
}
