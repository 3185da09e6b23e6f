package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/sys/unix"

	"tunbench/reports/disk"
	"tunbench/reports/series"
)

// ack is the content of a file that acknowledges one finding.
type ack struct {
	Kind string `json:"kind"` // "ack"
	ID   string `json:"id"`   // of the finding
	series.Ack
}

// findingID is what the ID of a finding looks like.
var findingID = regexp.MustCompile(`^[0-9a-f]{10}$`)

// Ack acknowledges the finding with that ID in the history in dir. It fails if the
// finding is acknowledged already.
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

// Acks returns the acknowledgements in the history in dir, by the ID of the finding,
// and a sentence for each file that was left out.
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
