package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"

	"tunbench/reports/disk"
	"tunbench/reports/series"
)

// release is the content of a file that marks a run.
type release struct {
	Kind string `json:"kind"` // "release"
	Name string `json:"name"`
	Run  string `json:"run"` // its id
}

// mark marks the run of that file; "" if it is marked so already.
func mark(dir, file, run, name string) (string, error) {
	path := filepath.Join(dir, base(file)+releaseSuffix)
	text, err := json.Marshal(release{"release", name, run})
	if err != nil {
		return "", fmt.Errorf("mark as release %s: %w", name, err)
	}
	err = disk.Create(path, append(text, '\n'))
	switch {
	case err == nil:
		return name, nil
	case !errors.Is(err, fs.ErrExist):
		return "", fmt.Errorf("mark as release %s: %w", name, err)
	}
	there, err := readRelease(path)
	if err != nil {
		return "", err
	}
	if there.Name != name {
		return "", fmt.Errorf("mark as release %s: the run is release %s already (%s)", name, there.Name, path)
	}
	return "", nil
}

func readRelease(path string) (release, error) {
	var r release
	text, err := os.ReadFile(path)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("%s: %w", path, err)
	}
	if r.Kind != "release" || r.Name == "" {
		return r, fmt.Errorf("%s: it names no release", path)
	}
	return r, checkRelease(r.Name)
}

// ack is the content of a file that acknowledges a finding.
type ack struct {
	Kind string `json:"kind"` // "ack"
	ID   string `json:"id"`   // of the finding
	series.Ack
}

// Ack keeps in the history in dir that somebody knows of the finding with that ID.
// It fails if it is acknowledged already.
func Ack(dir, id string, a series.Ack) error {
	a.Reason = strings.TrimSpace(a.Reason)
	switch {
	case !findingID.MatchString(id):
		return fmt.Errorf("acknowledge %q: it is no ID of a finding, which has ten digits from 0 to f: tunbench history check prints it", id)
	case a.Reason == "":
		return fmt.Errorf("acknowledge %s: say why: --reason is empty", id)
	case strings.ContainsFunc(a.Reason, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fmt.Errorf("acknowledge %s: the reason has characters that cannot be printed: write it in one line", id)
	}
	unlock := lock(dir, unix.LOCK_EX)
	defer unlock()
	text, err := json.Marshal(ack{"ack", id, a})
	if err != nil {
		return fmt.Errorf("acknowledge %s: %w", id, err)
	}
	path := filepath.Join(dir, id+ackSuffix)
	err = disk.Create(path, append(text, '\n'))
	if errors.Is(err, fs.ErrExist) {
		old, err := readAck(path)
		if err != nil {
			return fmt.Errorf("acknowledge %s: something is there already: %w", id, err)
		}
		return fmt.Errorf("acknowledge %s: it is acknowledged already, %s: %s; to take that back, remove %s", id, old.Time, old.Reason, path)
	}
	if err != nil {
		return fmt.Errorf("acknowledge %s: %w", id, err)
	}
	return nil
}

func readAck(path string) (ack, error) {
	var a ack
	text, err := os.ReadFile(path)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, fmt.Errorf("%s: %w", path, err)
	}
	if a.Kind != "ack" || a.ID+ackSuffix != filepath.Base(path) || a.Reason == "" {
		return a, fmt.Errorf("%s: it acknowledges no finding of its name, or gives no reason", path)
	}
	return a, nil
}

// Acks gives what is acknowledged in the history in dir, by the ID of the finding,
// and what was left out, a sentence each.
func Acks(dir string) (acks map[string]series.Ack, problems []string, err error) {
	paths, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil, fmt.Errorf("read the history: %w", err)
	}
	acks = map[string]series.Ack{}
	for _, e := range paths {
		if !strings.HasSuffix(e.Name(), ackSuffix) || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		a, err := readAck(filepath.Join(dir, e.Name()))
		if err != nil {
			problems = append(problems, fmt.Sprintf("%s is no acknowledgement and is left out: %v", e.Name(), err))
			continue
		}
		acks[a.ID] = a.Ack
	}
	return acks, problems, nil
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
