package boot

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tunbench/bench/folder"
	"tunbench/bench/progress"
	"tunbench/harness"
	"tunbench/harness/vm"
	"tunbench/harness/vm/kernel"
	"tunbench/reports/record"
	"tunbench/reports/render"
)

// Session runs one command of tunbench in guests: it boots each kernel as often as
// asked for, one after the other. The first boot that fails ends the session; the
// files of earlier boots stay.
type Session struct {
	Terminal
	Machine Machine
	Command Command
	Out     string        // folder for the guests' files, "" for the default
	Work    progress.Work // of the command

	// Report, if not nil, reports on the run in the folder of a guest that ended
	// before its command did.
	Report func(dir string) error
}

// boot is one boot of a kernel.
type boot struct {
	kernel *kernel.Kernel
	files  *Files
}

// Run boots the kernels of these names and returns the exit code of the command, the
// first that is not 0. An error is one of tunbench itself; the code is then that of a
// failure or of an interruption.
func (s *Session) Run(ctx context.Context, names []string) (code int, err error) {
	var kernels []*kernel.Kernel
	for _, name := range names {
		k, remove, err2 := kernel.Find(name, s.Machine.Arch)
		defer func() { err = errors.Join(err, remove()) }()
		if err2 != nil {
			return exitFailure, err2
		}
		if err := s.Machine.Of(k, s.Terminal, nil).Check(); err != nil {
			return exitFailure, err
		}
		kernels = append(kernels, k)
	}
	tell := progress.NewBoots(s.Stderr, s.Quiet || !s.Command.Writes, s.Verbose, len(kernels)*s.Machine.Boots, s.Work)
	defer tell.Clear()
	var boots []boot
	defer func() {
		// Folders that stayed empty are removed.
		for _, b := range boots {
			err = errors.Join(err, b.files.Close(true))
			if len(boots) > 1 {
				os.Remove(filepath.Dir(b.files.Dir))
			}
		}
	}()
	now := time.Now()
	for _, k := range kernels {
		for n := 1; n <= s.Machine.Boots; n++ {
			b := boot{k, &Files{Dir: s.folder(k, len(kernels), n, now), Prefix: prefix, Tell: tell.Record}}
			if err := s.claim(b, boots); err != nil {
				return exitFailure, err
			}
			boots = append(boots, b)
		}
	}
	for i, b := range boots {
		tell.Start(i+1, b.kernel.Release, "")
		machine := s.Machine.Of(b.kernel, s.Terminal, tell)
		if s.Command.Writes {
			machine.Keep = b.files
		}
		job := s.Command.Job
		job.Env = []string{harness.ForGuest()}
		r, err := machine.Run(ctx, job)
		if err != nil {
			tell.Clear()
			return s.failed(ctx, err, b.files, i, len(boots))
		}
		tell.End()
		c, err := s.handOver(r, b.files)
		if err != nil {
			return exitFailure, err
		}
		if code == 0 {
			code = c
		}
	}
	return code, nil
}

// Exit codes of a session.
const (
	exitFailure     = 2
	exitInterrupted = 130
)

// folder returns the folder of the n-th boot of k, which is one of so many kernels.
func (s *Session) folder(k *kernel.Kernel, kernels, n int, now time.Time) string {
	dir := s.Out
	switch {
	case dir == "":
		dir = folder.Default(now, k.Release)
	case kernels > 1:
		dir = filepath.Join(dir, k.Release)
	}
	if s.Machine.Boots > 1 {
		dir = filepath.Join(dir, fmt.Sprintf("boot-%d", n))
	}
	return dir
}

// claim makes the folder of b, which must hold no run and belong to no other boot.
func (s *Session) claim(b boot, others []boot) error {
	if !s.Command.Writes {
		return nil
	}
	for _, name := range []string{record.FileName, render.ReportName} {
		path := filepath.Join(b.files.Dir, name)
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s holds a run already: choose another --out", path)
		}
	}
	if slices.ContainsFunc(others, func(o boot) bool { return o.files.Dir == b.files.Dir }) {
		return fmt.Errorf("two kernels have the release %s, which names their folders: boot them one by one, each with its own --out", b.kernel.Release)
	}
	return b.files.Claim()
}

// failed reports what a guest, the i-th of n from 0, had measured when err ended it, and
// returns the exit code and the error of the command.
func (s *Session) failed(ctx context.Context, err error, files *Files, i, n int) (int, error) {
	interrupted := ctx.Err() != nil
	if n > 1 && !interrupted {
		err = fmt.Errorf("boot %d of %d: %w", i+1, n, err)
	}
	trials, whole := files.Measured()
	path := filepath.Join(files.Dir, record.FileName)
	has := files.Has(record.FileName)
	var kept string
	switch {
	case has && len(whole) == 0 && s.Work.Trials > 0:
		kept = fmt.Sprintf("%d of %d trials are in %s", trials, s.Work.Trials, path)
	case has:
		kept = fmt.Sprintf("%s in %s", record.Plural(trials, "trial is", "trials are"), path)
	}
	if err := files.Close(!interrupted || has); err != nil {
		return exitFailure, err
	}
	var reportErr error
	if has && s.Report != nil {
		reportErr = s.Report(files.Dir)
	}
	console := filepath.Join(files.Dir, ConsoleName)
	if _, statErr := os.Lstat(console); statErr == nil && s.Command.Writes {
		kept = strings.TrimPrefix(kept+"; the console is in "+console, "; ")
	}
	if interrupted {
		if n > 1 || kept == "" {
			kept = strings.TrimSuffix(fmt.Sprintf("%d of %d boots are done; %s", i, n, kept), "; ")
		}
		return exitInterrupted, errors.Join(fmt.Errorf("interrupted: %s", kept), reportErr)
	}
	if kept != "" {
		err = fmt.Errorf("%w\n%s", err, kept)
	}
	return exitFailure, errors.Join(err, reportErr)
}

// handOver prints the output of a guest, keeps its files, and returns the exit code of
// its command.
func (s *Session) handOver(r *vm.Result, kept *Files) (int, error) {
	files := map[string][]byte{}
	for name, contents := range r.Files {
		if rel, ok := strings.CutPrefix(name, prefix); ok {
			files[rel] = contents
		}
	}
	out := kept.Dir
	writeErr := errors.Join(kept.Complete(files), kept.Close(len(files) > 0))
	here := func(text []byte) string {
		return strings.ReplaceAll(string(text), outDir, out)
	}
	code := 0
	for _, c := range r.Commands {
		fmt.Fprint(s.Stderr, here(c.Stderr))
		if _, err := fmt.Fprint(s.Stdout, here(c.Stdout)); err != nil {
			return 0, err
		}
		if c.Error != "" {
			fmt.Fprintf(s.Stderr, "tunbench: in the guest: %s: %s\n", strings.Join(c.Args, " "), c.Error)
		}
		switch {
		case c.Exit > 128 && c.Error != "":
			code = exitFailure // a signal is a failure, not a result
		case code == 0:
			code = c.Exit
		}
	}
	if s.Verbose {
		s.Warnf("tunbench: the guest was up after %v under %s; the results took %v", r.BootTime.Round(time.Millisecond), r.Accel, r.Transfer.Round(time.Millisecond))
	}
	return code, writeErr
}
