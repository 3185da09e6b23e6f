package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// FetchScript is the script that fetches kernels into CacheDir.
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

// findCached returns the newest kernel in the cache for arch whose release is name or
// begins with it, or that is of the series and flavour in name.
func findCached(name, arch string) (*Kernel, error) {
	dir, err := CacheDir()
	if err != nil {
		return nil, err
	}
	all, err := cachedReleases(dir)
	if err != nil {
		return nil, err
	}
	newest := newestOf(ofArch(all, arch), name, arch)
	if newest == "" {
		have := "the cache " + dir + " is empty"
		if len(all) > 0 {
			have = "the cache " + dir + " holds " + strings.Join(all, ", ")
		}
		script, wanted := FetchScript, ""
		if arch != runtime.GOARCH {
			script, wanted = script+" --arch "+arch, " for "+arch
		}
		return nil, fmt.Errorf("no such kernel %q%s: %s; %s fetches kernels, or give a path", name, wanted, have, script)
	}
	k, err := findInDir(filepath.Join(dir, newest))
	if err != nil {
		return nil, err
	}
	k.Name = name
	return k, nil
}

// Cached returns the releases of the kernels in CacheDir for arch, or for any with "",
// oldest first, or none if it cannot be read.
func Cached(arch string) []string {
	dir, err := CacheDir()
	if err != nil {
		return nil
	}
	releases, _ := cachedReleases(dir)
	if arch == "" {
		return releases
	}
	return ofArch(releases, arch)
}

// ofArch returns the releases that do not name another architecture than arch.
func ofArch(releases []string, arch string) []string {
	return slices.DeleteFunc(slices.Clone(releases), func(r string) bool {
		named := archOfRelease(r)
		return named != "" && named != arch
	})
}

// cachedReleases lists the kernels in the cache, oldest release first.
func cachedReleases(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list cached kernels: %w", err)
	}
	var releases []string
	for _, e := range entries {
		// A name that begins with a dot is of a kernel that is being fetched.
		if !strings.HasPrefix(e.Name(), ".") && exists(filepath.Join(dir, e.Name(), "vmlinuz")) {
			releases = append(releases, e.Name())
		}
	}
	slices.SortFunc(releases, compareReleases)
	return releases, nil
}
