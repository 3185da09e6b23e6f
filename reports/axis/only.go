package axis

import (
	"cmp"
	"slices"
	"strings"

	"tunbench/reports/record"
)

// Only is the filter that selects the scenario of that name and none of others: its mode, the
// axes of its name and, of those that the name leaves out, since they are at their default,
// as many as keep out the others. own has the values of its axes. ok is false for a name that
// is no scenario's, and where own lacks a value that is needed.
func Only(name string, own map[string]string, others []string) (filter string, ok bool) {
	mode, axes := Split(name)
	if mode != "TUN" && mode != "TAP" || slices.ContainsFunc(axes, func(a string) bool { return !strings.Contains(a, "=") || len(strings.Fields(a)) != 1 }) {
		return "", false
	}
	words := append([]string{"mode=" + strings.ToLower(mode)}, axes...)
	left := slices.DeleteFunc(slices.Clone(others), func(other string) bool {
		m, theirs := Split(other)
		return other == name || m != mode || slices.ContainsFunc(axes, func(a string) bool { return !slices.Contains(theirs, a) })
	})
	for len(left) > 0 {
		best, most := "", 0
		for _, axis := range record.Axes {
			if n := count(left, axis); n > most && own[axis] != "" && count([]string{name}, axis) == 0 {
				best, most = axis, n
			}
		}
		if best == "" {
			return "", false
		}
		words = append(words, best+"="+own[best])
		left = slices.DeleteFunc(left, func(other string) bool { return count([]string{other}, best) == 1 })
	}
	return filterOf(words), true
}

// Whole is the filter that selects the scenario of that name, whatever else a suite has: it
// has the values of all of its axes, which are those of its name and of own. ok is false where
// own has none.
func Whole(name string, own map[string]string) (filter string, ok bool) {
	if filter, ok = Only(name, own, nil); !ok || len(own) == 0 {
		return "", false
	}
	words := strings.Fields(filter)
	for axis, value := range own {
		if axis != "mode" && count([]string{name}, axis) == 0 {
			words = append(words, axis+"="+value)
		}
	}
	return filterOf(words), true
}

// count is how many of names have an axis.
func count(names []string, axis string) (n int) {
	for _, name := range names {
		if _, axes := Split(name); slices.ContainsFunc(axes, func(a string) bool { return strings.HasPrefix(a, axis+"=") }) {
			n++
		}
	}
	return n
}

// filterOf is a filter of words, each an axis and its value, in the order of names.
func filterOf(words []string) string {
	slices.SortFunc(words, func(a, b string) int {
		x, _, _ := strings.Cut(a, "=")
		y, _, _ := strings.Cut(b, "=")
		return cmp.Or(cmp.Compare(rank(x), rank(y)), strings.Compare(a, b))
	})
	return strings.Join(words, " ")
}
