// Package disk writes files atomically: whatever interrupts the writer, a file is
// complete or does not exist. It also keeps other processes from writing a file, and
// gives what root writes to the owner of its folder.
package disk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// prefix begins the name of a temporary file, which is in the folder of the file
// that it is renamed to.
const prefix = ".add-"

// Replace writes content to path, in place of what is there. The file can be read
// by everybody, whatever the umask.
func Replace(path string, content []byte) error { return write(path, content, os.Rename) }

// Create writes content to path as Replace does, but fails with fs.ErrExist if path
// exists. When Create returns, both content and name of the file are on the disk.
func Create(path string, content []byte) error {
	if err := write(path, content, renameNew); err != nil {
		return err
	}
	if folder, err := os.Open(filepath.Dir(path)); err == nil {
		_ = folder.Sync() // some file systems cannot sync a folder
		folder.Close()
	}
	return nil
}

// RemoveLeft removes the temporary files that killed writers left in a folder. The
// caller holds a lock that every writer of the folder takes.
func RemoveLeft(folder string) {
	left, _ := filepath.Glob(filepath.Join(folder, prefix+"*"))
	for _, name := range left {
		os.Remove(name)
	}
}

// write writes content to a temporary file and renames that to path.
func write(path string, content []byte, rename func(from, to string) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), prefix+"*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
			err = fmt.Errorf("write %s: %w", path, err)
		}
	}()
	if _, err := f.Write(content); err != nil {
		return err
	}
	Adopt(f)
	// CreateTemp gives 0600.
	if err := f.Chmod(0o644); err != nil {
		return err
	}
	// Without a sync, the renamed file may be empty after a crash.
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return rename(f.Name(), path)
}

// renameNew renames a file unless the new name exists.
func renameNew(from, to string) error {
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_NOREPLACE)
	if !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOSYS) {
		return err
	}
	// NFS and a few other file systems lack RENAME_NOREPLACE, but have links.
	if err := os.Link(from, to); err != nil {
		return err
	}
	return os.Remove(from)
}
