// Package packet builds and parses the packets of a trial. It is pure:
// bytes in, bytes out.
package packet

import (
	"encoding/binary"
	"net/netip"
)

// Lengths of headers in bytes.
const (
	EthernetLen = 14
	IPv4Len     = 20 // without options
	IPv6Len     = 40
	UDPLen      = 8
	TCPLen      = 20 // without options
	VXLANLen    = 8  // RFC 7348
	PILen       = 4  // struct tun_pi
)

// EtherTypes.
const (
	EtherTypeIPv4 = 0x0800
	EtherTypeIPv6 = 0x86dd
)

const (
	protocolTCP = 6
	protocolUDP = 17
	hopLimit    = 64
)

// VXLANPort is the port by which the payload of a datagram is known to be a
// frame in a tunnel.
const VXLANPort = 4789

// Flags of TCP.
const (
	tcpFIN = 1 << 0
	tcpPSH = 1 << 3
	tcpACK = 1 << 4
	tcpCWR = 1 << 7
)

// HeadersLen is the number of bytes before the UDP payload, the Ethernet
// header included if tap is set. Family is 4 or 6.
func HeadersLen(tap bool, family int) int {
	n := IPv4Len + UDPLen
	if family == 6 {
		n = IPv6Len + UDPLen
	}
	if tap {
		n += EthernetLen
	}
	return n
}

// TCPHeadersLen is the same before the TCP payload.
func TCPHeadersLen(tap bool, family int) int {
	return HeadersLen(tap, family) - UDPLen + TCPLen
}

// UDP is how a datagram is addressed. Link addresses are used by TAP only.
type UDP struct {
	TAP              bool
	Src, Dst         netip.AddrPort // both IPv4 or both IPv6
	SrcLink, DstLink [6]byte
}

// Headers writes the headers of a datagram with that many bytes of payload to
// b and returns their length. The UDP checksum is left 0; see UDPChecksum.
func (u UDP) Headers(b []byte, payload int) int {
	at := u.network(b, protocolUDP, UDPLen+payload)
	udp := b[at : at+UDPLen]
	binary.BigEndian.PutUint16(udp[0:], u.Src.Port())
	binary.BigEndian.PutUint16(udp[2:], u.Dst.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(UDPLen+payload))
	binary.BigEndian.PutUint16(udp[UDPCsumOffset:], 0)
	return at + UDPLen
}

// TCP is how a segment of an established connection is addressed.
type TCP UDP

// Headers writes the headers of a segment, or a GSO packet, with that many
// bytes of payload to b and returns their length. The checksum is left 0; see
// TCPChecksum and PartialTCP.
func (t TCP) Headers(b []byte, payload int) int {
	at := UDP(t).network(b, protocolTCP, TCPLen+payload)
	tcp := b[at : at+TCPLen]
	clear(tcp)
	binary.BigEndian.PutUint16(tcp[0:], t.Src.Port())
	binary.BigEndian.PutUint16(tcp[2:], t.Dst.Port())
	binary.BigEndian.PutUint32(tcp[8:], 1) // acknowledges
	tcp[12] = TCPLen / 4 << 4
	tcp[13] = tcpACK
	binary.BigEndian.PutUint16(tcp[14:], 0xffff) // window
	return at + TCPLen
}

// Super writes the headers of a GSO packet with that many bytes of payload,
// size of them in each segment but the last, and gives the virtio-net header
// that belongs to it. Its checksum is partial. A packet of one segment is none.
func (t TCP) Super(b []byte, payload, size int) VnetHdr {
	n := t.Headers(b, payload)
	h := VnetHdr{Flags: VnetNeedsCsum, CsumStart: uint16(n - TCPLen), CsumOffset: TCPCsumOffset}
	if payload > size {
		h.GSOType, h.GSOSize, h.HdrLen = GSOTCPv4, uint16(size), uint16(n)
		if t.Src.Addr().Is6() {
			h.GSOType = GSOTCPv6
		}
	}
	binary.BigEndian.PutUint16(b[n-TCPLen+TCPCsumOffset:], PartialTCP(t.Src.Addr(), t.Dst.Addr(), TCPLen+payload))
	return h
}

