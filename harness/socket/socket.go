// Package socket converts IP addresses for system calls, opens connected UDP
// sockets, lists the sockets of a network namespace and counts their drops.
package socket

import (
	"net/netip"

	"golang.org/x/sys/unix"

	"tunbench/harness/call"
)

// Address returns the address family of a and the form in which system calls
// take it.
func Address(a netip.AddrPort) (family int, to unix.Sockaddr) {
	if a.Addr().Is6() {
		return unix.AF_INET6, &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
	}
	return unix.AF_INET, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
}

// SendUnsummed makes a UDP socket send datagrams without a checksum. Over IPv6 only those
// of tunnels may go without (RFC 6935).
func SendUnsummed(fd int, v6 bool) error {
	if v6 {
		return set(fd, unix.IPPROTO_UDP, udpNoCheck6TX, "UDP_NO_CHECK6_TX")
	}
	return set(fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, "SO_NO_CHECK")
}

// ReceiveUnsummed makes it receive such datagrams, which over IPv4 it does anyway.
func ReceiveUnsummed(fd int, v6 bool) error {
	if !v6 {
		return nil
	}
	return set(fd, unix.IPPROTO_UDP, udpNoCheck6RX, "UDP_NO_CHECK6_RX")
}

// Of include/uapi/linux/udp.h.
const (
	udpNoCheck6TX = 101
	udpNoCheck6RX = 102
)

func set(fd, level, option int, name string) error {
	if err := unix.SetsockoptInt(fd, level, option, 1); err != nil {
		return &call.Error{Call: "setsockopt " + name, Err: err}
	}
	return nil
}

// UDP opens a UDP socket that is bound to one address and connected to the
// other. Flags, such as unix.SOCK_NONBLOCK, are added to its type.
func UDP(local, remote netip.AddrPort, flags int) (fd int, err error) {
	family, from := Address(local)
	if fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|flags, 0); err != nil {
		return -1, &call.Error{Call: "socket", Err: err}
	}
	if err := unix.Bind(fd, from); err != nil {
		unix.Close(fd)
		return -1, &call.Error{Call: "bind " + local.String(), Err: err}
	}
	_, to := Address(remote)
	if err := unix.Connect(fd, to); err != nil {
		unix.Close(fd)
		return -1, &call.Error{Call: "connect " + remote.String(), Err: err}
	}
	return fd, nil
}
