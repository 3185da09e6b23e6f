package export

import (
	"io"

	"tunbench/reports/document/compare"
	"tunbench/reports/document/kernels"
	"tunbench/reports/document/run"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/verdict"
)

// writeRun writes the report of f and its charts into dir, which is made if it is
// not there. Each file appears whole or not at all, the report last. The same
// run file gives the same bytes.
func writeRun(dir string, f *record.File) error { return render.WriteDocument(dir, run.New(f)) }

// writeComparison writes the report of c and its charts into dir, as Write does
// for one run.
func writeComparison(dir string, c *verdict.Comparison) error {
	return render.WriteDocument(dir, compare.New(c).Document())
}

// runMarkdown writes the report of f in GitHub's markdown. The same file gives
// the same bytes.
func runMarkdown(w io.Writer, f *record.File, o render.Options) error {
	return render.Markdown(w, run.New(f), o)
}

// comparisonMarkdown writes the report of c in GitHub's markdown, without
// charts. The same comparison gives the same bytes.
func comparisonMarkdown(w io.Writer, c *verdict.Comparison) error {
	return render.Markdown(w, compare.New(c).Document(), render.Options{})
}

// kernelsMarkdown writes a comparison of k in GitHub's markdown: each kernel against
// the first. The same files give the same bytes.
func kernelsMarkdown(w io.Writer, k []verdict.KernelBoots) error {
	return render.Markdown(w, kernels.New(verdict.NewLab(k)).Document(), render.Options{})
}
