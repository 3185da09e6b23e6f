package proc

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestRead(t *testing.T) {
	f := &File{Path: filepath.Join(t.TempDir(), "file")}
	if _, err := f.Read(); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("of no file: %v", err)
	}
	for _, size := range []int{0, 1, leastRoom - 1, leastRoom, 5*leastRoom + 1, 3} {
		want := bytes.Repeat([]byte{byte(size)}, size)
		if err := os.WriteFile(f.Path, want, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Read(); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: %d bytes, %v", size, len(got), err)
		}
	}
	for range 2 {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(f.Path); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: %q, %v, want that the file is opened again", got, err)
	}
}

// The kernel writes the content anew at each read.
func TestReadIsFresh(t *testing.T) {
	f := &File{Path: "/proc/uptime"} // in steps of 10 ms
	defer f.Close()
	first, err := f.Read()
	if err != nil {
		t.Fatal(err)
	}
	before := string(first)
	time.Sleep(30 * time.Millisecond)
	if now, err := f.Read(); err != nil || string(now) == before {
		t.Errorf("30 ms after %q: %q, %v", before, now, err)
	}
}

func TestReadAllocatesNothing(t *testing.T) {
	f := &File{Path: "/proc/stat"}
	defer f.Close()
	if n := testing.AllocsPerRun(20, func() { f.Read() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
