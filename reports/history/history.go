// Package history stores runs over time in a folder: a copy of each run's file, and a
// small file for each run that was marked as a release and for each finding that was
// acknowledged.
//
// No file is ever overwritten, except the index, which is a cache of what was read
// from the runs: without it all runs are read again.
package history

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"tunbench/reports/aa"
	"tunbench/reports/disk"
	"tunbench/reports/record"
	"tunbench/reports/series"
)

const (
	runSuffix     = ".jsonl"
	releaseSuffix = ".release.json"
	ackSuffix     = ".ack.json"
	lockName      = ".lock"
)

// lock takes the lock of the history and returns the function that releases it. If the
// file system has no locks, or the folder cannot be written, the history is used
// without one: no file is ever overwritten, and the index is replaced in one step.
func lock(dir string, how int) (unlock func()) {
	f, err := disk.Open(filepath.Join(dir, lockName), os.O_RDWR)
	if err != nil {
		return func() {}
	}
	for {
		if err = unix.Flock(int(f.Fd()), how); !errors.Is(err, unix.EINTR) {
			break
		}
	}
	if err == nil && how == unix.LOCK_EX {
		// Writers hold the lock, so the files left here are of writers that were killed.
		disk.RemoveLeft(dir)
	}
	return func() { f.Close() }
}

// Read returns all runs of the history in dir, and a sentence for each problem: what was
// left out, and why.
func Read(dir string) (runs []series.StoredRun, problems []string, err error) {
	if _, err := os.Stat(dir); err != nil {
		return nil, nil, fmt.Errorf("read the history: %w: tunbench history add makes it", err)
	}
	unlock := lock(dir, unix.LOCK_EX)
	defer unlock()
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("read the history: %w", err)
	}
	known, sound := readIndex(dir)
	var fresh []indexed
	changed := !sound
	newest := map[string]string{} // file by base
	marks := map[string]string{}
	for _, e := range entries {
		name := e.Name()
		switch {
		case strings.HasPrefix(name, "."), strings.HasSuffix(name, ackSuffix): // Acks reads these
		case strings.HasSuffix(name, releaseSuffix):
			r, err := readRelease(filepath.Join(dir, name))
			if err != nil {
				problems = append(problems, fmt.Sprintf("%s is no mark of a release and is left out: %v", name, err))
				continue
			}
			marks[base(name)] = r.Name
		case runName.MatchString(name) && e.Type().IsRegular():
			if old, ok := newest[base(name)]; !ok || version(name) > version(old) {
				newest[base(name)] = name
			}
		default:
			problems = append(problems, name+" is no file of a run and is left out")
		}
	}
	for _, name := range sorted(newest) {
		st, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s cannot be read and is left out: %v", name, err))
			continue
		}
		one, ok := known[name]
		if !ok || one.Size != st.Size() || one.Changed != st.ModTime().UnixNano() {
			f, err := record.ReadFile(filepath.Join(dir, name))
			if err == nil {
				err = checkRun(name, f)
			}
			if err != nil {
				problems = append(problems, fmt.Sprintf("%s is torn or no run, and is left out: %v", name, err))
				continue
			}
			one = indexed{st.Size(), st.ModTime().UnixNano(), series.NewStoredRun(name, aa.Fingerprint(f.Run.Host), f)}
			changed = true
		}
		fresh = append(fresh, one)
	}
	if changed || len(fresh) != len(known) {
		// The index only saves time, and the folder may not be writable.
		_ = writeIndex(dir, fresh)
	}
	seen := map[string]string{}
	for _, one := range fresh {
		r := one.StoredRun
		r.Release = marks[base(r.File)]
		if other, twice := seen[r.Host+r.Run.ID]; twice {
			problems = append(problems, fmt.Sprintf("%s is the same run as %s and is left out", r.File, other))
			continue
		}
		seen[r.Host+r.Run.ID] = r.File
		runs = append(runs, r)
	}
	for _, b := range sorted(marksWithout(marks, newest)) {
		problems = append(problems, b+releaseSuffix+" marks a run that is not there")
	}
	return runs, problems, nil
}

func marksWithout(marks, files map[string]string) map[string]string {
	left := map[string]string{}
	for b := range marks {
		if _, ok := files[b]; !ok {
			left[b] = b
		}
	}
	return left
}

func sorted(m map[string]string) (values []string) {
	for _, v := range m {
		values = append(values, v)
	}
	slices.Sort(values)
	return values
}
