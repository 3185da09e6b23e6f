package traffic

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/harness/packet"
	"tunbench/harness/socket"
)

const (
	batchMessages = 64
	// batchBytes bounds the memory of a batch of GSO packets.
	batchBytes = 256 << 10
	// maxSegments is UDP_MAX_SEGMENTS of include/linux/udp.h before Linux 6.9,
	// which doubled it. GSO packets of TCP are made as large.
	maxSegments = 64
	// maxIP bounds an IP packet, and with its link header a GSO packet that a
	// device takes whole (gso_features_check of net/core/dev.c).
	maxIP = 65535
)

// imix is the simple IMIX, 7:4:1 of 64, 576 and 1500 bytes of IP length,
// spread out; a batch holds it a whole number of times.
var imix = [12]int{64, 576, 64, 64, 576, 64, 1500, 64, 576, 64, 576, 64}

// batch is what one call sends: messages whose buffers get new stamps for each
// call.
type batch struct {
	config   Config
	segments uint64 // wire segments a message
	stride   int    // bytes of payload a segment
	offset   int    // of the first stamp in a message
	headers  []socket.Message
	iovecs   []unix.Iovec
	buffers  [][]byte
	to       unix.RawSockaddrLinklayer
	// templates holds, of whole packets, the headers by message and position of
	// the flow; messages of one size share them.
	templates [][][]byte
	device    []byte // what stands before each packet that is not of it
	// Only of plain datagrams that are written one by one, whose headers stay as they
	// are: the position of the flow whose headers each message holds, -1 for none, and
	// the sum of the UDP headers by message and position.
	held []int
	sums [][]uint64
}

func newBatch(c Config) *batch {
	fam := family(c.Src)
	ipHeaders := packet.HeadersLen(false, fam)
	if c.Kind.tcp() {
		ipHeaders = packet.TCPHeadersLen(false, fam)
	}
	ipHeaders += c.Payload.Before()
	b := &batch{config: c, segments: 1}
	sizes := []int{c.Size}
	messages := batchMessages
	switch {
	case c.Size == 0:
		sizes = imix[:]
		messages = batchMessages / len(imix) * len(imix)
	case c.super():
		b.stride = c.Size - ipHeaders
		b.segments = Segments(c.Kind, c.Size, fam, c.TAP)
		messages = max(1, min(batchMessages, batchBytes/(int(b.segments)*b.stride)))
	}
	if c.Messages > 0 {
		messages = c.Messages
	}
	payload := func(message int) int {
		if c.super() {
			return int(b.segments-1)*b.stride + c.Tail.Payload(b.stride)
		}
		return sizes[message%len(sizes)] - ipHeaders
	}
	if c.Kind.whole() || c.Kind.written() || c.Payload.tunnel() {
		b.to = linkAddress(c)
		bySize := make([][][]byte, len(sizes))
		for i := range sizes {
			bySize[i] = b.templatesOf(payload(i))
		}
		for i := range messages {
			b.templates = append(b.templates, bySize[i%len(sizes)])
		}
		if c.Kind == Write && c.VnetHdr == 0 && !c.Vhost && c.Payload == Plain {
			b.holdHeaders()
		}
	}
	vectors := 1
	if c.Vectored && len(b.device) > 0 {
		vectors = 2
	}
	b.headers = make([]socket.Message, messages)
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
		b.headers[i].Header.Iov = &iovecs[0]
		b.headers[i].Header.SetIovlen(vectors)
		if c.Kind.whole() {
			b.headers[i].Header.Name = (*byte)(unsafe.Pointer(&b.to))
			b.headers[i].Header.Namelen = unix.SizeofSockaddrLinklayer
		}
	}
	return b
}

// holdHeaders makes ready to stamp packets whose headers are not written again.
func (b *batch) holdHeaders() {
	for _, headers := range b.templates {
		var sums []uint64
		for _, h := range headers {
			sums = append(sums, packet.Sum(h[b.offset-packet.UDPLen:]))
		}
		b.held, b.sums = append(b.held, -1), append(b.sums, sums)
	}
}

