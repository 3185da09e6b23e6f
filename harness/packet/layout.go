package packet

import "encoding/binary"

// Layout says where the parts of a packet are: offsets in bytes. Of a packet in
// a VXLAN tunnel it is that of what is inside.
type Layout struct {
	IP, Transport, Payload int
	Family                 int   // 4 or 6
	Protocol               uint8 // of TCP or UDP
	// Of the headers around a tunnel; OuterTransport is 0 where there is none.
	OuterIP, OuterTransport int
}

// Parse finds the parts of an IP packet, or of an Ethernet frame if tap is set.
// It is false for what is neither TCP nor UDP, and for headers that are cut.
func (l *Layout) Parse(b []byte, tap bool) bool {
	at := 0
	if tap {
		at = EthernetLen
	}
	l.OuterIP, l.OuterTransport = 0, 0
	if !l.parse(b, at) {
		return false
	}
	if l.Protocol != protocolUDP || binary.BigEndian.Uint16(b[l.Transport+2:]) != VXLANPort {
		return true
	}
	return l.enter(b)
}

// enter replaces the layout by that of the packet inside a tunnel, if there is
// one.
func (l *Layout) enter(b []byte) bool {
	outer := *l
	if !l.parse(b, outer.Payload+VXLANLen+EthernetLen) {
		*l = outer
		return true
	}
	l.OuterIP, l.OuterTransport = outer.IP, outer.Transport
	return true
}

// parse begins at the IP header.
func (l *Layout) parse(b []byte, at int) bool {
	if len(b) < at+IPv4Len {
		return false
	}
	l.IP = at
	switch b[at] >> 4 {
	case 4:
		header := int(b[at]&15) * 4
		if header < IPv4Len {
			return false
		}
		l.Family, l.Protocol, l.Transport = 4, b[at+9], at+header
	case 6:
		if len(b) < at+IPv6Len {
			return false
		}
		l.Family, l.Protocol, l.Transport = 6, b[at+6], at+IPv6Len
	default:
		return false
	}
	switch l.Protocol {
	case protocolUDP:
		l.Payload = l.Transport + UDPLen
	case protocolTCP:
		if len(b) < l.Transport+TCPLen {
			return false
		}
		header := int(b[l.Transport+12]>>4) * 4
		if header < TCPLen {
			return false
		}
		l.Payload = l.Transport + header
	default:
		return false
	}
	return len(b) >= l.Payload
}

// First is the offset of the outermost IP header.
func (l *Layout) First() int {
	if l.OuterTransport != 0 {
		return l.OuterIP
	}
	return l.IP
}

// csumOffset is where the checksum stands in the transport header.
func (l *Layout) csumOffset() int {
	if l.Protocol == protocolTCP {
		return TCPCsumOffset
	}
	return UDPCsumOffset
}

// pseudo is the sum of the pseudo-header of what follows the transport header.
func (l *Layout) pseudo(b []byte) uint64 {
	return pseudoAt(b, l.IP, l.Family, l.Protocol, len(b)-l.Transport)
}

func pseudoAt(b []byte, ip, family int, protocol uint8, length int) uint64 {
	rest := uint64(protocol) + uint64(length)
	if family == 6 {
		return sum(b[ip+8:ip+40]) + rest
	}
	addresses := binary.BigEndian.Uint64(b[ip+12:])
	return addresses>>32 + addresses&0xffffffff + rest
}

// HasChecksum is false of a UDP datagram that says that it has none.
func (l *Layout) HasChecksum(b []byte) bool {
	at := l.Transport + l.csumOffset()
	return l.Protocol != protocolUDP || b[at] != 0 || b[at+1] != 0
}

// Sums reports whether the transport checksum, which is complete, is right. It
// reads all of b. What a sender puts behind its stamp is blank and adds nothing: to see
// that it is takes a fraction of the time that adding takes.
func (l *Layout) Sums(b []byte) bool {
	end := len(b)
	if rest := l.Payload + StampLen; rest < end && Blank(b[rest:]) {
		end = rest
	}
	return fold(l.pseudo(b)+sum(b[l.Transport:end])) == 0xffff
}

// ipLength is the length of the packet from the IP header at that offset on, as
// that says.
func ipLength(b []byte, at, family int) int {
	if family == 6 {
		return IPv6Len + int(binary.BigEndian.Uint16(b[at+4:]))
	}
	return int(binary.BigEndian.Uint16(b[at+2:]))
}

// Lengths holds the lengths in the headers of IP and UDP, also of those around a
// tunnel, against that of the packet b.
func (l *Layout) Lengths(b []byte) Fault {
	if l.OuterTransport != 0 {
		if fault := lengths(b, l.OuterIP, l.OuterTransport, protocolUDP); fault != FaultNone {
			return fault
		}
	}
	return lengths(b, l.IP, l.Transport, l.Protocol)
}

// Verify adds up the checksums of the packet b, also of the headers around a tunnel;
// Lengths must have found no fault. With partial those of UDP and TCP are left to a later
// reader, and not looked at. It reads all of b.
func (l *Layout) Verify(b []byte, partial bool) Fault {
	if l.OuterTransport != 0 {
		outer := Layout{IP: l.OuterIP, Transport: l.OuterTransport, Payload: l.OuterTransport + UDPLen, Family: int(b[l.OuterIP] >> 4), Protocol: protocolUDP}
		// 0 stands for none also over IPv6: RFC 6935.
		if fault := outer.verify(b, partial || !outer.HasChecksum(b)); fault != FaultNone {
			return fault
		}
	}
	return l.verify(b, partial)
}

func (l *Layout) verify(b []byte, partial bool) Fault {
	switch {
	case l.Family == 4 && fold(sum(b[l.IP:l.Transport])) != 0xffff:
		return FaultIPChecksum
	case partial || l.Family == 4 && !l.HasChecksum(b) || l.Sums(b):
		return FaultNone
	case l.Protocol == protocolTCP:
		return FaultTCPChecksum
	}
	return FaultUDPChecksum
}

// SourcePort is that of TCP or UDP.
func (l *Layout) SourcePort(b []byte) uint16 { return binary.BigEndian.Uint16(b[l.Transport:]) }

// TCPSeq is the sequence number; ok is false of a packet that is not of TCP.
func (l *Layout) TCPSeq(b []byte) (seq uint32, ok bool) {
	if l.Protocol != protocolTCP {
		return 0, false
	}
	return binary.BigEndian.Uint32(b[l.Transport+4:]), true
}
