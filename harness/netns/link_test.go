package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// openTun makes a device in n. The descriptor is the caller's to close.
func openTun(t *testing.T, n *NS, name string, flags uint16) int {
	t.Helper()
	fd := -1
	err := n.Do(func() error {
		var err error
		if fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0); err != nil {
			return err
		}
		ifr, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		ifr.SetUint16(flags)
		if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
			unix.Close(fd)
			return fmt.Errorf("TUNSETIFF %s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

func closeTun(t *testing.T, fd int) {
	t.Cleanup(func() {
		if err := unix.Close(fd); err != nil {
			t.Error(err)
		}
	})
}

func prefixes(s ...string) []netip.Prefix {
	var p []netip.Prefix
	for _, s := range s {
		p = append(p, netip.MustParsePrefix(s))
	}
	return p
}

var mac = net.HardwareAddr{2, 0, 0, 0, 0, 9}

// hostLinks is what a test must leave as it was.
func hostLinks(t *testing.T) []string {
	t.Helper()
	links, err := netlink.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	var s []string
	for _, l := range links {
		a := l.Attrs()
		s = append(s, fmt.Sprintf("%d %s %s mtu %d qlen %d flags %x master %d", a.Index, a.Name, l.Type(), a.MTU, a.TxQLen, a.RawFlags, a.MasterIndex))
	}
	paths, err := filepath.Glob("/proc/sys/net/ipv6/conf/default/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		if v, err := os.ReadFile(p); err == nil {
			s = append(s, p+"="+strings.TrimSpace(string(v)))
		}
	}
	return s
}

// Devices with IPv4 and IPv6 addresses send nothing of their own accord. The
// first group report, solicitation or probe of each kind comes within a second.
func TestSilence(t *testing.T) {
	newNS(t)
	before := hostLinks(t)
	neighbours := []Neighbour{{netip.MustParseAddr("10.9.0.2"), mac}, {netip.MustParseAddr("fd00:9::2"), mac}}
	both := prefixes("10.9.0.1/24", "fd00:9::1/64")
	devices := []struct {
		name  string
		flags uint16
		links []Link // one after the other
		n     *NS
		fd    int
	}{
		{name: "tun", flags: unix.IFF_TUN, links: []Link{{Addr: both}}},
		{name: "tun, IPv4", flags: unix.IFF_TUN, links: []Link{{Addr: both[:1], Qdisc: "noqueue"}}},
		{name: "tap", flags: unix.IFF_TAP, links: []Link{{Addr: both, Neighbours: neighbours, Qdisc: "noqueue"}}},
		{name: "tap, IPv4", flags: unix.IFF_TAP, links: []Link{{Addr: both[:1], Neighbours: neighbours[:1]}}},
		{name: "tap, IPv6", flags: unix.IFF_TAP, links: []Link{{Addr: both[1:], Neighbours: neighbours[1:], MTU: 9000}}},
		{name: "tap without address", flags: unix.IFF_TAP, links: []Link{{}}},
		{name: "tap, many queues", flags: unix.IFF_TAP | unix.IFF_MULTI_QUEUE, links: []Link{{Addr: both}}},
		// The IPv6 side goes away below 1280 bytes and must come back silent.
		{name: "tap, MTU down and up", flags: unix.IFF_TAP, links: []Link{{MTU: 600}, {MTU: 1280, Addr: both}}},
	}
	for i := range devices {
		d := &devices[i]
		d.n = newNS(t)
		d.fd = openTun(t, d.n, "dev0", d.flags|unix.IFF_NO_PI)
		closeTun(t, d.fd)
		for _, l := range d.links {
			if err := d.n.Configure("dev0", l); err != nil {
				t.Fatalf("%s: %v", d.name, err)
			}
		}
	}
	time.Sleep(1500 * time.Millisecond)
	for _, d := range devices {
		// A packet that nobody read is in no counter, so look for it first.
		buf := make([]byte, 2048)
		if m, err := unix.Read(d.fd, buf); err != unix.EAGAIN {
			t.Errorf("%s: sent %x (%v), want nothing", d.name, buf[:max(m, 0)], err)
		}
		got, err := d.n.Counters("dev0")
		if err != nil {
			t.Fatal(err)
		}
		if got != (Counters{}) {
			t.Errorf("%s: counted %+v, want nothing", d.name, got)
		}
	}
	if diff := cmp.Diff(before, hostLinks(t)); diff != "" {
		t.Errorf("the host's links changed:\n%s", diff)
	}
}

// One UDP packet sent is one packet counted and read, for both families and
// kinds of device, through an address, a route and a neighbour.
func TestPacketSentIsPacketCounted(t *testing.T) {
	peer4, peer6 := netip.MustParseAddr("10.9.0.2"), netip.MustParseAddr("fd00:9::2")
	for _, c := range []struct {
		name   string
		flags  uint16
		header int // bytes of link layer
	}{
		{"tun", unix.IFF_TUN | unix.IFF_NO_PI, 0},
		{"tap", unix.IFF_TAP | unix.IFF_NO_PI, 14},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNS(t)
			fd := openTun(t, n, "dev0", c.flags)
			closeTun(t, fd)
			link := Link{Addr: prefixes("10.9.0.1/24", "fd00:9::1/64"), Routes: prefixes("192.0.2.0/24", "2001:db8::/32")}
			to := []netip.Addr{peer4, peer6, netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("2001:db8::7")}
			if c.header > 0 {
				for _, a := range to {
					link.Neighbours = append(link.Neighbours, Neighbour{a, mac})
				}
			}
			if err := n.Configure("dev0", link); err != nil {
				t.Fatal(err)
			}
			var sent uint64
			for i, a := range to {
				if err := n.Do(func() error {
					conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 9)))
					if err != nil {
						return err
					}
					defer conn.Close()
					_, err = conn.Write(make([]byte, 100))
					return err
				}); err != nil {
					t.Fatalf("to %v: %v", a, err)
				}
				buf := make([]byte, 2048)
				m, err := unix.Read(fd, buf)
				if err != nil {
					t.Fatalf("to %v: read: %v", a, err)
				}
				ip := 128
				if a.Is6() {
					ip = 148
				}
				if m != c.header+ip {
					t.Errorf("to %v: read %d bytes, want %d", a, m, c.header+ip)
				}
				if c.header > 0 && !slices.Equal(buf[:6], mac) {
					t.Errorf("to %v: frame is for %x, want %x", a, buf[:6], mac)
				}
				sent += uint64(m)
				got, err := n.Counters("dev0")
				if err != nil {
					t.Fatal(err)
				}
				if want := (Counters{TxPackets: uint64(i + 1), TxBytes: sent}); got != want {
					t.Errorf("to %v: counted %+v, want %+v", a, got, want)
				}
			}
		})
	}
}

