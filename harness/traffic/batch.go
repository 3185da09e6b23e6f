package traffic

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/harness/packet"
)

const (
	batchMessages = 64
	// batchBytes bounds the memory of a batch of super-packets.
	batchBytes = 256 << 10
	// maxSegments is UDP_MAX_SEGMENTS of include/linux/udp.h before Linux 6.9,
	// which doubled it. Super-packets of TCP are made as large.
	maxSegments = 64
	// maxIP bounds an IP packet, and with its link header a super-packet that a
	// device takes whole (gso_features_check of net/core/dev.c).
	maxIP = 65535
)

// imix is the simple IMIX, 7:4:1 of 64, 576 and 1500 bytes of IP length,
// spread out; a batch holds it a whole number of times.
var imix = [12]int{64, 576, 64, 64, 576, 64, 1500, 64, 576, 64, 576, 64}

// batch is what one call sends: messages whose buffers are written anew, stamp
// by stamp, for each call.
type batch struct {
	config   Config
	segments uint64 // wire segments a message
	stride   int    // bytes of payload a segment
	offset   int    // of the first stamp in a message
	headers  []mmsghdr
	iovecs   []unix.Iovec
	buffers  [][]byte
	to       unix.RawSockaddrLinklayer
	// templates holds, of whole packets, the headers by message and position of
	// the flow; messages of one size share them.
	templates [][][]byte
	device    []byte // of whole packets: what a device wants before each
}

func newBatch(c Config) *batch {
	if c.Kind == PacketGSO { // as PACKET_VNET_HDR has it, whatever the device
		c.VnetHdr, c.PI, c.Vectored = packet.VnetLen, false, false
	}
	ipHeaders := c.headersLen(false)
	b := &batch{config: c, segments: 1}
	sizes := []int{c.Size}
	messages := batchMessages
	switch {
	case c.Size == 0:
		sizes = imix[:]
		messages = batchMessages / len(imix) * len(imix)
	case c.super():
		b.stride = c.Size - ipHeaders
		b.segments = Segments(c.Size, family(c.Src))
		if c.tcp() {
			b.segments = SegmentsTCP(c.Size, family(c.Src), c.TAP)
		}
		messages = max(1, min(batchMessages, batchBytes/(int(b.segments)*b.stride)))
	}
	if c.Messages > 0 {
		messages = c.Messages
	}
	payload := func(message int) int {
		if c.super() {
			return int(b.segments) * b.stride
		}
		return sizes[message%len(sizes)] - ipHeaders
	}
	if c.Kind.packet() || c.Kind == Write {
		b.offset = c.headersLen(c.TAP)
		b.to = linkAddress(c)
		b.device = deviceHeader(c, b.offset, b.stride)
		if !c.Vectored {
			b.offset += len(b.device)
		}
		bySize := make([][][]byte, len(sizes))
		for i := range sizes {
			bySize[i] = b.templatesFor(payload(i))
		}
		for i := range messages {
			b.templates = append(b.templates, bySize[i%len(sizes)])
		}
	}
	vectors := 1
	if c.Vectored && len(b.device) > 0 {
		vectors = 2
	}
	b.headers = make([]mmsghdr, messages)
	b.iovecs = make([]unix.Iovec, vectors*messages)
	b.buffers = make([][]byte, messages)
	for i := range messages {
		buf := make([]byte, b.offset+payload(i))
		b.buffers[i] = buf
		iovecs := b.iovecs[i*vectors:][:vectors]
		iovecs[0].Base = unsafe.SliceData(b.device)
		iovecs[0].SetLen(len(b.device))
		iovecs[vectors-1].Base = &buf[0]
		iovecs[vectors-1].SetLen(len(buf))
		b.headers[i].hdr.Iov = &iovecs[0]
		b.headers[i].hdr.SetIovlen(vectors)
		if c.Kind.packet() {
			b.headers[i].hdr.Name = (*byte)(unsafe.Pointer(&b.to))
			b.headers[i].hdr.Namelen = unix.SizeofSockaddrLinklayer
		}
	}
	return b
}

// Segments is how many wire segments of size bytes of IP a super-packet of UDP
// stands for.
func Segments(size, family int) uint64 {
	headers := packet.HeadersLen(false, family)
	return uint64(min(maxSegments, (maxIP-headers)/(size-headers)))
}

// SegmentsTCP is the same of TCP.
func SegmentsTCP(size, family int, tap bool) uint64 {
	headers := packet.TCPHeadersLen(false, family)
	return uint64(min(maxSegments, (maxIP-packet.TCPHeadersLen(tap, family))/(size-headers)))
}

func (b *batch) messages() int { return len(b.headers) }

