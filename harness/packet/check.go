package packet

import "encoding/binary"

// Fault is what is wrong with a virtio-net header or the packet behind it; the
// zero value is nothing.
type Fault uint8

const (
	FaultNone       Fault = iota
	FaultLength           // the IP or UDP header says another length
	FaultGSOType          // unknown, or not that of the IP version and the protocol
	FaultGSOSize          // 0, or larger than the payload
	FaultHdrLen           // ends within the headers, or behind the packet
	FaultNoPartial        // a super-packet whose checksum is not left to the reader
	FaultCsumStart        // not at the transport header
	FaultCsumOffset       // not at its checksum
	FaultPartialSum       // the field does not hold the sum of the pseudo-header
	FaultChecksum         // complete, and wrong
	FaultTunnel           // offsets, type or flags are not those of the tunnel
	FaultBuffers          // num_buffers is not the one buffer that the packet came in
	FaultHash             // a hash that nobody asked for
	Faults                // how many there are
)

// String names a fault as it stands in a record.
func (f Fault) String() string {
	return [Faults]string{"none", "length", "gso_type", "gso_size", "hdr_len", "no partial checksum",
		"csum_start", "csum_offset", "partial sum", "checksum", "tunnel", "num_buffers", "hash"}[f]
}

// Check holds the header against the packet b behind it, whose layout is l. It
// reads headers only: a complete checksum is for l.Sums.
func (h *VnetHdr) Check(b []byte, l *Layout) Fault {
	if ipLength(b, l.IP, l.Family) != len(b)-l.IP ||
		l.Protocol == protocolUDP && int(binary.BigEndian.Uint16(b[l.Transport+4:])) != len(b)-l.Transport {
		return FaultLength
	}
	if h.GSOType != GSONone {
		if fault := h.checkGSO(b, l); fault != FaultNone {
			return fault
		}
	}
	if h.Flags&VnetNeedsCsum == 0 {
		return FaultNone
	}
	return h.checkPartial(b, l)
}

// CheckLong holds what a header has beyond VnetLen bytes against what was asked
// for: one buffer a packet, since VIRTIO_NET_F_MRG_RXBUF is not negotiated, and no
// hash.
//
// Virtio 1.0 wants num_buffers to be 1 then (5.1.6.4), which vhost-net writes since
// Linux 6.13. A device writes zeros for the whole rest (tun_vnet.h), and kernels
// before that write nothing: the reader's buffer holds zeros there. So 0 is not wrong.
func (h *VnetHdr) CheckLong(header []byte) Fault {
	switch {
	case len(header) >= VnetMrgLen && binary.LittleEndian.Uint16(header[VnetLen:]) > 1:
		return FaultBuffers
	case len(header) >= VnetHashLen && binary.LittleEndian.Uint64(header[VnetMrgLen:]) != 0:
		return FaultHash
	}
	return FaultNone
}

func (h *VnetHdr) checkPartial(b []byte, l *Layout) Fault {
	offset := l.csumOffset()
	switch {
	case int(h.CsumStart) != l.Transport:
		return FaultCsumStart
	case int(h.CsumOffset) != offset:
		return FaultCsumOffset
	case !congruent(binary.BigEndian.Uint16(b[l.Transport+offset:]), fold(l.pseudo(b))):
		return FaultPartialSum
	}
	return FaultNone
}

// congruent tells whether two sums are the same: 0 has two forms.
func congruent(a, b uint16) bool { return a == b || a+b == 0xffff && (a == 0 || b == 0) }

func (h *VnetHdr) checkGSO(b []byte, l *Layout) Fault {
	want := uint8(GSOUDPL4)
	if l.Protocol == protocolTCP {
		want = GSOTCPv4
		if l.Family == 6 {
			want = GSOTCPv6
		}
	}
	switch {
	case h.Kind() != want, h.GSOType&GSOECN != 0 && l.Protocol != protocolTCP:
		return FaultGSOType
	case h.GSOSize == 0 || int(h.GSOSize) > len(b)-l.Payload:
		return FaultGSOSize
	case int(h.HdrLen) < l.Payload || int(h.HdrLen) > len(b):
		return FaultHdrLen
	case h.Flags&VnetNeedsCsum == 0:
		return FaultNoPartial
	case h.Tunnel() || l.OuterTransport != 0:
		return h.checkTunnel(b, l)
	}
	return FaultNone
}

func (h *VnetHdr) checkTunnel(b []byte, l *Layout) Fault {
	if l.OuterTransport == 0 {
		return FaultTunnel
	}
	want, family := uint8(GSOTunnel4), 4
	if b[l.OuterIP]>>4 == 6 {
		want, family = GSOTunnel6, 6
	}
	udp := b[l.OuterTransport:]
	summed := udp[UDPCsumOffset] != 0 || udp[UDPCsumOffset+1] != 0
	switch {
	case h.GSOType&(GSOTunnel4|GSOTunnel6) != want,
		int(h.OuterTransport) != l.OuterTransport, int(h.InnerNetwork) != l.IP,
		summed != (h.Flags&VnetTunnelCsum != 0):
		return FaultTunnel
	case ipLength(b, l.OuterIP, family) != len(b)-l.OuterIP:
		return FaultLength
	case summed && !congruent(binary.BigEndian.Uint16(udp[UDPCsumOffset:]), fold(pseudoAt(b, l.OuterIP, family, protocolUDP, len(udp)))):
		return FaultPartialSum
	}
	return FaultNone
}