func TestConfigureAndDevice(t *testing.T) {
	for _, c := range []struct {
		name  string
		flags uint16
		link  Link
		want  State
	}{
		{"tun at its largest", unix.IFF_TUN, Link{MTU: 65535, TxQLen: 1000, Qdisc: "noqueue"},
			State{MTU: 65535, TxQLen: 1000, Qdisc: "noqueue"}},
		{"tun at its smallest", unix.IFF_TUN, Link{MTU: 68, Qdisc: "noqueue"},
			State{MTU: 68, TxQLen: 500, Qdisc: "noqueue"}},
		{"tap at its largest", unix.IFF_TAP, Link{MTU: 65521, TxQLen: 1, Qdisc: "pfifo_fast", MAC: mac},
			State{MTU: 65521, TxQLen: 1, Qdisc: "pfifo_fast", MAC: mac}},
		{"many queues", unix.IFF_TUN | unix.IFF_MULTI_QUEUE, Link{MTU: 9000, Qdisc: "noqueue"},
			State{MTU: 9000, TxQLen: 500, Qdisc: "noqueue"}},
		{"many queues, one qdisc", unix.IFF_TUN | unix.IFF_MULTI_QUEUE, Link{Qdisc: "pfifo_fast"},
			State{MTU: 1500, TxQLen: 500, Qdisc: "pfifo_fast"}},
		{"many queues, mq", unix.IFF_TUN | unix.IFF_MULTI_QUEUE, Link{Qdisc: "mq"},
			State{MTU: 1500, TxQLen: 500, Qdisc: "mq"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newNS(t)
			closeTun(t, openTun(t, n, "dev0", c.flags|unix.IFF_NO_PI))
			for _, turn := range []string{"first", "again"} {
				if err := n.Configure("dev0", c.link); err != nil {
					t.Fatalf("%s: %v", turn, err)
				}
				got, err := n.Device("dev0")
				if err != nil {
					t.Fatal(err)
				}
				want := c.want
				want.Name = "dev0"
				if c.link.MAC == nil {
					want.MAC = got.MAC
				}
				if got.Index < 2 {
					t.Errorf("%s: index %d", turn, got.Index)
				}
				for _, flag := range []string{"IFF_UP", "IFF_NOARP", "IFF_LOWER_UP"} {
					if !slices.Contains(got.Flags, flag) {
						t.Errorf("%s: flags %q lack %s", turn, got.Flags, flag)
					}
				}
				if slices.Contains(got.Flags, "IFF_MULTICAST") {
					t.Errorf("%s: flags %q", turn, got.Flags)
				}
				if !slices.Contains(got.Features, "tx-lockless") && !slices.Contains(got.Features, "tx-scatter-gather") {
					t.Errorf("%s: features %q", turn, got.Features)
				}
				want.Index, want.Flags, want.Features = got.Index, got.Flags, got.Features
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: %s", turn, diff)
				}
			}
		})
	}
}

