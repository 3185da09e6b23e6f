package packet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// naiveChecksum is RFC 1071 by the letter: one's complement addition, a word
// at a time.
func naiveChecksum(b []byte) uint16 {
	if len(b)%2 == 1 {
		b = append(bytes.Clone(b), 0)
	}
	var s uint32
	for i := 0; i < len(b); i += 2 {
		s += uint32(b[i])<<8 | uint32(b[i+1])
		if s > 0xffff {
			s = s&0xffff + 1
		}
	}
	return ^uint16(s)
}

var addressed = []struct {
	name     string
	src, dst string
	family   int
}{
	{"v4", "198.18.0.1:20000", "198.18.0.2:9", 4},
	{"v6", "[2001:2::1]:20000", "[2001:2::2]:9", 6},
}

func TestHeadersAndPayload(t *testing.T) {
	for _, c := range addressed {
		for _, tap := range []bool{false, true} {
			u := UDP{
				TAP: tap, Src: netip.MustParseAddrPort(c.src), Dst: netip.MustParseAddrPort(c.dst),
				SrcLink: [6]byte{2, 0, 0, 0, 0, 1}, DstLink: [6]byte{2, 0, 0, 0, 0, 2},
			}
			for _, payload := range []int{32, 36, 37, 1472} {
				b := bytes.Repeat([]byte{0xa5}, 14+40+8+payload)
				n := u.Headers(b, payload)
				if n != HeadersLen(tap, c.family) {
					t.Fatalf("%s tap=%v: headers of %d bytes, want %d", c.name, tap, n, HeadersLen(tap, c.family))
				}
				b = b[:n+payload]
				off, ok := Payload(b, tap)
				if !ok || off != n {
					t.Fatalf("%s tap=%v: payload at %d, %v, want %d", c.name, tap, off, ok, n)
				}
				ip := b
				if tap {
					ip = b[EthernetLen:]
					if want := map[int]uint16{4: EtherTypeIPv4, 6: EtherTypeIPv6}[c.family]; binary.BigEndian.Uint16(b[12:]) != want {
						t.Fatalf("%s: EtherType %#x, want %#x", c.name, b[12:14], want)
					}
				}
				if c.family == 4 && naiveChecksum(ip[:IPv4Len]) != 0 {
					t.Fatalf("%s: IPv4 header checksum is wrong", c.name)
				}
			}
		}
	}
}

func TestUDPChecksumAgainstNaive(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, c := range addressed {
		src, dst := netip.MustParseAddrPort(c.src), netip.MustParseAddrPort(c.dst)
		for range 200 {
			udp := make([]byte, UDPLen+rng.IntN(100))
			for i := range udp {
				udp[i] = byte(rng.Uint32())
			}
			udp[6], udp[7] = 0, 0
			pseudo := append(src.Addr().AsSlice(), dst.Addr().AsSlice()...)
			pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(udp)))
			pseudo = binary.BigEndian.AppendUint32(pseudo, protocolUDP)
			want := naiveChecksum(append(pseudo, udp...))
			if want == 0 {
				want = 0xffff
			}
			if got := UDPChecksum(src.Addr(), dst.Addr(), udp); got != want {
				t.Fatalf("%s, %d bytes: %#x, want %#x", c.name, len(udp), got, want)
			}
		}
	}
}

func TestStampRoundTrip(t *testing.T) {
	in := Stamp{Flow: 7, Seq: 1 << 40, Intended: 5, Sent: -3}
	b := make([]byte, StampLen)
	in.Put(b)
	var out Stamp
	if !out.Parse(b) || out != in {
		t.Fatalf("%+v came back as %+v", in, out)
	}
	if out.Parse(b[:StampLen-1]) {
		t.Fatal("a cut stamp was taken")
	}
	b[0] ^= 1
	if out.Parse(b) {
		t.Fatal("a stamp without its magic was taken")
	}
}

func TestSegments(t *testing.T) {
	for _, c := range []struct {
		h          VnetHdr
		payload, n int
		fails      bool
	}{
		{VnetHdr{}, 1472, 1, false},
		{VnetHdr{GSOType: GSOUDPL4, GSOSize: 36}, 36 * 64, 64, false},
		{VnetHdr{GSOType: GSOUDPL4, GSOSize: 1472}, 1473, 2, false},
		{VnetHdr{GSOType: GSOUDPL4}, 100, 0, true},
		{VnetHdr{GSOType: GSOTCPv4, GSOSize: 1448}, 3000, 3, false},
		{VnetHdr{GSOType: GSOTCPv6 | GSOECN, GSOSize: 1428}, 2856, 2, false},
		{VnetHdr{GSOType: GSOTCPv4 | GSOTunnel6, GSOSize: 1}, 3, 3, false},
		{VnetHdr{GSOType: 3, GSOSize: 1448}, 3000, 0, true},
	} {
		n, _, err := c.h.Segments(c.payload)
		if n != c.n || (err != nil) != c.fails {
			t.Errorf("%+v with %d bytes: %d segments, %v", c.h, c.payload, n, err)
		}
	}
}

// FuzzPayload holds that whatever comes from a device is taken apart without
// reading past its end, and that offsets lie inside.
func FuzzPayload(f *testing.F) {
	b := make([]byte, 128)
	n := UDP{Src: netip.MustParseAddrPort(addressed[0].src), Dst: netip.MustParseAddrPort(addressed[0].dst)}.Headers(b, 36)
	f.Add(b[:n+36], false)
	f.Add([]byte{}, true)
	f.Fuzz(func(t *testing.T, b []byte, tap bool) {
		if off, ok := Payload(b, tap); ok && (off < IPv4Len+UDPLen || off > len(b)) {
			t.Fatalf("payload at %d of %d bytes", off, len(b))
		}
		var s Stamp
		s.Parse(b)
		var h VnetHdr
		if h.Parse(b) == nil {
			if n, size, err := h.Segments(len(b)); err == nil && (n < 1 || n > 1 && (n-1)*size >= len(b)) {
				t.Fatalf("%d segments of %d in %d bytes", n, size, len(b))
			}
		}
	})
}

// The sum of a stamp is that of its bytes.
func TestStampSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		s := Stamp{rng.Uint32(), rng.Uint64(), int64(rng.Uint64()), int64(rng.Uint64())}
		var b [UDPLen + StampLen]byte
		for i := range UDPLen {
			b[i] = byte(rng.Uint32())
		}
		s.Put(b[UDPLen:])
		want := bytes.Clone(b[:])
		CompleteUDP(want)
		PutUDPSum(b[:], Sum(b[:UDPLen])+s.Sum())
		if !bytes.Equal(b[:], want) {
			t.Fatalf("%+v: %x, want %x", s, b, want)
		}
	}
}
