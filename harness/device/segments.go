package device

import (
	"slices"

	"tunbench/harness/netns"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
)

// Kinds are the kinds of packets that sockets send.
var Kinds = map[spec.Gen]traffic.Kind{
	spec.GenUDP: traffic.UDP, spec.GenUDPGSO: traffic.UDPGSO, spec.GenLockstep: traffic.UDP,
	spec.GenPacket: traffic.Packet, spec.GenPacketGSO: traffic.PacketGSO,
}

// WriteKinds are the kinds of packets that are written to a device.
var WriteKinds = map[spec.Gen]traffic.Kind{
	spec.GenUDP: traffic.Write, spec.GenUDPGSO: traffic.WriteGSO, spec.GenPacketGSO: traffic.WriteTCP,
}

// Writes reports whether packets of gen can be written to a device.
func Writes(gen spec.Gen) bool {
	_, ok := WriteKinds[gen]
	return ok
}

// SegmentsPerSKB is how many wire segments each skb of a device carries: the
// generator makes equal GSO packets, and the kernel passes them on whole if
// the device takes them.
func SegmentsPerSKB(s spec.Spec, device netns.State) uint64 {
	if feature := superFeature(s); feature == "" || !slices.Contains(device.Features, feature) {
		return 1
	}
	return traffic.Segments(Kinds[s.Gen], s.Size, s.Family, s.Mode == spec.TAP)
}

// superFeature is the feature by which a device takes the generator's
// GSO packets whole; "" if it makes none.
func superFeature(s spec.Spec) string {
	switch {
	case s.Gen == spec.GenUDPGSO:
		return FeatureUSO
	case s.Gen == spec.GenPacketGSO && s.Family == 6:
		return featureTSO6
	case s.Gen == spec.GenPacketGSO:
		return FeatureTSO
	}
	return ""
}

// SegmentsPerWrite is how many wire segments each packet carries that is written to
// the device.
func SegmentsPerWrite(s spec.Spec) uint64 {
	if s.VnetHdr == 0 {
		return 1
	}
	return traffic.Segments(WriteKinds[s.Gen], s.Size, s.Family, s.Mode == spec.TAP)
}
