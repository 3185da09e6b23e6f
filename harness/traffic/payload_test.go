package traffic

import (
	"fmt"
	"testing"

	"tunbench/harness/packet"
)

// TestPayloadsAreRight: datagrams that are written are whole, with the checksums that
// their kind has, and stamped behind the headers of a tunnel.
func TestPayloadsAreRight(t *testing.T) {
	for _, payload := range []Payload{NoSum, VXLAN, VXLANSum} {
		for _, v6 := range []bool{false, true} {
			for _, vnet := range []int{0, 10} {
				t.Run(fmt.Sprint(payload, v6, vnet), func(t *testing.T) {
					c := Config{Kind: Write, Size: 301, Src: src4, Dst: dst4, Flows: []int{2, 5}, Payload: payload, Written: Written{VnetHdr: vnet}}
					if v6 {
						c.Src, c.Dst = src6, dst6
					}
					b := newBatch(c)
					for round := range 3 {
						b.stamp(round%2, uint64(1000*round), 9)
						for i, buf := range b.buffers {
							p := buf[vnet:]
							var l packet.Layout
							var s packet.Stamp
							if len(p) != 301 || !l.Parse(p, false) || (l.OuterTransport != 0) != payload.tunnel() || !s.Parse(p[l.Payload:]) || s.Seq != uint64(1000*round+i) {
								t.Fatalf("message %d of %d bytes: %+v, %+v", i, len(p), l, s)
							}
							var h packet.VnetHdr
							if vnet > 0 {
								if err := h.Parse(buf); err != nil || h.CheckHeader(p, &l) != packet.FaultNone {
									t.Fatalf("header %+v: %v, %v", h, err, h.CheckHeader(p, &l))
								}
							}
							partial := h.Flags&packet.VnetNeedsCsum != 0
							if partial != (vnet > 0 && payload.Summed()) {
								t.Errorf("header %+v", h)
							}
							if fault := l.Lengths(p); fault != packet.FaultNone {
								t.Errorf("message %d: %v", i, fault)
							}
							if fault := l.Verify(p, partial); fault != packet.FaultNone && !(v6 && payload == NoSum) { // which nobody may send
								t.Errorf("message %d: %v", i, fault)
							}
							outer := packet.Layout{Transport: l.First() + 20, Protocol: l.Protocol}
							if v6 {
								outer.Transport += 20
							}
							if outer.HasChecksum(p) != payload.Summed() {
								t.Errorf("message %d: a checksum: %v", i, outer.HasChecksum(p))
							}
						}
					}
				})
			}
		}
	}
}
