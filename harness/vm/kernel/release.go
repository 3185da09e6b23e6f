package kernel

import (
	"cmp"
	"strings"
)

// newestOf returns the release that name means, or "". The cached releases are those for
// arch, sorted, oldest first. Unless name has a flavour, Debian's cloud kernels and kernels without
// a flavour are preferred to generic ones, and these to rt kernels.
func newestOf(cached []string, name, arch string) string {
	series, wanted, named := flavour(name, arch)
	newest, rank := "", 3
	for _, release := range cached {
		if release == name {
			return release
		}
		_, has, debian := flavour(release, arch)
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

// flavour cuts the flavour from the name of a Debian kernel, such as
// 6.12.117+deb12-rt-amd64, or of a series, such as 6.12-rt: "rt", "cloud", or "" for
// the generic kernel. named is false if the name ends in neither a flavour nor arch.
func flavour(name, arch string) (series, flavour string, named bool) {
	series, generic := strings.CutSuffix(name, "-"+arch)
	for _, f := range []string{"rt", "cloud"} {
		if s, ok := strings.CutSuffix(series, "-"+f); ok {
			return s, f, true
		}
	}
	return series, "", generic
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
