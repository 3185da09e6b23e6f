package folder

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tunbench/reports/record"
)

func TestDefault(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	if got, want := Default(at, "6.18.0/rt"), "reports/runs/20260102T020405Z-6.18.0-rt"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// A run is found by its folder and by its file, and by nothing else.
func TestFind(t *testing.T) {
	dir := t.TempDir()
	if _, err := Find(dir); err == nil || !strings.Contains(err.Error(), "there is no run.jsonl in it") {
		t.Errorf("an empty folder: %v", err)
	}
	path, other := filepath.Join(dir, record.FileName), filepath.Join(dir, "other")
	for _, name := range []string{path, other} {
		if err := os.WriteFile(name, nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{dir, path} {
		if got, err := Find(name); got != dir || err != nil {
			t.Errorf("%s: %s, %v", name, got, err)
		}
		if got := Name(name); got != filepath.Base(dir) {
			t.Errorf("%s is called %s", name, got)
		}
	}
	if _, err := Find(other); err == nil || !strings.Contains(err.Error(), "is a file: name the folder of a run") {
		t.Errorf("another file: %v", err)
	}
	if _, err := Find(filepath.Join(dir, "no")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
}

// A report never replaces that of another run.
func TestForReport(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.MkdirAll(filepath.Join(root, name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name, record.FileName), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(root)
	for _, c := range []struct {
		dir      string
		reported []string
		taken    bool
	}{
		{"new", []string{"a", "b"}, false},
		{".", []string{"a", "b"}, false},
		{"a", []string{"a"}, false},
		{filepath.Join(root, "a"), []string{"a/run.jsonl"}, false},
		{"a", []string{"b"}, true},
		{"a", []string{"a", "b"}, true},
		{"b/", []string{"a", "b"}, true},
		{"a", nil, true},
	} {
		err := ForReport(c.dir, c.reported...)
		if (err != nil) != c.taken || c.taken && err.Error() != c.dir+" holds a run, whose report would be replaced: choose another --out" {
			t.Errorf("%s, a report on %q: %v", c.dir, c.reported, err)
		}
	}
}

// A run file is made once, and locked before the first record.
func TestCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", record.FileName)
	if err := Free(path, ""); err != nil {
		t.Error(err)
	}
	held := ""
	rec, err := Create(path, func(path string) error { held = path; return nil })
	if err != nil || held != path {
		t.Fatalf("locked %q, %v", held, err)
	}
	var copied strings.Builder
	if err := Copied(rec, &copied).Write(&record.Run{ID: "x"}); err != nil {
		t.Fatal(err)
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != copied.String() || !strings.Contains(copied.String(), `"kind":"run"`) {
		t.Errorf("written %q, copied %q, %v", text, copied.String(), err)
	}
	if err := Free(path, ", or resume it"); err == nil || !strings.HasSuffix(err.Error(), "holds a run already: choose another --out, or resume it") {
		t.Errorf("free: %v", err)
	}
	if _, err := Create(path, func(string) error { t.Error("locked"); return nil }); err == nil {
		t.Error("a run file was made over another")
	}
	if err := Write(filepath.Dir(path), &record.File{Run: &record.Run{}}); !errors.Is(err, fs.ErrExist) {
		t.Errorf("written over another: %v", err)
	}
	refused := errors.New("held")
	if _, err := Create(filepath.Join(t.TempDir(), record.FileName), func(string) error { return refused }); !errors.Is(err, refused) {
		t.Errorf("without the lock: %v", err)
	}
}
