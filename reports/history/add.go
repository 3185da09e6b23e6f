package history

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"golang.org/x/sys/unix"

	"tunbench/reports/aa"
	"tunbench/reports/disk"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// Added reports what Add did.
type Added struct {
	File    string // name within the history
	There   bool   // the same run was there already
	Cut     bool   // the run was interrupted
	Release string // the release that this call marked it as
	Notes   []string
}

// Add copies the run at path, a file or a folder, into the history in dir, which is
// made if it does not exist, and marks the run as release if that is not "". A run
// that is there already is not copied, but may be marked. A run that was interrupted
// and has been resumed since is stored beside its earlier part, which it replaces.
func Add(dir, path, release string) (Added, error) {
	var done Added
	if err := checkRelease(release); err != nil {
		return done, err
	}
	if st, err := os.Stat(path); err == nil && st.IsDir() {
		path = filepath.Join(path, record.FileName)
	}
	// The file is read once, since its run may still be writing it.
	text, err := os.ReadFile(path)
	if err != nil {
		return done, fmt.Errorf("add run: %w", err)
	}
	f, err := record.Read(bytes.NewReader(text))
	if err != nil {
		return done, fmt.Errorf("add %s: %w", path, err)
	}
	if err := checkRun(path, f); err != nil {
		return done, err
	}
	if err := disk.MakeFolder(dir); err != nil {
		return done, fmt.Errorf("make the history: %w", err)
	}
	unlock := lock(dir, unix.LOCK_EX)
	defer unlock()
	done.Cut, done.Notes = f.End == nil, f.Warnings
	done.File, done.There, err = put(dir, nameOf(f.Run), text)
	if err != nil {
		return done, fmt.Errorf("add %s: %w", path, err)
	}
	if release != "" {
		if done.Release, err = mark(dir, done.File, f.Run.ID, release); err != nil {
			return done, fmt.Errorf("add %s: %w", path, err)
		}
	}
	return done, nil
}

// checkRun refuses a file that cannot be a point of a series.
func checkRun(path string, f *record.File) error {
	switch _, err := time.Parse(time.RFC3339Nano, f.Run.Started); {
	case verdict.HoldsVariants(f):
		return fmt.Errorf("add %s: it holds the variants of tunbench ab, which are no run over time", path)
	case f.Run.ID == "":
		return fmt.Errorf("add %s: its header has no id, so that it could be added twice", path)
	case err != nil:
		return fmt.Errorf("add %s: it started at %q, which is no RFC 3339 time, so that it has no place among the others", path, f.Run.Started)
	}
	return nil
}

// ownID matches an id that tunbench made.
var ownID = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}\.[0-9]{3}Z-[0-9a-f]{8}$`)

// nameOf names a run's file by its start, its host and its id, without suffix and
// without a dot. In an id that tunbench did not make, all but letters and digits is
// replaced, and a hash of the id keeps such names apart.
func nameOf(r *record.Run) string {
	started, _ := time.Parse(time.RFC3339Nano, r.Started)
	id := strings.Map(func(c rune) rune {
		if c < 128 && (unicode.IsLetter(c) || unicode.IsDigit(c)) {
			return c
		}
		return '-'
	}, r.ID)
	if !ownID.MatchString(r.ID) {
		sum := sha256.Sum256([]byte(r.ID))
		id = id[:min(len(id), 60)] + "-" + hex.EncodeToString(sum[:6])
	}
	return started.UTC().Format("20060102T150405Z") + "-" + aa.Fingerprint(r.Host) + "-" + id
}

// put creates the file of a run, unless a stored file begins with text. Where an
// earlier part of the run is stored, text must begin with its whole lines, and gets
// the next number.
func put(dir, name string, text []byte) (file string, there bool, err error) {
	for n := 1; ; n++ {
		file = name + runSuffix
		if n > 1 {
			file = name + "." + strconv.Itoa(n) + runSuffix
		}
		switch err = disk.Create(filepath.Join(dir, file), text); {
		case err == nil:
			return file, false, nil
		case !errors.Is(err, fs.ErrExist):
			return file, false, err
		}
		old, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return file, false, err
		}
		whole := old[:bytes.LastIndexByte(old, '\n')+1]
		switch {
		case bytes.Equal(old, text), bytes.HasPrefix(old, text):
			return file, true, nil
		case !bytes.HasPrefix(text, whole):
			return file, false, fmt.Errorf("%s has the same run (%s), and it is another: compare the two files, and keep one",
				filepath.Join(dir, file), name)
		}
	}
}

// base returns the name that all files of a run share, without the number of a resumed
// run and without suffix.
func base(file string) string {
	name := strings.TrimSuffix(strings.TrimSuffix(file, releaseSuffix), runSuffix)
	name, _, _ = strings.Cut(name, ".")
	return name
}

// runName matches the name of a run's file.
var runName = regexp.MustCompile(`^[^.]+(\.[0-9]+)?\.jsonl$`)

// version returns the number of a run's file. The file with the largest number has most
// of the run.
func version(file string) int {
	_, n, _ := strings.Cut(strings.TrimSuffix(file, runSuffix), ".")
	v, err := strconv.Atoi(n)
	if err != nil {
		return 1
	}
	return v
}
