// Package packet builds and takes apart the packets of a trial. It is pure:
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
	PILen       = 4 // struct tun_pi
)

// EtherTypes.
const (
	EtherTypeIPv4 = 0x0800
	EtherTypeIPv6 = 0x86dd
)

const (
	protocolUDP = 17
	hopLimit    = 64
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

// UDP says how a datagram is addressed. Link addresses are used by TAP only.
type UDP struct {
	TAP              bool
	Src, Dst         netip.AddrPort // both IPv4 or both IPv6
	SrcLink, DstLink [6]byte
}

// Headers writes the headers of a datagram with that many bytes of payload to
// b and returns their length. The UDP checksum is left 0; see UDPChecksum.
func (u UDP) Headers(b []byte, payload int) int {
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
		binary.BigEndian.PutUint16(ip[4:], uint16(UDPLen+payload))
		ip[6], ip[7] = protocolUDP, hopLimit
		copy(ip[8:], src)
		copy(ip[24:], dst)
		at += IPv6Len
	} else {
		ip := b[at : at+IPv4Len]
		clear(ip)
		ip[0] = 4<<4 | IPv4Len/4
		binary.BigEndian.PutUint16(ip[2:], uint16(IPv4Len+UDPLen+payload))
		ip[6] = 0x40 // don't fragment
		ip[8], ip[9] = hopLimit, protocolUDP
		copy(ip[12:], src)
		copy(ip[16:], dst)
		binary.BigEndian.PutUint16(ip[10:], ^fold(sum(ip)))
		at += IPv4Len
	}
	udp := b[at : at+UDPLen]
	binary.BigEndian.PutUint16(udp[0:], u.Src.Port())
	binary.BigEndian.PutUint16(udp[2:], u.Dst.Port())
	binary.BigEndian.PutUint16(udp[4:], uint16(UDPLen+payload))
	binary.BigEndian.PutUint16(udp[6:], 0)
	return at + UDPLen
}

// UDPChecksum is the checksum of the datagram that starts at b with its UDP
// header, whose checksum field must be 0 (RFC 768; RFC 8200, section 8.1).
func UDPChecksum(src, dst netip.Addr, b []byte) uint16 {
	s := sum(src.AsSlice()) + sum(dst.AsSlice()) + protocolUDP + uint64(len(b)) + sum(b)
	if c := ^fold(s); c != 0 {
		return c
	}
	return 0xffff // 0 would say that there is no checksum
}

// sum adds up b as big-endian 16-bit words, an odd last byte padded with 0.
func sum(b []byte) uint64 {
	var s uint64
	for len(b) >= 2 {
		s += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		s += uint64(b[0]) << 8
	}
	return s
}

// fold reduces a sum to 16 bits with end-around carry (RFC 1071).
func fold(s uint64) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// Payload finds the UDP payload of an IP packet, or of an Ethernet frame if tap
// is set: its offset, or false for anything else.
func Payload(b []byte, tap bool) (offset int, ok bool) {
	at := 0
	if tap {
		at = EthernetLen
	}
	if len(b) <= at {
		return 0, false
	}
	switch b[at] >> 4 {
	case 4:
		header := int(b[at]&15) * 4
		if header < IPv4Len || len(b) < at+header+UDPLen || b[at+9] != protocolUDP {
			return 0, false
		}
		return at + header + UDPLen, true
	case 6:
		if len(b) < at+IPv6Len+UDPLen || b[at+6] != protocolUDP {
			return 0, false
		}
		return at + IPv6Len + UDPLen, true
	}
	return 0, false
}
