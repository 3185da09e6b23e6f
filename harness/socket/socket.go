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
