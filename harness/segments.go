package harness

import (
	"slices"

	"tunbench/harness/netns"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
)

var kinds = map[spec.Gen]traffic.Kind{
	spec.GenUDP: traffic.UDP, spec.GenUDPGSO: traffic.UDPGSO, spec.GenLockstep: traffic.UDP,
	spec.GenPacket: traffic.Packet, spec.GenPacketGSO: traffic.PacketGSO,
}

var writeKinds = map[spec.Gen]traffic.Kind{
	spec.GenUDP: traffic.Write, spec.GenUDPGSO: traffic.WriteGSO, spec.GenPacketGSO: traffic.WriteTCP,
}

// writes tells whether packets of gen can be written to a device.
func writes(gen spec.Gen) bool {
	_, ok := writeKinds[gen]
	return ok
}

// segmentsPerSKB is how many wire segments each skb of a device carries: the
// generator makes equal super-packets, and the kernel passes them on whole if
// the device takes them.
func segmentsPerSKB(s spec.Spec, device netns.State) uint64 {
	if feature := superFeature(s); feature == "" || !slices.Contains(device.Features, feature) {
		return 1
	}
	return traffic.Segments(kinds[s.Gen], s.Size, s.Family, s.Mode == spec.TAP)
}

// superFeature is the feature by which a device takes the generator's
// super-packets whole; "" if it makes none.
func superFeature(s spec.Spec) string {
	switch {
	case s.Gen == spec.GenUDPGSO:
		return featureUSO
	case s.Gen == spec.GenPacketGSO && s.Family == 6:
		return featureTSO6
	case s.Gen == spec.GenPacketGSO:
		return featureTSO
	}
	return ""
}

// segmentsPerWrite is how many wire segments each packet stands for that is
// written.
func segmentsPerWrite(s spec.Spec) uint64 {
	if s.VnetHdr == 0 {
		return 1
	}
	return traffic.Segments(writeKinds[s.Gen], s.Size, s.Family, s.Mode == spec.TAP)
}
