package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// What keeps two sides from being compared is decided here, for compare, ab and
// kernels alike: another CPU, hook, tool, clock, or a device that came out different.
// What is compared on purpose is no such difference: the kernel, and what the two
// variants of tunbench ab were told to differ in.

// difference is a field in which two sides do not agree.
type difference struct {
	field string // one of AllowFields
	text  string
}

// note tells the difference, and how to compare all the same.
func (d difference) note() string { return d.text + " (--allow " + d.field + ")" }

// apart divides differences by what --allow names: notes on those that keep all figures
// apart, and the texts of those that are let pass.
func apart(allow []string, differences []difference) (why, allowed []string) {
	for _, d := range differences {
		if slices.Contains(allow, d.field) {
			allowed = append(allowed, d.text)
		} else {
			why = append(why, d.note())
		}
	}
	return why, allowed
}

// hostDifferences are those of the hosts, the clocks and the tools of two sides.
func hostDifferences(base, next figure.Group) (list []difference) {
	for _, fact := range figure.HostFacts {
		if fact.Field == "" {
			continue
		}
		of := func(r *record.Run) string { return cmp.Or(fact.Of(r), "not known") }
		a, b := base.Values(figure.Said(of)), next.Values(figure.Said(of))
		if !slices.Equal(a, b) {
			list = append(list, difference{fact.Field, fmt.Sprintf("%s differs: %s, %s", fact.Name, strings.Join(a, " / "), strings.Join(b, " / "))})
		}
	}
	return list
}

// armDifferences are those of the arms that two trials are of, and of the hooks that
// observed them.
func armDifferences(a, b *record.Trial, was, is string) []difference {
	observed := a.Arm == record.Observed
	switch {
	case observed != (b.Arm == record.Observed):
		return []difference{{figure.AllowHook, fmt.Sprintf("the arm differs: %s, %s", a.Arm, b.Arm)}}
	case observed && was != is:
		return []difference{{figure.AllowHook, fmt.Sprintf("hook differs: %s, %s", cmp.Or(was, record.HookNone), cmp.Or(is, record.HookNone))}}
	}
	return nil
}

// deviceDifferences names what came out different when the device of one
// scenario was built twice. Of the features only those count that change what
// a packet is on its way; names of others come and go with kernels.
func deviceDifferences(a, b *record.Device) (list []difference) {
	differs := func(what string, x, y any) {
		if fmt.Sprint(x) != fmt.Sprint(y) {
			list = append(list, difference{figure.AllowDevice, fmt.Sprintf("the device differs in %s: %v, %v", what, x, y)})
		}
	}
	differs("flags", strings.Join(slices.Sorted(slices.Values(a.Flags)), " "), strings.Join(slices.Sorted(slices.Values(b.Flags)), " "))
	differs("virtio-net header", a.VnetHdrSz, b.VnetHdrSz)
	differs("offloads", strings.Join(carrying(a.Offloads), " "), strings.Join(carrying(b.Offloads), " "))
	differs("qdisc", a.Qdisc, b.Qdisc)
	differs("txqlen", a.TxQLen, b.TxQLen)
	differs("MTU", a.MTU, b.MTU)
	return list
}

// carrying picks the features that decide how a packet is carried: whole or in
// segments, with or without its checksum.
func carrying(features []string) (kept []string) {
	for _, f := range features {
		for _, mark := range []string{"segmentation", "checksum", "scatter-gather", "gro", "gso"} {
			if strings.Contains(f, mark) {
				kept = append(kept, f)
				break
			}
		}
	}
	slices.Sort(kept)
	return kept
}
