package export

import (
	"embed"
	"slices"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/document/compare"
	"tunbench/reports/document/history"
	"tunbench/reports/document/question"
	"tunbench/reports/document/run"
	"tunbench/reports/figure"
	"tunbench/reports/finding"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/series"
	"tunbench/reports/verdict"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))

// markdownRuns makes the report of a run, of bearable length; in full, if it is to hold each
// trial.
func markdownRuns(full bool) ofRuns {
	files := render.ShortMarkdownFiles
	if full {
		files = render.MarkdownFiles
	}
	return func(runs []record.Named, alone bool) ([]render.Output, error) {
		return files(run.With(runs[0].File, run.Options{Full: full}), alone)
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

// FirstPicture is the file of the chart to look at first beside the report of a run: a
// curve where the report begins with curves, else the chart of the first finding; "" where
// there is no chart.
func FirstPicture(f *record.File) string {
	pics := run.New(f).Pictures()
	if len(pics) == 0 {
		return ""
	}
	list, _ := figure.Scenarios(f)
	found, _ := finding.Of(list)
	if _, bars := pics[0].Chart.(chart.Ratios); bars && len(found) > 0 {
		if i := slices.IndexFunc(pics, func(p document.Picture) bool { return question.Draws(p, found[0]) }); i >= 0 {
			return pics[i].File
		}
	}
	return pics[0].File
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