// Segments is how many wire segments of size bytes of IP a message stands for:
// more than one of GSO packets.
func Segments(k Kind, size, family int, tap bool) uint64 {
	headers, link := packet.HeadersLen(false, family), 0
	switch k {
	case UDPGSO, WriteGSO:
	case PacketGSO, WriteTCP:
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

// replace puts another buffer, of the same length, in place of that of message i.
func (b *batch) replace(i int, buf []byte) {
	b.buffers[i] = buf
	if b.held != nil {
		b.held[i] = -1
	}
}

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

// templatesOf makes all that stands before that many bytes of payload, for each
// flow: the headers of the packet and, right before them or in a buffer of
// its own, what the device wants first. All messages have the same of that.
func (b *batch) templatesOf(payload int) [][]byte {
	c := b.config
	var all [][]byte
	for _, flow := range c.Flows {
		vnet, headers := headersOf(c, flow, payload, b.stride)
		b.device = nil
		switch {
		case c.Kind == PacketGSO:
			b.device = make([]byte, packet.VnetLen)
			vnet.Put(b.device, packet.VnetLen)
		case c.Kind.written():
			b.device = deviceHeader(c, vnet)
		}
		if !c.Vectored {
			headers = slices.Concat(b.device, headers)
		}
		b.offset = len(headers)
		all = append(all, headers)
	}
	return all
}

// headersOf builds the headers of a packet and their virtio-net header.
// Checksums are left to the next device, except for those of Packet. Stride is
// the payload of a segment, for GSO packets.
func headersOf(c Config, flow, payload, stride int) (vnet packet.VnetHdr, headers []byte) {
	u := packet.UDP{
		TAP: c.TAP, SrcLink: c.SrcLink, DstLink: c.DstLink,
		Src: netip.AddrPortFrom(c.Src, c.SrcPort(flow)), Dst: netip.AddrPortFrom(c.Dst, c.DstPort(flow)),
	}
	if c.Payload != Plain {
		return datagramOf(c, u, payload)
	}
	if !c.super() {
		stride = payload
	}
	if c.Kind.tcp() {
		headers = make([]byte, packet.TCPHeadersLen(c.TAP, family(c.Src)))
		return packet.TCP(u).Super(headers, payload, stride), headers
	}
	headers = make([]byte, packet.HeadersLen(c.TAP, family(c.Src)))
	switch {
	case !c.Kind.written():
		u.Headers(headers, payload)
	default:
		vnet = u.Super(headers, payload, stride)
	}
	return vnet, headers
}

// deviceHeader is what a device expects before a packet: packet information and
// virtio-net header.
func deviceHeader(c Config, vnet packet.VnetHdr) []byte {
	var b []byte
	if c.PI {
		etherType := uint16(packet.EtherTypeIPv4)
		if c.Src.Is6() {
			etherType = packet.EtherTypeIPv6
		}
		b = binary.BigEndian.AppendUint16(make([]byte, packet.PILen-2), etherType)
	}
	if c.VnetHdr > 0 {
		at := len(b)
		b = append(b, make([]byte, c.VnetHdr)...)
		vnet.Put(b[at:], c.VnetHdr)
	}
	return b
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
	if b.held != nil {
		if b.held[i] != position {
			b.held[i] = position
			copy(buf, b.templates[i][position])
		}
		s.Put(buf[b.offset:])
		packet.PutUDPSum(buf[b.offset-packet.UDPLen:], b.sums[i][position]+s.Sum())
		return
	}
	if b.templates != nil {
		copy(buf, b.templates[i][position])
	}
	// Single segments all bear the same number, so that no receive offload puts
	// them together.
	if b.config.Kind.tcp() && b.stride > 0 {
		packet.PutTCPSeq(buf[b.offset-packet.TCPLen:], uint32(seq)*uint32(b.stride))
	}
	payload := buf[b.offset:]
	for range b.segments - 1 {
		s.Put(payload)
		s.Seq++
		payload = payload[b.stride:]
	}
	if len(payload) < packet.StampLen {
		packet.PutStub(payload, s.Seq/b.segments)
	} else {
		s.Put(payload)
	}
	if b.config.Payload != Plain {
		sumDatagram(b.config, buf, b.offset)
		return
	}
	switch {
	case b.config.Kind == Packet && b.config.Src.Is6():
		b.checksum(buf)
	case b.config.Kind == WriteTCP && b.config.VnetHdr == 0:
		packet.CompleteTCP(buf[b.offset-packet.TCPLen:][:packet.TCPLen+packet.StampLen])
	case b.config.Kind == Write && b.config.VnetHdr == 0: // else it is left to the kernel
		packet.CompleteUDP(buf[b.offset-packet.UDPLen:][:packet.UDPLen+packet.StampLen])
	}
}

// checksum is needed over IPv6, where 0 does not stand for none.
func (b *batch) checksum(buf []byte) {
	udp := buf[b.offset-packet.UDPLen:]
	binary.BigEndian.PutUint16(udp[6:], packet.UDPChecksum(b.config.Src, b.config.Dst, udp))
}

// sendmmsg hands messages to a socket and returns how many it took.
func sendmmsg(fd int, messages []socket.Message) (int, unix.Errno) {
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd),
		uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
