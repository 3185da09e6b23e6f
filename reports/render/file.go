// Package render writes documents as markdown with charts beside it, as one HTML page,
// and as a summary for a terminal.
package render

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"tunbench/reports/document"
	"tunbench/reports/record"
)

// Output is a file of a report.
type Output struct {
	Name    string
	Content []byte
}

// ReportName is the name of the markdown report inside a run's folder.
const ReportName = "report.md"

func WriteDocument(dir string, d document.Document) error {
	files, err := MarkdownFiles(d, false)
	if err != nil {
		return err
	}
	return WriteFiles(dir, files)
}

// WriteRun writes the records of f into dir as its run file, in one step. The
// same records give the same bytes. A run file that is there already is left as
// it is, and the error is fs.ErrExist: somebody may be writing it.
func WriteRun(dir string, f *record.File) error {
	var b bytes.Buffer
	if err := f.Write(record.NewWriter(&b)); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("make report folder: %w", err)
	}
	return put(filepath.Join(dir, record.FileName), b.Bytes(), renameNew)
}

// renameNew renames a file unless there is one of the new name.
func renameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	// NFS and a few others cannot do that, but have links.
	if err := os.Link(from, to); err != nil {
		return err
	}
	return os.Remove(from)
}

// WriteFiles puts files into dir, the first one last.
func WriteFiles(dir string, files []Output) error {
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

// replace puts content at path, in one step.
func replace(path string, content []byte) error { return put(path, content, os.Rename) }

// put writes content beside path and renames it to path.
func put(path string, content []byte, rename func(from, to string) error) (err error) {
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
	return rename(tmp.Name(), path)
}
