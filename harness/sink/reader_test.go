package sink

import (
	"net/netip"
	"testing"
	"time"

	"tunbench/harness/packet"
)

var addressed = packet.UDP{
	Src: netip.MustParseAddrPort("198.18.0.1:20000"), Dst: netip.MustParseAddrPort("198.18.0.2:9"),
}

// read makes what a read returns: a virtio-net header if asked for, and a
// packet of that many stamped segments of size payload bytes each.
func read(vnet int, tap bool, segments, size int, seq uint64) []byte {
	u := addressed
	u.TAP = tap
	b := make([]byte, vnet+packet.HeadersLen(tap, 4)+segments*size)
	if segments > 1 {
		b[1], b[4], b[5] = packet.GSOUDPL4, byte(size), byte(size>>8)
	}
	at := vnet
	at += u.Headers(b[at:], segments*size)
	for i := range segments {
		s := packet.Stamp{Flow: 1, Seq: seq + uint64(i), Intended: 100, Sent: 100}
		s.Put(b[at+i*size:])
	}
	return b
}

func newReader(c Config) *Reader {
	c.Flows = 4
	r := New(c, &Control{})
	r.control.Measuring.Store(true)
	return r
}

func TestTake(t *testing.T) {
	for name, c := range map[string]struct {
		config   Config
		read     []byte
		segments uint64
		wire     uint64
	}{
		"tun":           {Config{}, read(0, false, 1, 36, 0), 1, 64},
		"tap":           {Config{TAP: true}, read(0, true, 1, 36, 0), 1, 78},
		"vnet":          {Config{VnetHdr: 12}, read(12, false, 1, 36, 0), 1, 64},
		"GSO packet":    {Config{VnetHdr: 10}, read(10, false, 44, 1472, 0), 44, 44 * 1500},
		"super on tap":  {Config{VnetHdr: 10, TAP: true}, read(10, true, 64, 36, 0), 64, 64 * 78},
		"foreign":       {Config{}, append([]byte{0x60, 0, 0, 0, 0, 24, 58, 255}, make([]byte, 56)...), 0, 0}, // ICMPv6
		"cut":           {Config{VnetHdr: 12}, make([]byte, 11), 0, 0},
		"pi, cut":       {Config{PI: true}, make([]byte, 3), 0, 0},
		"tcp":           {Config{VnetHdr: 10}, append([]byte{0, packet.GSOTCPv4, 0, 0, 1, 0, 0, 0, 0, 0}, read(0, false, 1, 36, 0)...), 0, 0},
		"gso of size 0": {Config{VnetHdr: 10}, append([]byte{0, packet.GSOUDPL4, 0, 0, 0, 0, 0, 0, 0, 0}, read(0, false, 1, 36, 0)...), 0, 0},
	} {
		r := newReader(c.config)
		r.take(c.read, 150)
		if r.Delivered != c.segments || r.WireBytes != c.wire || (r.Foreign > 0) != (c.segments == 0) {
			t.Errorf("%s: %+v, want %d segments of %d bytes in all", name, r.Counts, c.segments, c.wire)
		}
		if r.E2E.Count != c.segments || c.segments > 0 && r.E2E.Min != 50 {
			t.Errorf("%s: %d latencies from %d ns, want %d of 50 ns", name, r.E2E.Count, r.E2E.Min, c.segments)
		}
		before := r.Counts
		r.take(c.read, 150)
		if r.Delivered != before.Delivered || r.Duplicates != c.segments {
			t.Errorf("%s: read twice, %+v, want %d duplicates", name, r.Counts, c.segments)
		}
	}
}

