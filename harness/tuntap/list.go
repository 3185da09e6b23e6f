package tuntap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Existing is a TUN or TAP device as rtnetlink shows it, whichever process
// created it.
type Existing struct {
	Name    string `json:"name"`
	Ifindex int    `json:"ifindex"`
	TAP     bool   `json:"tap"`
	// Flags holds IFF_TUN or IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE
	// and IFF_PERSIST; rtnetlink shows no others.
	Flags uint32 `json:"flags"`
	// Owner and Group may open the device without CAP_NET_ADMIN; nil: not set.
	Owner   *uint32 `json:"owner,omitempty"`
	Group   *uint32 `json:"group,omitempty"`
	Persist bool    `json:"persist"`
	// Queues counts the attached ones, DisabledQueues those that are detached
	// while their descriptors are open. A device that is not multi-queue counts
	// as 1 even if no process holds it: rtnetlink does not say.
	Queues         int  `json:"queues"`
	DisabledQueues int  `json:"disabled_queues"`
	Up             bool `json:"up"`
	Carrier        bool `json:"carrier"`
	// Detailed is false on kernels before 4.17, which show nothing but Name,
	// Ifindex, Up and Carrier.
	Detailed bool `json:"detailed"`
}

// errNotTUN is for links that are not made by the tun driver.
var errNotTUN = errors.New("not a tun/tap device")

// List returns the TUN and TAP devices of the calling thread's network
// namespace, by index. It needs no capability. Macvtap and ipvtap devices are
// not among them: other drivers make them.
func List() ([]Existing, error) {
	var replies [][]byte
	for try := 0; ; try++ {
		req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_DUMP)
		req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
		var err error
		replies, err = req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
		if err == nil {
			break
		}
		// Links came or went during the dump, so it may lack some.
		if !errors.Is(err, nl.ErrDumpInterrupted) || try == 10 {
			return nil, fmt.Errorf("list links: %w", err)
		}
	}
	devices := []Existing{}
	for _, m := range replies {
		e, err := parseLink(m)
		if errors.Is(err, errNotTUN) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list links: %w", err)
		}
		devices = append(devices, e)
	}
	slices.SortFunc(devices, func(a, b Existing) int { return a.Ifindex - b.Ifindex })
	return devices, nil
}

// Lookup returns the TUN or TAP device of that name in the calling thread's
// network namespace.
func Lookup(name string) (Existing, error) {
	req := nl.NewNetlinkRequest(unix.RTM_GETLINK, unix.NLM_F_ACK)
	req.AddData(nl.NewIfInfomsg(unix.AF_UNSPEC))
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	replies, err := req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWLINK)
	if err != nil {
		return Existing{}, fmt.Errorf("look up link %s: %w", name, err)
	}
	if len(replies) != 1 {
		return Existing{}, fmt.Errorf("look up link %s: %d replies, expected one", name, len(replies))
	}
	e, err := parseLink(replies[0])
	if err != nil {
		return Existing{}, fmt.Errorf("look up link %s: %w", name, err)
	}
	return e, nil
}

var errTruncated = errors.New("truncated rtnetlink message")

// parseLink reads an RTM_NEWLINK message without its netlink header: struct
// ifinfomsg, then attributes. For a link of another kind it returns errNotTUN.
func parseLink(m []byte) (Existing, error) {
	if len(m) < unix.SizeofIfInfomsg {
		return Existing{}, errTruncated
	}
	e := Existing{
		Ifindex: int(int32(binary.NativeEndian.Uint32(m[4:]))),
		Up:      binary.NativeEndian.Uint32(m[8:])&unix.IFF_UP != 0,
	}
	link, err := attributes(m[unix.SizeofIfInfomsg:])
	if err != nil {
		return Existing{}, err
	}
	e.Name = unix.ByteSliceToString(link[unix.IFLA_IFNAME])
	carrier := link[unix.IFLA_CARRIER]
	e.Carrier = len(carrier) > 0 && carrier[0] != 0
	info, err := attributes(link[unix.IFLA_LINKINFO])
	if err != nil {
		return Existing{}, err
	}
	if unix.ByteSliceToString(info[unix.IFLA_INFO_KIND]) != "tun" {
		return Existing{}, errNotTUN
	}
	detail, err := attributes(info[unix.IFLA_INFO_DATA])
	if err != nil {
		return Existing{}, err
	}
	for typ, v := range detail {
		e.addDetail(typ, v)
	}
	return e, nil
}

// addDetail takes one attribute of tun_fill_info (drivers/net/tun.c).
func (e *Existing) addDetail(typ uint16, v []byte) {
	var n uint32
	switch len(v) {
	case 1:
		n = uint32(v[0])
	case 4:
		n = binary.NativeEndian.Uint32(v)
	default:
		return // not an attribute that is known here
	}
	flag := func(on bool, bit uint32) {
		if on {
			e.Flags |= bit
		}
	}
	switch typ {
	case unix.IFLA_TUN_OWNER:
		e.Owner = &n
	case unix.IFLA_TUN_GROUP:
		e.Group = &n
	case unix.IFLA_TUN_TYPE:
		e.Detailed = true
		e.TAP = n == unix.IFF_TAP
		flag(true, n&(unix.IFF_TUN|unix.IFF_TAP))
	case unix.IFLA_TUN_PI:
		flag(n == 0, unix.IFF_NO_PI)
	case unix.IFLA_TUN_VNET_HDR:
		flag(n != 0, unix.IFF_VNET_HDR)
	case unix.IFLA_TUN_PERSIST:
		e.Persist = n != 0
		flag(n != 0, unix.IFF_PERSIST)
	case unix.IFLA_TUN_MULTI_QUEUE:
		flag(n != 0, unix.IFF_MULTI_QUEUE)
		if n == 0 {
			e.Queues = max(e.Queues, 1)
		}
	case unix.IFLA_TUN_NUM_QUEUES:
		e.Queues = int(n)
	case unix.IFLA_TUN_NUM_DISABLED_QUEUES:
		e.DisabledQueues = int(n)
	}
}

// attributes parses a sequence of struct rtattr, by type. The kernel pads each to
// 4 bytes; nl.ParseRouteAttr would panic if the last one were not.
func attributes(b []byte) (map[uint16][]byte, error) {
	if len(b)%unix.RTA_ALIGNTO != 0 {
		return nil, errTruncated
	}
	attrs, err := nl.ParseRouteAttr(b)
	if err != nil {
		return nil, errTruncated
	}
	values := make(map[uint16][]byte, len(attrs))
	for _, a := range attrs {
		values[a.Attr.Type&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER)] = a.Value
	}
	return values, nil
}