func TestRefused(t *testing.T) {
	n := newNS(t)
	closeTun(t, openTun(t, n, "tun0", unix.IFF_TUN|unix.IFF_NO_PI))
	closeTun(t, openTun(t, n, "tap0", unix.IFF_TAP|unix.IFF_NO_PI))
	for _, c := range []struct {
		dev   string
		link  Link
		errno unix.Errno
		text  string
	}{
		{"tun0", Link{MTU: 65536}, unix.EINVAL, "set mtu 65536 on tun0: invalid argument (EINVAL)"},
		{"tap0", Link{MTU: 65522}, unix.EINVAL, "set mtu 65522 on tap0: invalid argument (EINVAL)"},
		{"tap0", Link{Qdisc: "no_such"}, unix.ENOENT, "set root qdisc no_such (RTM_NEWQDISC) on tap0: no such file or directory (ENOENT)"},
		{"tun9", Link{}, unix.ENODEV, "look for link on tun9: no such device (ENODEV)"},
		{"a-name-that-is-too-long-for-a-link", Link{}, unix.ENODEV, ""},
	} {
		err := n.Configure(c.dev, c.link)
		var refusal *CallError
		if !errors.As(err, &refusal) || refusal.Err != c.errno || refusal.Object != c.dev || !errors.Is(err, c.errno) {
			t.Errorf("%s %+v: %#v", c.dev, c.link, err)
			continue
		}
		if c.text != "" && err.Error() != c.text {
			t.Errorf("%s: %q, want %q", c.dev, err, c.text)
		}
	}
	if _, err := n.Counters("tun9"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("Counters: %v", err)
	}
	if _, err := n.Device("tun9"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("Device: %v", err)
	}
}

// TestNoTSO: GSO packets of TCP are cut before a link that is told so, and no others.
func TestNoTSO(t *testing.T) {
	n := newNS(t)
	for _, off := range []bool{false, true} {
		if err := n.Configure("lo", Link{NoTSO: off}); err != nil {
			t.Fatal(err)
		}
		s, err := n.Device("lo")
		if err != nil {
			t.Fatal(err)
		}
		for feature, want := range map[string]bool{"tx-tcp-segmentation": !off, "tx-tcp6-segmentation": !off, "tx-scatter-gather": true} {
			if slices.Contains(s.Features, feature) != want {
				t.Errorf("tso off %v: %s in %q is not %v", off, feature, s.Features, want)
			}
		}
	}
}

