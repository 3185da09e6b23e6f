package text

import (
	"path"
	"strings"
)

// ShortPath is the last part of a path that differs from another one: of
// runs/monday/run.jsonl and runs/tuesday/run.jsonl, monday. Of two paths that are the same,
// and where nothing else is left, it is the name of the file.
func ShortPath(own, other string) string {
	a, b := parts(own), parts(other)
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a) == 0 {
		return path.Base(own)
	}
	return a[len(a)-1]
}

// parts are the elements of a path, without those that lead nowhere.
func parts(p string) (list []string) {
	for _, s := range strings.Split(p, "/") {
		if s != "" && s != "." {
			list = append(list, s)
		}
	}
	return list
}
