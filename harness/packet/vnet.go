package packet

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Values of struct virtio_net_hdr (include/uapi/linux/virtio_net.h).
const (
	VnetNeedsCsum = 1 // Flags: the checksum is partial

	GSONone  = 0
	GSOTCPv4 = 1
	GSOTCPv6 = 4
	GSOUDPL4 = 5
	GSOECN   = 0x80 // may be added to the TCP types
)

// VnetLen is the length of the part of the virtio-net header that VnetHdr
// reads; longer headers only add to its end.
const VnetLen = 10

// VnetHdr is the virtio-net header of a packet, little-endian as set by
// TUNSETVNETLE.
type VnetHdr struct {
	Flags      uint8
	GSOType    uint8
	HdrLen     uint16 // headers before the first segment's payload; a hint
	GSOSize    uint16 // payload bytes of a segment
	CsumStart  uint16
	CsumOffset uint16
}

// Parse reads the header from the start of b.
func (h *VnetHdr) Parse(b []byte) error {
	if len(b) < VnetLen {
		return fmt.Errorf("virtio-net header: %d bytes, want %d", len(b), VnetLen)
	}
	h.Flags, h.GSOType = b[0], b[1]
	h.HdrLen = binary.LittleEndian.Uint16(b[2:])
	h.GSOSize = binary.LittleEndian.Uint16(b[4:])
	h.CsumStart = binary.LittleEndian.Uint16(b[6:])
	h.CsumOffset = binary.LittleEndian.Uint16(b[8:])
	return nil
}

// Errors of Segments, made once: they are returned in hot loops.
var (
	errGSOType = errors.New("virtio-net header: not a UDP super-packet")
	errGSOSize = errors.New("virtio-net header: gso_size is 0")
)

// Segments tells how many wire segments a UDP packet with that many bytes of
// payload stands for, and the payload bytes of each but the last.
func (h *VnetHdr) Segments(payload int) (n, size int, err error) {
	switch {
	case h.GSOType == GSONone:
		return 1, payload, nil
	case h.GSOType != GSOUDPL4:
		return 0, 0, errGSOType
	case h.GSOSize == 0:
		return 0, 0, errGSOSize
	}
	size = int(h.GSOSize)
	return max(1, (payload+size-1)/size), size, nil
}
