package compare

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
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
