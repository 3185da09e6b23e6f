package kernels

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tunbench/bench/boot"
	"tunbench/reports/disk"
	"tunbench/reports/record"
)

// IndexName is the name of the file that lists the kernels that a folder compares.
const IndexName = "kernels.json"

// index is the content of that file.
type index struct {
	Kernels []string `json:"kernels"` // names of their folders, the base first
	Boots   int      `json:"boots"`   // that were asked for of each
}

// readIndex reads which kernels dir compares. If there is no such file, they are the
// folders that hold boots, in the order in which they were first measured.
func readIndex(dir string) (index, error) {
	var c index
	text, err := os.ReadFile(filepath.Join(dir, IndexName))
	if errors.Is(err, fs.ErrNotExist) {
		return findIndex(dir)
	}
	if err != nil {
		return c, fmt.Errorf("read comparison: %w", err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("read comparison %s: %w", filepath.Join(dir, IndexName), err)
	}
	if c.Boots < 1 || c.Boots > boot.MaxBoots || len(c.Kernels) == 0 {
		return c, fmt.Errorf("read comparison %s: %d kernels, %d boots: not a comparison", filepath.Join(dir, IndexName), len(c.Kernels), c.Boots)
	}
	for _, name := range c.Kernels {
		if !filepath.IsLocal(name) || strings.ContainsRune(name, filepath.Separator) {
			return c, fmt.Errorf("read comparison %s: kernel %q: not the name of a folder", filepath.Join(dir, IndexName), name)
		}
	}
	return c, nil
}

var bootName = regexp.MustCompile(`^boot-([1-9][0-9]*)$`)

func findIndex(dir string) (index, error) {
	var c index
	entries, err := os.ReadDir(dir)
	if err != nil {
		return c, fmt.Errorf("read comparison: %w", err)
	}
	first := map[string]string{} // when a kernel was first measured, RFC 3339
	for _, e := range entries {
		boots, err := os.ReadDir(filepath.Join(dir, e.Name()))
		if err != nil {
			continue // not a folder
		}
		for _, b := range boots {
			m := bootName.FindStringSubmatch(b.Name())
			if m == nil {
				continue
			}
			n, err := strconv.Atoi(m[1])
			if err != nil || n > boot.MaxBoots {
				continue
			}
			for _, what := range runFolders() {
				f, err := record.ReadFile(filepath.Join(dir, e.Name(), b.Name(), what))
				if err != nil {
					continue // Read reports the error
				}
				if was, ok := first[e.Name()]; !ok || f.Run.Started < was {
					first[e.Name()] = f.Run.Started
				}
			}
			c.Boots = max(c.Boots, n)
			if !slices.Contains(c.Kernels, e.Name()) {
				c.Kernels = append(c.Kernels, e.Name())
			}
		}
	}
	if len(c.Kernels) == 0 {
		return c, fmt.Errorf("read comparison: there is neither a %s nor a <kernel>/boot-1 in %s", IndexName, dir)
	}
	slices.SortStableFunc(c.Kernels, func(a, b string) int { return strings.Compare(first[a], first[b]) })
	return c, nil
}

// create makes dir and its index. If the folder cannot be written, that is known before
// the first boot.
func (c index) create(dir string) error {
	if err := disk.MakeFolder(dir); err != nil {
		return fmt.Errorf("create --out: %w", err)
	}
	if _, err := findIndex(dir); err == nil {
		return fmt.Errorf("%s holds a comparison already: choose another --out", dir)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	f, err := disk.Open(filepath.Join(dir, IndexName), os.O_WRONLY|os.O_EXCL)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s holds a comparison already: choose another --out", dir)
	}
	if err != nil {
		return fmt.Errorf("create --out: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	return nil
}

// remove undoes create, if no boot left anything.
func (c index) remove(dir string) {
	os.Remove(filepath.Join(dir, IndexName))
	os.Remove(dir) // fails, as it should, if the folder held something before
}

func bootDir(dir, kernel string, boot int) string {
	return filepath.Join(dir, kernel, "boot-"+strconv.Itoa(boot))
}

// folderName is the name of the folder of a kernel: its release, with a number if the
// same release occurs several times.
func folderName(release, arg string, taken []string) string {
	name := strings.Map(func(r rune) rune {
		if r <= ' ' || r == filepath.Separator || r == 0x7f {
			return '-'
		}
		return r
	}, cmp.Or(release, filepath.Base(arg)))
	if name == "." || name == ".." {
		name = "kernel"
	}
	free := name
	for n := 2; slices.Contains(taken, free); n++ {
		free = fmt.Sprintf("%s~%d", name, n)
	}
	return free
}
