package packet

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Values of struct virtio_net_hdr (include/uapi/linux/virtio_net.h).
const (
	VnetNeedsCsum  = 1 // Flags: the checksum is partial
	VnetDataValid  = 2 // Flags: the checksum was verified
	VnetTunnelCsum = 8 // Flags: so is that of the UDP header around a tunnel

	GSONone  = 0
	GSOTCPv4 = 1
	GSOTCPv6 = 4
	GSOUDPL4 = 5
	// These may be added to the types above: the packet is in a UDP tunnel, over
	// IPv4 or IPv6 (Linux 6.17); of TCP, the first segment carries CWR.
	GSOTunnel4 = 0x20
	GSOTunnel6 = 0x40
	GSOECN     = 0x80
)

// Lengths of virtio-net headers in bytes: each only adds to the end of the one
// before.
const (
	VnetLen       = 10 // struct virtio_net_hdr
	VnetMrgLen    = 12 // struct virtio_net_hdr_v1: how many buffers
	VnetHashLen   = 20 // struct virtio_net_hdr_v1_hash: hash and what it is of
	VnetTunnelLen = 24 // struct virtio_net_hdr_v1_hash_tunnel: where a tunnel begins
)

// VnetHdr is the virtio-net header of a packet, little-endian as set by
// TUNSETVNETLE.
type VnetHdr struct {
	Flags      uint8
	GSOType    uint8
	HdrLen     uint16 // headers before the first segment's payload; a hint
	GSOSize    uint16 // payload bytes of a segment
	CsumStart  uint16
	CsumOffset uint16

	Buffers    uint16 // from 12 bytes on
	Hash       uint32 // from 20 bytes on
	HashReport uint16
	// Offsets of the UDP header around a tunnel and of the IP header inside, from
	// 24 bytes on; valid if GSOType says that there is one.
	OuterTransport uint16
	InnerNetwork   uint16
}

// Parse reads the first VnetLen bytes of the header from the start of b. Of a
// longer header a TUN device writes the rest only if it describes a tunnel; else
// that is zeros, or on older kernels what the buffer held before (tun_put_user of
// drivers/net/tun.c): see CheckLong.
func (h *VnetHdr) Parse(b []byte) error {
	if len(b) < VnetLen {
		return errVnetLen
	}
	first := binary.LittleEndian.Uint64(b)
	h.Flags, h.GSOType = uint8(first), uint8(first>>8)
	h.HdrLen, h.GSOSize = uint16(first>>16), uint16(first>>32)
	h.CsumStart, h.CsumOffset = uint16(first>>48), binary.LittleEndian.Uint16(b[8:])
	return nil
}

// ParseAll reads a header of that many bytes, all that is in it.
func (h *VnetHdr) ParseAll(b []byte, size int) error {
	if size < VnetLen || len(b) < size {
		return fmt.Errorf("virtio-net header: %d bytes, want %d", len(b), max(size, VnetLen))
	}
	*h = VnetHdr{}
	if err := h.Parse(b); err != nil {
		return err
	}
	if size >= VnetMrgLen {
		h.Buffers = binary.LittleEndian.Uint16(b[10:])
	}
	if size >= VnetHashLen {
		h.Hash = binary.LittleEndian.Uint32(b[12:])
		h.HashReport = binary.LittleEndian.Uint16(b[16:])
	}
	if size >= VnetTunnelLen {
		h.OuterTransport = binary.LittleEndian.Uint16(b[20:])
		h.InnerNetwork = binary.LittleEndian.Uint16(b[22:])
	}
	return nil
}

// Put writes a header of that many bytes, VnetLen at least, to the start of b.
func (h *VnetHdr) Put(b []byte, size int) {
	b = b[:size]
	clear(b)
	b[0], b[1] = h.Flags, h.GSOType
	binary.LittleEndian.PutUint16(b[2:], h.HdrLen)
	binary.LittleEndian.PutUint16(b[4:], h.GSOSize)
	binary.LittleEndian.PutUint16(b[6:], h.CsumStart)
	binary.LittleEndian.PutUint16(b[8:], h.CsumOffset)
	if size >= VnetMrgLen {
		binary.LittleEndian.PutUint16(b[10:], h.Buffers)
	}
	if size >= VnetHashLen {
		binary.LittleEndian.PutUint32(b[12:], h.Hash)
		binary.LittleEndian.PutUint16(b[16:], h.HashReport)
	}
	if size >= VnetTunnelLen {
		binary.LittleEndian.PutUint16(b[20:], h.OuterTransport)
		binary.LittleEndian.PutUint16(b[22:], h.InnerNetwork)
	}
}

// Kind is GSOType without what may be added to it.
func (h *VnetHdr) Kind() uint8 { return h.GSOType &^ (GSOECN | GSOTunnel4 | GSOTunnel6) }

// Tunnel reports whether the packet is in a UDP tunnel, by its header.
func (h *VnetHdr) Tunnel() bool { return h.GSOType&(GSOTunnel4|GSOTunnel6) != 0 }

// Errors made once: they are returned in hot loops.
var (
	errVnetLen = fmt.Errorf("virtio-net header: shorter than %d bytes", VnetLen)
	errGSOType = errors.New("virtio-net header: not a GSO packet of TCP or UDP")
	errGSOSize = errors.New("virtio-net header: gso_size is 0")
)

// Segments returns how many wire segments a packet with that many bytes of
// payload stands for, and the payload bytes of each but the last.
func (h *VnetHdr) Segments(payload int) (n, size int, err error) {
	switch h.Kind() {
	case GSONone:
		return 1, payload, nil
	case GSOTCPv4, GSOTCPv6, GSOUDPL4:
	default:
		return 0, 0, errGSOType
	}
	if h.GSOSize == 0 {
		return 0, 0, errGSOSize
	}
	size = int(h.GSOSize)
	return max(1, (payload+size-1)/size), size, nil
}

// Check compares the header with the packet b behind it, whose layout is l, and the
// lengths in the packet with that of the packet. It reads headers only: l.Verify adds up
// complete checksums.
func (h *VnetHdr) Check(b []byte, l *Layout) Fault {
	if fault := l.Lengths(b); fault != FaultNone {
		return fault
	}
	return h.CheckHeader(b, l)
}

// CheckHeader is Check without the lengths in the packet.
func (h *VnetHdr) CheckHeader(b []byte, l *Layout) Fault {
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
	if l.OuterTransport != 0 && h.GSOType == GSONone && int(h.CsumStart) == l.OuterTransport {
		// Of a datagram that happens to hold a tunnel, as a socket sends it.
		outer := Layout{IP: l.OuterIP, Transport: l.OuterTransport, Family: int(b[l.OuterIP] >> 4), Protocol: protocolUDP}
		return h.checkPartial(b, &outer)
	}
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
	case summed && !congruent(binary.BigEndian.Uint16(udp[UDPCsumOffset:]), fold(pseudoAt(b, l.OuterIP, family, protocolUDP, len(udp)))):
		return FaultPartialSum
	}
	return FaultNone
}
