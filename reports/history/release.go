package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"tunbench/reports/disk"
)

// checkRelease refuses a name that cannot be shown unchanged.
func checkRelease(name string) error {
	if name != "" && (strings.TrimSpace(name) != name || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })) {
		return fmt.Errorf("release %q: the name has spaces at an end or characters that cannot be printed", name)
	}
	return nil
}

// release is the content of a file that marks one run as a release.
type release struct {
	Kind string `json:"kind"` // "release"
	Name string `json:"name"`
	Run  string `json:"run"` // its id
}

// mark marks the run of that file as the release name, and returns name. It returns
// "" if the run is marked with that name already.
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