// Super is the same of UDP.
func (u UDP) Super(b []byte, payload, size int) VnetHdr {
	n := u.Headers(b, payload)
	h := VnetHdr{Flags: VnetNeedsCsum, CsumStart: uint16(n - UDPLen), CsumOffset: UDPCsumOffset}
	if payload > size {
		h.GSOType, h.GSOSize, h.HdrLen = GSOUDPL4, uint16(size), uint16(n)
	}
	binary.BigEndian.PutUint16(b[n-UDPLen+UDPCsumOffset:], PartialUDP(u.Src.Addr(), u.Dst.Addr(), UDPLen+payload))
	return h
}

// InnerLen is how many bytes VXLAN writes.
const InnerLen = VXLANLen + EthernetLen + IPv4Len + UDPLen

// The hosts inside a tunnel, of TEST-NET-1 (RFC 5737).
var innerSrc, innerDst = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")

// VXLAN writes to b what stands in a datagram of a VXLAN tunnel before that many bytes
// of payload of a datagram inside: the header of the tunnel, a frame, IPv4 and UDP. The
// inner checksum is partial; see CompleteUDP. The ports are those of u.
func (u UDP) VXLAN(b []byte, payload int) int {
	clear(b[:VXLANLen])
	b[0] = 1 << 3 // there is a network identifier
	b[6] = 1      // which is 1
	in := UDP{
		TAP: true, SrcLink: [6]byte{2, 0, 0, 0, 2, 1}, DstLink: [6]byte{2, 0, 0, 0, 2, 2},
		Src: netip.AddrPortFrom(innerSrc, u.Src.Port()), Dst: netip.AddrPortFrom(innerDst, u.Dst.Port()),
	}
	in.Super(b[VXLANLen:], payload, payload)
	return InnerLen
}

// PutTCPSeq writes the sequence number of the TCP header at the start of b. A
// partial checksum does not change by it.
func PutTCPSeq(b []byte, seq uint32) { binary.BigEndian.PutUint32(b[4:], seq) }

// network writes what stands before a transport header, for that many bytes
// from there on, and returns its length.
func (u UDP) network(b []byte, protocol uint8, length int) int {
	at := 0
	if u.TAP {
		copy(b[0:], u.DstLink[:])
		copy(b[6:], u.SrcLink[:])
		etherType := uint16(EtherTypeIPv4)
		if u.Src.Addr().Is6() {
			etherType = EtherTypeIPv6
		}
		binary.BigEndian.PutUint16(b[12:], etherType)
		at = EthernetLen
	}
	src, dst := u.Src.Addr().AsSlice(), u.Dst.Addr().AsSlice()
	if u.Src.Addr().Is6() {
		ip := b[at : at+IPv6Len]
		clear(ip)
		ip[0] = 6 << 4
		binary.BigEndian.PutUint16(ip[4:], uint16(length))
		ip[6], ip[7] = protocol, hopLimit
		copy(ip[8:], src)
		copy(ip[24:], dst)
		return at + IPv6Len
	}
	ip := b[at : at+IPv4Len]
	clear(ip)
	ip[0] = 4<<4 | IPv4Len/4
	binary.BigEndian.PutUint16(ip[2:], uint16(IPv4Len+length))
	ip[6] = 0x40 // don't fragment
	ip[8], ip[9] = hopLimit, protocol
	copy(ip[12:], src)
	copy(ip[16:], dst)
	binary.BigEndian.PutUint16(ip[10:], ^fold(sum(ip)))
	return at + IPv4Len
}

// Payload finds the TCP or UDP payload of an IP packet, or of an Ethernet frame
// if tap is set: its offset, or false for anything else.
func Payload(b []byte, tap bool) (offset int, ok bool) {
	var l Layout
	ok = l.Parse(b, tap)
	return l.Payload, ok
}
