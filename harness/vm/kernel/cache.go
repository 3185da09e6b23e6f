package kernel

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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

// findCached returns the newest kernel in the cache whose release is name or begins
// with it, or that is of the series and flavour in name.
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

// Cached returns the releases of the kernels in CacheDir, oldest first, or none if it
// cannot be read.
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
		// A name that begins with a dot is of a kernel that is being fetched.
		if !strings.HasPrefix(e.Name(), ".") && exists(filepath.Join(dir, e.Name(), "vmlinuz")) {
			releases = append(releases, e.Name())
		}
	}
	slices.SortFunc(releases, compareReleases)
	return releases, nil
}
