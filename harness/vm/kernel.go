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
//   - a bzImage; one in a build tree, beside its modules (usr/lib/modules/RELEASE),
//     or in the folder boot of an installed system or an unpacked package brings
//     its modules along
//   - a folder with vmlinuz and modules/, or with vmlinuz among its modules, or an
//     unpacked package (boot/, lib/modules/, usr/lib/modules/)
//   - a kernel's build tree, or vmlinux in it
//   - a .deb, which is unpacked once, into the cache; where its modules are in
//     packages of their own (linux-modules-RELEASE, linux-modules-extra-RELEASE),
//     those beside it come along
//   - the release of a kernel in CacheDir or the beginning of it: 6.1 is the
//     newest 6.1 there; 6.1-rt and 6.1-amd64 name a flavour, see flavour
//
// The function that it returns removes what had to be unpacked outside of the
// cache, and lets go of what is in it; it is never nil.
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
			return nil, fmt.Errorf("kernel %s has TUN as a module, and its modules are not at hand: %s", k.Release, giveModules)
		}
		return k, nil
	}
	tree, err := readModules(modules)
	if err != nil {
		return nil, err
	}
	found, _ := tree.has("tun")
	switch {
	case !found && k.Options["CONFIG_TUN"] == "m":
		return nil, fmt.Errorf("kernel %s has no TUN at hand: it is a module, and not below %s: add the package with the rest of its modules (kernel-modules-core, linux-modules-%[1]s)", k.Release, modules)
	case !found:
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
	for _, inTree := range []string{"/arch/x86/boot/bzImage", "/arch/x86_64/boot/bzImage", "/vmlinux"} {
		if root, ok := strings.CutSuffix(abs, inTree); ok && isTree(root) {
			return findInTree(path, root)
		}
	}
	img, err := readImage(abs)
	if err != nil {
		return nil, err
	}
	return openIn(path, abs, img.release)
}

// openIn opens the kernel at image with the modules and the configuration that
// lie where a distribution or a package puts those of its release:
//
//	usr/lib/modules/RELEASE/vmlinuz    beside its modules (Fedora, openSUSE, Arch)
//	boot/vmlinuz-RELEASE               with lib/modules/RELEASE (Debian, Ubuntu)
//	vmlinuz                            with modules/ (scripts/kernels.sh)
func openIn(name, image, release string) (*Kernel, error) {
	places := []string{image}
	// /vmlinuz and openSUSE's /boot/vmlinuz-RELEASE lead to where the kernel is.
	if real, err := filepath.EvalSymlinks(image); err == nil && real != image {
		places = append(places, real)
	}
	var modules, config string
	for _, place := range places {
		dir := filepath.Dir(place)
		in := func(elem ...string) string { return filepath.Join(append([]string{dir}, elem...)...) }
		dirs := []string{dir, in("modules"), in("modules", release), in("lib", "modules", release), in("usr", "lib", "modules", release)}
		configs := []string{in("config-" + release)}
		if filepath.Base(place) == "vmlinuz" {
			configs = append(configs, in("config"))
		}
		if filepath.Base(dir) == "boot" {
			dirs = append(dirs, in("..", "lib", "modules", release), in("..", "usr", "lib", "modules", release))
		}
		modules = cmp.Or(modules, moduleDir(dirs...))
		config = cmp.Or(config, firstExisting(configs...))
	}
	if modules != "" {
		config = cmp.Or(config, firstExisting(filepath.Join(modules, "config"), filepath.Join(modules, "build", ".config")))
	}
	return open(name, image, modules, config)
}

