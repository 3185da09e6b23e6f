package figure

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/metric"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// onFloor gives t without its floor ratio where that is impossible: the floor itself is
// impossible, or the ratio is below 1.
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

// FloorFaults says what is impossible about the floors of a run; it is empty where
// nothing is.
func FloorFaults(r *record.Run) (faults []string) {
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

// BelowFloor reports whether some trial of f has a floor ratio below 1, which is not
// shown, although its floor is possible.
func BelowFloor(f *record.File) bool {
	for i := range f.Trials {
		t := &f.Trials[i]
		if ratio, ok := t.Metrics[record.FloorRatio]; ok && ratio < 1 && f.Header(t.Shard).Floor.Fault() == "" {
			return true
		}
	}
	return false
}

// FloorsOf gives the floors of list: one, or those of the shards of a merged
// file.
func FloorsOf(list []*Scenario) (floors []record.Floor) {
	seen := map[*record.Run]bool{}
	for _, s := range list {
		if !seen[s.Run] && s.Run.Floor.SyscallNs > 0 && s.Run.Floor.Fault() == "" {
			floors = append(floors, s.Run.Floor)
		}
		seen[s.Run] = true
	}
	return floors
}

// CopySizes gives the sizes whose copy was measured, the smallest first.
func CopySizes(f record.Floor) []string {
	return slices.SortedFunc(maps.Keys(f.CopyNs), func(a, b string) int {
		x, _ := strconv.ParseUint(a, 10, 64)
		y, _ := strconv.ParseUint(b, 10, 64)
		return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
	})
}

// floorScatter is how much the floor of one host may differ from run to run, as a ratio.
// A larger difference means that the speed of the host changed.
const floorScatter = 0.05

// FloorCosts gives the costs that do not depend on the device, by name and in
// nanoseconds: a bare system call, and a system call that copies each size.
func FloorCosts(f record.Floor) (names []string, costs map[string]float64) {
	costs = map[string]float64{}
	add := func(name string, v float64) {
		if v > 0 && !math.IsInf(v, 0) {
			names = append(names, name)
			costs[name] = v
		}
	}
	add(book.Text("floor call", nil), f.SyscallNs)
	for _, size := range CopySizes(f) {
		if f.SyscallNs > 0 {
			add(book.Text("floor copy", prose.Values{"Size": size}), f.SyscallNs+f.CopyNs[size])
		}
	}
	return names, costs
}

// floorNotes are sentences on costs in which the floors of two runs differ by more than
// floorScatter. There are none if a run has no floor.
func floorNotes(a, b *record.Run) (notes []string) {
	notes = []string{}
	names, was := FloorCosts(a.Floor)
	_, is := FloorCosts(b.Floor)
	var parts []string
	for _, name := range names {
		x, y := was[name], is[name]
		if y > 0 && math.Abs(math.Log(y/x)) > math.Log1p(floorScatter) {
			parts = append(parts, book.Text("floor part differs", prose.Values{"Part": name, "Before": text.Decimals(x, 1), "After": text.Decimals(y, 1), "Unit": FloorUnit(b), "Change": text.Precisely(y/x - 1)}))
		}
	}
	if len(parts) > 0 {
		notes = append(notes, book.Text("floors differ", prose.Values{"Parts": strings.Join(parts, ", ")}))
	}
	return notes
}

// FloorUnit is the unit of the floor of r: in virtual time, it is no time.
func FloorUnit(r *record.Run) string { return metric.Of(record.SendNsPerPkt, r.Clock).Unit }

// FloorsAgree is a sentence that two floors agree, with the system call of both; "" where
// one floor is not known.
func FloorsAgree(before, after *record.Run) string {
	a, b := before.Floor, after.Floor
	if a.SyscallNs <= 0 || b.SyscallNs <= 0 {
		return ""
	}
	return book.Text("floors agree", prose.Values{"Scatter": text.Percent(floorScatter), "Before": text.Decimals(a.SyscallNs, 1), "After": text.Decimals(b.SyscallNs, 1), "Unit": FloorUnit(after)})
}

// FloorNames are the costs of the floor in which the first runs of groups differ by more
// than floorScatter.
func FloorNames(with []Group) (differ []string) {
	names, first := FloorCosts(with[0].First().Floor)
	for _, name := range names {
		if slices.ContainsFunc(with[1:], func(p Group) bool {
			_, other := FloorCosts(p.First().Floor)
			return other[name] > 0 && math.Abs(math.Log(other[name]/first[name])) > math.Log1p(floorScatter)
		}) {
			differ = append(differ, name)
		}
	}
	return differ
}
