// Package finding chooses what a run found: the ratios between its scenarios that are
// largest and best supported.
package finding

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/text"
)

// Finding is a scenario compared with the first one of its group.
type Finding struct {
	Difference     figure.Difference // the respect in which the two differ
	Scenario, Base *figure.Scenario
	Ratio          figure.Ratio // its interval is exact
}

// Differs reports whether the interval of the ratio does not include 1.
func (f Finding) Differs() bool { return f.clear() > 0 }

// clear is how far the nearer end of the interval is from 1, on a logarithmic scale; 0 if
// the interval includes 1. It is large where the ratio is far from 1 and well supported.
func (f Finding) clear() float64 {
	in := f.Ratio.Interval
	switch {
	case in.Low > 1:
		return math.Log(in.Low)
	case in.High < 1:
		return -math.Log(in.High)
	}
	return 0
}

// AtMost is how far the ratio can be from 1, as far as its interval says: 0.03 is 3 %.
func (f Finding) AtMost() float64 {
	return max(f.Ratio.Interval.High-1, 1-f.Ratio.Interval.Low)
}

// Sentence says what f found: a ratio with its interval, of what to what, and where; or
// that no difference was seen, and how small it is at most.
func (f Finding) Sentence() prose.Prose {
	subject, base, many := f.named(f.Scenario), f.named(f.Base), f.many()
	if !f.Differs() {
		return book.Say("no difference", prose.Values{
			"Subject": capital(subject), "Base": base, "Most": text.Percent(max(f.AtMost(), 0.0001)), "Where": f.where(),
		})
	}
	in := f.Ratio.Interval
	return book.Say("finding", prose.Values{
		"Subject": capital(subject), "Many": many, "Ratio": text.Ratio(f.Ratio.Value), "Interval": text.Between(text.Ratio(in.Low), text.Ratio(in.High)),
		"Bytes": f.Difference.Bits, "Base": base, "Where": f.where(),
	})
}

// many reports whether the subject takes a verb in the plural.
func (f Finding) many() bool { return f.Difference.Name == "queues" }

// where names what the two scenarios have in common, without what every reader assumes:
// TUN, one queue and packets from the kernel to user space.
func (f Finding) where() string {
	mode, axes := axis.Split(f.Scenario.Name)
	own := slices.DeleteFunc(slices.Clone(axes), func(a string) bool {
		name, _, _ := strings.Cut(a, "=")
		return a == "dir=k2u" || a == "queues=1" || slices.Contains(f.Difference.Axes, name)
	})
	if mode != "TUN" {
		own = append([]string{mode}, own...)
	}
	return strings.Join(own, " ") + f.Scenario.Where
}

// named says what distinguishes s from the other scenarios of its group.
func (f Finding) named(s *figure.Scenario) prose.Prose {
	t := s.Head().All[0]
	of := func(name, fallback string) string { return cmp.Or(axis.Of(t, name), fallback) }
	writes := s.UserWrites()
	switch f.Difference.Name {
	case "io":
		io := of("io", "read")
		if book.Has("engine " + io) {
			return book.Say("engine "+io, nil)
		}
		if book.Has("io " + io) {
			return book.Say("io "+io, prose.Values{"Writes": writes})
		}
	case "vnet":
		vnet, offload := of("vnet", "off"), of("offload", "none")
		if vnet == "off" {
			return book.Say("no header", prose.Values{"Writes": writes, "Plain": of("io", "read") == "read"})
		}
		if book.Has("offload " + offload) {
			return book.Say("offload "+offload, prose.Values{"Bytes": vnet})
		}
	case "queues":
		n := of("queues", "1")
		return book.Say("queues", prose.Values{"N": n, "One": n == "1"})
	case "dir":
		if dir := of("dir", "k2u"); book.Has("dir " + dir) {
			return book.Say("dir "+dir, nil)
		}
	case "path", "program":
		switch path := of("path", "sink"); {
		case path == "program":
			return prose.Say(prose.Mono(of("program", path)))
		case path == "vpn":
			return book.Say("vpn", prose.Values{"Cipher": strings.TrimPrefix(of("cipher", "none"), "none")})
		case book.Has("path " + path):
			return book.Say("path "+path, nil)
		}
	}
	var own []string
	for _, a := range f.Difference.Axes {
		if v := axis.Of(t, a); v != "" {
			own = append(own, a+"="+v)
		}
	}
	return prose.Say(prose.Mono(cmp.Or(strings.Join(own, " "), axis.AtDefaults)))
}
