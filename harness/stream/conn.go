package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"tunbench/harness/call"
	"tunbench/harness/socket"

	"golang.org/x/sys/unix"
)

// Ports. Flow i asks or sends from FirstPort+i, so that it hashes to the same
// queue in each trial; over UDP it is answered from a port of the same number.
const (
	FirstPort  = 20000
	ServerPort = 9 // discard
)

const (
	// connectWithin is how long a connection may take. A SYN that is lost comes
	// again after a second.
	connectWithin = 1800 * time.Millisecond
	// connectLook is how often the wait for a connection is interrupted to see whether it
	// should go on.
	connectLook = 50 * time.Millisecond
)

// Conn is one end of a conversation.
type Conn struct {
	Flow int
	fd   int

	number  uint64 // of the last request
	asked   int64  // when it was sent, in ns of the trial's clock
	got     int    // bytes of the answer, or of the request, so far
	waits   bool   // for an answer
	untimed bool   // the trial was held meanwhile
}

// FD is the descriptor of the socket.
func (c *Conn) FD() int { return c.fd }

// Waiting reports whether something has come that was not read yet.
func (c *Conn) Waiting() (bool, error) {
	fds := [1]unix.PollFd{{Fd: int32(c.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds[:], 0)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return false, fmt.Errorf("poll flow %d: %w", c.Flow, err)
	}
	return n != 0, nil
}

// Close closes the socket.
func (c *Conn) Close() error {
	fd := c.fd
	c.fd = -1
	if fd < 0 {
		return nil
	}
	return unix.Close(fd)
}

// Listener takes connections.
type Listener struct{ fd int }

// Listen opens a listener at ServerPort. It must be called on a thread in the
// namespace of the host.
func Listen(at netip.Addr, backlog int) (*Listener, error) {
	fd, err := open(unix.SOCK_STREAM, netip.AddrPortFrom(at, ServerPort))
	if err != nil {
		return nil, err
	}
	if err := unix.Listen(fd, backlog); err != nil {
		unix.Close(fd)
		return nil, &call.Error{Call: "listen", Err: err}
	}
	return &Listener{fd}, nil
}

// Accept waits for the next connection.
func (l *Listener) Accept(ctx context.Context) (*Conn, error) {
	for deadline := time.Now().Add(connectWithin); ; {
		fd, from, err := unix.Accept4(l.fd, unix.SOCK_CLOEXEC)
		switch {
		case err == nil:
			return accepted(fd, from)
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EAGAIN) && time.Now().Before(deadline):
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		default:
			return nil, &call.Error{Call: "accept", Err: err}
		}
	}
}

