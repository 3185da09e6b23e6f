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
}

func newBatch(c Config) *batch {
	fam := family(c.Src)
	ipHeaders := packet.HeadersLen(false, fam)
	b := &batch{config: c, segments: 1}
	sizes := []int{c.Size}
	messages := batchMessages
	switch {
	case c.Size == 0:
		sizes = imix[:]
		messages = batchMessages / len(imix) * len(imix)
	case c.Kind == UDPGSO || c.Kind == PacketGSO:
		if c.Kind == PacketGSO {
			ipHeaders = packet.TCPHeadersLen(false, fam)
		}
		b.stride = c.Size - ipHeaders
		b.segments = Segments(c.Kind, c.Size, fam, c.TAP)
		messages = max(1, min(batchMessages, batchBytes/(int(b.segments)*b.stride)))
	}
	if c.Messages > 0 {
		messages = c.Messages
	}
	switch c.Kind {
	case PacketGSO:
		b.offset = packet.VnetLen + packet.TCPHeadersLen(c.TAP, fam)
		b.to = linkAddress(c)
		all := superTemplates(c, b.stride, int(b.segments))
		for range messages {
			b.templates = append(b.templates, all)
		}
	case Packet:
		b.offset = packet.HeadersLen(c.TAP, fam)
		b.to = linkAddress(c)
		bySize := make([][][]byte, len(sizes))
		for i, size := range sizes {
			bySize[i] = templates(c, b.offset, size-ipHeaders)
		}
		for i := range messages {
			b.templates = append(b.templates, bySize[i%len(sizes)])
		}
	}
	b.headers = make([]mmsghdr, messages)
	b.iovecs = make([]unix.Iovec, messages)
	b.buffers = make([][]byte, messages)
	for i := range messages {
		length := sizes[i%len(sizes)] - ipHeaders
		if b.stride > 0 {
			length = int(b.segments) * b.stride
		}
		buf := make([]byte, b.offset+length)
		b.buffers[i] = buf
		b.iovecs[i].Base = &buf[0]
		b.iovecs[i].SetLen(len(buf))
		b.headers[i].hdr.Iov = &b.iovecs[i]
		b.headers[i].hdr.SetIovlen(1)
		if c.Kind.whole() {
			b.headers[i].hdr.Name = (*byte)(unsafe.Pointer(&b.to))
			b.headers[i].hdr.Namelen = unix.SizeofSockaddrLinklayer
		}
	}
	return b
}

// Segments is how many wire segments of size bytes of IP a message stands for:
// more than one of UDPGSO and PacketGSO.
func Segments(k Kind, size, family int, tap bool) uint64 {
	headers, link := packet.HeadersLen(false, family), 0
	switch k {
	case UDPGSO:
	case PacketGSO:
		headers = packet.TCPHeadersLen(false, family)
		if tap {
			link = packet.EthernetLen
		}
	default:
		return 1
	}
	return uint64(min(maxSegments, (maxIP-link-headers)/(size-headers)))
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

// templates makes the headers of each flow for datagrams with that many bytes
// of payload.
func templates(c Config, length, payload int) [][]byte {
	var all [][]byte
	for _, flow := range c.Flows {
		u := packet.UDP{
			TAP: c.TAP, SrcLink: c.SrcLink, DstLink: c.DstLink,
			Src: netip.AddrPortFrom(c.Src, uint16(FirstPort+flow)),
			Dst: netip.AddrPortFrom(c.Dst, SinkPort),
		}
		headers := make([]byte, length)
		u.Headers(headers, payload)
		all = append(all, headers)
	}
	return all
}

// superTemplates makes the virtio-net header and the headers of a super-packet
// of each flow, whose checksum is left to the device, or to who cuts it.
func superTemplates(c Config, stride, segments int) [][]byte {
	payload := segments * stride
	var all [][]byte
	for _, flow := range c.Flows {
		t := packet.TCP{
			TAP: c.TAP, SrcLink: c.SrcLink, DstLink: c.DstLink,
			Src: netip.AddrPortFrom(c.Src, uint16(FirstPort+flow)),
			Dst: netip.AddrPortFrom(c.Dst, SinkPort),
		}
		headers := make([]byte, packet.VnetLen+packet.TCPHeadersLen(c.TAP, family(c.Src)))
		h := t.Super(headers[packet.VnetLen:], payload, stride)
		h.Put(headers, packet.VnetLen)
		all = append(all, headers)
	}
	return all
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
	if b.config.Kind.whole() {
		copy(buf, b.templates[i][position])
	}
	if b.config.Kind == PacketGSO {
		packet.PutTCPSeq(buf[b.offset-packet.TCPLen:], uint32(seq)*uint32(b.stride))
	}
	payload := buf[b.offset:]
	for range b.segments {
		s.Put(payload)
		s.Seq++
		payload = payload[b.stride:]
	}
	if b.config.Kind == Packet && b.config.Src.Is6() {
		b.checksum(buf)
	}
}

// checksum is needed over IPv6, where 0 does not stand for none.
func (b *batch) checksum(buf []byte) {
	udp := buf[b.offset-packet.UDPLen:]
	binary.BigEndian.PutUint16(udp[6:], packet.UDPChecksum(b.config.Src, b.config.Dst, udp))
}
