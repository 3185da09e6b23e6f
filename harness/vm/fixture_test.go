package vm

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"tunbench/harness/vm/guest"
)

// write writes a file below dir, with its folders.
func write(t testing.TB, path string, contents []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, contents, 0o666); err != nil {
		t.Fatal(err)
	}
}

// frame is what a guest hands out that has run two commands.
func frame(t testing.TB) []byte {
	t.Helper()
	dir := t.TempDir()
	printed, out := filepath.Join(dir, "printed"), filepath.Join(dir, "out")
	write(t, printed, []byte("text"))
	write(t, filepath.Join(out, "run.jsonl"), []byte("{}\n"))
	commands := []guest.CommandResult{{Args: []string{"version"}, Duration: 5}, {Args: []string{"run"}, Exit: 2, Error: "killed by SIGKILL"}}
	streams := slices.Repeat([]guest.Streams{{Stdout: printed, Stderr: printed}}, len(commands))
	var b bytes.Buffer
	if err := guest.WriteFrame(&b, commands, streams, out); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// chunks is what a guest hands out of a file that grows by parts.
func chunks(t testing.TB, name string, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	var offset int64
	for _, part := range parts {
		if err := guest.WriteChunk(&b, name, offset, []byte(part)); err != nil {
			t.Fatal(err)
		}
		offset += int64(len(part))
	}
	return b.Bytes()
}
