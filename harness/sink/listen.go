package sink

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"tunbench/harness/call"
	"tunbench/harness/socket"
)

// Listen opens n UDP sockets that are bound to addr, with receive buffers of
// that many bytes or as much as this process may have. It must be called on a
// thread in the right network namespace. With several, flow i comes out of
// socket i modulo n.
func Listen(addr netip.AddrPort, n, buffer int, gro bool) (fds []int, err error) {
	return ListenBehind(addr, n, buffer, gro, 0, nil)
}

// ListenBehind is Listen for datagrams whose stamp begins behind that many bytes. prepare, if
// not nil, is called with each socket before it is bound.
func ListenBehind(addr netip.AddrPort, n, buffer int, gro bool, before int, prepare func(fd int) error) (fds []int, err error) {
	defer func() {
		if err != nil {
			for _, fd := range fds {
				unix.Close(fd)
			}
			fds = nil
		}
	}()
	family, local := socket.Address(addr)
	for range n {
		fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fds, &call.Error{Call: "socket", Err: err}
		}
		fds = append(fds, fd)
		if n > 1 {
			if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
				return fds, &call.Error{Call: "setsockopt SO_REUSEPORT", Err: err}
			}
		}
		if err := Prepare(fd, buffer, gro); err != nil {
			return fds, err
		}
		if prepare != nil {
			if err := prepare(fd); err != nil {
				return fds, err
			}
		}
		if err := unix.Bind(fd, local); err != nil {
			return fds, &call.Error{Call: "bind " + addr.String(), Err: err}
		}
	}
	if n > 1 {
		err = spread(fds[0], n, before)
	}
	return fds, err
}

// Prepare gives a UDP socket a receive buffer of that many bytes, or as much as
// this process may have, and UDP_GRO if asked for (Linux 5.0).
func Prepare(fd, buffer int, gro bool) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer); err != nil {
			return &call.Error{Call: "setsockopt SO_RCVBUF", Err: err}
		}
	}
	if gro {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1); err != nil {
			return &call.Error{Call: "setsockopt UDP_GRO", Err: err}
		}
	}
	return nil
}

// spread chooses among the sockets of a port by the flow number of the stamp,
// whose low 16 bits are 4 bytes into it, that many bytes into the payload. By the kernel's hash, few
// flows could share one socket while others get none.
func spread(fd, n, before int) error {
	program := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: uint32(before + 5)},
		{Code: unix.BPF_ALU | unix.BPF_LSH | unix.BPF_K, K: 8},
		{Code: unix.BPF_MISC | unix.BPF_TAX},
		{Code: unix.BPF_LD | unix.BPF_B | unix.BPF_ABS, K: uint32(before + 4)},
		{Code: unix.BPF_ALU | unix.BPF_ADD | unix.BPF_X},
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(n)},
		{Code: unix.BPF_RET | unix.BPF_A},
	}
	f := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, &f); err != nil {
		return &call.Error{Call: "setsockopt SO_ATTACH_REUSEPORT_CBPF", Err: err}
	}
	return nil
}

// Idle reports whether no socket of a receiver holds a packet.
func Idle(receivers []*Receiver) (bool, error) {
	var fds []unix.PollFd
	for _, r := range receivers {
		for _, fd := range r.FDs {
			fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		}
	}
	n, err := unix.Poll(fds, 0)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return false, fmt.Errorf("poll the sockets of the receivers: %w", err)
	}
	return n == 0 && err == nil, nil
}
