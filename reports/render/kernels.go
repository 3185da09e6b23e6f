package render

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"tunbench/reports/commit"
	"tunbench/reports/document"
	"tunbench/reports/document/kernels"
	"tunbench/reports/record"
	"tunbench/reports/screen"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// KernelsSummary writes the comparison of k for a terminal: one line a
// scenario and pair of kernels, then what there is to know about all of it.
// allow is as in CompareOptions.
func KernelsSummary(w io.Writer, k []verdict.KernelBoots, allow ...string) error {
	l, to := kernels.New(verdict.NewLab(k, allow...)), screen.Of(w)
	var b bytes.Buffer
	for _, p := range l.Headlines() {
		wrapped(&b, to, screen.Bad, document.PlainText(p))
	}
	blank := func() {
		if b.Len() > 0 {
			fmt.Fprintln(&b)
		}
	}
	tables := 0
	for _, next := range l.Columns() {
		t := kernels.Brief(l, next)
		if len(t.Rows) == 0 {
			continue
		}
		blank()
		tables++
		textTable(&b, to, t, nil)
	}
	if tables == 0 {
		blank()
		fmt.Fprintln(&b, "Nothing was measured.")
	} else {
		fmt.Fprintln(&b)
		wrapped(&b, to, screen.Plain, "send, receive: "+l.Unit()+" per packet")
		if len(l.Common) > 0 {
			wrapped(&b, to, screen.Plain, "all scenarios: "+text.Printable(strings.Join(l.Common, " ")))
		}
	}
	fmt.Fprintln(&b)
	for _, p := range l.Points() {
		wrapped(&b, to, screen.Plain, document.PlainText(p))
	}
	for _, k := range l.Kernels {
		var skips []record.Skip
		for _, r := range k.Refused {
			s := r.Skip
			s.Reason = k.Short + ", " + r.Arm + ": " + s.Reason
			skips = append(skips, s)
		}
		skipLines(&b, skips)
	}
	for _, a := range l.Cautions() {
		wrapped(&b, to, screen.Caution, "warning: "+document.PlainText(a))
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// KernelHeadlines is as Headlines, of kernels.
func KernelHeadlines(k []verdict.KernelBoots, allow ...string) (lines []string) {
	for _, p := range kernels.New(verdict.NewLab(k, allow...)).Headlines() {
		lines = append(lines, document.PlainText(p))
	}
	return lines
}

// WriteKernels writes the comparison of k and its charts into dir, as Write
// does for one run. allow is as in CompareOptions.
func WriteKernels(dir string, k []verdict.KernelBoots, allow ...string) error {
	return WriteDocument(dir, kernels.New(verdict.NewLab(k, allow...)).Document())
}

// KernelsImages writes the charts of that comparison into dir as images for slides, and
// gives the path of the first.
func KernelsImages(dir string, k []verdict.KernelBoots, allow ...string) (string, error) {
	return WriteImages(dir, kernels.New(verdict.NewLab(k, allow...)).Document())
}

// KernelsPage writes that comparison into dir as one page, and gives its path.
func KernelsPage(dir string, k []verdict.KernelBoots, allow ...string) (string, error) {
	return WritePage(dir, kernels.New(verdict.NewLab(k, allow...)).Document())
}

// KernelsCommit writes the comparison of k for the message of a commit. allow is as in
// verdict.Options.
func KernelsCommit(w io.Writer, k []verdict.KernelBoots, allow ...string) error {
	if _, err := io.WriteString(w, commit.Kernels(verdict.NewLab(k, allow...))); err != nil {
		return fmt.Errorf("write the message of a commit: %w", err)
	}
	return nil
}