func accepted(fd int, from unix.Sockaddr) (*Conn, error) {
	port := 0
	switch from := from.(type) {
	case *unix.SockaddrInet4:
		port = from.Port
	case *unix.SockaddrInet6:
		port = from.Port
	}
	c := &Conn{Flow: port - FirstPort, fd: fd}
	if err := c.prompt(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// prompt makes TCP send at once what it is given.
func (c *Conn) prompt() error {
	if err := unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return &call.Error{Call: "setsockopt TCP_NODELAY", Err: err}
	}
	return nil
}

// Close closes the listener.
func (l *Listener) Close() error { return unix.Close(l.fd) }

// Socket opens the socket of who connects on a flow, not connected yet. It must
// be called on a thread in the namespace of the host.
func Socket(from netip.Addr, flow int) (*Conn, error) {
	fd, err := open(unix.SOCK_STREAM, netip.AddrPortFrom(from, uint16(FirstPort+flow)))
	if err != nil {
		return nil, fmt.Errorf("open the socket of flow %d: %w", flow, err)
	}
	c := &Conn{Flow: flow, fd: fd}
	if err := c.prompt(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Connect connects to a listener. Packets must be able to flow.
func (c *Conn) Connect(ctx context.Context, to netip.Addr) error {
	_, remote := socket.Address(netip.AddrPortFrom(to, ServerPort))
	for deadline := time.Now().Add(connectWithin); ; {
		err := unix.Connect(c.fd, remote)
		switch {
		case err == nil, errors.Is(err, unix.EISCONN):
			return nil
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EINPROGRESS), errors.Is(err, unix.EALREADY): // connectLook has passed
			if err := ctx.Err(); err != nil {
				return err
			}
			if time.Now().Before(deadline) {
				continue
			}
			return fmt.Errorf("connect flow %d to %v: no answer within %v", c.Flow, to, connectWithin)
		default:
			return &call.Error{Call: fmt.Sprintf("connect flow %d to %v", c.Flow, to), Err: err}
		}
	}
}

// Info asks the kernel.
func (c *Conn) Info() (Info, error) {
	var i unix.TCPInfo
	size := uint32(unsafe.Sizeof(i))
	if _, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(c.fd), unix.IPPROTO_TCP, unix.TCP_INFO,
		uintptr(unsafe.Pointer(&i)), uintptr(unsafe.Pointer(&size)), 0); errno != 0 {
		return Info{}, &call.Error{Call: fmt.Sprintf("getsockopt TCP_INFO of flow %d", c.Flow), Err: errno}
	}
	// data_segs_out came with Linux 4.6, and all before it with it.
	if need := unsafe.Offsetof(i.Data_segs_out) + unsafe.Sizeof(i.Data_segs_out); uintptr(size) < need {
		return Info{}, &call.Error{Call: fmt.Sprintf("getsockopt TCP_INFO of flow %d: the kernel tells %d bytes, %d are needed", c.Flow, size, need), Err: unix.EOPNOTSUPP}
	}
	const timestamps = 1 // TCPI_OPT_TIMESTAMPS of include/uapi/linux/tcp.h
	us := func(n uint32) time.Duration { return time.Duration(n) * time.Microsecond }
	return Info{
		SegsOut: i.Segs_out, DataOut: i.Data_segs_out, Again: i.Total_retrans,
		SegsIn: i.Segs_in, DataIn: i.Data_segs_in,
		Received: i.Bytes_received, Acked: i.Bytes_acked, Unacked: i.Unacked, Unsent: i.Notsent_bytes,
		RTT: us(i.Rtt), RTTVar: us(i.Rttvar), MinRTT: us(i.Min_rtt),
		Cwnd: i.Snd_cwnd, MSS: i.Snd_mss, Timestamps: i.Options&timestamps != 0,
	}, nil
}

// Acknowledge sends the acknowledgement that the kernel delays, for up to 200 ms, in the hope
// of data that it could go with. It delays the next ones as before.
func (c *Conn) Acknowledge() error {
	// An even value is for once (__tcp_sock_set_quickack of net/ipv4/tcp.c).
	const once = 2
	if err := unix.SetsockoptInt(c.fd, unix.IPPROTO_TCP, unix.TCP_QUICKACK, once); err != nil {
		return &call.Error{Call: fmt.Sprintf("setsockopt TCP_QUICKACK of flow %d", c.Flow), Err: err}
	}
	return nil
}

// Congestion is the name of the congestion control.
func (c *Conn) Congestion() (string, error) {
	var name [16]byte // TCP_CA_NAME_MAX
	size := uint32(len(name))
	if _, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(c.fd), unix.IPPROTO_TCP, unix.TCP_CONGESTION,
		uintptr(unsafe.Pointer(&name)), uintptr(unsafe.Pointer(&size)), 0); errno != 0 {
		return "", &call.Error{Call: fmt.Sprintf("getsockopt TCP_CONGESTION of flow %d", c.Flow), Err: errno}
	}
	text, _, _ := bytes.Cut(name[:], []byte{0})
	return string(text), nil
}

// Datagrams opens a connected UDP socket of a flow between hosts that talk to
// each other in datagrams. It must be called on a thread in the namespace of the
// host from.
func Datagrams(from, to netip.Addr, flow int) (*Conn, error) {
	port := uint16(FirstPort + flow)
	fd, err := open(unix.SOCK_DGRAM, netip.AddrPortFrom(from, port))
	if err != nil {
		return nil, fmt.Errorf("open the socket of flow %d: %w", flow, err)
	}
	c := &Conn{Flow: flow, fd: fd}
	_, remote := socket.Address(netip.AddrPortFrom(to, port))
	if err := unix.Connect(fd, remote); err != nil {
		return nil, errors.Join(&call.Error{Call: fmt.Sprintf("connect flow %d to %v", flow, to), Err: err}, c.Close())
	}
	return c, nil
}

// open returns a bound socket whose calls end after a while.
func open(kind int, at netip.AddrPort) (int, error) {
	domain, local := socket.Address(at)
	fd, err := unix.Socket(domain, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, &call.Error{Call: "socket", Err: err}
	}
	timeout := unix.NsecToTimeval(int64(connectLook))
	err = errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &timeout),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout),
	)
	if err != nil {
		unix.Close(fd)
		return -1, &call.Error{Call: "setsockopt of " + at.String(), Err: err}
	}
	if err := unix.Bind(fd, local); err != nil {
		unix.Close(fd)
		return -1, &call.Error{Call: "bind " + at.String(), Err: err}
	}
	return fd, nil
}
