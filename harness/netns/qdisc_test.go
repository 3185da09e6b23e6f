package netns

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// TestQdiscParameters sets parameters and reads them back; each kernel has these qdiscs.
func TestQdiscParameters(t *testing.T) {
	n := newNS(t)
	closeTun(t, openTun(t, n, "tun0", unix.IFF_TUN|unix.IFF_NO_PI))
	for _, c := range []struct{ set, asked, want string }{
		{"pfifo:limit=100", "pfifo:limit=100", "pfifo:limit=100"},
		{"pfifo:limit=7", "pfifo:limit=7", "pfifo:limit=7"}, // of the same kind
		{"bfifo:limit=70000", "bfifo:limit=70000", "bfifo:limit=70000"},
		{"pfifo_head_drop:limit=3", "pfifo_head_drop:limit=3", "pfifo_head_drop:limit=3"},
		{"pfifo", "pfifo", "pfifo"},
		{"pfifo_fast", "pfifo_fast", "pfifo_fast"},
		// What did not take shows.
		{"pfifo:limit=100", "pfifo:limit=99", "pfifo:limit=100"},
		{"pfifo_fast", "pfifo:limit=100", "pfifo_fast"},
		{"noqueue", "pfifo:limit=100", "noqueue"},
	} {
		if err := n.Configure("tun0", Link{Qdisc: c.set}); err != nil {
			t.Errorf("%s: %v", c.set, err)
			continue
		}
		got, err := n.Configured("tun0", Link{Qdisc: c.asked})
		if err != nil || got.Qdisc != c.want {
			t.Errorf("%s was set, %s asked for: got %s, %v", c.set, c.asked, got.Qdisc, err)
		}
	}
	var refusal *CallError
	err := n.Configure("tun0", Link{Qdisc: "pfifo:limit=nine"})
	if err == nil || errors.As(err, &refusal) {
		t.Errorf("a limit that is no number: %v", err)
	}
}

// TestQdiscCounters counts what a qdisc drops that has room for no packet.
func TestQdiscCounters(t *testing.T) {
	n := newNS(t)
	closeTun(t, openTun(t, n, "tun0", unix.IFF_TUN|unix.IFF_NO_PI))
	for qdisc, dropped := range map[string]uint64{"noqueue": 0, "pfifo_fast": 0, "bfifo:limit=20": 5} {
		if err := n.Configure("tun0", Link{Qdisc: qdisc, Addr: []netip.Prefix{netip.MustParsePrefix("198.18.0.1/24")}}); err != nil {
			t.Fatal(err)
		}
		if err := n.Do(func() error { return sendTo(5, [4]byte{198, 18, 0, 2}) }); err != nil {
			t.Fatal(err)
		}
		if c, err := n.Qdisc("tun0"); err != nil || c != (QdiscCounters{Dropped: dropped}) {
			t.Errorf("%s: %+v, %v", qdisc, c, err)
		}
	}
	if _, err := n.Qdisc("tun9"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("no link: %v", err)
	}
}

// sendTo sends so many datagrams.
func sendTo(n int, host [4]byte) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for range n {
		if err := unix.Sendto(fd, []byte{1}, 0, &unix.SockaddrInet4{Port: 9, Addr: host}); err != nil {
			return err
		}
	}
	return nil
}
