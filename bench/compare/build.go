package compare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"tunbench/harness/module"
	"tunbench/reports/record"
)

// Build is another build of tunbench, which measures one variant of an AB in
// processes of its own. The memory layout of a process influences its figures for as
// long as it lives. Each pair therefore gets a fresh process of each build: what
// differs from process to process is then noise among the pairs, and not a change.
type Build struct {
	record.Build
	command []string // before the arguments; tests put themselves here
	env     []string
	file    os.FileInfo
}

// WorkerCommand is the command that makes tunbench such a process.
const WorkerCommand = "ab-worker"

// startLimit is how long a process may take to send its greeting.
const startLimit = 15 * time.Second

// FindBuild looks at the program at path and starts it once. It is an error if
// the program does not know the protocol.
func FindBuild(ctx context.Context, path string) (*Build, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find build %s: %w", path, err)
	}
	f, err := os.Open(abs)
	if err != nil {
		return nil, fmt.Errorf("find build: %w", err)
	}
	defer f.Close()
	b := &Build{command: []string{abs}}
	if b.file, err = f.Stat(); err != nil {
		return nil, fmt.Errorf("find build: %w", err)
	}
	if !b.file.Mode().IsRegular() {
		return nil, fmt.Errorf("find build: %s is not a program", path)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return nil, fmt.Errorf("read build %s: %w", path, err)
	}
	b.Path, b.SHA256 = path, hex.EncodeToString(sum.Sum(nil))
	w, err := b.start(ctx)
	if err != nil {
		return nil, err
	}
	b.Tool = w.tool
	return b, w.close()
}

// same reports whether two builds are one program.
func (b *Build) same(other *Build) bool { return b.SHA256 == other.SHA256 }

// start starts a process of b, and waits for its greeting.
func (b *Build) start(ctx context.Context) (*worker, error) {
	if b.file != nil {
		now, err := os.Stat(b.command[0])
		if err != nil {
			return nil, fmt.Errorf("start build: %w", err)
		}
		if !os.SameFile(now, b.file) || now.Size() != b.file.Size() || !now.ModTime().Equal(b.file.ModTime()) {
			return nil, fmt.Errorf("start build %s: the file has changed since the first pair: copy it to a place where no build replaces it", b.Path)
		}
	}
	w := &worker{build: b, answers: make(chan answer, 1), stderr: new(tail), ended: make(chan error, 1)}
	w.cmd = exec.Command(b.command[0], append(b.command[1:], WorkerCommand)...)
	w.cmd.Env = append(os.Environ(), b.env...)
	w.cmd.Stderr, w.cmd.WaitDelay = w.stderr, startLimit
	// An interrupt at the terminal is for this process: the other ends when its input does.
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var err error
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start build %s: %w", b.Path, err)
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start build %s: %w", b.Path, err)
	}
	if err := w.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start build %s: %w", b.Path, err)
	}
	greeting := make(chan []byte, 1)
	go w.listen(out, greeting)
	select {
	case <-ctx.Done():
		w.kill()
		return nil, ctx.Err()
	case <-time.After(startLimit):
		w.kill()
		return nil, b.incompatible(fmt.Sprintf("it said nothing for %v", startLimit))
	case line := <-greeting:
		if err := w.greet(line); err != nil {
			w.kill()
			return nil, err
		}
	}
	return w, nil
}

// incompatible is the error on a program that does not speak the protocol.
func (b *Build) incompatible(why string) error {
	return fmt.Errorf("%s cannot be compared with another build: %s; it must be a tunbench that speaks protocol %d of tunbench ab. Compare an older one by stored runs: tunbench run with each, then tunbench compare", b.Path, why, protocolVersion)
}

// FindBuilds finds the builds that measure A and B, nil if no path is given.
func FindBuilds(ctx context.Context, paths [2]string) (*[2]*Build, error) {
	if paths == [2]string{} {
		return nil, nil
	}
	if len(module.All()) > 0 {
		return nil, errors.New("--module with --base-binary or --new-binary: other builds of tunbench know no modules by name: leave one of them out")
	}
	var builds [2]*Build
	for i, path := range paths {
		if path == "" {
			own, err := os.Executable()
			if err != nil {
				return nil, fmt.Errorf("find this program: %w", err)
			}
			path = own
		}
		b, err := FindBuild(ctx, path)
		if err != nil {
			return nil, fmt.Errorf("--%s-binary: %w", []string{"base", "new"}[i], err)
		}
		builds[i] = b
	}
	return &builds, nil
}
