package vm

import (
	"bufio"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// Kernel is a kernel that can be booted.
type Kernel struct {
	Name    string            // as it was asked for
	Image   string            // path of the bzImage
	Modules string            // folder of modules.dep or modules.order; "": all that it has is built in
	Config  string            // path of its .config; "": not known
	Release string            // as uname -r
	Arch    string            // as GOARCH; always amd64 so far
	Options map[string]string // CONFIG_ options that are set, read from Config; nil: not known
}

// giveModules is what to do about modules that are not at hand.
const giveModules = "give the folder that holds both, such as usr/lib/modules/RELEASE with vmlinuz and its modules, a folder with vmlinuz and modules/, or the build tree"

// FetchScript fetches kernels into CacheDir.
const FetchScript = "scripts/kernels.sh"

// CacheDir is the folder of the kernels that Find knows by name:
// ${XDG_CACHE_HOME:-~/.cache}/tunbench/kernels. A kernel there is a folder
// named by its release, with vmlinuz, modules/ and config.
func CacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	return filepath.Join(dir, "tunbench", "kernels"), nil
}

// Find finds the kernel that arg names:
//   - a bzImage; one in a build tree, or below /boot, brings its modules along
//   - a folder with vmlinuz and modules/, or an unpacked package (boot/, lib/modules/)
//   - a kernel's build tree
//   - a .deb, which is unpacked once, into the cache
//   - the release of a kernel in CacheDir or the beginning of it: 6.1 is the
//     newest 6.1 there
//
// The function that it returns removes what had to be unpacked outside of the
// cache; it is never nil.
func Find(arg string) (*Kernel, func() error, error) {
	keep := func() error { return nil }
	if runtime.GOARCH != "amd64" {
		return nil, keep, fmt.Errorf("the kernel lab boots amd64 kernels on amd64 hosts, and this is %s", runtime.GOARCH)
	}
	st, err := os.Stat(arg)
	switch {
	case err == nil && st.IsDir():
		k, err := findInDir(arg)
		return k, keep, err
	case err == nil && isDeb(arg):
		return findInDeb(arg)
	case err == nil:
		k, err := findImage(arg)
		return k, keep, err
	case !errors.Is(err, fs.ErrNotExist):
		return nil, keep, fmt.Errorf("find kernel: %w", err)
	case arg == "" || strings.ContainsRune(arg, filepath.Separator) || filepath.Ext(arg) == ".deb":
		return nil, keep, fmt.Errorf("find kernel %q: no such file or folder", arg)
	}
	k, err := findCached(arg)
	return k, keep, err
}

// open completes the description of the kernel whose files are known, and
// refuses one that cannot do.
func open(name, imagePath, modules, config string) (*Kernel, error) {
	img, err := readImage(imagePath)
	if err != nil {
		return nil, err
	}
	k := &Kernel{Name: name, Image: imagePath, Modules: modules, Config: config, Release: img.release, Arch: img.arch}
	if config != "" {
		if k.Options, err = readConfig(config); err != nil {
			return nil, fmt.Errorf("read config of kernel %s: %w", k.Release, err)
		}
		for _, need := range []struct{ option, without string }{
			{"CONFIG_BLK_DEV_INITRD", "an initramfs"},
			{"CONFIG_SERIAL_8250_CONSOLE", "a serial console"},
			{"CONFIG_TUN", "TUN"},
		} {
			if k.Options[need.option] == "" {
				return nil, fmt.Errorf("kernel %s was built without %s: %s is not set in %s", k.Release, need.without, need.option, config)
			}
		}
	}
	if modules == "" {
		if k.Options["CONFIG_TUN"] == "m" {
			return nil, fmt.Errorf("kernel %s has TUN as a module, and its modules are not at hand: give a folder with vmlinuz and modules/, or the build tree", k.Release)
		}
		return k, nil
	}
	tree, err := readModules(modules)
	if err != nil {
		return nil, err
	}
	if found, _ := tree.has("tun"); !found {
		return nil, fmt.Errorf("kernel %s has no TUN: neither a module below %s nor built in", k.Release, modules)
	}
	return k, nil
}

// findImage takes the file of a kernel.
func findImage(path string) (*Kernel, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find kernel: %w", err)
	}
	if root, ok := strings.CutSuffix(abs, "/arch/x86/boot/bzImage"); ok && exists(filepath.Join(root, "Kbuild")) {
		return findInTree(path, root)
	}
	img, err := readImage(abs)
	if err != nil {
		return nil, err
	}
	config := firstExisting(filepath.Join(filepath.Dir(abs), "config-"+img.release))
	var modules string
	// Only a kernel in the place of installed ones belongs to the host's modules.
	if filepath.Dir(abs) == "/boot" {
		modules = moduleDir("/lib/modules/" + img.release)
	}
	return open(path, abs, modules, config)
}

// findInDir takes the folder of a kernel, packed in one of the known ways.
func findInDir(dir string) (*Kernel, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find kernel: %w", err)
	}
	in := func(elem ...string) string { return filepath.Join(append([]string{abs}, elem...)...) }
	if exists(in("Kbuild")) {
		return findInTree(dir, abs)
	}
	if vmlinuz := firstExisting(in("vmlinuz")); vmlinuz != "" {
		img, err := readImage(vmlinuz)
		if err != nil {
			return nil, err
		}
		modules := moduleDir(in("modules"), in("modules", img.release), in("lib", "modules", img.release))
		return open(dir, vmlinuz, modules, firstExisting(in("config")))
	}
	images, err := filepath.Glob(in("boot", "vmlinuz-*"))
	if err != nil {
		return nil, fmt.Errorf("find kernel: %w", err)
	}
	switch len(images) {
	case 0:
		return nil, fmt.Errorf("folder %s holds no kernel: want vmlinuz and modules/, or a build tree with arch/x86/boot/bzImage", dir)
	case 1:
		img, err := readImage(images[0])
		if err != nil {
			return nil, err
		}
		modules := moduleDir(in("lib", "modules", img.release), in("usr", "lib", "modules", img.release))
		return open(dir, images[0], modules, firstExisting(in("boot", "config-"+img.release)))
	}
	return nil, fmt.Errorf("folder %s holds %d kernels: name one of them", dir, len(images))
}

