package netns

import (
	"encoding/binary"
	"fmt"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Tun is a TUN/TAP device, as the kernel shows it to others than its owner.
type Tun struct {
	State
	Counters   Counters
	Mode       string // tun or tap
	PI         bool   // a packet information header comes before each packet
	VnetHeader bool
	MultiQueue bool
	Persist    bool // it outlives its descriptors
	Queues     int  // attached ones
	Detached   int  // queues
	Owner      int  // uid that may open queues; -1: only those with CAP_NET_ADMIN
	Group      int  // gid, likewise
	Bridge     string
	Carrier    bool
}

// tunOf must run on the namespace's thread.
func tunOf(l *netlink.Tuntap, names map[int]string) (t Tun, err error) {
	a := l.Attrs()
	t = Tun{
		Mode: l.Mode.String(), Queues: l.Queues, Detached: l.DisabledQueues, Persist: !l.NonPersist,
		PI: l.Flags&netlink.TUNTAP_NO_PI == 0, VnetHeader: l.Flags&netlink.TUNTAP_VNET_HDR != 0,
		MultiQueue: l.Flags&netlink.TUNTAP_MULTI_QUEUE != 0,
		Bridge:     names[a.MasterIndex], Carrier: a.RawFlags&unix.IFF_LOWER_UP != 0,
	}
	if !t.MultiQueue {
		t.Queues = 1 // the kernel does not show it
	}
	if t.State, err = stateOf(a); err != nil {
		return t, err
	}
	if t.Counters, err = countersOf(a); err != nil {
		return t, fmt.Errorf("read counters of %s: %w", a.Name, err)
	}
	t.Owner, t.Group, err = ownerOf(a)
	return t, err
}

// ownerOf looks at what the library shows as 0 if the kernel shows nothing.
func ownerOf(a *netlink.LinkAttrs) (owner, group int, err error) {
	attrs, err := linkAttrs(a.Index)
	if err != nil {
		return 0, 0, refused(err, a.Name, "read owner")
	}
	for _, nested := range []uint16{unix.IFLA_LINKINFO, nl.IFLA_INFO_DATA} {
		if attrs, err = parsed(attrs[nested]); err != nil {
			return 0, 0, refused(err, a.Name, "read owner")
		}
	}
	id := func(number uint16) int {
		if b := attrs[number]; len(b) == 4 {
			return int(binary.NativeEndian.Uint32(b))
		}
		return -1
	}
	return id(nl.IFLA_TUN_OWNER), id(nl.IFLA_TUN_GROUP), nil
}
