package netns

import (
	"encoding/binary"
	"errors"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// chatter makes loopback carry packets, of which the last reaches no socket.
func chatter(t *testing.T, n *NS) {
	t.Helper()
	err := n.Do(func() error {
		c, err := net.Dial("udp", "127.0.0.1:9")
		if err != nil {
			return err
		}
		defer c.Close()
		_, err = c.Write([]byte("discarded"))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What is polled during a block must not allocate: no garbage is collected then. The rest is
// the closure of Do and its results.
func TestPollsHardlyAllocate(t *testing.T) {
	const most = 4
	n := newNS(t)
	chatter(t, n) // so that the stack has lost something
	for name, poll := range map[string]func() error{
		"received":         func() error { _, err := n.Received(); return err },
		"counters":         func() error { _, err := n.Counters("lo"); return err },
		"a call":           func() error { return n.Do(func() error { return nil }) },
		"counters of TCP":  func() error { _, err := n.TCP(); return err },
		"a call inside it": func() error { return n.Do(func() error { _, err := n.received(); return err }) },
	} {
		allocations := testing.AllocsPerRun(100, func() {
			if err := poll(); err != nil {
				t.Error(err)
			}
		})
		if allocations > most {
			t.Errorf("%s: %v allocations, want at most %d", name, allocations, most)
		}
	}
}

// Each namespace has counters of its own, and they are read anew each time.
func TestCountersAreFresh(t *testing.T) {
	a, b := newNS(t), newNS(t)
	type seen struct {
		stack    Stack
		received uint64
		link     Counters
	}
	look := func(n *NS) (s seen) {
		var errs [3]error
		s.stack, errs[0] = n.Stack()
		s.received, errs[1] = n.Received()
		s.link, errs[2] = n.Counters("lo")
		if err := errors.Join(errs[:]...); err != nil {
			t.Fatal(err)
		}
		if s.received != s.stack.Received {
			t.Errorf("received %d, by the stack %d", s.received, s.stack.Received)
		}
		var old Counters
		err := n.Do(func() error {
			link, err := n.handle.LinkByName("lo")
			if err == nil {
				old, err = countersOf(link.Attrs())
			}
			return err
		})
		if err != nil || old != s.link {
			t.Errorf("counters %+v, by the library %+v, %v", s.link, old, err)
		}
		return s
	}
	first, other := look(a), look(b)
	chatter(t, a)
	second, still := look(a), look(b)
	if n := second.stack.Lost["NO_SOCKET"] - first.stack.Lost["NO_SOCKET"]; n != 1 {
		t.Errorf("%d datagrams without a socket, want 1", n)
	}
	// The datagram, and what ICMP says of it.
	if n := second.received - first.received; n != 2 {
		t.Errorf("the stack received %d packets, want 2", n)
	}
	if n := second.link.RxPackets - first.link.RxPackets; n != 2 || second.link.RxBytes == first.link.RxBytes {
		t.Errorf("the link received %d packets, want 2", n)
	}
	if still.received != other.received || still.link != other.link {
		t.Errorf("another namespace: %+v, then %+v", other, still)
	}
}

func TestCountersOfNoLink(t *testing.T) {
	n := newNS(t)
	for _, name := range []string{"none", "of-16-characters", ""} {
		c, err := n.Counters(name)
		var refusal *CallError
		if !errors.As(err, &refusal) || c != (Counters{}) {
			t.Errorf("%q: %+v, %v", name, c, err)
		}
	}
	if _, err := n.Counters("none"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("%v, want ENODEV", err)
	}
	if _, err := n.Counters("lo"); err != nil {
		t.Errorf("after refusals: %v", err)
	}
}

// Nothing keeps a namespace alive that was closed, and no descriptor is left.
func TestPollsLeaveNoDescriptor(t *testing.T) {
	before := len(entries(t, "/proc/self/fd"))
	n, err := New()
	if err != nil {
		t.Skip(err)
	}
	if _, err := n.Stack(); err != nil {
		t.Error(err)
	}
	if _, err := n.TCP(); err != nil {
		t.Error(err)
	}
	if _, err := n.Counters("lo"); err != nil {
		t.Error(err)
	}
	if len(entries(t, "/proc/self/fd")) <= before {
		t.Error("nothing was kept open: the test is of no use")
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if after := len(entries(t, "/proc/self/fd")); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

func TestLinkCounters(t *testing.T) {
	order := binary.NativeEndian
	message := func(kind uint16, body ...byte) []byte {
		b := make([]byte, unix.NLMSG_HDRLEN)
		order.PutUint32(b, uint32(len(b)+len(body)))
		order.PutUint16(b[4:], kind)
		return append(b, body...)
	}
	attr := func(kind uint16, value []byte) []byte {
		b := order.AppendUint16(order.AppendUint16(nil, uint16(4+len(value))), kind)
		return append(append(b, value...), make([]byte, -len(value)&3)...)
	}
	var stats []byte
	for i := range 24 {
		stats = order.AppendUint64(stats, uint64(i+1))
	}
	info := make([]byte, unix.SizeofIfInfomsg)
	name := attr(unix.IFLA_IFNAME, []byte("tun0\x00")) // padded
	good := append(append(append([]byte{}, info...), name...), attr(unix.IFLA_STATS64, stats)...)
	longer := message(unix.RTM_NEWLINK, good...)
	order.PutUint32(longer, uint32(len(longer)+4))
	for name, c := range map[string]struct {
		message []byte
		want    Counters
		err     error
	}{
		"behind another":  {message: message(unix.RTM_NEWLINK, good...), want: Counters{RxPackets: 1, TxPackets: 2, RxBytes: 3, TxBytes: 4, RxErrors: 5, TxErrors: 6, RxDropped: 7, TxDropped: 8}},
		"an error":        {message: message(unix.NLMSG_ERROR, order.AppendUint32(nil, ^uint32(unix.ENODEV)+1)...), err: unix.ENODEV},
		"no counters":     {message: message(unix.RTM_NEWLINK, append(info, name...)...), err: unix.ENODATA},
		"too long":        {message: longer, err: unix.EMSGSIZE},
		"of another kind": {message: message(unix.RTM_NEWADDR, good...), err: unix.EBADMSG},
		"cut short":       {message: message(unix.RTM_NEWLINK, info[:7]...), err: unix.EBADMSG},
		"an attribute beyond the end": {
			message: message(unix.RTM_NEWLINK, append(info, 200, 0, 3, 0)...), err: unix.EBADMSG,
		},
	} {
		if got, err := linkCounters(c.message); got != c.want || err != c.err {
			t.Errorf("%s: %+v, %v, want %+v, %v", name, got, err, c.want, c.err)
		}
	}
}

// An answer to an earlier request is passed over.
func TestAnswerOfAnother(t *testing.T) {
	n := newNS(t)
	chatter(t, n)
	err := n.Do(func() error {
		if _, err := n.statistics.of("lo"); err != nil {
			return err
		}
		_, err := unix.Write(n.statistics.socket, linkRequest(nil, 77, "none"))
		if err != nil {
			return err
		}
		c, err := n.statistics.of("lo")
		if c.RxPackets == 0 {
			t.Errorf("%+v", c)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
