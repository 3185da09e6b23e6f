package verdict

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// AllowFields are all of them.
var AllowFields = []string{figure.AllowCPU, figure.AllowHook, figure.AllowTool, figure.AllowClock, figure.AllowDevice}

// AllowMissing is what --allow takes beside them: scenarios that the new side does
// not have.
const AllowMissing = "missing"

// AllowValues are all that --allow takes.
var AllowValues = append(slices.Clone(AllowFields), AllowMissing)

// CheckAllow refuses what --allow does not take.
func CheckAllow(allow []string) error {
	for _, a := range allow {
		if !slices.Contains(AllowValues, a) {
			return fmt.Errorf("--allow %q: choose %s", a, strings.Join(AllowValues, ", "))
		}
	}
	return nil
}

// difference is a field in which two runs do not agree.
type difference struct {
	field string // one of AllowFields
	text  string
}

// note tells the difference, and how to compare all the same.
func (d difference) note() string { return d.text + " (--allow " + d.field + ")" }

// differencesOf names what keeps every figure of two runs from being held
// against each other. Another kernel is no such difference: it is what people
// compare.
func differencesOf(base, next *record.Run) (d []difference) {
	for _, fact := range figure.HostFacts {
		if a, b := fact.Of(base), fact.Of(next); fact.Field != "" && a != b {
			d = append(d, difference{fact.Field, fmt.Sprintf("%s differs: %s, %s", fact.Name, cmp.Or(a, "not known"), cmp.Or(b, "not known"))})
		}
	}
	return d
}

// deviceDifferences names what came out different when the device of one
// scenario was built twice. Of the features only those count that change what
// a packet is on its way; names of others come and go with kernels.
func deviceDifferences(a, b *record.Device) (why []string) {
	differs := func(what string, x, y any) {
		if fmt.Sprint(x) != fmt.Sprint(y) {
			why = append(why, fmt.Sprintf("the device differs in %s: %v, %v", what, x, y))
		}
	}
	differs("flags", strings.Join(slices.Sorted(slices.Values(a.Flags)), " "), strings.Join(slices.Sorted(slices.Values(b.Flags)), " "))
	differs("virtio-net header", a.VnetHdrSz, b.VnetHdrSz)
	differs("offloads", strings.Join(carrying(a.Offloads), " "), strings.Join(carrying(b.Offloads), " "))
	differs("qdisc", a.Qdisc, b.Qdisc)
	differs("txqlen", a.TxQLen, b.TxQLen)
	differs("MTU", a.MTU, b.MTU)
	return why
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
