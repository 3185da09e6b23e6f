package record

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What another process has appended is not written over, and not cut off.
func TestWriteForeign(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Write(sampleRun()); err != nil {
		t.Fatal(err)
	}
	other, err := Append(path)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if err := other.Write(sampleTrial()); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := w.Write(End{}); err == nil || !strings.Contains(err.Error(), "another process writes the file") {
			t.Errorf("written over another's record: %v", err)
		}
	}
	if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, whole) {
		t.Errorf("%d of %d bytes are left: %v", len(left), len(whole), err)
	}
	if err := other.Write(End{Trials: 1}); err != nil {
		t.Errorf("the other one: %v", err)
	}
}
