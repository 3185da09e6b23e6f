package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// arch is an architecture whose kernels can be booted.
type arch struct {
	name    string   // as GOARCH
	images  []string // in a build tree, the best first
	targets string   // of make, which build the first of images and the modules
	option  string   // set in the configuration of each kernel of this architecture
	needs   []need   // beside those of every kernel
	names   []string // what the releases of distributions end in
}

// need is an option that must be set in the configuration of a kernel.
type need struct{ option, without string }

// arches are the architectures, the most usual one first.
var arches = []arch{
	{
		name: "amd64", images: []string{"arch/x86/boot/bzImage", "arch/x86_64/boot/bzImage"}, targets: "bzImage modules", option: "CONFIG_X86_64",
		needs: []need{{"CONFIG_SERIAL_8250_CONSOLE", "a serial console"}}, names: []string{"-amd64", ".x86_64"},
	},
	{
		name: "arm64", images: []string{"arch/arm64/boot/Image", "arch/arm64/boot/Image.gz", "arch/arm64/boot/vmlinuz.efi"}, targets: "Image modules", option: "CONFIG_ARM64",
		needs: []need{{"CONFIG_SERIAL_AMBA_PL011_CONSOLE", "a serial console"}, {"CONFIG_SERIAL_8250_PCI", "a second serial port"}},
		names: []string{"-arm64", ".aarch64"},
	},
}

// Arches returns the architectures of the kernels that can be booted, as GOARCH.
func Arches() (names []string) {
	for _, a := range arches {
		names = append(names, a.name)
	}
	return names
}

// archOf returns the architecture of this name, or nil.
func archOf(name string) *arch {
	for i := range arches {
		if arches[i].name == name {
			return &arches[i]
		}
	}
	return nil
}

// archOfRelease returns the architecture that a release names, or "".
func archOfRelease(release string) string {
	for _, a := range arches {
		for _, end := range a.names {
			if strings.HasSuffix(release, end) {
				return a.name
			}
		}
	}
	return ""
}

// builtIn returns the images in the build tree root, at most one for each architecture.
func builtIn(root string) (paths []string) {
	for _, a := range arches {
		for _, image := range a.images {
			if path := filepath.Join(root, image); exists(path) {
				paths = append(paths, path)
				break
			}
		}
	}
	return paths
}

// imageInTree returns the image in the build tree root. Where images of several
// architectures are there, as after make ARCH=arm64 in the sources, it is the one of the
// configuration.
func imageInTree(root string) (string, error) {
	paths := builtIn(root)
	config, _ := os.ReadFile(filepath.Join(root, ".config"))
	configured := slices.IndexFunc(arches, func(a arch) bool { return strings.Contains(string(config), a.option+"=y\n") })
	var want arch
	switch {
	case configured >= 0:
		want = arches[configured]
	case len(paths) == 1:
		return paths[0], nil
	case len(paths) > 1:
		return "", fmt.Errorf("kernel tree %s holds %s: name one of them", root, strings.Join(paths, " and "))
	default:
		want = arches[0]
	}
	for _, image := range want.images {
		if path := filepath.Join(root, image); exists(path) {
			return path, nil
		}
	}
	return "", fmt.Errorf("kernel tree %s: %s is not built: run make %s", root, want.images[0], want.targets)
}
