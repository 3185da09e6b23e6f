package spec

import (
	"fmt"

	"tunbench/harness/packet"
	"tunbench/reports/record"
)

// tailContradiction is about the last segment of GSO packets; "" is none.
func tailContradiction(s Spec) string {
	switch {
	case s.Tail == TailFull:
		return ""
	case s.Gen != GenUDPGSO && s.Gen != GenPacketGSO:
		return fmt.Sprintf("tail=%s is the last segment of a GSO packet, and gen=%s makes none; set gen=udp-gso or packet-gso, or tail=full", s.Tail, s.Gen)
	case s.Gen == GenPacketGSO && s.Dir == U2K && s.VnetHdr == 0:
		return fmt.Sprintf("tail=%s is the last segment of a GSO packet, and gen=packet-gso writes single segments where no virtio-net header can announce more; set vnet=10, or tail=full", s.Tail)
	case s.Path.Hosts() && lastSegment(s) < packet.StampLen:
		return fmt.Sprintf("tail=%s leaves the last segment %s of payload, and path=%s delivers payloads alone, which are recognised by a stamp of %d bytes; set path=sink, or tail=full",
			s.Tail, record.Plural(uint64(lastSegment(s)), "byte", "bytes"), s.Path, packet.StampLen)
	}
	return ""
}

// payloadContradiction is about what datagrams carry; "" is none.
func payloadContradiction(s Spec) string {
	tunnel := s.Payload == PayloadVXLAN || s.Payload == PayloadVXLANSum
	least := packet.HeadersLen(false, s.Family) + packet.InnerLen + packet.StampLen
	switch {
	case s.Payload == PayloadPlain:
		return ""
	case s.Gen != GenUDP || s.Path != PathSink || s.Dir == Both:
		return fmt.Sprintf("payload=%s is what the datagrams of gen=udp on path=sink carry in one direction; set that and dir=k2u or u2k, or payload=plain", s.Payload)
	case s.Payload == PayloadNoSum && s.Family == 6:
		return "payload=csum0 with ip=6: over IPv6 only the datagrams of tunnels may go without a checksum (RFC 6935); set payload=vxlan, or ip=4"
	case tunnel && s.Size == SizeIMIX:
		return fmt.Sprintf("payload=%s: a packet of 64 bytes, of which size=imix has some, cannot hold a tunnel and the stamp; choose a size of at least %d", s.Payload, least)
	case tunnel && s.Size < least:
		return fmt.Sprintf("payload=%s: size=%d cannot hold a tunnel and the stamp; with ip=%d choose at least %d", s.Payload, s.Size, s.Family, least)
	}
	return ""
}

// lastSegment is the payload of the last segment of a GSO packet of UDP in bytes.
func lastSegment(s Spec) int {
	full := s.Size - packet.HeadersLen(false, s.Family)
	switch s.Tail {
	case TailShort:
		return full - 1
	case TailByte:
		return 1
	}
	return full
}
