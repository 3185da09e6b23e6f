package sink

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/socket"
)

var here = netip.MustParseAddrPort("127.0.0.1:9")

// namespace gives one in which loopback is up, or skips the test.
func namespace(t *testing.T) *netns.NS {
	t.Helper()
	// As in a trial: a thread that waits in a raw call cannot be stopped for the
	// collector, and keeps a processor of the scheduler.
	before := runtime.GOMAXPROCS(runtime.NumCPU() + 4)
	percent := debug.SetGCPercent(-1)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		runtime.GOMAXPROCS(before)
	})
	ns, err := netns.New()
	if errors.Is(err, unix.EPERM) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := ns.Close(); err != nil {
			t.Error(err)
		}
	})
	return ns
}

// listen gives a receiver on that many sockets of its own.
func listen(t *testing.T, ns *netns.NS, sockets, buffer int, c ReceiverConfig) (*Receiver, *Control) {
	t.Helper()
	if err := ns.Do(func() (err error) {
		c.FDs, err = Listen(here, sockets, buffer, c.GRO)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	c.Own, c.Flows, c.HeaderLen = true, 8, 28
	control := &Control{}
	control.Measuring.Store(true)
	r := NewReceiver(c, control)
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, control
}

// send sends n packets of each flow from a socket of its own, with that many
// segments each.
func send(t *testing.T, ns *netns.NS, flows, n, segments int) {
	t.Helper()
	const size = 100
	err := ns.Do(func() error {
		for flow := range flows {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			if segments > 1 {
				if err := unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT, size); err != nil {
					return err
				}
			}
			for i := range n {
				b := make([]byte, segments*size)
				for k := range segments {
					s := packet.Stamp{Flow: uint32(flow), Seq: uint64(i*segments + k), Intended: 1, Sent: 1}
					s.Put(b[k*size:])
				}
				_, to := socket.Address(here)
				if err := unix.Sendto(fd, b, 0, to); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// end finishes a receiver as a trial does.
func end(t *testing.T, r *Receiver, control *Control) {
	t.Helper()
	control.Drain.Store(true)
	for deadline := time.Now().Add(5 * time.Second); ; {
		if err := r.Finish(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-r.Thread().Done():
			if err := r.Thread().Wait(); err != nil {
				t.Fatal(err)
			}
			return
		case <-time.After(time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatal("the receiver does not end")
		}
	}
}

func TestReceiver(t *testing.T) {
	ns := namespace(t)
	for name, c := range map[string]struct {
		sockets, segments int
		config            ReceiverConfig
	}{
		"block":        {1, 1, ReceiverConfig{}},
		"poll":         {1, 1, ReceiverConfig{Wait: Poll}},
		"spin":         {1, 1, ReceiverConfig{Wait: Spin}},
		"several":      {3, 1, ReceiverConfig{}},
		"several spin": {3, 1, ReceiverConfig{Wait: Spin}},
		"gro":          {1, 20, ReceiverConfig{GRO: true}},
		"gro, several": {2, 20, ReceiverConfig{GRO: true, Wait: Poll}},
		"gso, no gro":  {1, 20, ReceiverConfig{}},
		"short":        {1, 1, ReceiverConfig{MaxRead: 100}},
		"each":         {1, 1, ReceiverConfig{Each: true}},
		"each, poll":   {2, 1, ReceiverConfig{Each: true, Wait: Poll}},
		"each, gro":    {1, 20, ReceiverConfig{Each: true, GRO: true}},
	} {
		t.Run(name, func(t *testing.T) {
			r, control := listen(t, ns, c.sockets, 4<<20, c.config)
			if err := r.Start(); err != nil {
				t.Fatal(err)
			}
			const flows, n = 6, 50
			send(t, ns, flows, n, c.segments)
			end(t, r, control)
			want := uint64(flows * n * c.segments)
			if r.Delivered != want || r.WireBytes != 128*want || r.Duplicates+r.Foreign+r.Reordered > 0 {
				t.Errorf("%+v, want %d segments", r.Counts, want)
			}
			if c.config.GRO && r.Reads != flows*n {
				t.Errorf("%d datagrams, want %d", r.Reads, flows*n)
			}
			for flow := range flows {
				if got := r.Flow(flow).Delivered; got != uint64(n*c.segments) {
					t.Errorf("flow %d: %d segments", flow, got)
				}
			}
			if c.config.Each && r.Calls < r.Reads {
				t.Errorf("%d datagrams by %d calls", r.Reads, r.Calls)
			}
			if n, err := r.Overruns(); n != 0 || err != nil {
				t.Errorf("%d overruns, %v", n, err)
			}
			if r.E2E.Count != want {
				t.Errorf("%d latencies of %d segments", r.E2E.Count, want)
			}
		})
	}
}

// TestOverruns lets packets overrun sockets that nobody reads: each is counted.
func TestOverruns(t *testing.T) {
	ns := namespace(t)
	r, control := listen(t, ns, 2, 1, ReceiverConfig{})
	const flows, n = 4, 500
	send(t, ns, flows, n, 1)
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	end(t, r, control)
	lost, err := r.Overruns()
	if err != nil {
		t.Fatal(err)
	}
	if lost == 0 || r.Delivered == 0 || r.Delivered+lost != flows*n {
		t.Errorf("%d delivered and %d lost of %d", r.Delivered, lost, flows*n)
	}
}

// TestSpread holds that each flow has its socket, above 255 flows as well.
func TestSpread(t *testing.T) {
	ns := namespace(t)
	const sockets = 3
	var fds []int
	if err := ns.Do(func() (err error) {
		fds, err = Listen(here, sockets, 1<<20, false)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}()
	send(t, ns, 300, 1, 1)
	for i, fd := range fds {
		b := make([]byte, 200)
		got := 0
		for ; ; got++ {
			if _, err := unix.Read(fd, nonblocking(t, fd, b)); err != nil {
				break
			}
			if flow := binary.LittleEndian.Uint32(b[4:]); flow%sockets != uint32(i) {
				t.Fatalf("flow %d came out of socket %d", flow, i)
			}
		}
		if got != 100 {
			t.Errorf("socket %d got %d packets, want 100", i, got)
		}
	}
}

func nonblocking(t *testing.T, fd int, b []byte) []byte {
	t.Helper()
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	return b
}

// A packet that bears no time counts, and has no latency.
func TestUntimed(t *testing.T) {
	var control Control
	control.Measuring.Store(true)
	var tally Tally
	tally.prepare(1, false, &control)
	for seq := range uint64(16) {
		s := packet.Stamp{Seq: seq}
		if seq%8 == 0 {
			s.Intended, s.Sent = 5, 5
		}
		b := make([]byte, packet.StampLen)
		s.Put(b)
		tally.segment(b, 28, 1000)
	}
	if tally.Delivered != 16 || tally.E2E.Count != 2 {
		t.Errorf("%d delivered, latencies of %d; want 16 and 2", tally.Delivered, tally.E2E.Count)
	}
}

// TestSocketsFindCorruptPayloads: datagrams that hold something else than was sent, or
// another length, are corrupt; the kernel has said that their checksum is right.
func TestSocketsFindCorruptPayloads(t *testing.T) {
	ns := namespace(t)
	r, control := listen(t, ns, 1, 4<<20, ReceiverConfig{Payload: 100, Tail: 60})
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	err := ns.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		for i, length := range []int{100, 100, 60, 61, 99} {
			b := make([]byte, length)
			s := packet.Stamp{Seq: uint64(i)}
			s.Put(b)
			if i == 1 {
				b[70] = 1
			}
			_, to := socket.Address(here)
			if err := unix.Sendto(fd, b, 0, to); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	end(t, r, control)
	if r.Delivered != 2 || r.Corrupt[packet.FaultPayload] != 1 || r.Corrupt[packet.FaultUDPLength] != 2 || r.Foreign != 0 || r.Verified != 5 {
		t.Errorf("%+v, want 2 delivered", r.Counts)
	}
}
