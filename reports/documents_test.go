package reports

import (
	"io"

	"tunbench/reports/record"
)

// writeRun writes the report of f and its charts into dir, which is made if it is
// not there. Each file appears whole or not at all, the report last. The same
// run file gives the same bytes.
func writeRun(dir string, f *record.File) error { return writeDocument(dir, newDocument(f)) }

// writeComparison writes the report of c and its charts into dir, as Write does
// for one run.
func writeComparison(dir string, c *Comparison) error {
	return writeDocument(dir, newContrast(c).document())
}

// runMarkdown writes the report of f in GitHub's markdown. The same file gives
// the same bytes.
func runMarkdown(w io.Writer, f *record.File, o Options) error {
	return markdown(w, newDocument(f), o)
}

// comparisonMarkdown writes the report of c in GitHub's markdown, without
// charts. The same comparison gives the same bytes.
func comparisonMarkdown(w io.Writer, c *Comparison) error {
	return markdown(w, newContrast(c).document(), Options{})
}

// kernelsMarkdown writes a comparison of k in GitHub's markdown: each kernel against
// the first. The same files give the same bytes.
func kernelsMarkdown(w io.Writer, k []KernelBoots) error {
	return markdown(w, newKernelsText(newKernelLab(k)).document(), Options{})
}
