// Package kernel finds a kernel to boot and the modules that it needs: in a file, a
// folder, a build tree, a Debian package or the cache, and reads its version and
// configuration.
package kernel

import (
	"cmp"
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

// Kernel is a kernel to boot.
type Kernel struct {
	Name    string            // as it was asked for
	Image   string            // path of the bzImage or, of arm64, the Image; see Packed
	Modules string            // folder of modules.dep or modules.order; "": it was given without modules
	Config  string            // path of its .config; "": not known
	Release string            // as uname -r
	Arch    string            // as GOARCH: one of Arches
	Options map[string]string // CONFIG_ options that are set, read from Config; nil: not known

	packing packing
}

// Packed reports whether the image must be unpacked before a machine can start it.
func (k *Kernel) Packed() bool { return k.packing != packing{} }

// Unpack writes the image to w as a machine starts it.
func (k *Kernel) Unpack(w io.Writer) error {
	f, err := os.Open(k.Image)
	if err != nil {
		return fmt.Errorf("open kernel: %w", err)
	}
	defer f.Close()
	r, err := k.packing.open(f)
	if err != nil {
		return fmt.Errorf("kernel %s: %w", k.Image, err)
	}
	defer r.Close()
	if _, err := io.Copy(w, io.LimitReader(r, arm64Limit)); err != nil {
		return fmt.Errorf("kernel %s: unpack the image: %w", k.Image, err)
	}
	return nil
}

// GiveModules tells the user what to do about missing modules.
const GiveModules = "give the folder that holds both, such as usr/lib/modules/RELEASE with vmlinuz and its modules, a folder with vmlinuz and modules/, or the build tree"

// Find finds the kernel that arg names:
//   - a bzImage or an arm64 Image; one in a build tree, beside its modules (usr/lib/modules/RELEASE),
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
// The kernel must be of the architecture arch (as GOARCH). If that is "", a release that
// names no architecture means a kernel of this host's, and anything else is what it is.
//
// The function that Find returns is never nil. It removes what was unpacked outside of
// the cache, and allows what is in the cache to be removed.
func Find(arg, arch string) (*Kernel, func() error, error) {
	keep := func() error { return nil }
	if arch != "" && archOf(arch) == nil {
		return nil, keep, fmt.Errorf("--arch %q: choose %s", arch, strings.Join(Arches(), " or "))
	}
	k, remove, err := find(arg, arch)
	if err == nil && arch != "" && k.Arch != arch {
		return nil, keep, errors.Join(fmt.Errorf("kernel %s is for %s, and --arch says %s", arg, k.Arch, arch), remove())
	}
	return k, remove, err
}

func find(arg, arch string) (*Kernel, func() error, error) {
	keep := func() error { return nil }
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
	k, err := findCached(arg, cmp.Or(arch, archOfRelease(arg), runtime.GOARCH))
	return k, keep, err
}

// open reads the kernel whose files are known, and refuses one that lacks what a guest
// needs.
func open(name, imagePath, modules, config string) (*Kernel, error) {
	img, err := readImage(imagePath)
	if err != nil {
		return nil, err
	}
	k := &Kernel{Name: name, Image: imagePath, Modules: modules, Config: config, Release: img.release, Arch: img.arch, packing: img.packing}
	if config != "" {
		if k.Options, err = readConfig(config); err != nil {
			return nil, fmt.Errorf("read config of kernel %s: %w", k.Release, err)
		}
		for _, need := range append([]need{{"CONFIG_BLK_DEV_INITRD", "an initramfs"}, {"CONFIG_TUN", "TUN"}}, archOf(k.Arch).needs...) {
			if k.Options[need.option] == "" {
				return nil, fmt.Errorf("kernel %s was built without %s: %s is not set in %s", k.Release, need.without, need.option, config)
			}
		}
	}
	if modules == "" {
		if k.Options["CONFIG_TUN"] == "m" {
			return nil, fmt.Errorf("kernel %s has TUN as a module, and its modules are not at hand: %s", k.Release, GiveModules)
		}
		return k, nil
	}
	tree, err := ReadModules(modules)
	if err != nil {
		return nil, err
	}
	found, _ := tree.Has("tun")
	switch {
	case !found && k.Options["CONFIG_TUN"] == "m":
		return nil, fmt.Errorf("kernel %s has no TUN at hand: it is a module, and not below %s: add the package with the rest of its modules (kernel-modules-core, linux-modules-%[1]s)", k.Release, modules)
	case !found:
		return nil, fmt.Errorf("kernel %s has no TUN: neither a module below %s nor built in", k.Release, modules)
	}
	return k, nil
}

// findImage returns the kernel in a file.
func findImage(path string) (*Kernel, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find kernel: %w", err)
	}
	if root, ok := strings.CutSuffix(abs, "/vmlinux"); ok && isTree(root) {
		return findInTree(path, root)
	}
	for _, a := range arches {
		for _, image := range a.images {
			if root, ok := strings.CutSuffix(abs, "/"+image); ok && isTree(root) {
				return openInTree(path, root, abs)
			}
		}
	}
	img, err := readImage(abs)
	if err != nil {
		return nil, err
	}
	return openIn(path, abs, img.release)
}

// openIn opens the kernel at image, with modules and configuration from where a
// distribution or a package puts those of its release:
//
//	usr/lib/modules/RELEASE/vmlinuz    beside its modules (Fedora, openSUSE, Arch)
//	boot/vmlinuz-RELEASE               with lib/modules/RELEASE (Debian, Ubuntu)
//	vmlinuz                            with modules/ (scripts/kernels.sh)
func openIn(name, image, release string) (*Kernel, error) {
	places := []string{image}
	// /vmlinuz and openSUSE's /boot/vmlinuz-RELEASE are links to the kernel.
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

// findInDir returns the kernel in a folder of one of the known layouts.
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
				continue // a broken link
			}
			img, err := readImage(path)
			if err != nil {
				return nil, err
			}
			// The same kernel may be in two places, as in Fedora.
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
		return nil, fmt.Errorf("folder %s holds no kernel: want vmlinuz and modules/, usr/lib/modules/RELEASE with vmlinuz, or a build tree with arch/x86/boot/bzImage or arch/arm64/boot/Image", dir)
	case 1:
		return openIn(dir, images[0], releases[0])
	}
	return nil, fmt.Errorf("folder %s holds %d kernels: name one of them: %s", dir, len(images), strings.Join(images, ", "))
}

// isTree reports whether a kernel is built in the folder root: in its sources, or
// in a folder of its own (make O=root).
func isTree(root string) bool {
	return exists(filepath.Join(root, "Kbuild")) ||
		len(builtIn(root)) > 0 ||
		exists(filepath.Join(root, "include/config/kernel.release"))
}

// findInTree returns the kernel that was built in the folder root.
func findInTree(name, root string) (*Kernel, error) {
	image, err := imageInTree(root)
	if err != nil {
		return nil, err
	}
	return openInTree(name, root, image)
}

// openInTree opens the image that was built in the folder root.
func openInTree(name, root, image string) (*Kernel, error) {
	return open(name, image, moduleDir(root), firstExisting(filepath.Join(root, ".config")))
}
