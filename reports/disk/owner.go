package disk

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// MakeFolder makes a folder and those above it that are missing.
func MakeFolder(dir string) error {
	var missing []string // the lowest first
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := os.Lstat(d); err == nil || d == filepath.Dir(d) {
			break
		}
		missing = append(missing, d)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for i := len(missing) - 1; i >= 0; i-- {
		if f, err := os.OpenFile(missing[i], os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0); err == nil {
			Adopt(f)
			f.Close()
		}
	}
	return nil
}

// Open opens a file, and makes it if it is not there.
func Open(path string, flag int) (*os.File, error) {
	f, err := os.OpenFile(path, flag|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) && flag&os.O_EXCL == 0 {
		return os.OpenFile(path, flag|os.O_CREATE, 0o666)
	}
	if err == nil {
		Adopt(f)
	}
	return f, err
}

// Adopt gives a new file or folder the owner of the folder it is in, so that what root
// makes in a folder of the user who called sudo belongs to that user. It does nothing
// unless run as root, nor where the file system has no owners.
func Adopt(f *os.File) {
	if os.Geteuid() != 0 {
		return
	}
	var above unix.Stat_t
	if unix.Stat(filepath.Dir(f.Name()), &above) == nil {
		_ = f.Chown(int(above.Uid), int(above.Gid)) // in a user namespace the owner may have no number
	}
}
