package netns

import (
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Bridge makes a bridge of that name with the given links as its ports, and
// brings it up. Its ports do not learn and it does not look at multicast or
// speak STP: what goes where is said by Forward. It has no address.
//
// What the kernel refuses is a *CallError: EOPNOTSUPP is that of a kernel
// without bridges.
func (n *NS) Bridge(name string, ports ...string) error {
	return n.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		snooping := false
		bridge := &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}
		if err := n.handle.LinkAdd(bridge); err != nil {
			return refused(err, name, "add bridge")
		}
		for _, port := range ports {
			if err := n.addPort(bridge, port); err != nil {
				return err
			}
		}
		return n.configure(name, Link{})
	})
}

func (n *NS) addPort(bridge *netlink.Bridge, port string) error {
	link, err := n.handle.LinkByName(port)
	if err != nil {
		return notFound(err, port)
	}
	if err := n.handle.LinkSetMaster(link, bridge); err != nil {
		return refused(err, port, "make a port of %s", bridge.Name)
	}
	return refused(n.handle.LinkSetLearning(link, false), port, "set learning off")
}

// Forward makes the bridge of which port is one send frames to mac there.
func (n *NS) Forward(mac net.HardwareAddr, port string) error {
	return n.Do(func() error {
		link, err := n.handle.LinkByName(port)
		if err != nil {
			return notFound(err, port)
		}
		// A static entry; NUD_PERMANENT would be one of the bridge itself
		// (fdb_add_entry of net/bridge/br_fdb.c).
		entry := &netlink.Neigh{
			LinkIndex: link.Attrs().Index, Family: unix.AF_BRIDGE, State: unix.NUD_NOARP,
			Flags: unix.NTF_MASTER, HardwareAddr: mac,
		}
		return refused(n.handle.NeighSet(entry), port, "forward %v", mac)
	})
}
