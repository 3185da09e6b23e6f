package reports

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"tunbench/reports/record"
	"tunbench/reports/screen"
)

// KernelsSummary writes the comparison of k for a terminal: one line a
// scenario and pair of kernels, then what there is to know about all of it.
// allow is as in CompareOptions.
func KernelsSummary(w io.Writer, k []KernelBoots, allow ...string) error {
	l, to := newKernelsText(newKernelLab(k, allow...)), screen.Of(w)
	var b bytes.Buffer
	for _, p := range l.headlines() {
		wrapped(&b, to, screen.Bad, plainText(p))
	}
	blank := func() {
		if b.Len() > 0 {
			fmt.Fprintln(&b)
		}
	}
	tables := 0
	for _, next := range l.columns() {
		t := l.brief(next)
		if len(t.rows) == 0 {
			continue
		}
		blank()
		tables++
		textTable(&b, to, t, nil)
	}
	if tables == 0 {
		blank()
		fmt.Fprintln(&b, "Nothing was measured.")
	} else if len(l.common) > 0 {
		fmt.Fprintln(&b)
		wrapped(&b, to, screen.Plain, "all scenarios: "+printable(strings.Join(l.common, " ")))
	}
	fmt.Fprintln(&b)
	for _, p := range l.points() {
		wrapped(&b, to, screen.Plain, plainText(p))
	}
	for _, k := range l.kernels {
		var skips []record.Skip
		for _, r := range k.refused {
			s := r.Skip
			s.Reason = k.short + ", " + r.arm + ": " + s.Reason
			skips = append(skips, s)
		}
		skipLines(&b, skips)
	}
	for _, a := range l.cautions() {
		wrapped(&b, to, screen.Caution, "warning: "+plainText(a))
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

// KernelHeadlines is as Headlines, of kernels.
func KernelHeadlines(k []KernelBoots, allow ...string) (lines []string) {
	for _, p := range newKernelsText(newKernelLab(k, allow...)).headlines() {
		lines = append(lines, plainText(p))
	}
	return lines
}

// WriteKernels writes the comparison of k and its charts into dir, as Write
// does for one run. allow is as in CompareOptions.
func WriteKernels(dir string, k []KernelBoots, allow ...string) error {
	return writeDocument(dir, newKernelsText(newKernelLab(k, allow...)).document())
}
