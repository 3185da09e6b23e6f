package kernel

import (
	"os"
	"path/filepath"
	"strings"
)

// moduleDir returns the first of dirs that holds an index of modules, or "".
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

// escapeGlob returns the pattern that matches only path.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// below returns the paths of all entries of the folders dirs in root.
func below(root string, dirs ...string) (paths []string) {
	for _, dir := range dirs {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil {
			continue // no layout has all of them
		}
		for _, e := range entries {
			paths = append(paths, filepath.Join(root, dir, e.Name()))
		}
	}
	return paths
}
