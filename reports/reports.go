package reports

import (
	"io"

	"tunbench/reports/record"
)

// Write writes the report of f and its charts into dir, which is made if it is
// not there. Each file appears whole or not at all, the report last. The same
// run file gives the same bytes.
func Write(dir string, f *record.File) error { return writeDocument(dir, newDocument(f)) }

// WriteComparison writes the report of c and its charts into dir, as Write does
// for one run.
func WriteComparison(dir string, c *Comparison) error {
	return writeDocument(dir, newContrast(c).document())
}

// WriteKernels writes the comparison of k and its charts into dir, as Write
// does for one run. allow is as in CompareOptions.
func WriteKernels(dir string, k []KernelBoots, allow ...string) error {
	return writeDocument(dir, newKernelsText(newKernelLab(k, allow...)).document())
}

// Markdown writes the report of f in GitHub's markdown. The same file gives
// the same bytes.
func Markdown(w io.Writer, f *record.File, o Options) error {
	return markdown(w, newDocument(f), o)
}

// ComparisonMarkdown writes the report of c in GitHub's markdown, without
// charts. The same comparison gives the same bytes.
func ComparisonMarkdown(w io.Writer, c *Comparison) error {
	return markdown(w, newContrast(c).document(), Options{})
}

// Kernels writes a comparison of k in GitHub's markdown: each kernel against
// the first. The same files give the same bytes.
func Kernels(w io.Writer, k []KernelBoots) error {
	return markdown(w, newKernelsText(newKernelLab(k)).document(), Options{})
}

func markdownRuns(runs []NamedRun, alone bool) ([]Output, error) {
	return markdownFiles(newDocument(runs[0].File), alone)
}

func markdownComparison(c *Comparison, alone bool) ([]Output, error) {
	return markdownFiles(newContrast(c).document(), alone)
}

func markdownHistory(c *Check, alone bool) ([]Output, error) {
	return markdownFiles(newHistoryText(c).document(), alone)
}

func htmlRuns(runs []NamedRun, _ bool) ([]Output, error) { return htmlFiles(newDocument(runs[0].File)) }

func htmlComparison(c *Comparison, _ bool) ([]Output, error) {
	return htmlFiles(newContrast(c).document())
}

func htmlHistory(c *Check, _ bool) ([]Output, error) {
	return htmlFiles(newHistoryText(c).document())
}