// FuzzTake holds that no read, whatever a device returns, is counted as more
// than it holds.
func FuzzTake(f *testing.F) {
	f.Add(read(10, false, 3, 40, 0), uint8(10), false, false)
	f.Add(read(0, true, 1, 36, 0), uint8(0), true, false)
	f.Add([]byte{0, 0, 8, 0, 69}, uint8(0), false, true)
	f.Fuzz(func(t *testing.T, b []byte, vnet uint8, tap, pi bool) {
		r := newReader(Config{VnetHdr: int(vnet), TAP: tap, PI: pi})
		r.take(b, 1)
		if n := r.Delivered + r.Duplicates; n*packet.StampLen > uint64(len(b)) {
			t.Fatalf("%d segments in %d bytes", n, len(b))
		}
	})
}

func BenchmarkTake(b *testing.B) {
	for name, c := range map[string]struct {
		config Config
		read   []byte
	}{
		"tun":        {Config{}, read(0, false, 1, 36, 0)},
		"vnet":       {Config{VnetHdr: 10}, read(10, false, 1, 36, 0)},
		"GSO packet": {Config{VnetHdr: 10}, read(10, false, 44, 1472, 0)},
	} {
		b.Run(name, func(b *testing.B) {
			r := newReader(c.config)
			b.ReportAllocs()
			r.take(c.read, 1)
			b.ResetTimer()
			for range b.N {
				r.take(c.read, 1)
			}
		})
	}
}

func TestNothingIsAllocatedForAPacket(t *testing.T) {
	r := newReader(Config{VnetHdr: 10})
	b := read(10, false, 44, 1472, 0)
	r.take(b, 1)
	if n := testing.AllocsPerRun(1000, func() { r.take(b, 1) }); n != 0 {
		t.Errorf("%v allocations a read, want 0", n)
	}
}

// TestOpenLoopLatency: of an open loop, what was due in the measured time
// counts, whenever it is read, from when it was due and from when it was sent.
func TestOpenLoopLatency(t *testing.T) {
	r := newReader(Config{Open: true})
	r.control.Measured.Begin(1000)
	stamped := func(seq uint64, due, sent int64) []byte {
		b := read(0, false, 1, 36, seq)
		s := packet.Stamp{Flow: 1, Seq: seq, Intended: due, Sent: sent}
		s.Put(b[packet.HeadersLen(false, 4):])
		return b
	}
	r.take(stamped(0, 999, 1005), 1010)
	r.take(stamped(1, 1000, 1010), 1030)
	r.control.Measured.End(2000)
	r.take(stamped(2, 1999, 2500), 2600)
	r.take(stamped(3, 2000, 2500), 2600)
	if r.E2E.Count != 2 || r.E2E.Min != 30 || r.E2E.Max != 601 {
		t.Errorf("%d from the due time, %d to %d ns, want 2 of 30 and 601", r.E2E.Count, r.E2E.Min, r.E2E.Max)
	}
	if r.Service.Count != 2 || r.Service.Min != 20 || r.Service.Max != 100 {
		t.Errorf("%d from the sent time, %d to %d ns, want 2 of 20 and 100", r.Service.Count, r.Service.Min, r.Service.Max)
	}
	if r.Delivered != 4 {
		t.Errorf("%d delivered, want all 4", r.Delivered)
	}
}

func TestPauseOnceASecond(t *testing.T) {
	const second = int64(time.Second)
	r := newReader(Config{Pause: time.Microsecond})
	at := func(now int64, want bool) {
		t.Helper()
		if got := r.pause(now); got != want {
			t.Errorf("at %d ns: paused %v, want %v", now, got, want)
		}
	}
	at(5*second, false) // nothing is measured yet
	r.control.Measured.Begin(5 * second)
	at(5*second, false) // the first packet
	first := 5*second + int64(PauseAfter)
	at(first-1, false)
	at(first, true)
	at(first+second-1, false)
	at(first+second+7, true)
	at(first+2*second, false)
	r.control.Measured.End(7 * second)
	at(9*second, false)                   // the queue is drained
	r.control.Measured.Begin(10 * second) // the next slice
	at(10*second, true)

	none := newReader(Config{})
	none.control.Measured.Begin(0)
	if none.pause(5 * second) {
		t.Error("paused without being asked to")
	}
}
