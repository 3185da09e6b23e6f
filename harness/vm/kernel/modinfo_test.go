package kernel

import (
	"path/filepath"
	"testing"

	"tunbench/harness/module/moduletest"
)

func TestModinfo(t *testing.T) {
	ko := moduletest.KO("\x01\xab", "name=tun", "parm=one", "parm=two", "empty=", "no field")
	info, err := Modinfo(ko)
	if err != nil || len(info) != 3 || info["name"] != "tun" || info["parm"] != "one" || info["empty"] != "" {
		t.Errorf("%q, %v", info, err)
	}
	if id := BuildID(ko); id != "01ab" {
		t.Errorf("build ID %q", id)
	}
	for what, b := range map[string][]byte{"none": moduletest.KO(""), "no object": []byte("x")} {
		if id := BuildID(b); id != "" {
			t.Errorf("%s: build ID %q", what, id)
		}
	}
	for _, note := range []string{"", "short", string(moduletest.Note("")), "\x04\x00\x00\x00\x01\x00\x00\x00\x03\x00\x00\x00XYZ\x00a"} {
		if id := NoteID([]byte(note)); id != "" {
			t.Errorf("note %q: build ID %q", note, id)
		}
	}
	dir := t.TempDir()
	for _, suffix := range []string{"", ".xz", ".zst", ".gz"} {
		path := filepath.Join(dir, "tun.ko"+suffix)
		write(t, path, compress(t, suffix, ko))
		if got, err := ReadModuleFile(path); err != nil || string(got) != string(ko) {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}
}
