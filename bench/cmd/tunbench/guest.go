package main

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

	"github.com/spf13/cobra"

	"tunbench/bench/plan"
	"tunbench/harness/vm/guest"
	"tunbench/reports/record"
)

// growing hands each record of a guest's run to the host as soon as it is
// written.
type growing struct {
	plan.Recorder
	file *guest.Growing
}

// handOut lets what rec writes into the file at path leave the guest at once,
// if this is one.
func handOut(path string, rec plan.Recorder) (plan.Recorder, error) {
	file, err := guest.Grow(path)
	if err != nil {
		return nil, errors.Join(err, rec.Close())
	}
	if file == nil {
		return rec, nil
	}
	return growing{rec, file}, nil
}

func (g growing) Write(r record.Record) error {
	if err := g.Recorder.Write(r); err != nil {
		return err
	}
	return g.file.Send()
}

func (g growing) Close() error {
	return errors.Join(g.Recorder.Close(), g.file.Close())
}

// rehearsal is what a command line would do, found without doing it.
type rehearsal struct {
	command string
	trials  int // that it would measure; 0 where that is not known
	ofArm   int // of them, of one arm of one scenario
	arms    int
	format  string // of the report
	asJSON  bool
}

// plans reports that the command would measure plan.
func (r *rehearsal) plans(plan plan.Plan) {
	r.trials, r.ofArm, r.arms = plan.Trials(), plan.Pairs, len(plan.Arms)
}

// errRehearsed ends a command that is only rehearsed.
var errRehearsed = errors.New("rehearsed")

// rehearse checks a command line of tunbench as far as that needs neither root
// nor the kernel, with the errors that the command would give.
func (a *app) rehearse(args []string) (rehearsal, error) {
	var r rehearsal
	b := &app{args: args, stdout: io.Discard, stderr: io.Discard, quiet: true, lab: a.lab, host: a.host, privileges: a.privileges, doctor: a.doctor, rehearsal: &r}
	root := b.root()
	root.SetArgs(slices.Clone(args))
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		r.command = cmd.Name()
		if err := errors.Join(cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups()); err != nil {
			return err
		}
		switch r.command {
		case "run", "ab", "list":
			return nil // they go on to their plan
		}
		return errRehearsed
	}
	err := root.Execute()
	if errors.Is(err, errRehearsed) {
		err = nil
	}
	return r, err
}

// consoleName is the file beside a guest's own that keeps its console.
const consoleName = "console.log"

// guestFiles keeps what a guest hands out and prints in the folder dir, while it
// runs: whatever ends the guest, or tunbench, leaves the records of all finished
// trials. It is a vm.Keeper.
type guestFiles struct {
	dir    string
	prefix string                             // of the guest's names, which is left out
	tell   func(kind record.Kind, arm string) // told of each record that was kept; may be nil

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
	torn   bool // something before the end was lost: what follows has no place
}

// consoleLimit bounds what is kept of a console, in bytes.
const consoleLimit = 16 << 20

// claim makes the folder and its console, before anything is booted. What a
// guest would overwrite must not be there.
func (g *guestFiles) claim() error {
	if err := os.MkdirAll(g.dir, 0o777); err != nil {
		return fmt.Errorf("create --out: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(g.dir, consoleName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already: choose another --out", filepath.Join(g.dir, consoleName))
	}
	if err != nil {
		return fmt.Errorf("create --out: %w", err)
	}
	g.console = f
	return nil
}

// Begin forgets what an earlier boot gave.
func (g *guestFiles) Begin() error {
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
		if err := os.Remove(filepath.Join(g.dir, name)); err != nil {
			return fmt.Errorf("forget an earlier boot: %w", err)
		}
	}
	g.printed, g.files = 0, map[string]*grown{}
	return nil
}

// Console keeps a line of the console.
func (g *guestFiles) Console(line string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.printed += len(line) + 1; g.printed > consoleLimit {
		return nil
	}
	_, err := g.console.WriteString(line + "\n")
	return err
}

// Grow appends b, which is on the disk before Grow returns.
func (g *guestFiles) Grow(name string, offset int64, b []byte) error {
	name, ok := strings.CutPrefix(name, g.prefix)
	if !ok {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	of := g.files[name]
	if of == nil {
		path := filepath.Join(g.dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
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
		if g.tell != nil {
			g.tell(r.Kind, r.Arm)
		}
	}
	return nil
}

// measured counts the trials that are kept, and names the files that have their
// end.
func (g *guestFiles) measured() (trials int, whole []string) {
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

// has reports whether the guest handed the file out while it ran.
func (g *guestFiles) has(name string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.files[name] != nil
}

// complete writes files, as the guest handed them out at its end. What was kept
// meanwhile is replaced in one step; other files that are there are not. A file
// that cannot be written does not cost the others.
func (g *guestFiles) complete(files map[string][]byte) error {
	var err error
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(g.dir, name)
		if !g.has(name) {
			if _, statErr := os.Lstat(path); statErr == nil {
				err = errors.Join(err, fmt.Errorf("write results: %s is there already: choose another --out", path))
				continue
			}
		}
		err = errors.Join(err, store(path, files[name]))
	}
	return err
}

// close closes all files, and removes a folder in which nothing is worth keeping:
// neither a guest's file nor, with keepConsole, a line of the console.
func (g *guestFiles) close(keepConsole bool) error {
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
		os.Remove(filepath.Join(g.dir, consoleName))
		os.Remove(g.dir) // fails, as it should, where it holds something
	}
	g.console = nil
	return err
}

// counted is a number of things in words.
func counted(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

func are(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
