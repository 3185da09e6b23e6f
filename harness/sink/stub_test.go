package sink

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"tunbench/harness/packet"
)

// alone makes the last segment of a GSO packet as the kernel cuts it, of flow 1: with the
// number of its GSO packet, or of TCP with a sequence number.
func alone(number uint64, tcpSeq uint32, tcp bool, payload int) []byte {
	b := make([]byte, 128)
	src, dst := netip.MustParseAddrPort("198.18.0.1:20001"), netip.MustParseAddrPort("198.18.0.2:9")
	if !tcp {
		n := packet.UDP{Src: src, Dst: dst}.Headers(b, payload)
		packet.PutStub(b[n:n+payload], number)
		return b[:n+payload]
	}
	packet.TCP{Src: src, Dst: dst}.Super(b, payload, payload)
	b = b[:packet.TCPHeadersLen(false, 4)+payload]
	packet.PutTCPSeq(b[packet.IPv4Len:], tcpSeq)
	packet.PutStub(b[len(b)-payload:], number)
	packet.CompleteTCP(b[packet.IPv4Len:])
	return b
}

// TestStubsAreCounted: whatever is lost before it, a stub counts once, as the segment
// that it is, by its number and by its sequence number.
func TestStubsAreCounted(t *testing.T) {
	const segments, stride = 44, 1472
	for _, tcp := range []bool{false, true} {
		for _, lossPercent := range []int{0, 30, 97} {
			r := newReader(Config{Stubs: Stubs{Segments: segments, Stride: stride, FirstPort: 20000}})
			rng := rand.New(rand.NewPCG(7, uint64(lossPercent)))
			var sent uint64
			for number := range uint64(4000) {
				for i := range uint64(segments) {
					if rng.IntN(100) < lossPercent {
						continue
					}
					sent++
					seq := number*segments + i
					if i == segments-1 {
						r.packet(nil, alone(number, uint32(seq)*stride, tcp, 1), 1)
						continue
					}
					r.packet(nil, ofFlow(1, seq), 1)
				}
			}
			if r.Delivered != sent || r.Foreign+r.Duplicates+r.Reordered+r.Corrupt[packet.FaultTCPChecksum] > 0 {
				t.Errorf("tcp=%v, %d %% lost: %+v, want %d delivered in order", tcp, lossPercent, r.Counts, sent)
			}
			if r.flows[1].next > 4000*segments {
				t.Errorf("tcp=%v, %d %% lost: counted up to %d of %d", tcp, lossPercent, r.flows[1].next, 4000*segments)
			}
		}
	}
}

// ofFlow makes a segment with a stamp.
func ofFlow(flow uint32, seq uint64) []byte {
	b := make([]byte, 28+packet.StampLen)
	packet.UDP{Src: netip.MustParseAddrPort("198.18.0.1:20001"), Dst: netip.MustParseAddrPort("198.18.0.2:9")}.Headers(b, packet.StampLen)
	s := packet.Stamp{Flow: flow, Seq: seq}
	s.Put(b[28:])
	return b
}

// TestStubsAfterLongGaps: a stub that comes first after a gap longer than its byte tells
// counts once, and so do those before and after it.
func TestStubsAfterLongGaps(t *testing.T) {
	const segments = 44
	for _, gap := range []uint64{1, 20, 255, 256, 257, 1000, 5120} {
		r := newReader(Config{Stubs: Stubs{Segments: segments, Stride: 1472, FirstPort: 20000}})
		number := uint64(0)
		for range 50 {
			for range 20 {
				r.packet(nil, alone(number, 0, false, 1), 1)
				number++
			}
			number += gap
		}
		if r.Delivered != 1000 || r.Duplicates+r.Foreign > 0 {
			t.Errorf("gaps of %d: %+v, want 1000 delivered", gap, r.Counts)
		}
	}
}

// TestStubsBehindNeighbours: in a GSO packet that is read whole, a stub is the next of
// its neighbour; without one, or where no stubs are expected, it is not ours.
func TestStubsBehindNeighbours(t *testing.T) {
	whole := func(last int) []byte {
		const segments, size = 5, 100
		u := packet.TCP{Src: netip.MustParseAddrPort("198.18.0.1:20001"), Dst: netip.MustParseAddrPort("198.18.0.2:9")}
		headers := packet.TCPHeadersLen(false, 4)
		b := make([]byte, 10+headers+(segments-1)*size+last)
		h := u.Super(b[10:], (segments-1)*size+last, size)
		h.Put(b, 10)
		for i := range segments - 1 {
			s := packet.Stamp{Flow: 1, Seq: uint64(i)}
			s.Put(b[10+headers+i*size:])
		}
		packet.PutStub(b[10+headers+(segments-1)*size:], 0)
		return b
	}
	expected := Stubs{Segments: 5, Stride: 100, FirstPort: 20000}
	for _, last := range []int{1, 7, 31} {
		r := newReader(Config{VnetHdr: 10, Stubs: expected})
		r.take(whole(last), 1)
		r.take(whole(last), 1)
		if r.Delivered != 5 || r.Duplicates != 5 || r.Foreign != 0 || r.WireBytes != uint64(4*140+40+last) {
			t.Errorf("of %d bytes: %+v", last, r.Counts)
		}
	}
	r := newReader(Config{VnetHdr: 10})
	if r.take(whole(1), 1); r.Delivered != 4 || r.Foreign != 1 {
		t.Errorf("not expected: %+v", r.Counts)
	}
	b := whole(1)
	b[10+40+300] ^= 1 // the stamp of the neighbour
	r = newReader(Config{VnetHdr: 10, Stubs: expected})
	if r.take(b, 1); r.Delivered != 3 || r.Foreign != 2 {
		t.Errorf("without a neighbour: %+v", r.Counts)
	}
}

// TestStubsOfOthers: of another flow than there is, or empty.
func TestStubsOfOthers(t *testing.T) {
	r := newReader(Config{Stubs: Stubs{Segments: 44, Stride: 1472, FirstPort: 30000}})
	r.packet(nil, alone(0, 0, false, 1), 1)
	r.Stubs.FirstPort = 19000
	r.packet(nil, alone(0, 0, false, 1), 1)
	r.Stubs.FirstPort = 20000
	r.packet(nil, alone(0, 0, false, 0), 1)
	if r.Delivered != 0 || r.Foreign != 3 {
		t.Errorf("%+v, want 3 that are not ours", r.Counts)
	}
	// A number of 8 bytes is whole: a copy is a duplicate.
	for range 2 {
		r.packet(nil, alone(9, 0, false, 31), 1)
	}
	if r.Delivered != 1 || r.Duplicates != 1 {
		t.Errorf("%+v, want one and its copy", r.Counts)
	}
}
