package netns

import (
	"github.com/vishvananda/netlink"
)

// WireGuard makes a device of the kernel's WireGuard, down and without keys. The
// namespace is that of its UDP socket, too.
//
// What the kernel refuses is a *CallError: EOPNOTSUPP is that of a kernel
// without WireGuard.
func (n *NS) WireGuard(name string) error {
	return n.Do(func() error {
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		return refused(n.handle.LinkAdd(&netlink.Wireguard{LinkAttrs: attrs}), name, "add link of kind wireguard (RTM_NEWLINK)")
	})
}
