package packet

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
)

// whole is a packet whose checksums are complete, as the only segment of a GSO packet.
func whole(t *testing.T, protocol uint8, family int, tap bool) []byte {
	t.Helper()
	return wholeOf(t, protocol, family, tap, []byte("thirty-two bytes, and a last one!"))
}

func wholeOf(t *testing.T, protocol uint8, family int, tap bool, payload []byte) []byte {
	t.Helper()
	h, b := super(protocol, family, tap, payload, 1000)
	var s Super
	if err := s.Open(h, b, tap); err != nil {
		t.Fatal(err)
	}
	dst := make([]byte, len(b))
	return dst[:s.Segment(dst, 0)]
}

// verified is what a reader finds wrong with a packet.
func verified(b []byte, tap, partial bool) Fault {
	var l Layout
	if !l.Parse(b, tap) {
		return Broken(b, tap)
	}
	if fault := l.Lengths(b); fault != FaultNone {
		return fault
	}
	return l.Verify(b, partial)
}

// TestEveryBitIsCovered: whichever bit behind the link header is flipped, something is
// found wrong, unless the packet is then taken for one of another kind. What follows a
// stamp is blank in the second payload, as senders leave it.
func TestEveryBitIsCovered(t *testing.T) {
	blank := make([]byte, StampLen+77)
	(&Stamp{Flow: 3, Seq: 5, Sent: 7}).Put(blank)
	for _, payload := range [][]byte{[]byte("thirty-two bytes, and a last one!"), blank, blank[:StampLen+1], blank[:StampLen]} {
		for _, protocol := range []uint8{protocolTCP, protocolUDP} {
			for _, family := range []int{4, 6} {
				for _, tap := range []bool{false, true} {
					everyBitIsCovered(t, wholeOf(t, protocol, family, tap, payload), tap)
				}
			}
		}
	}
}

func everyBitIsCovered(t *testing.T, right []byte, tap bool) {
	t.Helper()
	var l Layout
	if got := verified(right, tap, false); got != FaultNone || !l.Parse(right, tap) {
		t.Fatalf("a right packet: %v", got)
	}
	for at := l.IP; at < len(right); at++ {
		for bit := range 8 {
			b := bytes.Clone(right)
			b[at] ^= 1 << bit
			// IPv6 has no checksum of its own: traffic class, flow label and hop
			// limit are covered by none, and another protocol is another packet.
			uncovered := l.Family == 6 && (at == l.IP+1 || at == l.IP+2 || at == l.IP+3 || at == l.IP+7 || at == l.IP+6 || at == l.IP && bit < 4)
			if got := verified(b, tap, false); (got == FaultNone) != uncovered {
				t.Errorf("protocol %d over IPv%d, tap=%v, %d bytes: bit %d of byte %d flipped: %v", l.Protocol, l.Family, tap, len(right), bit, at-l.IP, got)
			}
		}
	}
}

