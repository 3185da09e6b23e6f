package netns

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Veth joins n and peer by a pair of veth devices, one of each name in each of
// them. They are as the kernel makes them, and down until they are configured.
// When one namespace goes, both devices go.
//
// What the kernel refuses is a *CallError: EOPNOTSUPP is that of a kernel
// without veth.
func (n *NS) Veth(name string, peer *NS, peerName string) error {
	target, err := peer.descriptor()
	if err != nil {
		return fmt.Errorf("join %s and %s: %w", name, peerName, err)
	}
	defer unix.Close(target)
	return n.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		err := n.handle.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: peerName, PeerNamespace: netlink.NsFd(target)})
		return refused(err, name, "add veth with peer %s", peerName)
	})
}

// descriptor opens the namespace itself. It keeps the namespace alive and is
// the caller's to close.
func (n *NS) descriptor() (fd int, err error) {
	const self = "/proc/thread-self/ns/net"
	err = n.Do(func() (err error) {
		if fd, err = unix.Open(self, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
			return fmt.Errorf("open %s: %w", self, err)
		}
		return nil
	})
	return fd, err
}

// Delete removes the link name.
func (n *NS) Delete(name string) error {
	return n.Do(func() error {
		link, err := n.handle.LinkByName(name)
		if err != nil {
			return notFound(err, name)
		}
		return refused(n.handle.LinkDel(link), name, "delete link")
	})
}