// findInTree takes the folder in which a kernel was built.
func findInTree(name, root string) (*Kernel, error) {
	bzImage := filepath.Join(root, "arch/x86/boot/bzImage")
	if !exists(bzImage) {
		return nil, fmt.Errorf("kernel tree %s: arch/x86/boot/bzImage is not built: run make bzImage modules", root)
	}
	return open(name, bzImage, moduleDir(root), firstExisting(filepath.Join(root, ".config")))
}

// findCached takes the newest kernel in the cache whose release is name or
// begins with it.
func findCached(name string) (*Kernel, error) {
	dir, err := CacheDir()
	if err != nil {
		return nil, err
	}
	cached, err := cachedReleases(dir)
	if err != nil {
		return nil, err
	}
	newest := ""
	for _, release := range cached { // oldest first
		if rest, ok := strings.CutPrefix(release, name); ok && (rest == "" || !digit(rest[0]) || !digit(name[len(name)-1])) {
			newest = release
		}
	}
	if newest == "" {
		have := "the cache " + dir + " is empty"
		if len(cached) > 0 {
			have = "the cache " + dir + " holds " + strings.Join(cached, ", ")
		}
		return nil, fmt.Errorf("no such kernel %q: %s; %s fetches kernels, or give a path", name, have, FetchScript)
	}
	k, err := findInDir(filepath.Join(dir, newest))
	if err != nil {
		return nil, err
	}
	k.Name = name
	return k, nil
}

// Cached lists the releases of the kernels in CacheDir, oldest first; none where
// it cannot be read.
func Cached() []string {
	dir, err := CacheDir()
	if err != nil {
		return nil
	}
	releases, _ := cachedReleases(dir)
	return releases
}

// cachedReleases lists the kernels in the cache, oldest release first.
func cachedReleases(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list cached kernels: %w", err)
	}
	var releases []string
	for _, e := range entries {
		// A name with a dot before it is being fetched.
		if !strings.HasPrefix(e.Name(), ".") && exists(filepath.Join(dir, e.Name(), "vmlinuz")) {
			releases = append(releases, e.Name())
		}
	}
	slices.SortFunc(releases, compareReleases)
	return releases, nil
}

// compareReleases orders releases by their numbers: 6.1.0-9 before 6.1.0-10.
func compareReleases(a, b string) int {
	for a != "" && b != "" {
		if digit(a[0]) && digit(b[0]) {
			na, ra := number(a)
			nb, rb := number(b)
			if c := cmp.Or(cmp.Compare(len(na), len(nb)), strings.Compare(na, nb)); c != 0 {
				return c
			}
			a, b = ra, rb
			continue
		}
		if a[0] != b[0] {
			return cmp.Compare(a[0], b[0])
		}
		a, b = a[1:], b[1:]
	}
	return cmp.Compare(len(a), len(b))
}

// number cuts the digits that s begins with, without leading zeros.
func number(s string) (digits, rest string) {
	i := 0
	for i < len(s) && digit(s[i]) {
		i++
	}
	return strings.TrimLeft(s[:i], "0"), s[i:]
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// moduleDir is the first of dirs that holds an index of modules, or "".
func moduleDir(dirs ...string) string {
	for _, dir := range dirs {
		for _, index := range []string{"modules.dep", "modules.order", "modules.builtin"} {
			if exists(filepath.Join(dir, index)) {
				return dir
			}
		}
	}
	return ""
}

func firstExisting(paths ...string) string {
	for _, p := range paths {
		if exists(p) {
			return p
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// readConfig reads the options that are set in a .config.
func readConfig(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	options := map[string]string{}
	s := bufio.NewScanner(f)
	for s.Scan() {
		if key, value, ok := strings.Cut(s.Text(), "="); ok && strings.HasPrefix(key, "CONFIG_") {
			options[key] = strings.Trim(value, `"`)
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	if len(options) == 0 {
		return nil, fmt.Errorf("%s sets no option", path)
	}
	return options, nil
}

// findInDeb takes a Debian package, which it unpacks into the cache unless
// that holds it already.
func findInDeb(path string) (*Kernel, func() error, error) {
	keep := func() error { return nil }
	sum, err := fileSum(path)
	if err != nil {
		return nil, keep, fmt.Errorf("read package: %w", err)
	}
	remove := keep
	parent, err := CacheDir()
	if err == nil {
		// Beside the kernels that are known by name: a package that somebody
		// built must not become "the newest 6.1".
		parent = filepath.Join(filepath.Dir(parent), "packages")
		err = os.MkdirAll(parent, 0o777)
	}
	if err != nil {
		if parent, err = os.MkdirTemp("", "tunbench-kernel-"); err != nil {
			return nil, keep, fmt.Errorf("make room for the package: %w", err)
		}
		remove = func() error { return os.RemoveAll(parent) }
	}
	dir := filepath.Join(parent, sum)
	if !exists(dir) {
		err = unpackDeb(path, dir)
	}
	var k *Kernel
	if err == nil {
		k, err = findInDir(dir)
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