// TestFaultsAreNamed: what is wrong is named by where it is.
func TestFaultsAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		protocol uint8
		family   int
		spoil    func(b []byte)
		partial  bool
		want     string
	}{
		"ip length":       {protocolUDP, 4, func(b []byte) { b[3]++ }, false, "ip-length"},
		"ipv6 length":     {protocolTCP, 6, func(b []byte) { b[5]++ }, false, "ip-length"},
		"ip checksum":     {protocolUDP, 4, func(b []byte) { b[8]-- }, false, "ip-checksum"},
		"ip version":      {protocolUDP, 4, func(b []byte) { b[0] ^= 0x10 }, false, "ip-version"},
		"header length":   {protocolUDP, 4, func(b []byte) { b[0] = 0x44 }, false, "ip-checksum"},
		"protocol":        {protocolUDP, 4, func(b []byte) { b[9] = 1 }, false, "ip-checksum"},
		"udp length":      {protocolUDP, 4, func(b []byte) { b[25]-- }, false, "udp-length"},
		"udp payload":     {protocolUDP, 4, func(b []byte) { b[40]++ }, false, "udp-checksum"},
		"udp over ipv6":   {protocolUDP, 6, func(b []byte) { b[60]++ }, false, "udp-checksum"},
		"tcp payload":     {protocolTCP, 6, func(b []byte) { b[70]++ }, false, "tcp-checksum"},
		"partial":         {protocolUDP, 4, func(b []byte) { b[40]++ }, true, "none"},
		"partial, header": {protocolUDP, 4, func(b []byte) { b[8]-- }, true, "ip-checksum"},
		"none":            {protocolUDP, 4, func(b []byte) { b[26], b[27], b[40] = 0, 0, b[40]+1 }, false, "none"},
		"none over ipv6":  {protocolUDP, 6, func(b []byte) { b[46], b[47] = 0, 0 }, false, "udp-checksum"},
	} {
		b := whole(t, c.protocol, c.family, false)
		c.spoil(b)
		if got := verified(b, false, c.partial).String(); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Blank finds each byte that is not zero, wherever it is.
func TestBlank(t *testing.T) {
	for _, n := range []int{0, 1, 77, 2047, 2048, 2049, 4096, 65535} {
		b := make([]byte, n)
		if !Blank(b) {
			t.Errorf("%d zeros are not blank", n)
		}
		for _, at := range []int{0, 1, n / 2, 2047, 2048, 2049, n - 2, n - 1} {
			if at < 0 || at >= n {
				continue
			}
			if b[at] = 1; Blank(b) {
				t.Errorf("%d bytes are blank, but byte %d is 1", n, at)
			}
			b[at] = 0
		}
	}
}

// TestFramesOfOthers: what is neither IPv4 nor IPv6 is not ours, and not corrupt.
func TestFramesOfOthers(t *testing.T) {
	frame := whole(t, protocolUDP, 4, true)
	binary.BigEndian.PutUint16(frame[12:], 0x0806) // ARP
	for name, b := range map[string][]byte{"arp": frame, "short": frame[:13], "empty": nil} {
		if got := Broken(b, true); got != FaultNone {
			t.Errorf("%s: %v", name, got)
		}
	}
	icmp := whole(t, protocolUDP, 6, false)
	icmp[6] = 58
	if got := Broken(icmp, false); got != FaultNone {
		t.Errorf("ICMPv6: %v", got)
	}
}

// TestTunnelsAreVerified: both the headers around a tunnel and those inside.
func TestTunnelsAreVerified(t *testing.T) {
	inner := whole(t, protocolTCP, 4, true)
	for _, a := range addressed {
		outer := make([]byte, HeadersLen(false, a.family)+VXLANLen)
		u := UDP{Src: netip.MustParseAddrPort(a.src), Dst: netip.AddrPortFrom(netip.MustParseAddrPort(a.dst).Addr(), VXLANPort)}
		at := u.Headers(outer, VXLANLen+len(inner))
		outer[at] = 8
		right := append(outer, inner...)
		binary.BigEndian.PutUint16(right[at-UDPLen+UDPCsumOffset:], UDPChecksum(u.Src.Addr(), u.Dst.Addr(), right[at-UDPLen:]))
		without := bytes.Clone(right) // RFC 6935
		without[at-2], without[at-1] = 0, 0
		for name, c := range map[string]struct {
			b    []byte
			want Fault
		}{
			"right":          {right, FaultNone},
			"no outer sum":   {without, FaultNone},
			"identifier":     {flipped(right, at+5), FaultUDPChecksum},
			"inner":          {flipped(without, len(right)-1), FaultTCPChecksum},
			"outer length":   {flipped(right, at-3), FaultUDPLength},
			"inner length":   {flipped(without, at+VXLANLen+EthernetLen+3), FaultIPLength},
			"inner checksum": {flipped(without, at+VXLANLen+EthernetLen+8), FaultIPChecksum},
		} {
			if got := verified(c.b, false, false); got != c.want {
				t.Errorf("%s, %s: %v, want %v", a.name, name, got, c.want)
			}
		}
	}
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

func BenchmarkVerify(b *testing.B) {
	for _, size := range []int{36, 1472} {
		h, p := super(protocolUDP, 4, false, make([]byte, size), 2000)
		var s Super
		if err := s.Open(h, p, false); err != nil {
			b.Fatal(err)
		}
		s.Segment(p, 0)
		var l Layout
		l.Parse(p, false)
		b.Run(map[int]string{36: "64", 1472: "1500"}[size], func(b *testing.B) {
			for range b.N {
				if l.Verify(p, false) != FaultNone {
					b.Fatal("wrong")
				}
			}
		})
		b.Run("lengths "+map[int]string{36: "64", 1472: "1500"}[size], func(b *testing.B) {
			for range b.N {
				if l.Lengths(p) != FaultNone {
					b.Fatal("wrong")
				}
			}
		})
	}
}
