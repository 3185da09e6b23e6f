package reports

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"tunbench/reports/record"
)

// ReportName is the name of the markdown report inside a run's folder.
const ReportName = "report.md"

// Write writes the report of f and its charts into dir, which is made if it is
// not there. Each file appears whole or not at all, the report last. The same
// run file gives the same bytes.
func Write(dir string, f *record.File) error { return writeDocument(dir, newDocument(f)) }

func writeDocument(dir string, d document) error {
	files, err := markdownFiles(d, false)
	if err != nil {
		return err
	}
	return writeFiles(dir, files)
}

// WriteRun writes the records of f into dir as its run file, in one step. The
// same records give the same bytes.
func WriteRun(dir string, f *record.File) error {
	var b bytes.Buffer
	if err := f.Write(record.NewWriter(&b)); err != nil {
		return err
	}
	return writeFiles(dir, []Output{{record.FileName, b.Bytes()}})
}

// writeFiles puts files into dir, the first one last.
func writeFiles(dir string, files []Output) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("make report folder: %w", err)
	}
	for _, o := range slices.Backward(files) {
		if err := replace(filepath.Join(dir, o.Name), o.Content); err != nil {
			return err
		}
	}
	return nil
}

// pictures gives all charts of the document.
func (d document) pictures() (pics []picture) {
	for _, s := range d.sections {
		for _, b := range s.blocks {
			if p, ok := b.(picture); ok {
				pics = append(pics, p)
			}
		}
	}
	return pics
}

// replace puts content at path, in one step.
func replace(path string, content []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	if _, err := tmp.Write(content); err != nil {
		return err
	}
	// CreateTemp gives 0600; a report is for everybody to read.
	if err := tmp.Chmod(0o644); err != nil {
		return err
	}
	if err := tmp.Sync(); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