func linkAddress(c Config) unix.RawSockaddrLinklayer {
	etherType := uint16(packet.EtherTypeIPv4)
	if c.Src.Is6() {
		etherType = packet.EtherTypeIPv6
	}
	to := unix.RawSockaddrLinklayer{
		Family: unix.AF_PACKET, Ifindex: int32(c.Ifindex), Halen: uint8(len(c.DstLink)),
		Protocol: binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, etherType)),
	}
	copy(to.Addr[:], c.DstLink[:])
	return to
}

// templatesFor makes the headers of each flow for packets with that many bytes of
// payload.
func (b *batch) templatesFor(payload int) [][]byte {
	c := b.config
	var all [][]byte
	for _, flow := range c.Flows {
		u := packet.UDP{
			TAP: c.TAP, SrcLink: c.SrcLink, DstLink: c.DstLink,
			Src: netip.AddrPortFrom(c.Src, uint16(FirstPort+flow)),
			Dst: netip.AddrPortFrom(c.Dst, SinkPort),
		}
		if c.Kind == Write {
			u.Src, u.Dst = netip.AddrPortFrom(c.Src, c.SrcPort(flow)), netip.AddrPortFrom(c.Dst, c.DstPort(flow))
		}
		headers := make([]byte, b.offset)
		at := 0
		if !c.Vectored {
			at = copy(headers, b.device)
		}
		switch {
		case c.tcp():
			packet.TCP(u).Super(headers[at:], payload, b.stride)
		case c.Kind == Write:
			u.Super(headers[at:], payload, b.stride)
		default:
			u.Headers(headers[at:], payload)
		}
		all = append(all, headers)
	}
	return all
}

// deviceHeader is what a device, or a socket in its place, wants before each
// packet whose own headers are that long: packet information and virtio-net
// header. All packets of a batch have the same. Stride is the payload of a
// segment, for super-packets.
func deviceHeader(c Config, headers, stride int) []byte {
	var b []byte
	if c.PI {
		etherType := uint16(packet.EtherTypeIPv4)
		if c.Src.Is6() {
			etherType = packet.EtherTypeIPv6
		}
		b = binary.BigEndian.AppendUint16(make([]byte, packet.PILen-2), etherType)
	}
	if c.VnetHdr == 0 {
		return b
	}
	h := packet.VnetHdr{
		Flags: packet.VnetNeedsCsum, HdrLen: uint16(headers),
		CsumStart: uint16(headers - packet.UDPLen), CsumOffset: packet.UDPCsumOffset,
	}
	kind := uint8(packet.GSOUDPL4)
	if c.tcp() {
		h.CsumStart, h.CsumOffset = uint16(headers-packet.TCPLen), packet.TCPCsumOffset
		kind = packet.GSOTCPv4
		if c.Src.Is6() {
			kind = packet.GSOTCPv6
		}
	}
	if c.super() {
		h.GSOType, h.GSOSize = kind, uint16(stride)
	}
	vnet := make([]byte, c.VnetHdr)
	h.Put(vnet, c.VnetHdr)
	return append(b, vnet...)
}

// stamp writes the packets of one batch of the flow at that position, from
// sequence number seq on, all due and sent now.
func (b *batch) stamp(position int, seq uint64, now int64) {
	for i := range b.buffers {
		b.stampOne(i, position, seq, now, now)
		seq += b.segments
	}
}

// stampOne writes message i: segments of the flow at that position, the first
// of them with sequence number seq.
func (b *batch) stampOne(i, position int, seq uint64, due, now int64) {
	s := packet.Stamp{Flow: uint32(b.config.Flows[position]), Seq: seq, Intended: due, Sent: now}
	buf := b.buffers[i]
	if b.templates != nil {
		copy(buf, b.templates[i][position])
	}
	if b.config.tcp() {
		stride := b.stride
		if stride == 0 {
			stride = len(buf) - b.offset
		}
		packet.PutTCPSeq(buf[b.offset-packet.TCPLen:], uint32(seq)*uint32(stride))
	}
	payload := buf[b.offset:]
	for range b.segments {
		s.Put(payload)
		s.Seq++
		payload = payload[b.stride:]
	}
	switch {
	case b.config.Kind == Packet && b.config.Src.Is6():
		b.checksum(buf)
	case b.config.Kind == Write && b.config.VnetHdr == 0 && b.config.TCP:
		packet.CompleteTCP(buf[b.offset-packet.TCPLen:][:packet.TCPLen+packet.StampLen])
	case b.config.Kind == Write && b.config.VnetHdr == 0:
		packet.CompleteUDP(buf[b.offset-packet.UDPLen:][:packet.UDPLen+packet.StampLen])
	}
}

// checksum is needed over IPv6, where 0 does not stand for none.
func (b *batch) checksum(buf []byte) {
	udp := buf[b.offset-packet.UDPLen:]
	binary.BigEndian.PutUint16(udp[6:], packet.UDPChecksum(b.config.Src, b.config.Dst, udp))
}
