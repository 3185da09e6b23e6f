package trial

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/device"
	"tunbench/harness/doctor"
	"tunbench/harness/netns"
	"tunbench/harness/socket"
	"tunbench/harness/spec"
)

// spot is a device in a namespace of its own, with an observer.
type spot struct {
	device   *device.Device
	socket   int
	observer *bpf.Observer
	sent     uint64 // while the observer was attached
}

func newSpot(t *testing.T, hook bpf.Hook, s spec.Spec) *spot {
	t.Helper()
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	d, err := device.New(ns, device.Name, s, device.LinkOf(s))
	t.Cleanup(func() { d.Close() })
	if err != nil {
		t.Fatal(err)
	}
	p := &spot{device: d}
	addr, peer := device.Addresses(s)
	err = ns.Do(func() (err error) {
		p.socket, err = socket.UDP(netip.AddrPortFrom(addr.Addr(), 0), netip.AddrPortFrom(peer, 9), 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(p.socket) })
	p.read(t) // what the kernel has sent
	if p.observer, err = bpf.Open(bpf.Options{Hook: hook, Target: d.Target(1)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.observer.Close() })
	p.observer.Measure(true)
	return p
}

func (p *spot) send(t *testing.T, n int) {
	t.Helper()
	for range n {
		if _, err := unix.Write(p.socket, []byte{0}); err != nil {
			t.Fatal(err)
		}
	}
}

// read empties the device.
func (p *spot) read(t *testing.T) {
	t.Helper()
	for buf := make([]byte, 2048); ; {
		if _, err := unix.Read(p.device.Queues()[0].FD(), buf); errors.Is(err, unix.EAGAIN) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// pass sends n packets and reads them, observed.
func (p *spot) pass(t *testing.T, n int) {
	t.Helper()
	p.send(t, n)
	p.read(t)
	p.sent += uint64(n)
}

func (p *spot) detach(t *testing.T) {
	t.Helper()
	if err := p.observer.Detach(); err != nil {
		t.Fatal(err)
	}
}

func (p *spot) attach(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	if err := p.observer.Attach(); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

// holds compares what was counted with what was sent.
func (p *spot) holds(t *testing.T, hook bpf.Hook, name string) {
	t.Helper()
	s, err := p.observer.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	q := s.Queues[0]
	if q.XmitPkts != p.sent || q.ReadPkts != p.sent || q.XmitBytes != p.sent*29 || s.Strays > 0 || len(s.Drops) > 0 {
		t.Errorf("%s: %d packets were sent: %+v, dropped %v", name, p.sent, q, s.Drops)
	}
	if hook.SeesCalls() != (q.ReadCalls > p.sent) { // each time once in vain
		t.Errorf("%s: %d calls of tun_do_read", name, q.ReadCalls)
	}
	if r := s.Residency; r.Count+s.Missed != p.sent || s.Missed > 0 || r.Min == 0 || r.Max > uint64(10*time.Second) {
		t.Errorf("%s: residency of %d packets, %d missed, %d to %d ns", name, r.Count, s.Missed, r.Min, r.Max)
	}
	if n, err := p.observer.MissedRuns(); n > 0 || err != nil {
		t.Errorf("%s: %d runs were missed, %v", name, n, err)
	}
}

// eachHook runs a test with each hook that this kernel has.
func eachHook(t *testing.T, test func(t *testing.T, hook bpf.Hook)) {
	t.Helper()
	needRoot(t)
	for _, hook := range bpf.Hooks {
		if err := doctor.Prove(hook); err != nil {
			t.Log(err)
			continue
		}
		t.Run(string(hook), func(t *testing.T) { test(t, hook) })
	}
}

// TestObserversTakeTurns has observers that are attached in turn, with the programs of
// one, and two at a time, with programs of their own: each counts its own device while it
// is attached, and nothing else.
func TestObserversTakeTurns(t *testing.T) {
	eachHook(t, func(t *testing.T, hook bpf.Hook) {
		s := spec.Default()
		s.IO = spec.IOPoll // reads do not wait
		var spots []*spot
		for range 4 {
			p := newSpot(t, hook, s)
			p.detach(t)
			spots = append(spots, p)
		}
		other := newSpot(t, hook, s) // that is attached all the time
		var first, again, rested []time.Duration
		for round := range 6 {
			for i, p := range spots {
				for _, q := range spots { // unseen
					q.send(t, 3)
					q.read(t)
				}
				took := p.attach(t)
				switch {
				case round == 0 && i == 0:
					first = append(first, took)
				case i == 0:
					rested = append(rested, took)
				default:
					again = append(again, took)
				}
				p.pass(t, 5+i)
				other.pass(t, 2)
				for _, q := range spots {
					if q != p {
						q.send(t, 3)
						q.read(t)
					}
				}
				p.detach(t)
			}
			if err := bpf.Rest(); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("to attach took %v, to another device %v, after Rest %v", first, median(again), median(rested))
		for _, p := range append(spots, other) {
			p.holds(t, hook, "in turn")
		}
		// Two of them at a time, and what is counted stays when one is closed.
		spots[0].attach(t)
		spots[1].attach(t)
		spots[0].pass(t, 7)
		spots[1].pass(t, 9)
		spots[2].attach(t)
		spots[2].pass(t, 1)
		if err := spots[0].observer.Close(); err != nil {
			t.Fatal(err)
		}
		spots[0].send(t, 3)
		spots[0].read(t)
		spots[1].pass(t, 1)
		for _, p := range append(spots, other) {
			p.holds(t, hook, "at a time")
		}
	})
}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}

// TestStaleStamps has packets that were sent before the observer was attached, at
// times in the memory of packets that it has timed: they have no residency. They are so few
// that their memory is one or two pages of the slab: of two pages that lie a multiple of
// 64 MiB apart, the packets share slots, and are missed for this other reason.
func TestStaleStamps(t *testing.T) {
	const timed, stamped, unseen, after = 12, 6, 6, 4
	eachHook(t, func(t *testing.T, hook bpf.Hook) {
		s := spec.Default()
		s.IO = spec.IOPoll
		p := newSpot(t, hook, s)
		p.pass(t, timed)   // leaves stamps in the memory that is used again below
		p.send(t, stamped) // and read in the next attachment
		p.detach(t)
		p.send(t, unseen)
		p.attach(t)
		p.read(t)
		p.pass(t, after)
		p.detach(t)
		got, err := p.observer.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if got.Residency.Count != timed+after || got.Missed != stamped+unseen || got.Residency.Max > uint64(time.Second) {
			t.Errorf("%d packets were timed, %d missed, the longest %v", got.Residency.Count, got.Missed, time.Duration(got.Residency.Max))
		}
		if q := got.Queues[0]; q.XmitPkts != timed+stamped+after || q.ReadPkts != timed+stamped+unseen+after {
			t.Errorf("%+v", q)
		}
	})
}

// TestUnmetDevice has a device that is replaced by another one before any of its packets
// is seen, by one with the same index in another namespace.
func TestUnmetDevice(t *testing.T) {
	eachHook(t, func(t *testing.T, hook bpf.Hook) {
		s := spec.Default()
		s.IO = spec.IOPoll
		a, b := newSpot(t, hook, s), newSpot(t, hook, s)
		if a.device.State.Index != b.device.State.Index {
			t.Logf("indices %d and %d", a.device.State.Index, b.device.State.Index)
		}
		a.detach(t)
		b.detach(t)
		for range 3 {
			a.attach(t)
			b.send(t, 2)
			b.read(t)
			a.detach(t)
			b.attach(t)
			a.send(t, 2)
			a.read(t)
			b.pass(t, 4)
			b.detach(t)
		}
		b.holds(t, hook, "met")
		got, err := a.observer.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		q := got.Queues[0]
		if n := q.Residency.Count + q.Depth.Count; n > 0 {
			t.Errorf("%d packets were timed", n)
		}
		q.Residency, q.Depth = nil, nil
		if q != (bpf.Queue{}) {
			t.Errorf("%+v", q)
		}
	})
}
