package kernel

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// findInDeb returns the kernel in a Debian package. It unpacks the package into the
// cache, unless that holds it already, together with packages of its modules that are
// in the same folder.
func findInDeb(path string) (*Kernel, func() error, error) {
	keep := func() error { return nil }
	k, remove, err := unpacked(path)
	if err != nil || k.Modules != "" {
		return k, remove, err
	}
	release := k.Release
	if err := remove(); err != nil {
		return nil, keep, err
	}
	var parts []string
	for _, name := range []string{"linux-modules-", "linux-modules-extra-"} {
		found, err := filepath.Glob(filepath.Join(escapeGlob(filepath.Dir(path)), name+escapeGlob(release)+"_*.deb"))
		if err != nil {
			return nil, keep, fmt.Errorf("find modules: %w", err)
		}
		if len(found) > 1 {
			return nil, keep, fmt.Errorf("package %s: its modules are in one of %s: leave one of them there", path, strings.Join(found, ", "))
		}
		parts = append(parts, found...)
	}
	if len(parts) == 0 {
		return nil, keep, fmt.Errorf("package %s holds kernel %s without modules: put the package linux-modules-%[2]s beside it (apt-get download linux-modules-%[2]s), and linux-modules-extra-%[2]s if there is one", path, release)
	}
	return unpacked(path, parts...)
}

// unpacked unpacks packages into one folder of the cache, if they are not there yet,
// and returns the kernel in it. The folder stays in the cache at least until the
// function that unpacked returns is called.
func unpacked(path string, more ...string) (*Kernel, func() error, error) {
	keep := func() error { return nil }
	paths := append([]string{path}, more...)
	var sums []string
	for _, p := range paths {
		sum, err := fileSum(p)
		if err != nil {
			return nil, keep, fmt.Errorf("read package: %w", err)
		}
		sums = append(sums, sum)
	}
	parent, err := packagesDir()
	remove := keep
	if err != nil {
		if parent, err = os.MkdirTemp("", "tunbench-kernel-"); err != nil {
			return nil, keep, fmt.Errorf("make room for the package: %w", err)
		}
		remove = func() error { return os.RemoveAll(parent) }
	}
	dir := filepath.Join(parent, strings.Join(sums, "-"))
	if !exists(dir) {
		err = unpackDebs(paths, dir)
	}
	var k *Kernel
	if err == nil {
		var letGo func()
		letGo, err = hold(dir)
		if err == nil {
			evict(parent)
			drop := remove
			remove = func() error { letGo(); return drop() }
			k, err = findInDir(dir)
		}
	}
	if err != nil {
		return nil, keep, errors.Join(fmt.Errorf("package %s: %w", path, err), remove())
	}
	k.Name = path
	return k, remove, nil
}

// fileSum returns a name for the contents of a file.
func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)[:16]), nil
}

// MaxPackages is the number of unpacked packages in the cache. The least recently used
// ones are removed. Each has about 100 to 500 MB.
const MaxPackages = 6

// packagesDir returns the folder of unpacked packages. It is not that of the kernels
// that are known by name: a package that a user built is never "the newest 6.1".
func packagesDir() (string, error) {
	kernels, err := CacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(kernels), "packages")
	return dir, os.MkdirAll(dir, 0o777)
}

// hold marks an unpacked package as used now. No process removes it until the function
// that hold returns is called.
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
	_ = os.Chtimes(dir, now, now) // fails in a cache of another user, where the time of unpacking counts
	return func() { f.Close() }, nil
}

// evict removes the least recently used packages until MaxPackages are left, but none
// that is in use. What cannot be removed stays.
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
		// A name that begins with a dot is of a package that is being unpacked.
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
		// Renamed first, so that no process finds a part of it.
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
