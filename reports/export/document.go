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

func markdownRuns(runs []record.Named, alone bool) ([]render.Output, error) {
	return render.MarkdownFiles(run.New(runs[0].File), alone)
}

func markdownComparison(c *verdict.Comparison, alone bool) ([]render.Output, error) {
	return render.MarkdownFiles(compare.New(c).Document(), alone)
}

func markdownHistory(c *series.Check, alone bool) ([]render.Output, error) {
	return render.MarkdownFiles(history.New(c).Document(), alone)
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

func htmlRuns(runs []record.Named, _ bool) ([]render.Output, error) {
	return render.HTMLFiles(run.New(runs[0].File))
}

func htmlComparison(c *verdict.Comparison, _ bool) ([]render.Output, error) {
	return render.HTMLFiles(compare.New(c).Document())
}

func htmlHistory(c *series.Check, _ bool) ([]render.Output, error) {
	return render.HTMLFiles(history.New(c).Document())
}
