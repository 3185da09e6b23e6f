package export

import (
	"embed"

	"tunbench/reports/document"
	"tunbench/reports/document/compare"
	"tunbench/reports/document/history"
	"tunbench/reports/document/run"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/series"
	"tunbench/reports/verdict"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))

// markdownRuns makes the report of a run; in full, if it is to hold each trial.
func markdownRuns(full bool) ofRuns {
	return func(runs []record.Named, alone bool) ([]render.Output, error) {
		return render.MarkdownFiles(run.With(runs[0].File, run.Options{Full: full}), alone)
	}
}

func markdownComparison(c *verdict.Comparison, alone bool) ([]render.Output, error) {
	return render.MarkdownFiles(compare.New(c).Document(), alone)
}

func markdownHistory(c *series.Check, alone bool) ([]render.Output, error) {
	return render.MarkdownFiles(history.New(c).Document(), alone)
}

// htmlRuns is as markdownRuns.
func htmlRuns(full bool) ofRuns {
	return func(runs []record.Named, _ bool) ([]render.Output, error) {
		return render.HTMLFiles(run.With(runs[0].File, run.Options{Full: full}))
	}
}

func htmlComparison(c *verdict.Comparison, _ bool) ([]render.Output, error) {
	return render.HTMLFiles(compare.New(c).Document())
}

func htmlHistory(c *series.Check, _ bool) ([]render.Output, error) {
	return render.HTMLFiles(history.New(c).Document())
}

// FirstPicture is the file of the first chart beside the report of a run; "" where there is
// none.
func FirstPicture(f *record.File) string {
	for _, p := range run.New(f).Pictures() {
		return p.File
	}
	return ""
}

func pngRuns(runs []record.Named, _ bool) ([]render.Output, error) {
	return render.PNGFiles(run.New(runs[0].File))
}

func pngComparison(c *verdict.Comparison, _ bool) ([]render.Output, error) {
	return render.PNGFiles(compare.New(c).Document())
}

func pngHistory(c *series.Check, _ bool) ([]render.Output, error) {
	return render.PNGFiles(history.New(c).Document())
}