// findInDir takes the folder of a kernel, packed in one of the known ways.
func findInDir(dir string) (*Kernel, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find kernel: %w", err)
	}
	if isTree(abs) {
		return findInTree(dir, abs)
	}
	var images, releases []string
	for _, pattern := range []string{
		"vmlinuz", "vmlinuz-*", "boot/vmlinuz-*", "lib/modules/*/vmlinuz", "usr/lib/modules/*/vmlinuz", "*/vmlinuz",
	} {
		found, err := filepath.Glob(filepath.Join(escapeGlob(abs), pattern))
		if err != nil {
			return nil, fmt.Errorf("find kernel: %w", err)
		}
		for _, path := range found {
			if !exists(path) {
				continue // a link to what is not there
			}
			img, err := readImage(path)
			if err != nil {
				return nil, err
			}
			// The same kernel may lie in two places, as Fedora's does.
			if !slices.Contains(releases, img.release) {
				images, releases = append(images, path), append(releases, img.release)
			}
		}
		if pattern == "vmlinuz" && len(images) > 0 {
			break
		}
	}
	switch len(images) {
	case 0:
		if modules := moduleDir(append([]string{abs, filepath.Join(abs, "modules")}, below(abs, "modules", "lib/modules", "usr/lib/modules")...)...); modules != "" {
			return nil, fmt.Errorf("folder %s holds modules (%s) and no kernel for them: want vmlinuz beside them, or boot/vmlinuz-RELEASE", dir, modules)
		}
		return nil, fmt.Errorf("folder %s holds no kernel: want vmlinuz and modules/, usr/lib/modules/RELEASE with vmlinuz, or a build tree with arch/x86/boot/bzImage", dir)
	case 1:
		return openIn(dir, images[0], releases[0])
	}
	return nil, fmt.Errorf("folder %s holds %d kernels: name one of them: %s", dir, len(images), strings.Join(images, ", "))
}

// escapeGlob is the pattern that matches path alone.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// below lists what is in the folders dirs of root.
func below(root string, dirs ...string) (paths []string) {
	for _, dir := range dirs {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			continue // most layouts lack most of them
		}
		for _, e := range entries {
			paths = append(paths, filepath.Join(root, dir, e.Name()))
		}
	}
	return paths
}

// isTree reports whether a kernel is built in the folder root: in its sources, or
// in a folder of its own (make O=root).
func isTree(root string) bool {
	return exists(filepath.Join(root, "Kbuild")) ||
		exists(filepath.Join(root, "arch/x86/boot/bzImage")) ||
		exists(filepath.Join(root, "include/config/kernel.release"))
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
// begins with it, or that is of the series and the flavour that name gives.
func findCached(name string) (*Kernel, error) {
	dir, err := CacheDir()
	if err != nil {
		return nil, err
	}
	cached, err := cachedReleases(dir)
	if err != nil {
		return nil, err
	}
	newest := newestOf(cached, name)
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

// newestOf picks the release that name means from those that are cached, oldest
// first, or "". One of Debian's cloud kernels, or of nobody's flavour, is taken
// before a generic one, and that before an rt one, unless name says which.
func newestOf(cached []string, name string) string {
	series, wanted, named := flavour(name)
	newest, rank := "", 3
	for _, release := range cached {
		if release == name {
			return release
		}
		_, has, debian := flavour(release)
		r := map[string]int{"cloud": 0, "": 1, "rt": 2}[has]
		if !debian {
			r = 0
		}
		begin := name
		switch {
		case named && wanted == has && debian:
			begin, r = series, 0
		case named:
			continue
		}
		rest, ok := strings.CutPrefix(release, begin)
		if ok && (rest == "" || !digit(rest[0]) || !digit(begin[len(begin)-1])) && r <= rank {
			newest, rank = release, r
		}
	}
	return newest
}

// flavour cuts the flavour from the name of one of Debian's kernels, such as
// 6.12.117+deb12-rt-amd64, or of a series of them, such as 6.12-rt: "rt",
// "cloud", or "" for the generic kernel, which -amd64 alone names. It is not
// named where neither stands there.
func flavour(name string) (series, flavour string, named bool) {
	series, generic := strings.CutSuffix(name, "-amd64")
	for _, f := range []string{"rt", "cloud"} {
		if s, ok := strings.CutSuffix(series, "-"+f); ok {
			return s, f, true
		}
	}
	return series, "", generic
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
