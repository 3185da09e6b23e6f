package axis

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/record"
)

// loadUnits are the units of the axis load, the only axis with more than one.
var loadUnits = []string{"pps", "pct"}

// Compare orders scenarios: TUN before TAP, then axis by axis, numbers by
// value, and an axis at its default, which the name leaves out, before its
// other values.
func Compare(a, b string) int {
	if a == b {
		return 0
	}
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	if c := cmp.Compare(modeRank(as[0]), modeRank(bs[0])); c != 0 {
		return c
	}
	for i := 0; i < len(as) && i < len(bs); i++ {
		if as[i] == bs[i] {
			continue
		}
		ka, va, _ := strings.Cut(as[i], "=")
		kb, vb, _ := strings.Cut(bs[i], "=")
		if i > 0 && ka != kb {
			// The later axis stands here because the earlier one is left out.
			if c := cmp.Compare(rank(kb), rank(ka)); c != 0 {
				return c
			}
			return strings.Compare(ka, kb)
		}
		na, unitA, numberA := inUnits(va)
		nb, unitB, numberB := inUnits(vb)
		switch {
		case numberA && numberB && unitA == unitB && na != nb:
			return cmp.Compare(na, nb)
		case numberA && numberB && unitA != unitB:
			return cmp.Or(cmp.Compare(slices.Index(loadUnits, unitA), slices.Index(loadUnits, unitB)), strings.Compare(unitA, unitB))
		case numberA && !numberB:
			return -1
		case !numberA && numberB:
			return 1
		}
		return strings.Compare(as[i], bs[i])
	}
	return cmp.Compare(len(as), len(bs))
}

// inUnits splits a value such as 64, 10pct or 5ms into number and unit. ok is
// false for a word.
func inUnits(value string) (n int, unit string, ok bool) {
	digits := len(value) - len(strings.TrimLeft(value, "0123456789"))
	n, err := strconv.Atoi(value[:digits])
	return n, value[digits:], err == nil
}

func modeRank(mode string) int {
	switch mode {
	case "Tun":
		return 0
	case "Tap":
		return 1
	}
	return 2
}

// Split returns the mode of a scenario as it is shown, "TUN" or "TAP", and its
// axes, each as axis=value.
func Split(name string) (mode string, axes []string) {
	parts := strings.Split(name, "/")
	switch parts[0] {
	case "Tun", "Tap":
		return strings.ToUpper(parts[0]), parts[1:]
	}
	return parts[0], parts[1:]
}

// Common returns each `axis=value` that all names have, in the order of the first
// name. For a single name it is empty.
func Common(names []string) []string {
	if len(names) < 2 {
		return nil
	}
	_, common := Split(names[0])
	common = slices.Clone(common)
	for _, name := range names[1:] {
		_, axes := Split(name)
		common = slices.DeleteFunc(common, func(a string) bool { return !slices.Contains(axes, a) })
	}
	return common
}

// Shared is Common behind the mode, if all names have the same: what is said once of
// scenarios whose labels leave it out.
func Shared(names []string) []string {
	common := Common(names)
	for i, name := range names {
		first, _ := Split(names[0])
		if mode, _ := Split(name); mode != first || len(names) < 2 {
			return common
		} else if i == len(names)-1 {
			common = append([]string{mode}, common...)
		}
	}
	return common
}

// AtDefaults is the label of a scenario whose name has no axis that is not common
// to all scenarios.
const AtDefaults = "defaults"

// Label is name without its mode and without the axes in common.
func Label(name string, common []string) string {
	_, axes := Split(name)
	var own []string
	for _, a := range axes {
		if !slices.Contains(common, a) {
			own = append(own, a)
		}
	}
	if len(own) == 0 {
		return AtDefaults
	}
	return strings.Join(own, " ")
}

// Alone gives the axes, in their order, in which alone two names of a list differ. What a
// name leaves out is at its default.
func Alone(lists ...[]string) (alone []string) {
	for _, axis := range record.Axes {
		if slices.ContainsFunc(lists, func(names []string) bool { return differs(names, axis) }) {
			alone = append(alone, axis)
		}
	}
	return alone
}

// differs reports whether two of names are the same but for an axis.
func differs(names []string, axis string) bool {
	seen := map[string]bool{}
	for _, name := range names {
		mode, axes := Split(name)
		if axis == "mode" {
			mode = ""
		}
		rest := mode
		for _, a := range axes {
			if !strings.HasPrefix(a, axis+"=") {
				rest += "/" + a
			}
		}
		if seen[rest] {
			return true
		}
		seen[rest] = true
	}
	return false
}
