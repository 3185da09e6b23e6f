package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// File is the content of a run's file.
type File struct {
	Run      *Run // never nil
	Trials   []Trial
	Searches []Search
	Profiles []Profile
	Verdicts []Verdict
	Skips    []Skip
	Resumes  []Resume
	End      *End // nil if the run was interrupted
	// Warnings tell the user what was skipped while reading, and contradictions.
	Warnings []string
}

// expects refuses a record before the header or after the end.
func (f *File) expects(kind Kind) error {
	switch {
	case f.Run == nil:
		return fmt.Errorf("no run header before the first %s record", kind)
	case f.End != nil:
		return fmt.Errorf("a %s record after the end record", kind)
	}
	return nil
}

// reconcile adds a warning where the counts of the end record differ from the file.
func (f *File) reconcile() {
	if f.End == nil {
		return
	}
	if f.End.Trials != len(f.Trials) {
		f.Warnings = append(f.Warnings, fmt.Sprintf("the end record counts %s, the file holds %d", Plural(f.End.Trials, "trial", "trials"), len(f.Trials)))
	}
	if f.End.Skips != len(f.Skips) {
		f.Warnings = append(f.Warnings, fmt.Sprintf("the end record counts %s, the file holds %d", Plural(f.End.Skips, "skip", "skips"), len(f.Skips)))
	}
}

// Header returns the header for records of that shard: in a merged file the shard's
// own header, elsewhere the header of the file.
func (f *File) Header(shard int) *Run {
	for i := range f.Run.Parts {
		if p := &f.Run.Parts[i].Run; p.Shard != nil && p.Shard.Index == shard {
			return p
		}
	}
	return f.Run
}

// Write writes all records of f: the header first, and the end last if there is one.
func (f *File) Write(w *Writer) error {
	records := []Record{f.Run}
	for i := range f.Trials {
		records = append(records, &f.Trials[i])
	}
	for i := range f.Searches {
		records = append(records, &f.Searches[i])
	}
	for i := range f.Profiles {
		records = append(records, &f.Profiles[i])
	}
	for i := range f.Verdicts {
		records = append(records, &f.Verdicts[i])
	}
	for i := range f.Skips {
		records = append(records, &f.Skips[i])
	}
	for i := range f.Resumes {
		records = append(records, &f.Resumes[i])
	}
	if f.End != nil {
		records = append(records, f.End)
	}
	for _, r := range records {
		if err := w.Write(r); err != nil {
			return err
		}
	}
	return nil
}

// FileName is the name of a run's file inside the run's folder.
const FileName = "run.jsonl"

// ReadFile reads the run file at path, which may also be the run's folder.
func ReadFile(path string) (*File, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read run file: %w", err)
	}
	if st.IsDir() {
		inside := filepath.Join(path, FileName)
		if _, err := os.Stat(inside); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("read run folder %s: there is no %s in it: %w", path, FileName, fs.ErrNotExist)
		}
		path = inside
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read run file: %w", err)
	}
	defer f.Close()
	got, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("read run file %s: %w", path, err)
	}
	return got, nil
}

// Named is a run file and where it was read from.
type Named struct {
	Name string
	*File
}
