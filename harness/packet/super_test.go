package packet

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"
)

// super makes a GSO packet of n bytes of payload with its header, checksums
// left to the reader as the kernel leaves them.
func super(protocol uint8, family int, tap bool, payload []byte, size int) (VnetHdr, []byte) {
	a := addressed[family/6]
	src, dst := netip.MustParseAddrPort(a.src), netip.MustParseAddrPort(a.dst)
	b := make([]byte, TCPHeadersLen(tap, family)+len(payload))
	headers := HeadersLen(tap, family)
	var h VnetHdr
	if protocol == protocolTCP {
		headers = TCPHeadersLen(tap, family)
		h = TCP{TAP: tap, Src: src, Dst: dst}.Super(b, len(payload), size)
	} else {
		h = UDP{TAP: tap, Src: src, Dst: dst}.Super(b, len(payload), size)
	}
	return h, b[:headers+copy(b[headers:], payload)]
}

// naiveRight verifies everything that a wire segment says of itself, by the
// textbook, and gives its payload.
func naiveRight(t *testing.T, b []byte, tap bool) []byte {
	t.Helper()
	if tap {
		b = b[14:]
	}
	var pseudo, rest []byte
	protocol := b[9]
	if b[0]>>4 == 6 {
		protocol = b[6]
		if got := int(b[4])<<8 | int(b[5]); got != len(b)-40 {
			t.Fatalf("IPv6 says %d bytes, there are %d", got, len(b)-40)
		}
		pseudo, rest = bytes.Clone(b[8:40]), b[40:]
	} else {
		if got := int(b[2])<<8 | int(b[3]); got != len(b) {
			t.Fatalf("IPv4 says %d bytes, there are %d", got, len(b))
		}
		if naiveChecksum(b[:20]) != 0 {
			t.Fatal("the IPv4 header checksum is wrong")
		}
		pseudo, rest = bytes.Clone(b[12:20]), b[20:]
	}
	pseudo = append(pseudo, 0, protocol, byte(len(rest)>>8), byte(len(rest)))
	if naiveChecksum(append(pseudo, rest...)) != 0 {
		t.Fatal("the transport checksum is wrong")
	}
	if protocol == protocolTCP {
		return rest[20:]
	}
	if got := int(rest[4])<<8 | int(rest[5]); got != len(rest) {
		t.Fatalf("UDP says %d bytes, there are %d", got, len(rest))
	}
	return rest[8:]
}

// cut takes a GSO packet apart, checks each segment and gives back the
// payload of all of them.
func cut(t *testing.T, h VnetHdr, b []byte, tap bool, size int) []byte {
	t.Helper()
	var s Super
	if err := s.Open(h, b, tap); err != nil {
		t.Fatal(err)
	}
	var joined []byte
	dst := make([]byte, len(b))
	for i := range s.Segments() {
		n := s.Segment(dst, i)
		segment := dst[:n]
		payload := naiveRight(t, segment, tap)
		if last := i == s.Segments()-1; !last && len(payload) != size || last && (len(payload) == 0 || len(payload) > size) {
			t.Fatalf("segment %d of %d carries %d bytes, of %d each", i, s.Segments(), len(payload), size)
		}
		var l Layout
		if !l.Parse(segment, tap) || !l.Sums(segment) || !l.HasChecksum(segment) {
			t.Fatalf("segment %d: the checksum that the textbook finds right is not, by %+v", i, l)
		}
		if l.Protocol == protocolTCP {
			if seq := binary.BigEndian.Uint32(segment[l.Transport+4:]); int(seq) != len(joined) {
				t.Fatalf("segment %d begins at %d, want %d", i, seq, len(joined))
			}
		} else if l.Family == 4 && int(binary.BigEndian.Uint16(segment[l.IP+4:])) != i {
			t.Fatalf("segment %d has another identification", i)
		}
		joined = append(joined, payload...)
	}
	return joined
}

func TestSuperAgainstTextbook(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, protocol := range []uint8{protocolTCP, protocolUDP} {
		for _, family := range []int{4, 6} {
			for _, tap := range []bool{false, true} {
				for range 50 {
					payload := make([]byte, 1+rng.IntN(9000))
					for i := range payload {
						payload[i] = byte(rng.Uint32())
					}
					size := 1 + rng.IntN(1500)
					h, b := super(protocol, family, tap, payload, size)
					if got := cut(t, h, b, tap, size); !bytes.Equal(got, payload) {
						t.Fatalf("protocol %d, IPv%d: %d bytes by %d came back as others", protocol, family, len(payload), size)
					}
				}
			}
		}
	}
}

