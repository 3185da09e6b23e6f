package packet

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Offsets of the checksum in the headers, as in VnetHdr.CsumOffset.
const (
	UDPCsumOffset = 6
	TCPCsumOffset = 16
)

// UDPChecksum is the checksum of the datagram that starts at b with its UDP
// header, whose checksum field must be 0 (RFC 768; RFC 8200, section 8.1).
func UDPChecksum(src, dst netip.Addr, b []byte) uint16 {
	if c := ^fold(pseudo(src, dst, protocolUDP, len(b)) + sum(b)); c != 0 {
		return c
	}
	return 0xffff // 0 would say that there is no checksum
}

// TCPChecksum is that of the segment that starts at b with its TCP header,
// whose checksum field must be 0 (RFC 9293, section 3.1).
func TCPChecksum(src, dst netip.Addr, b []byte) uint16 {
	return ^fold(pseudo(src, dst, protocolTCP, len(b)) + sum(b))
}

// PartialUDP and PartialTCP are what stands in the checksum field of a datagram
// or a segment of that many bytes, its own header included, whose checksum is
// left to the next one: the sum of the pseudo-header.
func PartialUDP(src, dst netip.Addr, length int) uint16 {
	return fold(pseudo(src, dst, protocolUDP, length))
}

func PartialTCP(src, dst netip.Addr, length int) uint16 {
	return fold(pseudo(src, dst, protocolTCP, length))
}

// CompleteUDP makes a checksum of what PartialUDP gave: b starts with the UDP
// header and may end where nothing but zeros follows, after an even number of
// bytes.
func CompleteUDP(b []byte) { PutUDPSum(b, sum(b)) }

// PutUDPSum is CompleteUDP for callers that know the sum of b: it is that of the parts
// of b, by Sum and Stamp.Sum, added up.
func PutUDPSum(b []byte, sum uint64) {
	c := ^fold(sum)
	if c == 0 {
		c = 0xffff // 0 would say that there is no checksum
	}
	binary.BigEndian.PutUint16(b[UDPCsumOffset:], c)
}

// Sum is what b adds to a checksum: congruent to the sum of its big-endian 16-bit words,
// and below 2^33.
func Sum(b []byte) uint64 { return sum(b) }

// CompleteTCP is the same of what PartialTCP gave.
func CompleteTCP(b []byte) { binary.BigEndian.PutUint16(b[TCPCsumOffset:], ^fold(sum(b))) }

func pseudo(src, dst netip.Addr, protocol uint8, length int) uint64 {
	return sum(src.AsSlice()) + sum(dst.AsSlice()) + uint64(protocol) + uint64(length)
}

// sum adds up b as big-endian 16-bit words, an odd last byte padded with 0. It
// is congruent to that sum, and below 2^33 so that many can be added: words of
// 64 bits with end-around carry come to the same (RFC 1071, section 2).
func sum(b []byte) uint64 {
	var s, carry uint64
	for len(b) >= 32 {
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[8:]), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[16:]), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[24:]), carry)
		b = b[32:]
	}
	for len(b) >= 8 {
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b), carry)
		b = b[8:]
	}
	s = s>>32 + s&0xffffffff + carry
	for len(b) >= 2 {
		s += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		s += uint64(b[0]) << 8
	}
	return s>>32 + s&0xffffffff
}

// fold reduces a sum to 16 bits with end-around carry (RFC 1071).
func fold(s uint64) uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}
