package packet

import (
	"encoding/binary"
	"fmt"
)

// Super is a packet with its virtio-net header, to be cut into the segments that
// it stands for, with their checksums: what the last device without offloads on
// its way would do (tcp_gso_segment of net/ipv4/tcp_offload.c, __udp_gso_segment
// of net/ipv4/udp_offload.c). A packet that is not a GSO packet is one segment.
type Super struct {
	hdr     VnetHdr
	layout  Layout
	packet  []byte
	n, size int
}

// Open takes the packet b behind the header, which stays the caller's. A packet
// in a tunnel is refused.
func (s *Super) Open(h VnetHdr, b []byte, tap bool) error {
	s.hdr, s.packet = h, b
	if !s.layout.Parse(b, tap) {
		return fmt.Errorf("cut a packet of %d bytes: neither TCP nor UDP", len(b))
	}
	if s.layout.OuterTransport != 0 && (h.GSOType != GSONone || h.Flags&VnetNeedsCsum != 0) {
		return fmt.Errorf("cut a packet of %d bytes: it is in a tunnel", len(b))
	}
	if fault := h.Check(b, &s.layout); fault != FaultNone {
		return fmt.Errorf("cut a packet of %d bytes: its virtio-net header is wrong: %v", len(b), fault)
	}
	var err error
	s.n, s.size, err = h.Segments(len(b) - s.layout.Payload)
	return err
}

// Segments is how many there are.
func (s *Super) Segments() int { return s.n }

// Segment writes segment i to dst, which must be long enough for it, and returns
// its length.
func (s *Super) Segment(dst []byte, i int) int {
	l := &s.layout
	if s.hdr.GSOType == GSONone {
		n := copy(dst, s.packet)
		if s.hdr.Flags&VnetNeedsCsum != 0 {
			s.complete(dst[:n])
		}
		return n
	}
	payload := s.packet[l.Payload:][i*s.size:]
	payload = payload[:min(s.size, len(payload))]
	n := copy(dst, s.packet[:l.Payload])
	n += copy(dst[n:], payload)
	dst = dst[:n]
	ip := dst[l.IP:]
	if l.Family == 6 {
		binary.BigEndian.PutUint16(ip[4:], uint16(len(ip)-IPv6Len))
	} else {
		binary.BigEndian.PutUint16(ip[2:], uint16(len(ip)))
		binary.BigEndian.PutUint16(ip[4:], binary.BigEndian.Uint16(ip[4:])+uint16(i))
		header := ip[:l.Transport-l.IP]
		header[10], header[11] = 0, 0
		binary.BigEndian.PutUint16(header[10:], ^fold(sum(header)))
	}
	transport := dst[l.Transport:]
	if l.Protocol == protocolTCP {
		binary.BigEndian.PutUint32(transport[4:], binary.BigEndian.Uint32(transport[4:])+uint32(i*s.size))
		if i < s.n-1 {
			transport[13] &^= tcpFIN | tcpPSH
		}
		if i > 0 {
			transport[13] &^= tcpCWR
		}
	} else {
		binary.BigEndian.PutUint16(transport[4:], uint16(len(transport)))
	}
	s.complete(dst)
	return n
}

// complete puts the checksum into its place.
func (s *Super) complete(b []byte) {
	l := &s.layout
	field := b[l.Transport+l.csumOffset():][:2]
	field[0], field[1] = 0, 0
	c := ^fold(l.pseudo(b) + sum(b[l.Transport:]))
	if c == 0 && l.Protocol == protocolUDP {
		c = 0xffff // 0 would say that there is no checksum
	}
	binary.BigEndian.PutUint16(field, c)
}
