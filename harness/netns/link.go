package netns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Link is the configuration of a link. The zero value brings it up, silent,
// with the kernel's defaults.
type Link struct {
	MTU    int // bytes of IP; 0: unchanged. TUN: 68 to 65535, TAP: 68 to 65521
	TxQLen int // packets in the ring behind each queue; 0: unchanged
	// Qdisc is the root qdisc, also of a device with many queues, as qdisc.Parse takes it
	// ("noqueue", "mq", "fq_codel:limit=1000"); "": unchanged.
	Qdisc string
	MAC   net.HardwareAddr
	// NoTSO makes the stack cut GSO packets of TCP before they reach the link, whose
	// driver must be one that takes them (ethtool -K NAME tso off).
	NoTSO bool
	// MaxSegs is how many segments a GSO packet of TCP may have that the stack sends by the
	// link; 0: unchanged.
	MaxSegs int

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
	// Qdisc has what the root qdisc did; only where somebody asked for it (NS.Qdisc).
	Qdisc QdiscCounters
}

// QdiscCounters are those of the root qdisc of a link, in skbs: a GSO packet is one. The kernel
// adds up those of a link with many queues (mq_dump of net/sched/sch_mq.c).
type QdiscCounters struct {
	Dropped uint64
	Held    uint64 // it holds them now
}

// State is a link as the kernel has it.
type State struct {
	Name   string
	Index  int
	MTU    int    // bytes
	TxQLen int    // packets
	Qdisc  string // kind of the root qdisc, "noop" while the link was never up; Configured adds parameters
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

func countersOf(a *netlink.LinkAttrs) (Counters, error) {
	s := a.Statistics
	if s == nil {
		return Counters{}, errors.New("the kernel gave none")
	}
	return Counters{
		RxPackets: s.RxPackets, RxBytes: s.RxBytes, RxErrors: s.RxErrors, RxDropped: s.RxDropped,
		TxPackets: s.TxPackets, TxBytes: s.TxBytes, TxErrors: s.TxErrors, TxDropped: s.TxDropped,
	}, nil
}

// stateOf must run on the namespace's thread.
func stateOf(a *netlink.LinkAttrs) (s State, err error) {
	s = State{
		Name: a.Name, Index: a.Index, MTU: a.MTU, TxQLen: a.TxQLen,
		MAC: a.HardwareAddr, Flags: flagNames(a.RawFlags),
	}
	if s.Qdisc, err = rootQdisc(a.Index); err != nil {
		return s, refused(err, a.Name, "read root qdisc")
	}
	if s.Features, err = features(a.Name); err != nil {
		return s, refused(err, a.Name, "read features")
	}
	return s, nil
}

// withMAC is the name of the link with that address.
func withMAC(all []netlink.Link, mac string) (string, error) {
	for _, link := range all {
		if a := link.Attrs(); a.HardwareAddr.String() == mac {
			return a.Name, nil
		}
	}
	return "", fmt.Errorf("no link has the address %s", mac)
}

// awaitLocal waits until the stack accepts packets to one of its own addresses.
// For IPv6 the kernel adds the route later, in a work queue (addrconf_dad_work
// of net/ipv6/addrconf.c), even without address detection.
func awaitLocal(h *netlink.Handle, a netip.Addr) error {
	const within, look = 2 * time.Second, 200 * time.Microsecond
	for deadline := time.Now().Add(within); a.Unmap().Is6(); time.Sleep(look) {
		routes, err := h.RouteGet(a.AsSlice())
		if err == nil && len(routes) > 0 && routes[0].Type == unix.RTN_LOCAL {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the kernel has not made it local within %v: %w", within, errors.Join(err, os.ErrDeadlineExceeded))
		}
	}
	return nil
}
