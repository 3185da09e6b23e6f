package vm

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// MaxPackages is how many unpacked packages are kept in the cache: what was not
// used for the longest time makes room. Each has some 100 to 500 MB.
const MaxPackages = 6

// packagesDir is the folder of unpacked packages, beside the kernels that are
// known by name: a package that somebody built must not become "the newest 6.1".
func packagesDir() (string, error) {
	kernels, err := CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(kernels), "packages")
	return dir, os.MkdirAll(dir, 0o777)
}

// hold marks an unpacked package as used now, and keeps others from removing it
// until the function that it returns is called.
func hold(dir string) (func(), error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("use the unpacked package: %w", err)
	}
	for {
		if err = unix.Flock(int(f.Fd()), unix.LOCK_SH); err != unix.EINTR {
			break
		}
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("use the unpacked package %s: %w", dir, err)
	}
	now := time.Now()
	_ = os.Chtimes(dir, now, now) // somebody else's cache is used in the order in which it was filled
	return func() { f.Close() }, nil
}

// evict removes the packages that were not used for the longest time until
// MaxPackages are left, but none that is in use. What cannot be removed stays.
func evict(parent string) {
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	type unpacked struct {
		dir  string
		used time.Time
	}
	var all []unpacked
	for _, e := range entries {
		info, err := e.Info()
		// A name with a dot before it is being unpacked.
		if err == nil && e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			all = append(all, unpacked{filepath.Join(parent, e.Name()), info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b unpacked) int { return a.used.Compare(b.used) })
	many := len(all) - MaxPackages
	for _, u := range all {
		if many <= 0 {
			return
		}
		f, err := os.Open(u.dir)
		if err != nil {
			continue
		}
		// In one step out of the way, so that nobody finds half of it.
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			gone := filepath.Join(parent, ".gone-"+filepath.Base(u.dir))
			if os.Rename(u.dir, gone) == nil {
				os.RemoveAll(gone)
				many--
			}
		}
		f.Close()
	}
}
