package sink

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/tuntap"
	"tunbench/harness/uring"
	"tunbench/harness/worker"
)

const ringLength = 500 // of the device, in packets

// needRoot skips a test that makes devices, unless it must not be skipped.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("needs root, and CI must have it")
	}
	t.Skip("needs root")
}

// quiet keeps Go's runtime from waiting for readers that wait in raw calls.
func quiet(t testing.TB) {
	processors, percent := runtime.GOMAXPROCS(runtime.NumCPU()+4), debug.SetGCPercent(-1)
	t.Cleanup(func() { runtime.GOMAXPROCS(processors); debug.SetGCPercent(percent) })
}

// testDevice is a device and a packet socket that sends into it.
type testDevice struct {
	*tuntap.Device
	socket int
	to     unix.SockaddrLinklayer
}

func newTestDevice(t testing.TB, c tuntap.Config) *testDevice {
	t.Helper()
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	d := &testDevice{socket: -1}
	t.Cleanup(func() {
		if d.socket >= 0 {
			unix.Close(d.socket)
		}
		if d.Device != nil {
			d.Device.Close()
		}
		ns.Close()
	})
	c.Name = "engine0"
	err = ns.Do(func() (err error) {
		if d.Device, err = tuntap.Create(c); err != nil {
			return err
		}
		d.socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := ns.Configure(d.Name(), netns.Link{MTU: 1500, TxQLen: ringLength, Qdisc: "noqueue"}); err != nil {
		t.Fatal(err)
	}
	state, err := ns.Device(d.Name())
	if err != nil {
		t.Fatal(err)
	}
	d.to = unix.SockaddrLinklayer{Ifindex: state.Index, Protocol: 8} // ETH_P_IP, in network order
	return d
}

func (d *testDevice) send(t testing.TB, packets [][]byte) {
	t.Helper()
	for _, p := range packets {
		if err := unix.Sendto(d.socket, p, 0, &d.to); err != nil {
			t.Fatal(err)
		}
	}
}

// stamped makes count packets of different lengths and contents, numbered from
// seq on.
func stamped(count int, tap bool, seq uint64) (packets [][]byte) {
	u := addressed
	u.TAP = tap
	for i := range count {
		payload := packet.StampLen + i*37%1400
		b := make([]byte, packet.HeadersLen(tap, 4)+payload)
		at := u.Headers(b, payload)
		for j := range b[at:] {
			b[at+j] = byte(i*7 + j*13)
		}
		s := packet.Stamp{Flow: uint32(i % 4), Seq: seq + uint64(i/4), Intended: 1, Sent: 1}
		s.Put(b[at:])
		packets = append(packets, b)
	}
	return packets
}

// engines are all ways to read a queue.
var engines = map[string]Config{
	"read":            {Wait: Block},
	"poll":            {Wait: Poll},
	"spin":            {Wait: Spin},
	"uring":           {Wait: URing},
	"uring fixed":     {Wait: URing, Ring: RingFixed},
	"uring plain":     {Wait: URing, Ring: RingPlain},
	"uring chained":   {Wait: URing, Ring: RingChained},
	"uring multishot": {Wait: URing, Ring: RingMultishot},
	"uring blocking":  {Wait: URing}, // on a descriptor without O_NONBLOCK
}

// lacks skips an engine that the kernel does not have.
func lacks(t testing.TB, c Config) {
	t.Helper()
	if c.Wait != URing {
		return
	}
	for _, f := range uring.Probe() {
		switch {
		case f.Err == nil, f.Name == uring.Multishot && c.Ring != RingMultishot:
		case os.Getenv("CI") == "true" && f.Name != uring.Multishot:
			t.Fatalf("%s: %v, and CI must have them", f.Name, f.Err)
		case f.Name == uring.Multishot:
			t.Skipf("this kernel has no %s: %v", f.Name, f.Err)
		default:
			t.Skipf("%s: %v", f.Name, f.Err)
		}
	}
}

// TestEnginesAgree holds that every engine gets the same packets, byte for byte
// and in the same order: those that wait in the queue when it begins, those
// that come in bursts, and those that come one by one while it waits.
func TestEnginesAgree(t *testing.T) {
	needRoot(t)
	quiet(t)
	for name, shape := range map[string]tuntap.Config{
		"tun": {}, "tap": {TAP: true}, "tun pi vnet": {PI: true, VnetHdr: 12}, "tap vnet": {TAP: true, VnetHdr: 24},
	} {
		sent := stamped(900, shape.TAP, 0)
		want := make([][]byte, len(sent))
		for i, p := range sent {
			if shape.PI {
				want[i] = append(want[i], 0, 0, 8, 0)
			}
			want[i] = append(append(want[i], make([]byte, shape.VnetHdr)...), p...)
		}
		for engine, c := range engines {
			t.Run(name+"/"+engine, func(t *testing.T) {
				lacks(t, c)
				shape := shape
				shape.Queues, shape.NonBlock = 1, c.Wait != Block && engine != "uring blocking"
				d := newTestDevice(t, shape)
				c := c
				c.FD, c.Flows, c.MaxRead = d.Queues()[0].FD(), 4, 1600
				c.TAP, c.PI, c.VnetHdr = shape.TAP, shape.PI, shape.VnetHdr
				var got [][]byte
				var count atomic.Int64
				control := &Control{}
				r, err := Open(c, control)
				if err != nil {
					t.Fatal(err)
				}
				r.see = func(b []byte) { got = append(got, bytes.Clone(b)); count.Add(1) }
				reach := func(n int) {
					t.Helper()
					for deadline := time.Now().Add(5 * time.Second); int(count.Load()) < n; time.Sleep(100 * time.Microsecond) {
						if time.Now().After(deadline) {
							t.Fatalf("%d packets came, want %d", count.Load(), n)
						}
					}
				}
				d.send(t, sent[:300]) // before it begins
				if err := r.Start(); err != nil {
					t.Fatal(err)
				}
				reach(300)
				for i := 300; i < 320; i++ { // one by one, to a reader that waits
					time.Sleep(time.Millisecond)
					d.send(t, sent[i:i+1])
				}
				reach(320)
				d.send(t, sent[320:700]) // in one go
				reach(700)
				d.send(t, sent[700:]) // while it is told to end
				control.Drain.Store(true)
				for done := false; !done; {
					if err := r.Finish(); err != nil {
						t.Fatal(err)
					}
					select {
					case <-r.Thread().Done():
						done = true
					case <-time.After(5 * time.Millisecond):
					}
				}
				if err := r.Thread().Wait(); err != nil {
					t.Fatal(err)
				}
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
				if len(got) != len(want) {
					t.Fatalf("got %d packets, want %d", len(got), len(want))
				}
				for i := range want {
					if !bytes.Equal(got[i], want[i]) {
						t.Fatalf("packet %d: got\n%x, want\n%x", i, got[i], want[i])
					}
				}
				if r.Delivered != uint64(len(sent)) || r.Foreign+r.Duplicates+r.Reordered > 0 || r.Reads != r.Delivered {
					t.Errorf("%+v, want %d packets in order", r.Counts, len(sent))
				}
				// A call follows one link of a chain.
				if c.Wait == URing && c.Ring != RingChained && r.Calls > uint64(len(sent)) {
					t.Errorf("%d calls for %d packets, most of which came together", r.Calls, len(sent))
				}
				if c.Ring == RingChained && r.ring.cancelled > r.ring.buffers.Len() {
					t.Errorf("%d reads were cancelled, want at most those of the last chain, %d", r.ring.cancelled, r.ring.buffers.Len())
				}
			})
		}
	}
}

// BenchmarkEngines reads full queues: what a packet costs its reader, without
// what it costs to be woken up.
func BenchmarkEngines(b *testing.B) {
	needRoot(b)
	quiet(b)
	for name, c := range engines {
		if c.Wait == Block || c.Wait == Poll {
			continue
		}
		b.Run(fmt.Sprint(name), func(b *testing.B) {
			lacks(b, c)
			d := newTestDevice(b, tuntap.Config{Queues: 1, NonBlock: true})
			c := c
			c.FD, c.Flows, c.MaxRead = d.Queues()[0].FD(), 4, 1600
			packets := make([][]byte, ringLength)
			for i := range packets {
				packets[i] = stamped(1, false, uint64(i))[0]
			}
			best := int64(1 << 62)
			for b.Loop() {
				control := &Control{}
				control.Drain.Store(true)
				r, err := Open(c, control)
				if err != nil {
					b.Fatal(err)
				}
				d.send(b, packets)
				var spent int64
				thread, err := worker.Start(0, func() error {
					start := worker.Now()
					defer func() { spent = worker.Now() - start }()
					if r.ring != nil {
						return ringReader{r}.loop()
					}
					r.buf = make([]byte, r.MaxRead)
					return r.loop()
				})
				if err != nil {
					b.Fatal(err)
				}
				if err := thread.Wait(); err != nil {
					b.Fatal(err)
				}
				if r.Reads != ringLength {
					b.Fatalf("%d packets, want %d", r.Reads, ringLength)
				}
				best = min(best, spent)
				if err := r.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(best)/ringLength, "best-ns/packet")
		})
	}
}
