package render

import (
	"bytes"
	"fmt"
	"io"

	"tunbench/reports/document"
	"tunbench/reports/document/study"
	"tunbench/reports/screen"
)

// StudySummary writes what a study found for a terminal.
func StudySummary(w io.Writer, t study.Text) error {
	var b bytes.Buffer
	to, d := screen.Of(w), t.Document()
	wrapped(&b, to, screen.Plain, d.Title)
	fmt.Fprintln(&b)
	for _, p := range d.Points {
		wrapped(&b, to, screen.Plain, document.PlainText(p))
	}
	for _, a := range d.Alerts {
		wrapped(&b, to, screen.Caution, "warning: "+document.PlainText(a))
	}
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}
