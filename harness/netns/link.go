package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Link says how a link is to be set up. The zero value brings it up, silent,
// with everything else as the kernel made it.
type Link struct {
	MTU    int    // bytes of IP; 0: unchanged. TUN: 68 to 65535, TAP: 68 to 65521
	TxQLen int    // packets in the ring behind each queue; 0: unchanged
	Qdisc  string // kind of the root qdisc, also of a device with many queues ("noqueue", "fq_codel", "mq"); "": unchanged
	MAC    net.HardwareAddr

	Addr   []netip.Prefix // addresses of the link, each with its subnet
	Routes []netip.Prefix // reached through the link, without a gateway
	// Blackholes are hosts for which nothing is taken: the kernel drops what comes
	// for them, without a word to who sent it.
	Blackholes []netip.Addr
	// Neighbours are entries for ever, because nobody answers ARP or neighbour
	// solicitation at the other end of a TAP device.
	Neighbours []Neighbour
}

// Neighbour is a host behind a TAP device.
type Neighbour struct {
	Addr netip.Addr
	MAC  net.HardwareAddr
}

// Counters are those of the device, from the kernel's 64-bit statistics. A
// TUN/TAP device counts a packet as transmitted when it is read from the
// descriptor, not when it is queued (tun_put_user in drivers/net/tun.c), and as
// dropped at once; bytes are those of TUN packets or TAP frames.
type Counters struct {
	RxPackets, RxBytes, RxErrors, RxDropped uint64
	TxPackets, TxBytes, TxErrors, TxDropped uint64
}

// State is what the kernel made of a link.
type State struct {
	Name   string
	Index  int
	MTU    int    // bytes
	TxQLen int    // packets
	Qdisc  string // kind of the root qdisc; "noop" while the link was never up
	MAC    net.HardwareAddr
	Flags  []string // IFF_ names, in the order of their bits
	// Features are the effective ones by ethtool's names, sorted; those of a
	// device that cannot tell are nil.
	Features []string
}

// Configure sets up the link name and brings it up. MTU, queue length and
// qdisc are set while it is down, so that nothing is ever queued under others.
//
// The link is made silent: a packet counted on it must be a packet sent. It
// gets no IPv6 address of its own, addresses are used without duplicate
// address detection, and with ARP and multicast off there is no neighbour
// discovery, no router solicitation and no group report. A packet to a host
// that is not among the Neighbours of a TAP device carries the device's own
// address as its destination.
//
// What the kernel refuses is a *CallError. The link may then be half set up.
func (n *NS) Configure(name string, l Link) error {
	return n.Do(func() error { return n.configure(name, l) })
}

func (n *NS) configure(name string, l Link) error {
	link, err := n.handle.LinkByName(name)
	if err != nil {
		return notFound(err, name)
	}
	if link.Attrs().RawFlags&unix.IFF_UP != 0 {
		if err := n.handle.LinkSetDown(link); err != nil {
			return refused(err, name, "set link down")
		}
	}
	if err := n.setDown(link, l); err != nil {
		return err
	}
	if err := n.handle.LinkSetUp(link); err != nil {
		return refused(err, name, "set link up")
	}
	return n.setUp(link, l)
}

// setDown does what must be done while the link is down.
func (n *NS) setDown(link netlink.Link, l Link) error {
	name := link.Attrs().Name
	if l.MTU != 0 {
		if err := n.handle.LinkSetMTU(link, l.MTU); err != nil {
			return refused(err, name, "set mtu %d", l.MTU)
		}
	}
	if l.TxQLen != 0 {
		if err := n.handle.LinkSetTxQLen(link, l.TxQLen); err != nil {
			return refused(err, name, "set txqueuelen %d", l.TxQLen)
		}
	}
	if l.MAC != nil {
		if err := n.handle.LinkSetHardwareAddr(link, l.MAC); err != nil {
			return refused(err, name, "set address %v", l.MAC)
		}
	}
	// After the queue length: pfifo_fast sizes its rings by it.
	if l.Qdisc != "" {
		q := &netlink.GenericQdisc{
			QdiscAttrs: netlink.QdiscAttrs{LinkIndex: link.Attrs().Index, Parent: netlink.HANDLE_ROOT},
			QdiscType:  l.Qdisc,
		}
		if err := n.handle.QdiscReplace(q); err != nil {
			return refused(err, name, "set root qdisc %s", l.Qdisc)
		}
	}
	if err := n.handle.LinkSetMulticastOff(link); err != nil {
		return refused(err, name, "set multicast off")
	}
	if err := n.handle.LinkSetARPOff(link); err != nil {
		return refused(err, name, "set arp off")
	}
	// After the MTU: below 1280 bytes the link has no IPv6 side, and what was
	// set before is forgotten. EAFNOSUPPORT says just that (or that the kernel
	// has no IPv6): then there is nothing to silence.
	err := n.handle.LinkSetIP6AddrGenMode(link, nl.IN6_ADDR_GEN_MODE_NONE)
	if err != nil && !errors.Is(err, unix.EAFNOSUPPORT) {
		return refused(err, name, "set addrgenmode none")
	}
	return nil
}

