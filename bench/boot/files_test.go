package boot

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/record"
)

// What a guest hands out is on the disk at once, and what is lost on the way
// leaves the records before it.
func TestFiles(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	var told []string
	g := &Files{Dir: dir, Prefix: prefix, Tell: func(k record.Kind, arm string) { told = append(told, string(k)+arm) }}
	if err := errors.Join(g.Claim(), g.Begin(), g.Console("[1] one"), g.Console("two")); err != nil {
		t.Fatal(err)
	}
	grow := func(name string, offset int, text string) {
		t.Helper()
		if err := g.Grow(name, int64(offset), []byte(text)); err != nil {
			t.Error(err)
		}
	}
	const header, trial, end = "{\"kind\":\"run\"}\n", "{\"kind\":\"trial\",\"arm\":\"bare\"}\n", "{\"kind\":\"end\"}\n"
	run := prefix + record.FileName
	grow("other/file", 0, "not the user's")
	grow(run, 0, header)
	grow(run, len(header), trial)
	if got := readText(t, dir, record.FileName); got != header+trial {
		t.Errorf("run file %q", got)
	}
	grow(run, len(header)+2*len(trial), end) // one was lost
	if got := readText(t, dir, record.FileName); got != header+trial {
		t.Errorf("after a loss: run file %q", got)
	}
	if trials, whole := g.Measured(); trials != 1 || len(whole) != 0 {
		t.Errorf("%d trials, %q whole", trials, whole)
	}
	if got := readText(t, dir, ConsoleName); got != "[1] one\ntwo\n" {
		t.Errorf("console %q", got)
	}
	if want := []string{"run", "trialbare"}; !cmp.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	// The guest's own end replaces what was kept meanwhile.
	if err := errors.Join(g.Complete(map[string][]byte{record.FileName: []byte(header + trial + trial + end), "report.md": nil}), g.Close(true)); err != nil {
		t.Fatal(err)
	}
	if got := readText(t, dir, record.FileName); got != header+trial+trial+end {
		t.Errorf("at the end: run file %q", got)
	}
	// Another boot begins anew.
	g = &Files{Dir: filepath.Join(t.TempDir(), "c"), Prefix: prefix}
	if err := errors.Join(g.Claim(), g.Begin(), g.Console("broken")); err != nil {
		t.Fatal(err)
	}
	grow(run, 0, header+trial+trial)
	if err := errors.Join(g.Begin(), g.Console("again")); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(g.Dir, record.FileName)); !errors.Is(err, os.ErrNotExist) || readText(t, g.Dir, ConsoleName) != "again\n" {
		t.Errorf("of an earlier boot: run file: %v, console %q", err, readText(t, g.Dir, ConsoleName))
	}
	// Nothing is left where nothing came.
	if err := g.Close(false); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(g.Dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
}

// A folder that cannot be written is known before the boot, and so is one that
// holds what a guest would overwrite.
func TestClaim(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := (&Files{Dir: filepath.Join(file, "x")}).Claim(); err == nil || !strings.Contains(err.Error(), "create --out: mkdir") {
		t.Errorf("below a file: %v", err)
	}
	if err := (&Files{Dir: "/proc"}).Claim(); err == nil || !strings.Contains(err.Error(), "create --out") {
		t.Errorf("in /proc: %v", err)
	}
	if err := (&Files{Dir: dir}).Begin(); err == nil {
		t.Error("a folder that was not claimed is kept in")
	}
}

func readText(t *testing.T, path ...string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