// TestFlagsOfTCP: FIN and PSH belong to the last segment, CWR to the first.
func TestFlagsOfTCP(t *testing.T) {
	h, b := super(protocolTCP, 4, false, make([]byte, 300), 100)
	b[33] |= tcpFIN | tcpPSH | tcpCWR
	h.GSOType |= GSOECN
	var s Super
	if err := s.Open(h, b, false); err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, len(b))
	for i, want := range []byte{tcpACK | tcpCWR, tcpACK, tcpACK | tcpFIN | tcpPSH} {
		s.Segment(dst, i)
		if dst[33] != want {
			t.Errorf("segment %d has flags %#x, want %#x", i, dst[33], want)
		}
	}
}

func TestVnetRoundTrip(t *testing.T) {
	in := VnetHdr{1, 0x84, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	for size, want := range map[int]VnetHdr{
		10: {1, 0x84, 3, 4, 5, 6, 0, 0, 0, 0, 0},
		12: {1, 0x84, 3, 4, 5, 6, 7, 0, 0, 0, 0},
		20: {1, 0x84, 3, 4, 5, 6, 7, 8, 9, 0, 0},
		24: in,
	} {
		b := bytes.Repeat([]byte{0xee}, 30)
		in.Put(b, size)
		if b[size] != 0xee {
			t.Errorf("%d bytes: wrote past them", size)
		}
		out := VnetHdr{HashReport: 77}
		if err := out.ParseAll(b, size); err != nil || out != want {
			t.Errorf("%d bytes: %+v, %v, want %+v", size, out, err, want)
		}
		if out.ParseAll(b[:size-1], size) == nil {
			t.Errorf("%d bytes: a cut header was taken", size)
		}
	}
	if new(VnetHdr).ParseAll(make([]byte, 30), 9) == nil {
		t.Error("a header of 9 bytes was taken")
	}
}

func TestCheck(t *testing.T) {
	tcp := func(family int) func() (VnetHdr, []byte) {
		return func() (VnetHdr, []byte) { return super(protocolTCP, family, false, make([]byte, 3000), 1000) }
	}
	udp := func() (VnetHdr, []byte) { return super(protocolUDP, 4, false, make([]byte, 3000), 1000) }
	one := func() (VnetHdr, []byte) { return super(protocolUDP, 4, false, make([]byte, 36), 36) }
	for name, c := range map[string]struct {
		make  func() (VnetHdr, []byte)
		spoil func(h *VnetHdr, b []byte)
		want  Fault
	}{
		"tcp":                   {tcp(4), func(*VnetHdr, []byte) {}, FaultNone},
		"tcp6 ecn":              {tcp(6), func(h *VnetHdr, _ []byte) { h.GSOType |= GSOECN }, FaultNone},
		"hdr_len is a hint":     {tcp(4), func(h *VnetHdr, _ []byte) { h.HdrLen = 999 }, FaultNone},
		"udp":                   {udp, func(*VnetHdr, []byte) {}, FaultNone},
		"one":                   {one, func(*VnetHdr, []byte) {}, FaultNone},
		"ip length":             {tcp(4), func(_ *VnetHdr, b []byte) { b[3]++ }, FaultIPLength},
		"ipv6 length":           {tcp(6), func(_ *VnetHdr, b []byte) { b[5]++ }, FaultIPLength},
		"udp length":            {one, func(_ *VnetHdr, b []byte) { b[25]++ }, FaultUDPLength},
		"tcpv6 of ipv4":         {tcp(4), func(h *VnetHdr, _ []byte) { h.GSOType = GSOTCPv6 }, FaultGSOType},
		"udp of tcp":            {tcp(4), func(h *VnetHdr, _ []byte) { h.GSOType = GSOUDPL4 }, FaultGSOType},
		"unknown":               {udp, func(h *VnetHdr, _ []byte) { h.GSOType = 3 }, FaultGSOType},
		"ecn of udp":            {udp, func(h *VnetHdr, _ []byte) { h.GSOType |= GSOECN }, FaultGSOType},
		"size 0":                {tcp(4), func(h *VnetHdr, _ []byte) { h.GSOSize = 0 }, FaultGSOSize},
		"size above payload":    {tcp(4), func(h *VnetHdr, _ []byte) { h.GSOSize = 3001 }, FaultGSOSize},
		"hdr_len short":         {tcp(4), func(h *VnetHdr, _ []byte) { h.HdrLen = 39 }, FaultHdrLen},
		"hdr_len long":          {tcp(4), func(h *VnetHdr, _ []byte) { h.HdrLen = 3041 }, FaultHdrLen},
		"complete":              {tcp(4), func(h *VnetHdr, _ []byte) { h.Flags = 0 }, FaultNoPartial},
		"csum_start":            {one, func(h *VnetHdr, _ []byte) { h.CsumStart++ }, FaultCsumStart},
		"csum_offset":           {tcp(6), func(h *VnetHdr, _ []byte) { h.CsumOffset = 6 }, FaultCsumOffset},
		"partial sum":           {one, func(_ *VnetHdr, b []byte) { b[27]++ }, FaultPartialSum},
		"partial sum by length": {tcp(4), func(_ *VnetHdr, b []byte) { b[37]-- }, FaultPartialSum},
		"no such tunnel":        {tcp(4), func(h *VnetHdr, _ []byte) { h.GSOType |= GSOTunnel4 }, FaultTunnel},
	} {
		h, b := c.make()
		c.spoil(&h, b)
		var l Layout
		if !l.Parse(b, false) {
			t.Fatalf("%s: no layout", name)
		}
		if got := h.Check(b, &l); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	_, b := one()
	var l Layout
	l.Parse(b, false)
	if l.Sums(b) {
		t.Error("a partial checksum is complete")
	}
	b[26], b[27] = 0, 0
	if l.HasChecksum(b) {
		t.Error("0 is a checksum")
	}
	for f := range Faults {
		if f.String() == "" {
			t.Errorf("fault %d has no name", f)
		}
	}
}

// FuzzSuper holds that to build, parse, cut and join a packet is the identity.
func FuzzSuper(f *testing.F) {
	f.Add([]byte("abcdefghijklmnopqrstuvwxyz"), uint16(5), uint8(0))
	f.Add(bytes.Repeat([]byte{0xff}, 60), uint16(29), uint8(7))
	f.Fuzz(func(t *testing.T, payload []byte, size uint16, how uint8) {
		if len(payload) == 0 || len(payload) > 60000 || size == 0 || len(payload)/int(size) > 64 {
			return
		}
		protocol, family, tap := uint8(protocolUDP), 4, how&4 != 0
		if how&1 != 0 {
			protocol = protocolTCP
		}
		if how&2 != 0 {
			family = 6
		}
		h, b := super(protocol, family, tap, payload, int(size))
		long := make([]byte, VnetTunnelLen)
		h.Put(long, len(long))
		var back VnetHdr
		if err := back.ParseAll(long, len(long)); err != nil || back != h {
			t.Fatalf("%+v came back as %+v, %v", h, back, err)
		}
		if got := cut(t, back, b, tap, int(size)); !bytes.Equal(got, payload) {
			t.Fatal("another payload came back")
		}
	})
}

// FuzzCheck holds that whatever a device gives, nothing is read past its end,
// and that what passes can be cut.
func FuzzCheck(f *testing.F) {
	for _, protocol := range []uint8{protocolTCP, protocolUDP} {
		for _, family := range []int{4, 6} {
			h, b := super(protocol, family, false, make([]byte, 300), 100)
			in := make([]byte, VnetTunnelLen, VnetTunnelLen+len(b))
			h.Put(in, VnetTunnelLen)
			f.Add(append(in, b...), false)
		}
	}
	f.Fuzz(func(t *testing.T, in []byte, tap bool) {
		var h VnetHdr
		if h.ParseAll(in, VnetTunnelLen) != nil {
			return
		}
		b := in[VnetTunnelLen:]
		var l Layout
		if !l.Parse(b, tap) {
			return
		}
		if l.IP >= l.Transport || l.Transport >= l.Payload || l.Payload > len(b) {
			t.Fatalf("%+v of %d bytes", l, len(b))
		}
		l.Sums(b)
		if h.Check(b, &l) != FaultNone || l.OuterTransport != 0 {
			return
		}
		var s Super
		if err := s.Open(h, b, tap); err != nil {
			t.Fatal(err)
		}
		dst := make([]byte, len(b))
		total := 0
		for i := range s.Segments() {
			total += s.Segment(dst, i) - l.Payload
		}
		if h.GSOType != GSONone && total != len(b)-l.Payload {
			t.Fatalf("%d bytes of payload cut from %d", total, len(b)-l.Payload)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	h, p := super(protocolTCP, 4, false, make([]byte, 60000), 1448)
	var l Layout
	b.Run("parse", func(b *testing.B) {
		for range b.N {
			l.Parse(p, false)
		}
	})
	b.Run("check", func(b *testing.B) {
		for range b.N {
			h.Check(p, &l)
		}
	})
	b.Run("sum 1500", func(b *testing.B) {
		for range b.N {
			sum(p[:1500])
		}
	})
}

// tunnelled puts a GSO packet into a VXLAN tunnel between the same hosts, as
// the kernel hands it to a device that takes it whole.
func tunnelled(family int, summed bool) (VnetHdr, []byte) {
	h, inner := super(protocolTCP, 4, true, make([]byte, 3000), 1000)
	a := addressed[family/6]
	src, dst := netip.MustParseAddrPort(a.src), netip.AddrPortFrom(netip.MustParseAddrPort(a.dst).Addr(), VXLANPort)
	outer := make([]byte, HeadersLen(false, family)+VXLANLen)
	at := UDP{Src: src, Dst: dst}.Headers(outer, VXLANLen+len(inner))
	outer[at] = 8 // there is a network identifier
	if summed {
		binary.BigEndian.PutUint16(outer[at-UDPLen+UDPCsumOffset:], PartialUDP(src.Addr(), dst.Addr(), UDPLen+VXLANLen+len(inner)))
		h.Flags |= VnetTunnelCsum
	}
	h.GSOType |= map[int]uint8{4: GSOTunnel4, 6: GSOTunnel6}[family]
	h.HdrLen += uint16(len(outer))
	h.CsumStart += uint16(len(outer))
	h.OuterTransport = uint16(at - UDPLen)
	h.InnerNetwork = uint16(len(outer) + EthernetLen)
	return h, append(outer, inner...)
}

func TestCheckTunnel(t *testing.T) {
	for name, c := range map[string]struct {
		family int
		summed bool
		spoil  func(h *VnetHdr, b []byte)
		want   Fault
	}{
		"v4":             {4, false, func(*VnetHdr, []byte) {}, FaultNone},
		"v6 summed":      {6, true, func(*VnetHdr, []byte) {}, FaultNone},
		"not said":       {4, false, func(h *VnetHdr, _ []byte) { h.GSOType = GSOTCPv4 }, FaultTunnel},
		"other version":  {4, false, func(h *VnetHdr, _ []byte) { h.GSOType ^= GSOTunnel4 | GSOTunnel6 }, FaultTunnel},
		"both versions":  {6, false, func(h *VnetHdr, _ []byte) { h.GSOType |= GSOTunnel4 }, FaultTunnel},
		"outer offset":   {4, false, func(h *VnetHdr, _ []byte) { h.OuterTransport++ }, FaultTunnel},
		"inner offset":   {4, false, func(h *VnetHdr, _ []byte) { h.InnerNetwork-- }, FaultTunnel},
		"sum not there":  {4, false, func(h *VnetHdr, _ []byte) { h.Flags |= VnetTunnelCsum }, FaultTunnel},
		"sum not said":   {6, true, func(h *VnetHdr, _ []byte) { h.Flags &^= VnetTunnelCsum }, FaultTunnel},
		"sum wrong":      {6, true, func(_ *VnetHdr, b []byte) { b[47]++ }, FaultPartialSum},
		"outer length":   {4, false, func(_ *VnetHdr, b []byte) { b[3]-- }, FaultIPLength},
		"inner kind":     {4, false, func(h *VnetHdr, _ []byte) { h.GSOType = GSOTCPv6 | GSOTunnel4 }, FaultGSOType},
		"inner start":    {4, false, func(h *VnetHdr, _ []byte) { h.CsumStart = 20 }, FaultCsumStart},
		"inner headers":  {4, false, func(h *VnetHdr, _ []byte) { h.HdrLen = 28 }, FaultHdrLen},
		"inner gso_size": {4, false, func(h *VnetHdr, _ []byte) { h.GSOSize = 3001 }, FaultGSOSize},
	} {
		h, b := tunnelled(c.family, c.summed)
		var back VnetHdr
		long := make([]byte, VnetTunnelLen)
		h.Put(long, VnetTunnelLen)
		if err := back.ParseAll(long, VnetTunnelLen); err != nil || back != h {
			t.Fatalf("%s: %+v came back as %+v, %v", name, h, back, err)
		}
		c.spoil(&h, b)
		var l Layout
		if !l.Parse(b, false) || l.OuterTransport == 0 || l.First() != 0 || l.Payload != len(b)-3000 {
			t.Fatalf("%s: %+v of %d bytes", name, l, len(b))
		}
		if got := h.Check(b, &l); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
		if n, _, err := h.Segments(len(b) - l.Payload); c.want == FaultNone && (n != 3 || err != nil) {
			t.Errorf("%s: %d segments, %v, want 3", name, n, err)
		}
		if new(Super).Open(h, b, false) == nil {
			t.Errorf("%s: cut in its tunnel", name)
		}
	}
}
