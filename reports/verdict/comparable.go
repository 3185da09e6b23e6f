package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// This file decides for compare, ab and kernels what keeps two sides from being
// compared: another CPU, hook, tool or clock, or a device that the kernel built in
// another way. Differences that are compared on purpose do not: the kernel, and the
// intended differences of the two variants of tunbench ab.

// difference is a field in which two sides differ.
type difference struct {
	field string // one of AllowFields
	text  string
}

// note names the difference, and the flag that allows the comparison.
func (d difference) note() string { return d.text + " (--allow " + d.field + ")" }

// apart divides differences by what --allow names: why has notes on those that prevent
// a comparison, and allowed the texts of the others.
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

// hostDifferences are the differences between the hosts, the clocks and the tools of
// two sides.
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

// armDifferences are the differences between the arms of two trials, and between the
// hooks that observed them.
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

// deviceDifferences are the differences between two devices that were built for one
// scenario. Only those offload features count that change what a packet is inside the
// kernel: the names of other features vary between kernels.
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
