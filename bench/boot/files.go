package boot

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"tunbench/reports/disk"
	"tunbench/reports/record"
)

// ConsoleName is the name of the file that keeps the console of a guest.
const ConsoleName = "console.log"

// Files keeps the files and the console of a guest in the folder Dir while the guest
// runs: whatever ends the guest or tunbench, the records of all finished trials are
// there. It is a vm.Keeper.
type Files struct {
	Dir    string
	Prefix string                             // of names in the guest, which is left out on the host
	Tell   func(kind record.Kind, arm string) // called for each record that was kept; may be nil

	mu      sync.Mutex // guards what follows
	console *os.File
	printed int
	files   map[string]*grown
}

// grown is a file that a guest hands out as it grows.
type grown struct {
	f      *os.File
	size   int64
	trials int
	ended  bool // it has its end record
	torn   bool // a part was lost: what follows it cannot be placed
}

// consoleLimit is the largest size of a kept console, in bytes.
const consoleLimit = 16 << 20

// Claim makes the folder and the file of the console, before anything is booted. There
// must be no file that the guest would overwrite.
func (g *Files) Claim() error {
	if err := disk.MakeFolder(g.Dir); err != nil {
		return fmt.Errorf("create --out: %w", err)
	}
	f, err := disk.Open(filepath.Join(g.Dir, ConsoleName), os.O_WRONLY|os.O_EXCL)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already: choose another --out", filepath.Join(g.Dir, ConsoleName))
	}
	if err != nil {
		return fmt.Errorf("create --out: %w", err)
	}
	g.console = f
	return nil
}

// Begin removes what an earlier boot handed out.
func (g *Files) Begin() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.console == nil {
		return errors.New("keep the guest's console: its folder was not claimed")
	}
	if err := g.console.Truncate(0); err != nil {
		return fmt.Errorf("keep the guest's console: %w", err)
	}
	if _, err := g.console.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("keep the guest's console: %w", err)
	}
	for name, of := range g.files {
		of.f.Close()
		if err := os.Remove(filepath.Join(g.Dir, name)); err != nil {
			return fmt.Errorf("forget an earlier boot: %w", err)
		}
	}
	g.printed, g.files = 0, map[string]*grown{}
	return nil
}

// Console keeps a line of the console.
func (g *Files) Console(line string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.printed += len(line) + 1; g.printed > consoleLimit {
		return nil
	}
	_, err := g.console.WriteString(line + "\n")
	return err
}

// Grow appends b to a file. b is on disk before Grow returns.
func (g *Files) Grow(name string, offset int64, b []byte) error {
	name, ok := strings.CutPrefix(name, g.Prefix)
	if !ok {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	of := g.files[name]
	if of == nil {
		path := filepath.Join(g.Dir, name)
		if err := disk.MakeFolder(filepath.Dir(path)); err != nil {
			return err
		}
		f, err := disk.Open(path, os.O_WRONLY|os.O_TRUNC)
		if err != nil {
			return err
		}
		of = &grown{f: f}
		g.files[name] = of
	}
	if of.torn = of.torn || offset != of.size; of.torn {
		return nil // the whole file comes at the end
	}
	_, err := of.f.WriteAt(b, offset)
	if err == nil {
		err = of.f.Sync()
	}
	if err != nil {
		return errors.Join(err, of.f.Truncate(of.size))
	}
	of.size += int64(len(b))
	for line := range bytes.Lines(b) {
		var r struct {
			Kind record.Kind `json:"kind"`
			Arm  string      `json:"arm"`
		}
		if json.Unmarshal(line, &r) != nil {
			continue
		}
		switch r.Kind {
		case record.KindTrial:
			of.trials++
		case record.KindEnd:
			of.ended = true
		}
		if g.Tell != nil {
			g.Tell(r.Kind, r.Arm)
		}
	}
	return nil
}

// Measured returns the number of trials that are kept, and the names of the files that
// are complete.
func (g *Files) Measured() (trials int, whole []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for name, of := range g.files {
		trials += of.trials
		if of.ended {
			whole = append(whole, name)
		}
	}
	slices.Sort(whole)
	return trials, whole
}

// Has reports whether the guest handed the file out while it ran.
func (g *Files) Has(name string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.files[name] != nil
}

// Complete writes the files that the guest handed out at its end. Those that were kept
// meanwhile are replaced in one step; no other file is overwritten. If a file cannot be
// written, the others are written nevertheless.
func (g *Files) Complete(files map[string][]byte) error {
	var err error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(g.Dir, name)
		if !g.Has(name) {
			if _, statErr := os.Lstat(path); statErr == nil {
				err = errors.Join(err, fmt.Errorf("write results: %s exists already: choose another --out", path))
				continue
			}
		}
		err = errors.Join(err, store(path, files[name]))
	}
	return err
}

// Close closes all files. It removes the folder if that holds nothing worth keeping:
// neither a file of the guest nor, with keepConsole, a line of the console.
func (g *Files) Close(keepConsole bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.console == nil {
		return nil
	}
	err := g.console.Close()
	for _, of := range g.files {
		err = errors.Join(err, of.f.Close())
	}
	if len(g.files) == 0 && (!keepConsole || g.printed == 0) {
		os.Remove(filepath.Join(g.Dir, ConsoleName))
		os.Remove(g.Dir) // fails, as it should, if it holds something
	}
	g.console = nil
	return err
}

// store writes a file in one step.
func store(path string, content []byte) error {
	if err := disk.MakeFolder(filepath.Dir(path)); err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	if err := disk.Replace(path, content); err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	return nil
}
