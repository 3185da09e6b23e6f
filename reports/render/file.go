// Package render writes documents as markdown with charts beside it, as one HTML page,
// and as a summary for a terminal.
package render

import (
	"fmt"
	"path/filepath"
	"slices"

	"tunbench/reports/disk"
	"tunbench/reports/document"
)

// Output is a file of a report.
type Output struct {
	Name    string
	Content []byte
}

// ReportName is the name of the markdown report inside a run's folder.
const ReportName = "report.md"

// WriteDocument writes d as markdown into dir, and its charts beside it.
func WriteDocument(dir string, d document.Document) error {
	files, err := MarkdownFiles(d, false)
	if err != nil {
		return err
	}
	return WriteFiles(dir, files)
}

// WriteFiles puts files into dir, the first one last.
func WriteFiles(dir string, files []Output) error {
	if err := disk.MakeFolder(dir); err != nil {
		return fmt.Errorf("make report folder: %w", err)
	}
	for _, o := range slices.Backward(files) {
		if err := disk.Replace(filepath.Join(dir, o.Name), o.Content); err != nil {
			return err
		}
	}
	return nil
}
