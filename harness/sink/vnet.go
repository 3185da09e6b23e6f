package sink

import "tunbench/harness/packet"

// Vnet is what virtio-net headers contained. Each was checked against its packet.
type Vnet struct {
	Headers uint64
	GSO     [32]uint64 // packets by kind; see GSOName
	Partial uint64     // packets whose checksum is left to the reader
	Full    uint64     // packets whose checksum is complete
	Without uint64     // packets without a checksum
	Summed  uint64     // packets whose complete checksum was verified
	Bad     [packet.Faults]uint64
	Largest uint64 // packet in bytes of IP
}

// kinds of GSO are told apart by gso_type below 8, and two bits of a tunnel.
const gsoKinds = 8

// take reads the header into h and counts what it says of the packet b, whose
// layout is l. It is false for a header that is cut.
func (v *Vnet) take(h *packet.VnetHdr, header, b []byte, l *packet.Layout) bool {
	if h.Parse(header) != nil {
		return false
	}
	v.Headers++
	if h.GSOType == packet.GSONone {
		v.GSO[packet.GSONone]++
	} else {
		if h.Tunnel() && h.ParseAll(header, len(header)) != nil {
			return false
		}
		v.GSO[h.Kind()%gsoKinds+h.GSOType>>5&3*gsoKinds]++
	}
	v.Largest = max(v.Largest, uint64(len(b)-l.First()))
	fault := h.CheckHeader(b, l)
	if fault == packet.FaultNone && len(header) > packet.VnetLen {
		fault = h.CheckLong(header)
	}
	if fault != packet.FaultNone {
		v.Bad[fault]++
		return true
	}
	switch {
	case h.Flags&packet.VnetNeedsCsum != 0:
		v.Partial++
	case !l.HasChecksum(b):
		v.Without++
	default:
		v.Full++
	}
	return true
}

// GSOName names kind i of Vnet.GSO as records do.
func GSOName(i int) string {
	name := "other"
	switch i % gsoKinds {
	case packet.GSONone:
		name = "none"
	case packet.GSOTCPv4:
		name = "tcpv4"
	case packet.GSOTCPv6:
		name = "tcpv6"
	case packet.GSOUDPL4:
		name = "udp-l4"
	}
	return name + [4]string{"", " in udp4", " in udp6", " in udp4 and udp6"}[i/gsoKinds]
}

// Add adds what another reader saw.
func (v *Vnet) Add(other *Vnet) {
	v.Headers += other.Headers
	v.Partial += other.Partial
	v.Full += other.Full
	v.Without += other.Without
	v.Summed += other.Summed
	v.Largest = max(v.Largest, other.Largest)
	for i, n := range other.GSO {
		v.GSO[i] += n
	}
	for i, n := range other.Bad {
		v.Bad[i] += n
	}
}
