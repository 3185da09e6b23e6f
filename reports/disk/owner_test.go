package disk

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// TestAdopt makes folders and files as root in a folder of another user.
func TestAdopt(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: only root makes files for somebody else")
	}
	const user, group = 12345, 23456
	home := t.TempDir()
	if err := os.Chown(home, user, group); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(home, "a", "b")
	if err := MakeFolder(folder); err != nil {
		t.Fatal(err)
	}
	if err := MakeFolder(folder); err != nil {
		t.Errorf("a folder that is there: %v", err)
	}
	if err := Replace(filepath.Join(folder, "replaced"), nil); err != nil {
		t.Fatal(err)
	}
	if err := Create(filepath.Join(folder, "created"), nil); err != nil {
		t.Fatal(err)
	}
	opened, err := Open(filepath.Join(folder, "opened"), os.O_WRONLY)
	if err != nil {
		t.Fatal(err)
	}
	opened.Close()
	for _, path := range []string{"a", "a/b", "a/b/replaced", "a/b/created", "a/b/opened"} {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(home, path), &st); err != nil {
			t.Fatal(err)
		}
		if st.Uid != user || st.Gid != group {
			t.Errorf("%s belongs to %d:%d, want %d:%d, the owner of the folder above", path, st.Uid, st.Gid, user, group)
		}
	}
	// What root makes in its own folder stays root's, and a folder that was there keeps its owner.
	own := t.TempDir()
	if err := os.Mkdir(filepath.Join(own, "theirs"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(own, "theirs"), user, group); err != nil {
		t.Fatal(err)
	}
	if err := MakeFolder(filepath.Join(own, "theirs")); err != nil {
		t.Fatal(err)
	}
	if err := MakeFolder(filepath.Join(own, "mine")); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]uint32{"theirs": user, "mine": 0} {
		var st unix.Stat_t
		if err := unix.Lstat(filepath.Join(own, path), &st); err != nil {
			t.Fatal(err)
		}
		if st.Uid != want {
			t.Errorf("%s belongs to %d, want %d", path, st.Uid, want)
		}
	}
}
