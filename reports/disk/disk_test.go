package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// entries lists a folder.
func entries(t *testing.T, folder string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func check(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s holds %q, want %q", path, got, want)
	}
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode() != 0o644 {
		t.Errorf("%s has mode %v, want 0644", path, st.Mode())
	}
}

func TestReplaceAndCreate(t *testing.T) {
	defer unix.Umask(unix.Umask(0o077))
	folder := t.TempDir()
	path := filepath.Join(folder, "a.json")
	if err := Replace(path, []byte("one")); err != nil {
		t.Fatal(err)
	}
	check(t, path, "one")
	if err := Replace(path, []byte("two")); err != nil {
		t.Fatal(err)
	}
	check(t, path, "two")
	if err := Create(path, []byte("three")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create what is there: %v", err)
	}
	check(t, path, "two")
	fresh := filepath.Join(folder, "b.json")
	if err := Create(fresh, []byte("four")); err != nil {
		t.Fatal(err)
	}
	check(t, fresh, "four")
	if got := entries(t, folder); !slices.Equal(got, []string{"a.json", "b.json"}) {
		t.Errorf("left behind: %q", got)
	}
}

// TestFailureLeavesNothing writes where a folder stands in the way, and into a
// folder that is not there.
func TestFailureLeavesNothing(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "taken")
	if err := os.Mkdir(path, 0o777); err != nil {
		t.Fatal(err)
	}
	for name, write := range map[string]func(string, []byte) error{"replace": Replace, "create": Create} {
		if err := write(path, []byte("x")); err == nil {
			t.Errorf("%s: a folder was overwritten", name)
		}
		if err := write(filepath.Join(folder, "gone", "x"), []byte("x")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: in a folder that is not there: %v", name, err)
		}
	}
	if got := entries(t, folder); !slices.Equal(got, []string{"taken"}) {
		t.Errorf("left behind: %q", got)
	}
}

// TestOneCreates lets several writers create the same file.
func TestOneCreates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	var wg sync.WaitGroup
	results := make([]error, 8)
	for i := range results {
		wg.Go(func() { results[i] = Create(path, []byte{'0' + byte(i)}) })
	}
	wg.Wait()
	won := -1
	for i, err := range results {
		switch {
		case err == nil && won < 0:
			won = i
		case err == nil:
			t.Errorf("writers %d and %d both created it", won, i)
		case !errors.Is(err, fs.ErrExist):
			t.Error(err)
		}
	}
	check(t, path, string(rune('0'+won)))
}

func TestRemoveLeft(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{prefix + "123", "kept"} {
		if err := os.WriteFile(filepath.Join(folder, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	RemoveLeft(folder)
	if got := entries(t, folder); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("left: %q", got)
	}
}
