package finding

import (
	"slices"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// form is how packets cross the devices of a scenario. A ratio of scenarios that differ in
// it is that of moving many segments at once and moving each by itself, whatever else the
// two differ in.
type form int

const (
	single form = iota // each packet is one segment, or was cut into them before
	whole              // GSO packets that hold many segments
)

const (
	// manySegments is how many segments a unit has on average, from which on most are GSO
	// packets.
	manySegments = 1.5
	usualMTU     = 1500
)

// Alike reports whether packets cross both scenarios in the same form, or whether the form
// is what d asks about: header and offloads decide it.
func Alike(d figure.Difference, a, b *figure.Scenario) bool {
	return d.Name == "vnet" || d.Name == "copy" || formOf(a) == formOf(b)
}

// Whole reports whether s moves GSO packets whole, which hold many segments.
func Whole(s *figure.Scenario) bool { return formOf(s) == whole }

// formOf is the form of s, by its trials.
func formOf(s *figure.Scenario) form {
	n := 0
	used := s.Head().Used
	for _, t := range used {
		if segmentsPerUnit(t) >= manySegments {
			n++
		}
	}
	if 2*n > len(used) {
		return whole
	}
	return single
}

// segmentsPerUnit is how many segments t moved at once: as it was counted or, on a path
// that counts no units, by what its device can take.
func segmentsPerUnit(t *record.Trial) float64 {
	if t.Metrics[record.SKBPS] > 0 {
		return t.Metrics[record.PPS] / t.Metrics[record.SKBPS]
	}
	if axis.Of(t, "dir") == "u2k" && t.Writes != nil && t.Writes.Count() > 0 {
		return float64(t.Accounting.Accepted) / float64(t.Writes.Count())
	}
	mtu := float64(usualMTU)
	if t.Device.MTU > 0 {
		mtu = float64(t.Device.MTU)
	}
	most, counted := 0.0, false
	for _, h := range t.Hops {
		if h.Bytes > 0 && h.In > 0 {
			most, counted = max(most, float64(h.Bytes)/float64(h.In)/mtu), true
		}
	}
	if counted {
		return most
	}
	needs := map[string]string{
		"tcp": "tx-tcp-segmentation", "iperf3": "tx-tcp-segmentation", "packet-gso": "tx-tcp-segmentation", "udp-gso": "tx-udp-segmentation",
	}[axis.Of(t, "gen")]
	if needs != "" && slices.Contains(t.Device.Offloads, needs) {
		return manySegments
	}
	return 1
}
