package reports

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/record"
)

// onFloor gives t without its ratio to the floor where that is impossible: the
// floor is, or the ratio is below 1.
func onFloor(t *record.Trial, floor record.Floor) *record.Trial {
	ratio, ok := t.Metrics[record.FloorRatio]
	if !ok || ratio >= 1 && floor.Fault() == "" {
		return t
	}
	without := *t
	without.Metrics = maps.Clone(t.Metrics)
	delete(without.Metrics, record.FloorRatio)
	return &without
}

// floorFaults tells what is impossible about the floors of a run; nothing where
// all can be.
func floorFaults(r *record.Run) (faults []string) {
	runs := []*record.Run{r}
	if len(r.Parts) > 0 {
		runs = nil
		for i := range r.Parts {
			runs = append(runs, &r.Parts[i].Run)
		}
	}
	for _, r := range runs {
		if fault := r.Floor.Fault(); fault != "" {
			faults = append(faults, fault)
		}
	}
	return faults
}

// belowFloor reports whether some trial of f has a ratio below 1 that is not
// shown, although its floor can be.
func belowFloor(f *record.File) bool {
	for i := range f.Trials {
		t := &f.Trials[i]
		if ratio, ok := t.Metrics[record.FloorRatio]; ok && ratio < 1 && f.Header(t.Shard).Floor.Fault() == "" {
			return true
		}
	}
	return false
}

// floorsOf gives the floors of list: one, or those of the shards of a merged
// file.
func floorsOf(list []*scenario) (floors []record.Floor) {
	seen := map[*record.Run]bool{}
	for _, s := range list {
		if !seen[s.run] && s.run.Floor.SyscallNs > 0 && s.run.Floor.Fault() == "" {
			floors = append(floors, s.run.Floor)
		}
		seen[s.run] = true
	}
	return floors
}

// copySizes gives the sizes whose copy was measured, the smallest first.
func copySizes(f record.Floor) []string {
	return slices.SortedFunc(maps.Keys(f.CopyNs), func(a, b string) int {
		x, _ := strconv.ParseUint(a, 10, 64)
		y, _ := strconv.ParseUint(b, 10, 64)
		return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
	})
}

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

// floorNames are the parts of the floor in which the first runs of two parties
// differ by more than it scatters.
func floorNames(with []party) (differ []string) {
	names, first := floorCosts(with[0].floor())
	for _, name := range names {
		if slices.ContainsFunc(with[1:], func(p party) bool {
			_, other := floorCosts(p.floor())
			return other[name] > 0 && math.Abs(math.Log(other[name]/first[name])) > math.Log1p(floorScatter)
		}) {
			differ = append(differ, name)
		}
	}
	return differ
}
