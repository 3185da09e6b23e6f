package reports

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"tunbench/reports/record"
)

// floorScatter is how much the floor of one host may differ from run to run, as a
// ratio. What differs by more is another speed of the host.
const floorScatter = 0.05

// floorCosts gives what no device has a part in: a bare system call, and one that
// copies so many bytes, in nanoseconds, by what they are called.
func floorCosts(f record.Floor) (names []string, costs map[string]float64) {
	costs = map[string]float64{}
	add := func(name string, v float64) {
		if v > 0 && !math.IsInf(v, 0) {
			names = append(names, name)
			costs[name] = v
		}
	}
	add("bare system call", f.SyscallNs)
	for _, size := range copySizes(f) {
		if f.SyscallNs > 0 {
			add("system call and copy of "+size+" bytes", f.SyscallNs+f.CopyNs[size])
		}
	}
	return names, costs
}

// floorNotes names the floors of two runs where they differ by more than they
// scatter; nothing where they agree, or one has none.
func floorNotes(a, b *record.Run) (notes []string) {
	notes = []string{}
	names, was := floorCosts(a.Floor)
	_, is := floorCosts(b.Floor)
	var parts []string
	for _, name := range names {
		x, y := was[name], is[name]
		if y > 0 && math.Abs(math.Log(y/x)) > math.Log1p(floorScatter) {
			parts = append(parts, fmt.Sprintf("%s %s → %s ns (%s %%)", name, decimals(x, 1), decimals(y, 1), precisely(y/x-1)))
		}
	}
	if len(parts) > 0 {
		notes = append(notes, "floor: "+strings.Join(parts, ", ")+"; no device has a part in these, so that part of the change is the host's")
	}
	return notes
}

// floorsAgree says that two floors are the same, with both; "" where one is not
// known.
func floorsAgree(a, b record.Floor) string {
	if a.SyscallNs <= 0 || b.SyscallNs <= 0 {
		return ""
	}
	return fmt.Sprintf("the floor agrees within %s %%: a bare system call cost %s and %s ns", percent(floorScatter), decimals(a.SyscallNs, 1), decimals(b.SyscallNs, 1))
}

// findingFloors is floorsAgree of the runs of f; "" where they are not known.
func findingFloors(f Finding) string {
	before, begins := f.Before.header(), f.Begins.header()
	if before == nil || begins == nil {
		return ""
	}
	return floorsAgree(before.Floor, begins.Floor)
}

// otherDifferences are the differences between two runs that do not keep them from being
// compared, and that may be part of any change: those of the floor first. The
// kernel is not among them: it is what people compare.
func otherDifferences(base, next *record.Run) (notes []string) {
	if base == next {
		return nil
	}
	from, to := runsOf(base), runsOf(next)
	if len(from) != len(to) {
		from, to = from[:1], to[:1]
	}
	for i := range from {
		for _, note := range changedWith(from[i], to[i]) {
			if !slices.Contains(notes, note) && !slices.ContainsFunc(hostFacts, func(f hostFact) bool {
				return (f.field != "" || strings.HasPrefix(f.name, "kernel") && f.name != "kernel command line") && strings.HasPrefix(note, f.name+": ")
			}) {
				notes = append(notes, note)
			}
		}
	}
	return notes
}

// briefly lists notes for a line: those on sysctls and kernel options, which may
// be many, after the first of them by their number.
func briefly(notes []string) string {
	const most = 6
	var kept []string
	more := map[string]int{}
	kinds := []string{"sysctl", "kernel option", "mitigation"}
	for _, note := range notes {
		i := slices.IndexFunc(kinds, func(kind string) bool { return strings.HasPrefix(note, kind+" ") })
		if i >= 0 && len(kept) >= most && kinds[i] != "mitigation" {
			more[kinds[i]]++
			continue
		}
		kept = append(kept, note)
	}
	for _, kind := range kinds {
		if n := more[kind]; n > 0 {
			kept = append(kept, plural(n, "more "+kind, "more "+kind+"s"))
		}
	}
	return strings.Join(kept, "; ")
}
