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

// findInDeb takes a Debian package, which it unpacks into the cache unless
// that holds it already. Modules in a package of their own are unpacked with it,
// if that lies beside it.
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

// unpacked unpacks packages into one folder of the cache, or finds them there,
// and describes the kernel in it. It is not removed from the cache before the
// function that unpacked returns was called.
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

// fileSum names a file by what is in it.
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
