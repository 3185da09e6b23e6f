package traffic

import (
	"fmt"
	"testing"

	"tunbench/harness/packet"
)

// TestTailsOfBatches: all segments of a GSO packet are as long as they should be, and the
// last one bears a stamp, or the number of its GSO packet where it has no room for one.
func TestTailsOfBatches(t *testing.T) {
	for _, kind := range []Kind{UDPGSO, PacketGSO, WriteGSO, WriteTCP} {
		for _, size := range []int{80, 1500} {
			for _, tail := range []Tail{Full, Short, Byte} {
				t.Run(fmt.Sprint(kind, size, tail), func(t *testing.T) {
					c := Config{Kind: kind, Size: size, Src: src4, Dst: dst4, Flows: []int{2, 5}, Tail: tail, Written: Written{VnetHdr: 10}}
					b := newBatch(c)
					n := int(b.segments)
					last := tail.Payload(b.stride)
					if want := map[Tail]int{Full: b.stride, Short: b.stride - 1, Byte: 1}[tail]; last != want || n < 2 {
						t.Fatalf("the last of %d segments has %d bytes, want %d", n, last, want)
					}
					b.stamp(1, uint64(300*n), 77)
					for i, buf := range b.buffers {
						payload := buf[b.offset:]
						if len(payload) != (n-1)*b.stride+last {
							t.Fatalf("message %d has %d bytes of payload", i, len(payload))
						}
						end := payload[(n-1)*b.stride:]
						var s packet.Stamp
						number := uint64(300 + i)
						if low, mask := packet.Stub(end); last < packet.StampLen && (low != number&mask || s.Parse(end)) {
							t.Errorf("message %d ends in %x, want %d", i, end, number)
						}
						if last >= packet.StampLen && (!s.Parse(end) || s.Seq != number*uint64(n)+uint64(n)-1 || s.Flow != 5) {
							t.Errorf("message %d ends in %+v", i, s)
						}
						if kind == UDPGSO { // of which the kernel makes the headers
							continue
						}
						var h packet.VnetHdr
						var super packet.Super
						if err := h.Parse(buf); err != nil {
							t.Fatal(err)
						}
						if err := super.Open(h, buf[packet.VnetLen:], false); err != nil || super.Segments() != n {
							t.Fatalf("%d segments, %v, want %d", super.Segments(), err, n)
						}
						dst := make([]byte, len(buf))
						var l packet.Layout
						if got := super.Segment(dst, n-1); !l.Parse(dst[:got], false) || got-l.Payload != last || l.Verify(dst[:got], false) != packet.FaultNone {
							t.Errorf("cut, message %d ends in %d bytes, %+v", i, got, l)
						}
					}
				})
			}
		}
	}
}
