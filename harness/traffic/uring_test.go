package traffic

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/socket"
	"tunbench/harness/tuntap"
	"tunbench/harness/uring"
	"tunbench/harness/worker"
)

// needRing skips a test that writes by io_uring, unless it must not be skipped.
func needRing(t testing.TB) {
	t.Helper()
	if f := uring.Probe()[0]; f.Err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s: %v, and CI must have them", f.Name, f.Err)
		}
		t.Skipf("%s: %v", f.Name, f.Err)
	}
}

// ringWriter writes the packets of two flows into one of a pair of sockets, and
// gives the other one.
func ringWriter(t *testing.T, size int) (s *Sender, peer int) {
	t.Helper()
	needRing(t)
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]); unix.Close(fds[1]) })
	s, err = Open(Config{
		Kind: Write, Src: src4, Dst: dst4, Flows: []int{0, 1}, Size: size,
		Written: Written{FDs: []int{fds[0], fds[0]}, Poll: true, Ring: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s, fds[1]
}

// drain reads packets until stop is set and none is left, and counts them by
// flow; late tells how many came after one with a higher number.
func drain(t *testing.T, fd int, stop *atomic.Bool, done chan<- [2][2]uint64) {
	var count [2][2]uint64 // packets and late ones
	next := [2]uint64{}
	buf := make([]byte, 4096)
	for {
		last := stop.Load()
		n, err := unix.Read(fd, buf)
		if errors.Is(err, unix.EAGAIN) {
			if last {
				done <- count
				return
			}
			time.Sleep(50 * time.Microsecond)
			continue
		}
		var s packet.Stamp
		at, ok := packet.Payload(buf[:max(0, n)], false)
		if err != nil || !ok || !s.Parse(buf[at:n]) || s.Flow > 1 {
			t.Errorf("read %d bytes: %v", n, err)
			done <- count
			return
		}
		count[s.Flow][0]++
		if s.Seq < next[s.Flow] {
			count[s.Flow][1]++
		}
		next[s.Flow] = max(next[s.Flow], s.Seq+1)
	}
}

// TestRingWrites holds that each packet counts as it fared, when the other end
// has room for a few only: linked ones stay in order, and of others none is lost
// or written twice.
func TestRingWrites(t *testing.T) {
	for _, linked := range []bool{true, false} {
		s, peer := ringWriter(t, 0)
		if !s.ring.linked {
			t.Fatal("writes into a socket, which may be full, are not linked")
		}
		s.ring.linked = linked
		var stop atomic.Bool
		done := make(chan [2][2]uint64, 1)
		go drain(t, peer, &stop, done)
		control := &Control{}
		if err := s.Start(control); err != nil {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
		control.Stop.Store(true)
		if err := s.Thread().Wait(); err != nil {
			t.Fatal(err)
		}
		stop.Store(true)
		got := <-done
		p, sent, w := s.Progress(), s.Sent(), s.Writes()
		for flow, count := range got {
			if count[0] != sent[flow] || count[0] == 0 {
				t.Errorf("linked %v: flow %d: %d came, %d were sent", linked, flow, count[0], sent[flow])
			}
			if linked && count[1] > 0 {
				t.Errorf("flow %d: %d came late", flow, count[1])
			}
		}
		if p.Accepted != sent[0]+sent[1] || p.PushedBack == 0 || w.Errors["EAGAIN"] != p.PushedBack || len(w.Errors) != 1 {
			t.Errorf("linked %v: %+v, sent %v, %+v", linked, p, sent, w)
		}
		var packets uint64
		for _, n := range w.Sizes {
			packets += n
		}
		if packets != p.Accepted || p.Calls == 0 {
			t.Errorf("linked %v: %d packets by size, %+v", linked, packets, p)
		}
	}
}

// TestRingRefusals: what will never be taken ends the sender with the errno.
func TestRingRefusals(t *testing.T) {
	for _, linked := range []bool{true, false} {
		s, peer := ringWriter(t, 64)
		s.ring.linked = linked
		if err := unix.Shutdown(peer, unix.SHUT_RD); err != nil {
			t.Fatal(err)
		}
		if err := s.Start(&Control{}); err != nil {
			t.Fatal(err)
		}
		if err := s.Thread().Wait(); !errors.Is(err, unix.EPIPE) {
			t.Errorf("linked %v: ended with %v, want EPIPE", linked, err)
		}
		if p, w := s.Progress(), s.Writes(); p.Accepted != 0 || w.Errors["EPIPE"] != p.PushedBack || p.PushedBack != giveUp {
			t.Errorf("linked %v: %+v %+v, want %d refused", linked, p, w, giveUp)
		}
	}
}

// TestStopBetweenResults: what the kernel has taken counts, also when the
// sender is told to stop before it has asked.
func TestStopBetweenResults(t *testing.T) {
	s := newSender(Config{Kind: Write, Src: src4, Dst: dst4, Flows: []int{0}, Size: 64, Written: Written{FDs: []int{-1}}})
	s.fds = s.FDs
	s.control = &Control{}
	s.ring = &ring{results: make([]int32, s.batch.messages())}
	for i := range s.ring.results {
		s.ring.results[i] = 64
	}
	s.ring.results[3] = unknown // written again, after the others
	s.ring.results[63] = unknown
	s.call = func(int, []socket.Message) (int, unix.Errno) {
		s.control.Stop.Store(true)
		return ringSender{s}.write(-1, s.batch.headers[s.writes.first:])
	}
	if err := s.hand(0, 0, 64, 0); err != nil {
		t.Fatal(err)
	}
	if s.counts.Accepted != 62 || s.Sent()[0] != 62 || s.counts.PushedBack != 0 {
		t.Errorf("%+v, sent %v, want 62 accepted", s.counts, s.Sent())
	}
}

// BenchmarkWrites writes packets to a device that nobody listens on.
func BenchmarkWrites(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root")
	}
	for name, set := range map[string]func(*Sender){
		"write": nil, "uring": func(*Sender) {}, "uring linked": func(s *Sender) { s.ring.linked = true },
		"uring plain": func(s *Sender) { s.ring.plain = true },
	} {
		b.Run(name, func(b *testing.B) {
			ns, err := netns.New()
			if err != nil {
				b.Fatal(err)
			}
			defer ns.Close()
			var d *tuntap.Device
			if err := ns.Do(func() (err error) {
				d, err = tuntap.Create(tuntap.Config{Name: "writes0", Queues: 1, NonBlock: true})
				return err
			}); err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			if err := ns.Configure("writes0", netns.Link{MTU: 1500, TxQLen: 500, Qdisc: "noqueue"}); err != nil {
				b.Fatal(err)
			}
			s, err := Open(Config{
				Kind: Write, Src: src4, Dst: dst4, Flows: []int{0}, Size: 64,
				Written: Written{FDs: []int{d.Queues()[0].FD()}, Ring: set != nil},
			})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			if set != nil {
				set(s)
			}
			const batches = 100
			best := int64(1 << 62)
			control := &Control{}
			run := func() error {
				for b.Loop() {
					start := worker.Now()
					for range batches {
						if err := s.Step(control); err != nil {
							return err
						}
					}
					best = min(best, worker.Now()-start)
				}
				return nil
			}
			if s.ring != nil {
				run = s.ring.during(run)
			}
			thread, err := worker.Start(0, run)
			if err != nil {
				b.Fatal(err)
			}
			if err := thread.Wait(); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(best)/float64(batches*s.Batch()), "best-ns/packet")
		})
	}
}