// Features follow what the device was told: TUNSETOFFLOAD makes them effective.
func TestFeaturesAreEffective(t *testing.T) {
	n := newNS(t)
	fd := openTun(t, n, "tun0", unix.IFF_TUN|unix.IFF_NO_PI|unix.IFF_VNET_HDR)
	closeTun(t, fd)
	const csum, tso4, tso6 = 1, 2, 4 // TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6
	for _, c := range []struct {
		offload int
		on, off []string
	}{
		{0, nil, []string{"tx-checksum-ip-generic", "tx-tcp-segmentation"}},
		{csum, []string{"tx-checksum-ip-generic"}, []string{"tx-tcp-segmentation", "tx-tcp6-segmentation"}},
		{csum | tso4 | tso6, []string{"tx-checksum-ip-generic", "tx-tcp-segmentation", "tx-tcp6-segmentation", "tx-scatter-gather"}, nil},
	} {
		if err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, c.offload); err != nil {
			t.Fatal(err)
		}
		s, err := n.Device("tun0")
		if err != nil {
			t.Fatal(err)
		}
		if !slices.IsSorted(s.Features) {
			t.Errorf("offload %#x: not sorted: %q", c.offload, s.Features)
		}
		for _, f := range c.on {
			if !slices.Contains(s.Features, f) {
				t.Errorf("offload %#x: %q lack %s", c.offload, s.Features, f)
			}
		}
		for _, f := range c.off {
			if slices.Contains(s.Features, f) {
				t.Errorf("offload %#x: %q hold %s", c.offload, s.Features, f)
			}
		}
	}
}

func TestActiveFeatures(t *testing.T) {
	names := func(s ...string) []byte {
		b := make([]byte, len(s)*stringLen)
		for i, s := range s {
			copy(b[i*stringLen:], s)
		}
		return b
	}
	many := make([]string, 40)
	for i := range many {
		many[i] = fmt.Sprintf("f%02d", i)
	}
	for _, c := range []struct {
		names  []byte
		blocks []uint32
		want   []string
	}{
		{nil, nil, nil},
		{names("b", "a", "c"), []uint32{7, 7, 3, 0}, []string{"a", "b"}},
		{names("b", "", "c"), []uint32{7, 7, 7, 0}, []string{"b", "c"}},
		{names(many...), []uint32{0, 0, 1 << 31, 0, 0, 0, 1 << 7, 0}, []string{"f31", "f39"}},
		{names(many...), []uint32{0, 0, 1, 0}, []string{"f00"}}, // blocks end early
		{names(strings.Repeat("x", stringLen)), []uint32{0, 0, 1, 0}, []string{strings.Repeat("x", stringLen)}},
	} {
		if diff := cmp.Diff(c.want, activeFeatures(c.names, c.blocks)); diff != "" {
			t.Error(diff)
		}
	}
}

// The sizes and offsets of the structures that the kernel fixes.
func TestLayout(t *testing.T) {
	if got, want := unsafe.Sizeof(ifreqData{}), unsafe.Sizeof(unix.Ifreq{}); got != want {
		t.Errorf("struct ifreq: %d bytes, want %d", got, want)
	}
	if got := unsafe.Offsetof(ifreqData{}.data); got != 16 {
		t.Errorf("ifr_data at %d, want 16", got)
	}
	if got := unsafe.Offsetof(ssetInfo{}.mask); got != 8 {
		t.Errorf("sset_mask at %d, want 8", got)
	}
	if got := unsafe.Offsetof(ssetInfo{}.count); got != 16 {
		t.Errorf("data at %d, want 16", got)
	}
}

// After Close the kernel removes the namespace: the end of a veth pair that
// lies in another one goes with it.
func TestCloseRemovesNamespace(t *testing.T) {
	a, b := newNS(t), newNS(t)
	var target int
	if err := a.Do(func() error {
		fd, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		target = fd
		return err
	}); err != nil {
		t.Fatal(err)
	}
	err := b.Do(func() error {
		return b.handle.LinkAdd(&netlink.Veth{
			LinkAttrs: netlink.LinkAttrs{Name: "near"}, PeerName: "far", PeerNamespace: netlink.NsFd(target),
		})
	})
	unix.Close(target)
	if errors.Is(err, unix.EOPNOTSUPP) {
		t.Skip("this kernel has no veth (CONFIG_VETH)")
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Device("far"); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		_, err := b.Device("near")
		if errors.Is(err, unix.ENODEV) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("the namespace is still there 5 s after Close")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestRefusedKeepsOtherErrors(t *testing.T) {
	if err := refused(nil, "tun0", "set mtu"); err != nil {
		t.Error(err)
	}
	other := errors.New("short reply")
	if err := refused(other, "tun0", "set mtu %d", 9); !errors.Is(err, other) || err.Error() != "set mtu 9 on tun0: short reply" {
		t.Errorf("%q", err)
	}
}
