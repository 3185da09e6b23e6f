package traffic

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"tunbench/harness/packet"
)

var (
	src4, dst4 = netip.MustParseAddr("198.18.0.1"), netip.MustParseAddr("198.18.0.2")
	src6, dst6 = netip.MustParseAddr("2001:2::1"), netip.MustParseAddr("2001:2::2")
)

func TestBatches(t *testing.T) {
	for _, c := range []struct {
		name               string
		config             Config
		messages, segments int
		firstLen           int
	}{
		{"udp", Config{Size: 64, Src: src4, Dst: dst4}, 64, 1, 36},
		{"udp6", Config{Size: 80, Src: src6, Dst: dst6}, 64, 1, 32},
		{"imix", Config{Size: 0, Src: src4, Dst: dst4}, 60, 1, 36},
		{"gso 64", Config{Kind: UDPGSO, Size: 64, Src: src4, Dst: dst4}, 64, 64, 36 * 64},
		{"gso 1500", Config{Kind: UDPGSO, Size: 1500, Src: src4, Dst: dst4}, 4, 44, 1472 * 44},
		{"packet tun", Config{Kind: Packet, Size: 64, Src: src4, Dst: dst4}, 64, 1, 64},
		{"packet tap6", Config{Kind: Packet, Size: 100, TAP: true, Src: src6, Dst: dst6}, 64, 1, 114},
		{"packet-gso tun", Config{Kind: PacketGSO, Size: 1500, Src: src4, Dst: dst4}, 4, 44, 10 + 40 + 1460*44},
		{"packet-gso tap6", Config{Kind: PacketGSO, Size: 1500, TAP: true, Src: src6, Dst: dst6}, 4, 45, 10 + 14 + 60 + 1440*45},
		{"packet-gso small", Config{Kind: PacketGSO, Size: 72, Src: src4, Dst: dst4}, 64, 64, 10 + 40 + 32*64},
		{"packet-gso large", Config{Kind: PacketGSO, Size: 32000, TAP: true, Src: src4, Dst: dst4}, 4, 2, 10 + 14 + 40 + 31960*2},
	} {
		c.config.Flows = []int{3, 5}
		b := newBatch(c.config)
		if b.messages() != c.messages || b.segments != uint64(c.segments) || len(b.buffers[0]) != c.firstLen {
			t.Errorf("%s: %d messages of %d segments, the first of %d bytes, want %d, %d, %d", c.name,
				b.messages(), b.segments, len(b.buffers[0]), c.messages, c.segments, c.firstLen)
		}
		b.stamp(1, 100, 77)
		want := packet.Stamp{Flow: 5, Seq: 100, Intended: 77, Sent: 77}
		for i, buf := range b.buffers {
			if c.config.Kind == Packet {
				off, ok := packet.Payload(buf, c.config.TAP)
				if !ok || off != b.offset {
					t.Fatalf("%s: message %d is no datagram", c.name, i)
				}
			}
			if c.config.Kind == PacketGSO {
				superRight(t, c.config, b, buf, want.Seq)
			}
			payload := buf[b.offset:]
			for range c.segments {
				var got packet.Stamp
				if !got.Parse(payload) || got != want {
					t.Fatalf("%s: message %d carries %+v, want %+v", c.name, i, got, want)
				}
				want.Seq++
				payload = payload[b.stride:]
			}
		}
	}
}

// superRight holds that the virtio-net header belongs to the GSO packet, which
// a device takes whole, and that its sequence number goes on.
func superRight(t *testing.T, c Config, b *batch, buf []byte, seq uint64) {
	t.Helper()
	var h packet.VnetHdr
	var s packet.Super
	if err := h.Parse(buf); err != nil {
		t.Fatal(err)
	}
	whole := buf[packet.VnetLen:]
	if err := s.Open(h, whole, c.TAP); err != nil || uint64(s.Segments()) != b.segments || len(whole) > maxIP {
		t.Fatalf("%d segments in %d bytes, %v, want %d", s.Segments(), len(whole), err, b.segments)
	}
	dst := make([]byte, len(whole))
	for i := range s.Segments() {
		n := s.Segment(dst, i)
		var l packet.Layout
		if !l.Parse(dst[:n], c.TAP) || n-l.IP != c.Size || !l.Sums(dst[:n]) {
			t.Fatalf("segment %d has %d bytes of IP and %+v, want %d", i, n-l.IP, l, c.Size)
		}
		if got, want := binary.BigEndian.Uint32(dst[l.Transport+4:]), uint32(seq+uint64(i))*uint32(b.stride); got != want {
			t.Fatalf("segment %d begins at %d, want %d", i, got, want)
		}
	}
}

func TestIMIXIsSevenFourOne(t *testing.T) {
	count := map[int]int{}
	for _, size := range imix {
		count[size]++
	}
	if count[64] != 7 || count[576] != 4 || count[1500] != 1 {
		t.Fatalf("the mix is %v", count)
	}
}

func BenchmarkStamp(b *testing.B) {
	for _, c := range []Config{
		{Size: 64, Src: src4, Dst: dst4}, {Kind: UDPGSO, Size: 64, Src: src4, Dst: dst4},
		{Kind: Packet, Size: 80, Src: src6, Dst: dst6},
	} {
		c.Flows = []int{0}
		batch := newBatch(c)
		b.Run([]string{"udp", "udp-gso", "packet6"}[c.Kind], func(b *testing.B) {
			b.ReportAllocs()
			for i := range b.N {
				batch.stamp(0, uint64(i), 1)
			}
		})
	}
}

// Datagrams that are written are whole and have a right checksum, whatever flow their
// message held before.
func TestStampedAgain(t *testing.T) {
	for _, c := range []Config{
		{Size: 64, Src: src4, Dst: dst4}, {Size: 1501, Src: src4, Dst: dst4}, {Size: 0, Src: src4, Dst: dst4},
		{Size: 80, TAP: true, Src: src6, Dst: dst6, Written: Written{PI: true}},
	} {
		c.Kind, c.Flows = Write, []int{3, 5}
		b := newBatch(c)
		if b.held == nil {
			t.Fatalf("%+v: headers are written again", c)
		}
		for k, position := range []int{0, 0, 1, 0, 1, 1} {
			if k == 4 {
				b.replace(2, make([]byte, len(b.buffers[2])))
			}
			b.stamp(position, uint64(1000*k), int64(12345*k))
			for i, buf := range b.buffers {
				p := buf
				if c.PI {
					p = p[packet.PILen:]
				}
				var l packet.Layout
				var s packet.Stamp
				if !l.Parse(p, c.TAP) || !l.Sums(p) || !s.Parse(p[l.Payload:]) {
					t.Fatalf("%+v: message %d is not right: %x", c, i, p)
				}
				want := packet.Stamp{Flow: uint32(c.Flows[position]), Seq: uint64(1000*k + i), Intended: int64(12345 * k), Sent: int64(12345 * k)}
				if s != want || !bytes.Equal(buf[:b.offset-packet.UDPLen], b.templates[i][position][:b.offset-packet.UDPLen]) {
					t.Fatalf("%+v: message %d carries %+v, want %+v", c, i, s, want)
				}
			}
		}
	}
}
