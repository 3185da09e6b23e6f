package study

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/verdict"
)

// Release is what the name of a Debian kernel says.
type Release struct {
	Series  string // the first two numbers: 6.12
	Numbers []int  // of the version, which order the kernels of a series
	Version string // without the flavour: 6.12.117+deb12
	Flavour string // what follows the version: cloud-amd64, rt-amd64, amd64
}

var releaseName = regexp.MustCompile(`^(\d+)\.(\d+)\.(\d+)(?:-(\d+))?(?:\+[0-9a-z]+)?(?:~[0-9a-z]+)?-([a-z0-9-]*[a-z][a-z0-9-]*)$`)

// ParseRelease reads a release such as 6.1.0-57-cloud-amd64 or 6.12.117+deb12-rt-amd64; ok
// is false where it is not of that form.
func ParseRelease(name string) (r Release, ok bool) {
	m := releaseName.FindStringSubmatch(name)
	if m == nil {
		return r, false
	}
	for _, digits := range m[1:5] {
		n, err := strconv.Atoi(cmp.Or(digits, "0"))
		if err != nil {
			return r, false // a number of hundreds of digits
		}
		r.Numbers = append(r.Numbers, n)
	}
	r.Series, r.Flavour = m[1]+"."+m[2], m[5]
	r.Version = strings.TrimSuffix(name, "-"+r.Flavour)
	return r, true
}

// compare orders releases by version.
func (r Release) compare(o Release) int {
	return cmp.Or(slices.Compare(r.Numbers, o.Numbers), strings.Compare(r.Version, o.Version), strings.Compare(r.Flavour, o.Flavour))
}

// Kernel is one kernel of a study.
type Kernel struct {
	*verdict.Kernel
	Release
	Upstream string // the version of Linux that it was made from; "" if not known
	Built    string // the date of the package, YYYY-MM-DD; "" if not known
}

// upstreamVersion is what Debian writes into the version of a kernel:
// `#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-3 (2026-11-26)`.
var upstreamVersion = regexp.MustCompile(`Debian (\d+\.\d+\.\d+)\S* \((\d{4}-\d\d-\d\d)\)`)

// kernelOf reads what is known of k; ok is false where its name is not that of a release.
func kernelOf(k *verdict.Kernel) (*Kernel, bool) {
	name := k.Name
	if len(k.Files) > 0 && k.Files[0].Run.Host.Kernel != "" {
		name = k.Files[0].Run.Host.Kernel
	}
	r, ok := ParseRelease(name)
	if !ok {
		return nil, false
	}
	of := &Kernel{Kernel: k, Release: r}
	if len(k.Files) > 0 {
		if m := upstreamVersion.FindStringSubmatch(k.Files[0].Run.Host.KernelVersion); m != nil {
			of.Upstream, of.Built = m[1], m[2]
		}
	}
	return of, true
}
