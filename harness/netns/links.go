package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"

	"tunbench/harness/qdisc"
)

// links configures and reads the links of a namespace.
type links struct{ thread }

// Configure sets up the link name and brings it up. MTU, queue length and qdisc
// are set while it is down, so that nothing is ever queued under other values.
//
// The link is silent: only packets that a trial sends are counted on it. It
// gets no IPv6 address of its own, addresses are used without duplicate address
// detection, and with ARP and multicast off there is no neighbour discovery, no
// router solicitation and no group report. A packet to a host that is not among
// the Neighbours of a TAP device carries the device's own address as its
// destination.
//
// A refusal of the kernel is a *CallError; the link may then be half set up.
func (l *links) Configure(name string, c Link) error {
	return l.Do(func() error { return l.configure(name, c) })
}

func (l *links) configure(name string, c Link) error {
	link, err := l.handle.LinkByName(name)
	if err != nil {
		return notFound(err, name)
	}
	if link.Attrs().RawFlags&unix.IFF_UP != 0 {
		if err := l.handle.LinkSetDown(link); err != nil {
			return refused(err, name, "set link down")
		}
	}
	if err := l.setDown(link, c); err != nil {
		return err
	}
	if err := l.handle.LinkSetUp(link); err != nil {
		return refused(err, name, "set link up")
	}
	return l.setUp(link, c)
}

// setDown does what must be done while the link is down.
func (l *links) setDown(link netlink.Link, c Link) error {
	name := link.Attrs().Name
	if c.MTU != 0 {
		if err := l.handle.LinkSetMTU(link, c.MTU); err != nil {
			return refused(err, name, "set mtu %d", c.MTU)
		}
	}
	if c.TxQLen != 0 {
		if err := l.handle.LinkSetTxQLen(link, c.TxQLen); err != nil {
			return refused(err, name, "set txqueuelen %d", c.TxQLen)
		}
	}
	if c.MAC != nil {
		if err := l.handle.LinkSetHardwareAddr(link, c.MAC); err != nil {
			return refused(err, name, "set address %v", c.MAC)
		}
	}
	if c.MaxSegs != 0 {
		if err := l.handle.LinkSetGSOMaxSegs(link, c.MaxSegs); err != nil {
			return refused(err, name, "set gso_max_segs %d", c.MaxSegs)
		}
	}
	// After the queue length: pfifo_fast sizes its rings by it.
	if c.Qdisc != "" {
		if err := setQdisc(link.Attrs().Index, c.Qdisc); err != nil {
			return refused(err, name, "set root qdisc %s (RTM_NEWQDISC)", c.Qdisc)
		}
	}
	if err := l.handle.LinkSetMulticastOff(link); err != nil {
		return refused(err, name, "set multicast off")
	}
	if err := l.handle.LinkSetARPOff(link); err != nil {
		return refused(err, name, "set arp off")
	}
	// After the MTU: below 1280 bytes the link has no IPv6, and earlier settings
	// are lost. EAFNOSUPPORT means that, or a kernel without IPv6: then there is
	// nothing to silence.
	err := l.handle.LinkSetIP6AddrGenMode(link, nl.IN6_ADDR_GEN_MODE_NONE)
	if err != nil && !errors.Is(err, unix.EAFNOSUPPORT) {
		return refused(err, name, "set addrgenmode none")
	}
	return nil
}

// setUp sets what the kernel removes when a link goes down.
func (l *links) setUp(link netlink.Link, c Link) error {
	name, index := link.Attrs().Name, link.Attrs().Index
	if c.NoTSO {
		if err := withoutTSO(name); err != nil {
			return refused(err, name, "set tso off")
		}
	}
	for _, p := range c.Addr {
		addr := &netlink.Addr{IPNet: ipNet(p), Flags: unix.IFA_F_NODAD}
		if err := l.handle.AddrReplace(link, addr); err != nil {
			return refused(err, name, "add address %v", p)
		}
	}
	for _, p := range c.Addr {
		if err := awaitLocal(l.handle, p.Addr()); err != nil {
			return fmt.Errorf("add address %v to %s: %w", p, name, err)
		}
	}
	for _, p := range c.Routes {
		route := &netlink.Route{LinkIndex: index, Dst: ipNet(p.Masked()), Scope: netlink.SCOPE_LINK}
		if err := l.handle.RouteReplace(route); err != nil {
			return refused(err, name, "add route %v", p)
		}
	}
	for _, a := range c.Blackholes {
		route := &netlink.Route{Dst: ipNet(netip.PrefixFrom(a, a.BitLen())), Type: unix.RTN_BLACKHOLE}
		if err := l.handle.RouteReplace(route); err != nil {
			return refused(err, name, "add blackhole %v", a)
		}
	}
	for _, b := range c.Neighbours {
		neigh := &netlink.Neigh{
			LinkIndex: index, State: unix.NUD_PERMANENT, Type: unix.RTN_UNICAST,
			Family: family(b.Addr), IP: b.Addr.Unmap().AsSlice(), HardwareAddr: b.MAC,
		}
		if err := l.handle.NeighSet(neigh); err != nil {
			return refused(err, name, "add neighbour %v at %v", b.Addr, b.MAC)
		}
	}
	return nil
}

