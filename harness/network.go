package harness

import (
	"net"
	"net/netip"

	"tunbench/harness/netns"
	"tunbench/harness/spec"
)

// Addresses of a trial's device and of the host behind it, which is nobody.
// The networks are set aside for benchmarks (RFC 2544, RFC 5180).
var (
	deviceAddr4 = netip.MustParsePrefix("198.18.0.1/24")
	peerAddr4   = netip.MustParseAddr("198.18.0.2")
	deviceAddr6 = netip.MustParsePrefix("2001:2::1/64")
	peerAddr6   = netip.MustParseAddr("2001:2::2")
	deviceMAC   = net.HardwareAddr{0x02, 0, 0, 0, 0, 1}
	peerMAC     = net.HardwareAddr{0x02, 0, 0, 0, 0, 2}
)

// linkOf is how the device of a path with one end is set up.
func linkOf(s spec.Spec) netns.Link {
	l := netns.Link{MTU: max(spec.DefaultMTU, s.Size), TxQLen: s.TxQLen, Qdisc: s.Qdisc}
	addr, peer := addresses(s)
	l.Addr = []netip.Prefix{addr}
	if s.Dir == spec.U2K && s.Gen == spec.GenPacketGSO {
		l.Blackholes = []netip.Addr{nobody(s)}
	}
	if s.Mode == spec.TAP {
		l.MAC = deviceMAC
		l.Neighbours = []netns.Neighbour{{Addr: peer, MAC: peerMAC}}
	}
	return l
}

// addresses are that of the device and that of the host behind it.
func addresses(s spec.Spec) (netip.Prefix, netip.Addr) {
	if s.Family == 6 {
		return deviceAddr6, peerAddr6
	}
	return deviceAddr4, peerAddr4
}

// Hosts in the networks of the device that nobody is: what is sent to them goes
// no further than the packet socket that sees it come in.
var (
	nobody4 = netip.MustParseAddr("198.18.0.3")
	nobody6 = netip.MustParseAddr("2001:2::3")
)

// nobody is where segments of TCP go that are written: a stack would answer
// those of a connection that it does not know.
func nobody(s spec.Spec) netip.Addr {
	if s.Family == 6 {
		return nobody6
	}
	return nobody4
}

// hostMACs are the link addresses of the two hosts.
var hostMACs = [2]net.HardwareAddr{deviceMAC, peerMAC}

// hostAddress is the address of a host of a wire, with its subnet.
func hostAddress(s spec.Spec, i int) netip.Prefix {
	addr, peer := addresses(s)
	if i == 0 {
		return addr
	}
	return netip.PrefixFrom(peer, addr.Bits())
}

// hostLink is how the device of host i of a wire is set up. With frames, the
// other host's link address is known beforehand.
func hostLink(s spec.Spec, i int, frames bool) netns.Link {
	l := netns.Link{MTU: s.MTU(), TxQLen: s.TxQLen, Qdisc: s.Qdisc, Addr: []netip.Prefix{hostAddress(s, i)}}
	if frames {
		l.MAC = hostMACs[i]
		l.Neighbours = []netns.Neighbour{{Addr: hostAddress(s, 1-i).Addr(), MAC: hostMACs[1-i]}}
	}
	return l
}
