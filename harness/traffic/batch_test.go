package traffic

import (
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
