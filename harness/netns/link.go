package netns

import (
	"errors"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Link is the configuration of a link. The zero value brings it up, silent,
// with the kernel's defaults.
type Link struct {
	MTU    int    // bytes of IP; 0: unchanged. TUN: 68 to 65535, TAP: 68 to 65521
	TxQLen int    // packets in the ring behind each queue; 0: unchanged
	Qdisc  string // kind of the root qdisc, also of a device with many queues ("noqueue", "fq_codel", "mq"); "": unchanged
	MAC    net.HardwareAddr
	// NoTSO makes the stack cut GSO packets of TCP before they reach the link, whose
	// driver must be one that takes them (ethtool -K NAME tso off).
	NoTSO bool

	Addr   []netip.Prefix // addresses of the link, each with its subnet
	Routes []netip.Prefix // reached through the link, without a gateway
	// Blackholes are hosts whose packets the kernel drops without telling the
	// sender.
	Blackholes []netip.Addr
	// Neighbours are permanent entries, because nothing answers ARP or
	// neighbour solicitation at the other end of a TAP device.
	Neighbours []Neighbour
}

// Neighbour is a host behind a TAP device.
type Neighbour struct {
	Addr netip.Addr
	MAC  net.HardwareAddr
}

// Counters are the kernel's 64-bit statistics of a link. A TUN/TAP device
// counts a packet as transmitted when it is read from the descriptor, not when
// it is queued (tun_put_user in drivers/net/tun.c), and as dropped at once.
// Bytes are those of IP packets on a TUN and of frames on a TAP.
type Counters struct {
	RxPackets, RxBytes, RxErrors, RxDropped uint64
	TxPackets, TxBytes, TxErrors, TxDropped uint64
}

// State is a link as the kernel has it.
type State struct {
	Name   string
	Index  int
	MTU    int    // bytes
	TxQLen int    // packets
	Qdisc  string // kind of the root qdisc; "noop" while the link was never up
	MAC    net.HardwareAddr
	Flags  []string // IFF_ names, in the order of their bits
	// Features are the active ones by ethtool's names, sorted; nil for a device
	// that does not list any.
	Features []string
}

// rootQdisc asks for the link itself (IFLA_QDISC), because a dump of qdiscs
// omits those that the kernel installs by default. It must run on the
// namespace's thread.
func rootQdisc(index int) (string, error) {
	attrs, err := linkAttrs(index)
	if err != nil {
		return "", err
	}
	return unix.ByteSliceToString(attrs[unix.IFLA_QDISC]), nil
}

// linkAttrs are the attributes of a link by their number, of which the library does not
// show all. It must run on the namespace's thread.
func linkAttrs(index int) (map[uint16][]byte, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	replies, err := req.Execute(unix.NETLINK_ROUTE, 0)
	if err != nil {
		return nil, err
	}
	for _, reply := range replies {
		if len(reply) < unix.SizeofIfInfomsg {
			continue
		}
		if attrs, err := parsed(reply[unix.SizeofIfInfomsg:]); err == nil {
			return attrs, nil
		}
	}
	return nil, nil
}

// parsed are the attributes in b, of which nested ones remain as they are.
func parsed(b []byte) (map[uint16][]byte, error) {
	list, err := nl.ParseRouteAttr(b)
	if err != nil {
		return nil, err
	}
	attrs := map[uint16][]byte{}
	for _, a := range list {
		attrs[a.Attr.Type] = a.Value
	}
	return attrs, nil
}

// notFound restores the errno of the library's error for a missing link.
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
