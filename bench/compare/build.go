package compare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"tunbench/reports/record"
)

// Build is a tunbench in a file of its own, which measures one side of an AB in
// processes of its own. A process has luck with its memory, and keeps it until
// it ends, so that each pair gets a fresh process of each build: what differs
// from process to process is then noise of the pairs, and not a change.
type Build struct {
	record.Build
	command []string // before the arguments; tests put themselves here
	env     []string
	file    os.FileInfo
}

// WorkerCommand is the command by which tunbench is such a process.
const WorkerCommand = "ab-worker"

// startLimit is how long a process may take to say that it is there.
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

// same tells whether two builds are one program.
func (b *Build) same(other *Build) bool { return b.SHA256 == other.SHA256 }

// start starts a process of b, and waits until it is there.
func (b *Build) start(ctx context.Context) (*worker, error) {
	if b.file != nil {
		now, err := os.Stat(b.command[0])
		if err != nil {
			return nil, fmt.Errorf("start build: %w", err)
		}
		if !os.SameFile(now, b.file) || now.Size() != b.file.Size() || !now.ModTime().Equal(b.file.ModTime()) {
			return nil, fmt.Errorf("start build %s: the file has changed since the first pair: copy it to where nothing is built while it is measured", b.Path)
		}
	}
	w := &worker{build: b, answers: make(chan answer, 1), stderr: new(tail), ended: make(chan error, 1)}
	w.cmd = exec.Command(b.command[0], append(b.command[1:], WorkerCommand)...)
	w.cmd.Env = append(os.Environ(), b.env...)
	w.cmd.Stderr, w.cmd.WaitDelay = w.stderr, startLimit
	// An interrupt at the terminal is for us: the process ends when its input does.
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
		return nil, b.stranger(fmt.Sprintf("it said nothing for %v", startLimit))
	case line := <-greeting:
		if err := w.greet(line); err != nil {
			w.kill()
			return nil, err
		}
	}
	return w, nil
}

// stranger is the error on a program that does not speak the protocol.
func (b *Build) stranger(why string) error {
	return fmt.Errorf("%s cannot be measured beside another build: %s; it must be a tunbench that knows protocol %d of tunbench ab. An older one is compared by stored runs: tunbench run with each, then tunbench compare", b.Path, why, protocolVersion)
}
