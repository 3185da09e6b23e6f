// Package finding chooses what a run found: for each respect in which its scenarios
// differ, the ratio that is largest and best supported.
package finding

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
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

// weight orders findings: how far the interval stays from 1, less how wide it is. Of two
// ratios that are as far from 1, the one that is better known weighs more. What does not
// differ weighs nothing.
func (f Finding) weight() float64 {
	if !f.Differs() {
		return math.Inf(-1)
	}
	return f.clear() - math.Log(f.Ratio.Interval.High/f.Ratio.Interval.Low)
}

// AtMost is how far the ratio can be from 1, as far as its interval says: 0.03 is 3 %.
func (f Finding) AtMost() float64 {
	return max(f.Ratio.Interval.High-1, 1-f.Ratio.Interval.Low)
}

// Sentence says what f found: a ratio with its interval, of what to what, and where; or
// that no difference was seen, and how small it is at most.
func (f Finding) Sentence() prose.Prose {
	subject, base := f.named(f.Scenario), f.named(f.Base)
	if !f.Differs() {
		return f.with(book.Say("no difference", prose.Values{
			"Subject": capital(subject), "Base": base, "Most": text.Percent(max(f.AtMost(), 0.0001)), "Where": f.where(), "Crowd": f.crowd(),
		}))
	}
	value, in, fewer := f.Ratio.Value, f.Ratio.Interval, f.Ratio.Value < tenth
	if fewer { // 15 times fewer is easier to see than 0.0656 times as many
		value, in.Low, in.High = 1/value, 1/in.High, 1/in.Low
	}
	return f.with(book.Say("finding", prose.Values{
		"Subject": capital(subject), "Many": f.many(), "Ratio": text.Ratio(value), "Interval": text.Between(text.Ratio(in.Low), text.Ratio(in.High)),
		"Bytes": f.Difference.Bits, "Base": base, "Where": f.where(), "Fewer": fewer, "Crowd": f.crowd(),
	}))
}

// tenth is the ratio below which a finding says how many times fewer.
const tenth = 0.1

// with is p with what else must be known of the two scenarios: whose trials were mostly
// unsteady, and that packets cross them in different forms.
func (f Finding) with(p prose.Prose) prose.Prose {
	var sides []string
	var who prose.Prose // of the last of sides
	for _, s := range []*figure.Scenario{f.Scenario, f.Base} {
		_, counts := s.Head().Flags()
		if n, of := counts[record.FlagUnsteady], len(s.Head().All); 2*n > of {
			sides, who = append(sides, fmt.Sprintf("%d of %d", n, of)), f.named(s)
		}
	}
	switch len(sides) {
	case 1:
		p = slices.Concat(p, prose.Say(" "), book.Say("unsteady", prose.Values{"Trials": sides[0], "Who": who}))
	case 2:
		p = slices.Concat(p, prose.Say(" "), book.Say("both unsteady", prose.Values{"Trials": sides[0], "Base": sides[1]}))
	}
	if Alike(f.Difference, f.Scenario, f.Base) {
		return p
	}
	cut, uncut := f.Scenario, f.Base
	if formOf(cut) == whole {
		cut, uncut = uncut, cut
	}
	return slices.Concat(p, prose.Say(" "), book.Say("unlike", prose.Values{"Cut": capital(f.named(cut)), "Whole": f.named(uncut)}))
}

// crowd says whose threads share the CPUs of the host, since they are more than these; it
// is empty where each has a CPU of its own.
func (f Finding) crowd() prose.Prose {
	subject, base := crowded(f.Scenario), crowded(f.Base)
	if !subject && !base {
		return nil
	}
	var who prose.Prose
	switch {
	case !base:
		who = f.named(f.Scenario)
	case !subject:
		who = f.named(f.Base)
	}
	return book.Say("crowd", prose.Values{"CPUs": f.Scenario.Run.Host.CPUs, "Who": who})
}

// crowded reports whether s runs more threads than its host has CPUs.
func crowded(s *figure.Scenario) bool {
	_, counts := s.Head().Flags()
	return counts[record.FlagOversubscribed] > 0 && s.Run.Host.CPUs > 0
}

// Names are what the sentence calls the two scenarios.
func (f Finding) Names() (subject, base prose.Prose) { return f.named(f.Scenario), f.named(f.Base) }

// Command measures the two scenarios of f again, in pairs, and gives a verdict on their
// difference. It is "" where a command alone cannot: where files must be named that are
// not in the records, and where the run was measured in virtual time.
func (f Finding) Command() string {
	mode, axes := axis.Split(f.Scenario.Name)
	var sets []string
	if mode != "TUN" {
		sets = append(sets, "--set mode="+strings.ToLower(mode))
	}
	for _, a := range axes {
		name, value, _ := strings.Cut(a, "=")
		if name == "module" || value == "program" || f.Scenario.Run.Clock == record.ClockICount {
			return ""
		}
		if !slices.Contains(f.Difference.Axes, name) && a != "dir=k2u" && a != "queues=1" {
			sets = append(sets, "--set "+quoted(a))
		}
	}
	var base, other []string
	for _, name := range f.Difference.Axes {
		x, y := of(f.Base, name), of(f.Scenario, name)
		switch {
		case x == y && x != "" && !isDefault(name, x):
			sets = append(sets, "--set "+quoted(name+"="+x))
		case x != y:
			if x != "" && !isDefault(name, x) {
				// Without it, the traffic may be none that the scenario can carry, which ab
				// checks before it makes variants of the scenario.
				sets = append(sets, "--set "+quoted(name+"="+x))
			}
			if x != "" {
				base = append(base, name+"="+x)
			}
			if y != "" {
				other = append(other, name+"="+y)
			}
		}
	}
	words := []string{"sudo .build/tunbench ab"}
	for _, v := range []struct {
		flag string
		axes []string
	}{{"--a", base}, {"--b", other}} {
		if len(v.axes) > 0 {
			words = append(words, v.flag+" "+quoted(strings.Join(v.axes, " ")))
		}
	}
	return strings.Join(append(words, sets...), " ")
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
		if p := pathOf(of("path", "sink"), of); len(p) > 0 && slices.Contains(f.Difference.Axes, "vnet") && of("vnet", "off") != "off" {
			return book.Say("with offload", prose.Values{"Path": p, "Vnet": of("vnet", "off"), "Offload": of("offload", "none")})
		} else if len(p) > 0 {
			return p
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

// pathOf names a path; it is empty where the book has no words for it.
func pathOf(path string, of func(name, fallback string) string) prose.Prose {
	switch {
	case path == "program":
		return prose.Say(prose.Mono(of("program", path)))
	case path == "vpn":
		return book.Say("vpn", prose.Values{"Cipher": strings.TrimPrefix(of("cipher", "none"), "none")})
	case book.Has("path " + path):
		return book.Say("path "+path, nil)
	}
	return nil
}
