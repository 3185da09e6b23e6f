package sink

import (
	"net/netip"
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"tunbench/harness/packet"
)

// superPacket makes what a read returns of a packet of that many stamped segments
// of TCP: a virtio-net header, and a checksum that is left to the reader.
func superPacket(vnet, segments, size int) []byte {
	t := packet.TCP{Src: netip.MustParseAddrPort("198.18.0.1:20000"), Dst: netip.MustParseAddrPort("198.18.0.2:9")}
	headers := packet.TCPHeadersLen(false, 4)
	b := make([]byte, vnet+headers+segments*size)
	h := t.Super(b[vnet:], segments*size, size)
	if vnet > 0 {
		h.Put(b, vnet)
	}
	for i := range segments {
		s := packet.Stamp{Flow: 1, Seq: uint64(i), Intended: 100, Sent: 100}
		s.Put(b[vnet+headers+i*size:])
	}
	return b
}

func TestVnetIsHeldAgainstThePacket(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(b []byte)
		want  Vnet
	}{
		"right":   {func([]byte) {}, Vnet{Partial: 1}},
		"kind":    {func(b []byte) { b[1] = packet.GSOTCPv6 }, Vnet{Bad: bad(packet.FaultGSOType)}},
		"partial": {func(b []byte) { b[24+20+17]++ }, Vnet{Bad: bad(packet.FaultPartialSum)}},
		"start":   {func(b []byte) { b[6]++ }, Vnet{Bad: bad(packet.FaultCsumStart)}},
		// 1 is what virtio 1.0 wants where buffers are not merged.
		"one buffer":   {func(b []byte) { b[10] = 1 }, Vnet{Partial: 1}},
		"two buffers":  {func(b []byte) { b[10] = 2 }, Vnet{Bad: bad(packet.FaultBuffers)}},
		"other order":  {func(b []byte) { b[11] = 1 }, Vnet{Bad: bad(packet.FaultBuffers)}},
		"a hash":       {func(b []byte) { b[13] = 7 }, Vnet{Bad: bad(packet.FaultHash)}},
		"kind of hash": {func(b []byte) { b[16] = 1 }, Vnet{Bad: bad(packet.FaultHash)}},
	} {
		b := superPacket(24, 10, 1448)
		c.spoil(b)
		r := newReader(Config{VnetHdr: 24})
		r.take(b, 150)
		got := r.Vnet
		if got.Headers != 1 || got.Largest != uint64(len(b)-24) || got.Partial != c.want.Partial || got.Bad != c.want.Bad {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		if r.Delivered != 10 || r.WireBytes != 10*1488 {
			t.Errorf("%s: %d segments of %d bytes, want 10 of 1488 each", name, r.Delivered, r.WireBytes)
		}
	}
}

// TestShortHeadersHoldNoMore: what stands behind a header of 10 or 12 bytes is of
// the packet, and no field of the header.
func TestShortHeadersHoldNoMore(t *testing.T) {
	var h packet.VnetHdr
	header := []byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9}
	for size, want := range map[int]packet.Fault{10: packet.FaultNone, 12: packet.FaultBuffers, 20: packet.FaultBuffers} {
		if got := h.CheckLong(header[:size]); got != want {
			t.Errorf("%d bytes: %v, want %v", size, got, want)
		}
	}
	header[10], header[11] = 0, 0
	for size, want := range map[int]packet.Fault{12: packet.FaultNone, 20: packet.FaultHash, 24: packet.FaultHash} {
		if got := h.CheckLong(header[:size]); got != want {
			t.Errorf("%d bytes without buffers: %v, want %v", size, got, want)
		}
	}
}

func bad(f packet.Fault) (list [packet.Faults]uint64) {
	list[f] = 1
	return list
}

