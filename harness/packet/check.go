package packet

import (
	"bytes"
	"encoding/binary"
)

// Fault is what is wrong with a packet or with the virtio-net header before it; the
// zero value is nothing.
type Fault uint8

const (
	FaultNone        Fault = iota
	FaultIPLength          // the IP header says another length than the packet has
	FaultUDPLength         // so does the UDP header
	FaultGSOType           // unknown, or not that of the IP version and the protocol
	FaultGSOSize           // 0, or larger than the payload
	FaultHdrLen            // ends within the headers, or behind the packet
	FaultNoPartial         // a GSO packet whose checksum is not left to the reader
	FaultCsumStart         // not at the transport header
	FaultCsumOffset        // not at its checksum
	FaultPartialSum        // the field does not hold the sum of the pseudo-header
	FaultTunnel            // offsets, type or flags are not those of the tunnel
	FaultBuffers           // num_buffers is not the one buffer that the packet came in
	FaultHash              // a hash that was not requested
	FaultIPVersion         // neither 4 nor 6
	FaultIPChecksum        // of the header of IPv4
	FaultUDPChecksum       // complete, and wrong
	FaultTCPChecksum       // likewise
	FaultPayload           // not what the sender put behind the stamp
	Faults                 // how many there are
)

// String names a fault as it stands in a record.
func (f Fault) String() string {
	return [Faults]string{"none", "ip-length", "udp-length", "gso_type", "gso_size", "hdr_len", "no partial checksum",
		"csum_start", "csum_offset", "partial sum", "tunnel", "num_buffers", "hash",
		"ip-version", "ip-checksum", "udp-checksum", "tcp-checksum", "payload"}[f]
}

func lengths(b []byte, ip, transport int, protocol uint8) Fault {
	switch {
	case ipLength(b, ip, int(b[ip]>>4)) != len(b)-ip:
		return FaultIPLength
	case protocol == protocolUDP && int(binary.BigEndian.Uint16(b[transport+4:])) != len(b)-transport:
		return FaultUDPLength
	}
	return FaultNone
}

// Broken says what is wrong with a packet that Parse refused, or with a frame if tap is
// set: with its IP header, or with its checksum if the header of TCP has an impossible
// length. FaultNone: nothing that can be told, so that it is a packet of another kind.
func Broken(b []byte, tap bool) Fault {
	if tap {
		if len(b) < EthernetLen {
			return FaultNone
		}
		if kind := binary.BigEndian.Uint16(b[EthernetLen-2:]); kind != EtherTypeIPv4 && kind != EtherTypeIPv6 {
			return FaultNone
		}
		b = b[EthernetLen:]
	}
	if len(b) < IPv4Len {
		return FaultNone
	}
	l := Layout{Family: int(b[0] >> 4)}
	switch l.Family {
	case 4:
		l.Transport, l.Protocol = int(b[0]&15)*4, b[9]
		if l.Transport < IPv4Len || l.Transport > len(b) {
			return FaultIPChecksum
		}
	case 6:
		l.Transport, l.Protocol = IPv6Len, b[6]
		if len(b) < IPv6Len || ipLength(b, 0, 6) != len(b) {
			return FaultIPLength
		}
	default:
		return FaultIPVersion
	}
	return l.verify(b, l.Protocol != protocolTCP || len(b) < l.Transport+TCPLen)
}

// Blank reports whether b, what follows a stamp, is as senders leave it: zeros. Comparing takes
// many bytes at once, and the zeros stay in the cache of the reader's CPU.
func Blank(b []byte) bool {
	for len(b) > len(zeros) {
		if !bytes.Equal(b[:len(zeros)], zeros[:]) {
			return false
		}
		b = b[len(zeros):]
	}
	return bytes.Equal(b, zeros[:len(b)])
}

var zeros [2048]byte

// congruent reports whether two sums are the same: 0 has two forms.
func congruent(a, b uint16) bool { return a == b || a+b == 0xffff && (a == 0 || b == 0) }