// Names lists the links of the namespace, in the order of their numbers.
func (l *links) Names() (names []string, err error) {
	err = l.Do(func() error {
		all, err := l.handle.LinkList()
		for _, link := range all {
			names = append(names, link.Attrs().Name)
		}
		return refused(err, "the namespace", "list links")
	})
	return names, err
}

// Addresses lists those of the link name.
func (l *links) Addresses(name string) (list []netip.Addr, err error) {
	err = l.Do(func() error {
		link, err := l.handle.LinkByName(name)
		if err != nil {
			return notFound(err, name)
		}
		all, err := l.handle.AddrList(link, netlink.FAMILY_ALL)
		for _, a := range all {
			if ip, ok := netip.AddrFromSlice(a.IP); ok {
				list = append(list, ip.Unmap())
			}
		}
		return refused(err, name, "list addresses")
	})
	return list, err
}

// Tun is the kind of the TUN/TAP device name: tun or tap, and "" for a link of another
// kind.
func (l *links) Tun(name string) (kind string, err error) {
	err = l.Do(func() error {
		link, err := l.handle.LinkByName(name)
		if err != nil {
			return notFound(err, name)
		}
		if t, ok := link.(*netlink.Tuntap); ok {
			kind = map[netlink.TuntapMode]string{netlink.TUNTAP_MODE_TUN: "tun", netlink.TUNTAP_MODE_TAP: "tap"}[t.Mode]
		}
		return nil
	})
	return kind, err
}

// Complete sets up a link that somebody else made, and may be using: what c asks for and
// the link does not have yet, without setting the link down. A TAP device does not
// ask for link addresses any more.
func (l *links) Complete(name string, c Link) error {
	return l.Do(func() error {
		link, err := l.handle.LinkByName(name)
		if err != nil {
			return notFound(err, name)
		}
		a := link.Attrs()
		if c.MTU == a.MTU {
			c.MTU = 0
		}
		if c.TxQLen == a.TxQLen {
			c.TxQLen = 0
		}
		if err := l.setDown(link, c); err != nil {
			return err
		}
		if a.RawFlags&unix.IFF_UP == 0 {
			if err := l.handle.LinkSetUp(link); err != nil {
				return refused(err, name, "set link up")
			}
		}
		return l.setUp(link, c)
	})
}

// Counters reads the counters of the link name.
func (l *links) Counters(name string) (Counters, error) {
	var c Counters
	err := l.Do(func() (err error) {
		c, err = l.statistics.of(name)
		return refused(err, name, "read counters")
	})
	return c, err
}

// Device reads back the link name.
func (l *links) Device(name string) (State, error) {
	var s State
	err := l.Do(func() error {
		link, err := l.handle.LinkByName(name)
		if err != nil {
			return notFound(err, name)
		}
		s, err = stateOf(link.Attrs())
		return err
	})
	if err != nil {
		return State{}, err
	}
	return s, nil
}

// Configured is Device with the root qdisc spelled as c spells it: with each parameter that c
// sets, at the value that the kernel gave it.
func (l *links) Configured(name string, c Link) (State, error) {
	s, err := l.Device(name)
	asked, _ := qdisc.Parse(c.Qdisc) // Configure has refused what is none
	if err != nil || !asked.Parameters() {
		return s, err
	}
	err = l.Do(func() (err error) {
		s.Qdisc, err = spelledQdisc(s.Index, s.Qdisc, asked)
		return refused(err, name, "read root qdisc")
	})
	return s, err
}