// TestSomeAreAddedUp: of packets with complete checksums the first ones and a
// sample are verified; after one that is wrong, all are.
func TestSomeAreAddedUp(t *testing.T) {
	right := superPacket(10, 1, 100)
	var h packet.VnetHdr
	var s packet.Super
	if h.Parse(right) != nil || s.Open(h, right[10:], false) != nil {
		t.Fatal("no packet")
	}
	s.Segment(right[10:], 0)
	clear(right[:10])
	wrong := slices.Clone(right)
	wrong[len(wrong)-1]++
	r := newReader(Config{VnetHdr: 10})
	for range verifyFirst + 9*verifyEvery {
		r.take(right, 1)
	}
	v := &r.Vnet
	if v.Full != verifyFirst+9*verifyEvery || v.Summed != verifyFirst+9 || r.Verified != v.Summed || v.Bad != [packet.Faults]uint64{} || v.GSO[0] != v.Headers {
		t.Errorf("%+v, want %d verified, all right", *v, verifyFirst+9)
	}
	if r.Corrupt != [packet.Faults]uint64{} || r.Delivered != 1 {
		t.Errorf("%+v, want none corrupt", r.Counts)
	}
	for range verifyEvery + 5 {
		r.take(wrong, 1)
	}
	if r.Corrupt[packet.FaultTCPChecksum] != 6 || r.Delivered != 1 {
		t.Errorf("%d found wrong, want 6", r.Corrupt[packet.FaultTCPChecksum])
	}
	every := newReader(Config{VnetHdr: 10, Every: true})
	for range 1000 {
		every.take(right, 1)
	}
	if every.Verified != 1000 {
		t.Errorf("%d verified, want all of 1000", every.Verified)
	}
	udp := read(10, false, 1, 36, 0)
	r.take(udp, 1)
	if v.Without != 1 {
		t.Errorf("%d without a checksum, want 1", v.Without)
	}
	var sum Vnet
	sum.Add(v)
	sum.Add(v)
	if sum.Headers != 2*v.Headers || sum.Full != 2*v.Full || sum.Largest != v.Largest || sum.Summed != 2*v.Summed {
		t.Errorf("twice %+v is %+v", *v, sum)
	}
}

func TestGSONames(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range []struct {
		gso  uint8
		name string
	}{
		{packet.GSONone, "none"}, {packet.GSOTCPv4, "tcpv4"}, {packet.GSOTCPv6 | packet.GSOECN, "tcpv6"}, {packet.GSOUDPL4, "udp-l4"},
		{packet.GSOTCPv4 | packet.GSOTunnel6, "tcpv4 in udp6"}, {packet.GSOUDPL4 | packet.GSOTunnel4, "udp-l4 in udp4"}, {7, "other"},
	} {
		var v Vnet
		var h packet.VnetHdr
		b := superPacket(24, 2, 100)
		b[1] = c.gso
		var l packet.Layout
		l.Parse(b[24:], false)
		if !v.take(&h, b[:24], b[24:], &l) {
			t.Fatalf("%s: not taken", c.name)
		}
		i := slices.Index(v.GSO[:], 1)
		if got := GSOName(i); got != c.name || seen[got] {
			t.Errorf("gso_type %#x is %q, want %q", c.gso, got, c.name)
		}
		seen[c.name] = true
	}
}

// TestSplit: readv gives the same as read, whatever stands before the packets.
func TestSplit(t *testing.T) {
	pi := append(make([]byte, packet.PILen), superPacket(12, 3, 200)...)
	for name, c := range map[string]struct {
		config Config
		read   []byte
	}{
		"headers": {Config{PI: true, VnetHdr: 12}, pi},
		"vnet":    {Config{VnetHdr: 12}, superPacket(12, 3, 200)},
		"none":    {Config{}, superPacket(0, 1, 200)},
		"cut":     {Config{PI: true, VnetHdr: 12}, pi[:9]},
	} {
		c.config.MaxRead = 2000
		whole, split := newReader(c.config), newReader(c.config)
		split.Split = true
		split.buffer()
		whole.take(c.read, 150)
		// As the kernel fills the vectors.
		fds := make([]int, 2)
		if err := unix.Pipe2(fds, unix.O_CLOEXEC); err != nil {
			t.Fatal(err)
		}
		out, in := os.NewFile(uintptr(fds[0]), "pipe"), os.NewFile(uintptr(fds[1]), "pipe")
		if _, err := in.Write(c.read); err != nil {
			t.Fatal(err)
		}
		var vectors [][]byte
		if n := split.headersLen(); n > 0 {
			vectors = append(vectors, split.buf[:n])
		}
		vectors = append(vectors, split.buf[splitAt:])
		if len(vectors) != len(split.iovecs) || split.iovecs[len(vectors)-1].Base != &split.buf[splitAt] || split.iovecs[0].Base != &vectors[0][0] {
			t.Fatalf("%s: %d vectors, want %d", name, len(split.iovecs), len(vectors))
		}
		n, err := unix.Readv(fds[0], vectors)
		if err != nil {
			t.Fatal(err)
		}
		split.takeSplit(n, 150)
		out.Close()
		in.Close()
		if whole.Counts != split.Counts || whole.Vnet != split.Vnet || (name == "cut") != (split.Foreign == 1) {
			t.Errorf("%s: %+v in one buffer, %+v in two", name, whole.Counts, split.Counts)
		}
	}
}