// setUp does what the kernel undoes when a link goes down.
func (n *NS) setUp(link netlink.Link, l Link) error {
	name, index := link.Attrs().Name, link.Attrs().Index
	for _, p := range l.Addr {
		addr := &netlink.Addr{IPNet: ipNet(p), Flags: unix.IFA_F_NODAD}
		if err := n.handle.AddrReplace(link, addr); err != nil {
			return refused(err, name, "add address %v", p)
		}
	}
	for _, p := range l.Routes {
		route := &netlink.Route{LinkIndex: index, Dst: ipNet(p.Masked()), Scope: netlink.SCOPE_LINK}
		if err := n.handle.RouteReplace(route); err != nil {
			return refused(err, name, "add route %v", p)
		}
	}
	for _, a := range l.Blackholes {
		route := &netlink.Route{Dst: ipNet(netip.PrefixFrom(a, a.BitLen())), Type: unix.RTN_BLACKHOLE}
		if err := n.handle.RouteReplace(route); err != nil {
			return refused(err, name, "add blackhole %v", a)
		}
	}
	for _, b := range l.Neighbours {
		neigh := &netlink.Neigh{
			LinkIndex: index, State: unix.NUD_PERMANENT, Type: unix.RTN_UNICAST,
			Family: family(b.Addr), IP: b.Addr.Unmap().AsSlice(), HardwareAddr: b.MAC,
		}
		if err := n.handle.NeighSet(neigh); err != nil {
			return refused(err, name, "add neighbour %v at %v", b.Addr, b.MAC)
		}
	}
	return nil
}

// Counters reads the counters of the link name.
func (n *NS) Counters(name string) (Counters, error) {
	var c Counters
	err := n.Do(func() error {
		link, err := n.handle.LinkByName(name)
		if err != nil {
			return notFound(err, name)
		}
		s := link.Attrs().Statistics
		if s == nil {
			return fmt.Errorf("read counters of %s: the kernel gave none", name)
		}
		c = Counters{
			RxPackets: s.RxPackets, RxBytes: s.RxBytes, RxErrors: s.RxErrors, RxDropped: s.RxDropped,
			TxPackets: s.TxPackets, TxBytes: s.TxBytes, TxErrors: s.TxErrors, TxDropped: s.TxDropped,
		}
		return nil
	})
	return c, err
}

// Device reads back the link name.
func (n *NS) Device(name string) (State, error) {
	var s State
	err := n.Do(func() error {
		link, err := n.handle.LinkByName(name)
		if err != nil {
			return notFound(err, name)
		}
		a := link.Attrs()
		s = State{
			Name: a.Name, Index: a.Index, MTU: a.MTU, TxQLen: a.TxQLen,
			MAC: a.HardwareAddr, Flags: flagNames(a.RawFlags),
		}
		if s.Qdisc, err = rootQdisc(a.Index); err != nil {
			return refused(err, name, "read root qdisc")
		}
		if s.Features, err = features(name); err != nil {
			return refused(err, name, "read features")
		}
		return nil
	})
	if err != nil {
		return State{}, err
	}
	return s, nil
}

// rootQdisc asks for the link itself (IFLA_QDISC), because a dump of qdiscs
// leaves out the ones that the kernel put there by default. It must run on the
// namespace's thread.
func rootQdisc(index int) (string, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	replies, err := req.Execute(unix.NETLINK_ROUTE, 0)
	if err != nil {
		return "", err
	}
	for _, reply := range replies {
		if len(reply) < unix.SizeofIfInfomsg {
			continue
		}
		attrs, err := nl.ParseRouteAttr(reply[unix.SizeofIfInfomsg:])
		if err != nil {
			return "", err
		}
		for _, a := range attrs {
			if a.Attr.Type == unix.IFLA_QDISC {
				return unix.ByteSliceToString(a.Value), nil
			}
		}
	}
	return "", nil
}

// notFound gives the library's error for a missing link its errno back.
func notFound(err error, name string) error {
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		err = unix.ENODEV
	}
	return refused(err, name, "look for link")
}

func ipNet(p netip.Prefix) *net.IPNet {
	addr := p.Addr().Unmap()
	return &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(p.Bits(), addr.BitLen())}
}

func family(a netip.Addr) int {
	if a.Unmap().Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// ifFlags are the flags of include/uapi/linux/if.h by bit.
var ifFlags = [...]string{
	"IFF_UP", "IFF_BROADCAST", "IFF_DEBUG", "IFF_LOOPBACK", "IFF_POINTOPOINT", "IFF_NOTRAILERS",
	"IFF_RUNNING", "IFF_NOARP", "IFF_PROMISC", "IFF_ALLMULTI", "IFF_MASTER", "IFF_SLAVE",
	"IFF_MULTICAST", "IFF_PORTSEL", "IFF_AUTOMEDIA", "IFF_DYNAMIC", "IFF_LOWER_UP", "IFF_DORMANT", "IFF_ECHO",
}

func flagNames(raw uint32) []string {
	var names []string
	for bit, name := range ifFlags {
		if raw&(1<<bit) != 0 {
			names = append(names, name)
		}
	}
	return names
}
