package device

import (
	"net"
	"net/netip"

	"tunbench/harness/netns"
	"tunbench/harness/spec"
)

// Addresses of a trial's device and of the host behind it, which does not exist.
// The networks are set aside for benchmarks (RFC 2544, RFC 5180).
var (
	Addr4     = netip.MustParsePrefix("198.18.0.1/24")
	PeerAddr4 = netip.MustParseAddr("198.18.0.2")
	Addr6     = netip.MustParsePrefix("2001:2::1/64")
	peerAddr6 = netip.MustParseAddr("2001:2::2")
	MAC       = net.HardwareAddr{0x02, 0, 0, 0, 0, 1}
	PeerMAC   = net.HardwareAddr{0x02, 0, 0, 0, 0, 2}
)

// LinkOf is how the device of a path with one end is set up.
func LinkOf(s spec.Spec) netns.Link {
	l := netns.Link{MTU: max(spec.DefaultMTU, s.Size), TxQLen: s.TxQLen, Qdisc: s.Qdisc}
	addr, peer := Addresses(s)
	l.Addr = []netip.Prefix{addr}
	if s.Dir == spec.U2K && s.Gen == spec.GenPacketGSO {
		l.Blackholes = []netip.Addr{Nobody(s)}
	}
	if s.Mode == spec.TAP {
		l.MAC = MAC
		l.Neighbours = []netns.Neighbour{{Addr: peer, MAC: PeerMAC}}
	}
	return l
}

// Addresses are that of the device and that of the host behind it.
func Addresses(s spec.Spec) (netip.Prefix, netip.Addr) {
	if s.Family == 6 {
		return Addr6, peerAddr6
	}
	return Addr4, PeerAddr4
}

// Addresses in the networks of the device that no host has: packets to them reach the
// packet socket, and go no further.
var (
	nobody4 = netip.MustParseAddr("198.18.0.3")
	nobody6 = netip.MustParseAddr("2001:2::3")
)

// Nobody is the destination of TCP segments that are written: a stack would answer
// segments of a connection that it does not know.
func Nobody(s spec.Spec) netip.Addr {
	if s.Family == 6 {
		return nobody6
	}
	return nobody4
}

// HostMACs are the link addresses of the two hosts.
var HostMACs = [2]net.HardwareAddr{MAC, PeerMAC}

// HostAddress is the address of a host of a path, with its subnet.
func HostAddress(s spec.Spec, i int) netip.Prefix {
	addr, peer := Addresses(s)
	if i == 0 {
		return addr
	}
	return netip.PrefixFrom(peer, addr.Bits())
}

// HostLink is how the device of host i of a path is set up. With frames, the
// other host's link address is known beforehand.
func HostLink(s spec.Spec, i int, frames bool) netns.Link {
	l := netns.Link{MTU: s.MTU(), TxQLen: s.TxQLen, Qdisc: s.Qdisc, Addr: []netip.Prefix{HostAddress(s, i)}}
	if frames {
		l.MAC = HostMACs[i]
		l.Neighbours = []netns.Neighbour{{Addr: HostAddress(s, 1-i).Addr(), MAC: HostMACs[1-i]}}
	}
	return l
}
