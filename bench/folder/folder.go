// Package folder makes the folder of a run and the run file in it.
package folder

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"tunbench/reports/disk"
	"tunbench/reports/record"
)

// Default is the folder of a run without --out. what is the release of its kernel, or
// names what else is measured.
func Default(now time.Time, what string) string {
	return filepath.Join("reports", "runs", now.UTC().Format("20060102T150405Z")+"-"+strings.ReplaceAll(what, "/", "-"))
}

// create makes the folder of path and an empty run file there. It is an error if
// the file exists: a run never overwrites another.
func create(path string) error {
	if err := disk.MakeFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("create --out: %w", err)
	}
	f, err := disk.Open(path, os.O_WRONLY|os.O_EXCL)
	if errors.Is(err, fs.ErrExist) {
		return Taken(path, "")
	}
	if err != nil {
		return fmt.Errorf("create run file: %w", err)
	}
	return f.Close()
}

// Free returns an error if path, at which a run file is to be created, exists; orElse
// adds what else can be done with a run that is there.
func Free(path, orElse string) error {
	if _, err := os.Lstat(path); err == nil {
		return Taken(path, orElse)
	}
	return nil
}

// Keep returns a function that stores files in the folder dir.
func Keep(dir string) func(name string, content []byte) error {
	return func(name string, content []byte) error {
		if err := disk.MakeFolder(dir); err != nil {
			return fmt.Errorf("keep %s: %w", name, err)
		}
		return disk.Replace(filepath.Join(dir, name), content)
	}
}

// Taken is the error that there is a run at path, or that one is being made there;
// orElse adds what else can be done in the first case.
func Taken(path, orElse string) error {
	if holder := disk.Holder(path); holder != "" {
		return &disk.HeldError{Path: path, Holder: holder}
	}
	return fmt.Errorf("%s holds a run already: choose another --out%s", path, orElse)
}

// Find returns the folder of a run. name is that folder, or the run file in it.
func Find(name string) (string, error) {
	st, err := os.Stat(name)
	switch {
	case err != nil:
		return "", fmt.Errorf("find the run: %w", err)
	case st.IsDir():
		inside := filepath.Join(name, record.FileName)
		if _, err := os.Stat(inside); errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%s: there is no %s in it: name the folder of a run", name, record.FileName)
		}
		return name, nil
	case filepath.Base(name) == record.FileName:
		return filepath.Dir(name), nil
	}
	return "", fmt.Errorf("%s is a file: name the folder of a run, or the %s in it", name, record.FileName)
}

// ForReport returns an error if a report in dir would replace that of a run in it, unless it
// is a report on that run. reported are the runs, by their folders or run files, that the
// report is on.
func ForReport(dir string, reported ...string) error {
	inside, err := os.Stat(filepath.Join(dir, record.FileName))
	if err != nil {
		return nil // no run, or no folder that can be written to
	}
	if len(reported) == 1 {
		run := reported[0]
		if st, err := os.Stat(run); err == nil && st.IsDir() {
			run = filepath.Join(run, record.FileName)
		}
		if st, err := os.Stat(run); err == nil && os.SameFile(st, inside) {
			return nil
		}
	}
	return fmt.Errorf("%s holds a run, whose report would be replaced: choose another --out", dir)
}

// Name is the name of a run's folder, by which reports tell runs apart.
func Name(run string) string {
	if abs, err := filepath.Abs(run); err == nil {
		run = abs
	}
	if filepath.Base(run) == record.FileName {
		run = filepath.Dir(run)
	}
	return filepath.Base(run)
}

// Write writes the records of f into dir as its run file, in one step. If the
// file exists it is not changed, because somebody may be writing it, and the error is
// fs.ErrExist.
func Write(dir string, f *record.File) error {
	var b bytes.Buffer
	if err := f.Write(record.NewWriter(&b)); err != nil {
		return err
	}
	if err := disk.MakeFolder(dir); err != nil {
		return fmt.Errorf("make report folder: %w", err)
	}
	return disk.Create(filepath.Join(dir, record.FileName), b.Bytes())
}