// Qdisc reads the counters of the root qdisc of the link name.
func (l *links) Qdisc(name string) (c QdiscCounters, err error) {
	err = l.Do(func() error {
		link, err := l.handle.LinkByName(name)
		if err != nil {
			return notFound(err, name)
		}
		c, err = qdiscCounters(link.Attrs().Index)
		return refused(err, name, "read the counters of the root qdisc")
	})
	return c, err
}

// Veth joins this namespace and peer by a pair of veth devices, one in each. They have the
// kernel's defaults and are down until they are configured. When one namespace
// ends, both devices do.
//
// A refusal of the kernel is a *CallError: EOPNOTSUPP is that of a kernel
// without veth.
func (l *links) Veth(name string, peer *NS, peerName string) error {
	target, err := peer.descriptor()
	if err != nil {
		return fmt.Errorf("join %s and %s: %w", name, peerName, err)
	}
	defer unix.Close(target)
	return l.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		err := l.handle.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: peerName, PeerNamespace: netlink.NsFd(target)})
		return refused(err, name, "add veth with peer %s", peerName)
	})
}

// Bridge creates a bridge with the given links as its ports and brings it up.
// The ports do not learn, and there is no multicast snooping and no STP:
// Forward decides which port a frame leaves by. The bridge has no address.
//
// A refusal of the kernel is a *CallError: EOPNOTSUPP is that of a kernel
// without bridges.
func (l *links) Bridge(name string, ports ...string) error {
	return l.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		snooping := false
		bridge := &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}
		if err := l.handle.LinkAdd(bridge); err != nil {
			return refused(err, name, "add bridge")
		}
		for _, port := range ports {
			if err := l.addPort(bridge, port); err != nil {
				return err
			}
		}
		return l.configure(name, Link{})
	})
}

func (l *links) addPort(bridge *netlink.Bridge, port string) error {
	link, err := l.handle.LinkByName(port)
	if err != nil {
		return notFound(err, port)
	}
	if err := l.handle.LinkSetMaster(link, bridge); err != nil {
		return refused(err, port, "make a port of %s", bridge.Name)
	}
	return refused(l.handle.LinkSetLearning(link, false), port, "set learning off")
}

// Forward makes the bridge to which port belongs send frames for mac to that
// port.
func (l *links) Forward(mac net.HardwareAddr, port string) error {
	return l.Do(func() error {
		link, err := l.handle.LinkByName(port)
		if err != nil {
			return notFound(err, port)
		}
		// A static entry; NUD_PERMANENT would be one of the bridge itself
		// (fdb_add_entry of net/bridge/br_fdb.c).
		entry := &netlink.Neigh{
			LinkIndex: link.Attrs().Index, Family: unix.AF_BRIDGE, State: unix.NUD_NOARP,
			Flags: unix.NTF_MASTER, HardwareAddr: mac,
		}
		return refused(l.handle.NeighSet(entry), port, "forward %v", mac)
	})
}

// WireGuard creates a device of the kernel's WireGuard, down and without keys.
// Its UDP socket is in this namespace, too.
//
// A refusal of the kernel is a *CallError: EOPNOTSUPP is that of a kernel
// without WireGuard.
func (l *links) WireGuard(name string) error {
	return l.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		return refused(l.handle.LinkAdd(&netlink.Wireguard{LinkAttrs: attrs}), name, "add link of kind wireguard (RTM_NEWLINK)")
	})
}

// Delete removes the link name.
func (l *links) Delete(name string) error {
	return l.Do(func() error {
		link, err := l.handle.LinkByName(name)
		if err != nil {
			return notFound(err, name)
		}
		return refused(l.handle.LinkDel(link), name, "delete link")
	})
}

// Queues reads the counters of each queue of the link name, by ethtool -S and by the netlink
// family of netdev; none if its driver has no such counters.
func (l *links) Queues(name string) (queues []QueueCounters, err error) {
	err = l.Do(func() error {
		link, err := l.handle.LinkByName(name)
		if err != nil {
			return notFound(err, name)
		}
		if queues, err = queueCounters(name); err == nil {
			queues, err = queuePackets(link.Attrs().Index, queues)
		}
		return refused(err, name, "read the counters of its queues")
	})
	return queues, err
}

// ByMAC returns the name of the link with that address.
func (l *links) ByMAC(mac string) (name string, err error) {
	err = l.Do(func() error {
		all, err := l.handle.LinkList()
		if err != nil {
			return fmt.Errorf("list links: %w", err)
		}
		name, err = withMAC(all, mac)
		return err
	})
	return name, err
}