// TestCorruptIsNotDelivered: what is wrong is counted by name, with a header and without,
// and neither as delivered nor as a packet of others.
func TestCorruptIsNotDelivered(t *testing.T) {
	udp := read(0, false, 1, 100, 0)
	copy(udp[26:], []byte{0, 0})
	partial := addressed
	partial.Super(udp, 100, 100)
	packet.CompleteUDP(udp[20:])
	at := func(i int) func([]byte) { return func(b []byte) { b[i] ^= 1 } }
	for name, c := range map[string]struct {
		config Config
		read   []byte
		spoil  func([]byte)
		want   packet.Fault
	}{
		"right":            {Config{}, udp, func([]byte) {}, packet.FaultNone},
		"payload":          {Config{}, udp, at(90), packet.FaultUDPChecksum},
		"stamp":            {Config{}, udp, at(28), packet.FaultUDPChecksum},
		"flow":             {Config{}, udp, at(35), packet.FaultUDPChecksum},
		"time to live":     {Config{}, udp, at(8), packet.FaultIPChecksum},
		"version":          {Config{}, udp, func(b []byte) { b[0] = 0x15 }, packet.FaultIPVersion},
		"ip length":        {Config{}, udp, at(3), packet.FaultIPLength},
		"udp length":       {Config{}, udp, at(25), packet.FaultUDPLength},
		"super ip length":  {Config{VnetHdr: 10}, superPacket(10, 10, 500), at(10 + 3), packet.FaultIPLength},
		"super ip header":  {Config{VnetHdr: 10}, superPacket(10, 10, 500), at(10 + 8), packet.FaultIPChecksum},
		"trusted, zeros":   {Config{VnetHdr: 10}, append(make([]byte, 10), udp...), func(b []byte) { b[0] = packet.VnetDataValid; b[100]++ }, packet.FaultPayload},
		"trusted":          {Config{VnetHdr: 10}, append(make([]byte, 10), udp...), func(b []byte) { b[0] = packet.VnetDataValid; b[10+26]++ }, packet.FaultNone},
		"not trusted":      {Config{VnetHdr: 10}, append(make([]byte, 10), udp...), func(b []byte) { b[10+26]++ }, packet.FaultUDPChecksum},
		"without checksum": {Config{}, read(0, false, 1, 100, 0), at(90), packet.FaultNone},
	} {
		b := slices.Clone(c.read)
		c.spoil(b)
		r := newReader(c.config)
		r.take(b, 1)
		var want [packet.Faults]uint64
		delivered := uint64(0)
		if c.want == packet.FaultNone {
			delivered = 1
		} else {
			want[c.want] = 1
			if c.config.VnetHdr > 0 && len(c.read) > 1000 {
				want[c.want] = 10
			}
		}
		if r.Corrupt != want || r.Delivered != delivered || r.Foreign != 0 {
			t.Errorf("%s: corrupt %v, %d delivered, %d of others; want %v", name, r.Corrupt, r.Delivered, r.Foreign, c.want)
		}
	}
}
