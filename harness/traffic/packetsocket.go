package traffic

import (
	"math/bits"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"tunbench/harness/call"
	"tunbench/harness/socket"
	"tunbench/harness/worker"
)

// packetSender hands packets to a socket of AF_PACKET.
//
// sendmmsg(2) keeps the error to itself that ends it after the first message
// (__sys_sendmmsg of net/socket.c), and there are two that come here. ENOBUFS says that the
// qdisc or the device dropped the packet: it got as far as that, and counts as accepted and
// lost. EAGAIN says that the send buffer is full of packets that a qdisc holds: the packet
// went nowhere. So a call gets only messages that fit into the buffer together, or a single
// one.
type packetSender struct {
	*Sender
	room int // of the send buffer, in bytes as the kernel counts them
	// The system calls, replaced in tests.
	send   func(fd int, messages []socket.Message) (int, unix.Errno)
	queued func(fd int) (int, unix.Errno)
}

// open opens the socket.
func (s packetSender) open() error {
	// Protocol 0 receives nothing.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return &call.Error{Call: "socket AF_PACKET", Err: err}
	}
	s.fds = append(s.fds, fd)
	if s.Kind == PacketGSO {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
			return &call.Error{Call: "setsockopt PACKET_VNET_HDR", Err: err}
		}
	}
	if s.Bypass {
		if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1); err != nil {
			return &call.Error{Call: "setsockopt PACKET_QDISC_BYPASS", Err: err}
		}
	}
	room, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	if err != nil {
		return &call.Error{Call: "getsockopt SO_SNDBUF", Err: err}
	}
	s.call = packetSender{s.Sender, room, sendmmsg, queued}.write
	return nil
}

// write is the call of a sender. Its error is that of the first message that was not taken.
func (s packetSender) write(fd int, messages []socket.Message) (n int, errno unix.Errno) {
	if !s.Held { // then nothing is in the buffer between two calls
		return s.together(fd, messages)
	}
	for n < len(messages) {
		worker.Turn()
		waiting, errno := s.queued(fd)
		if errno != 0 {
			return n, errno
		}
		taken, errno := s.together(fd, messages[n:][:fitting(messages[n:], s.room-waiting)])
		n += taken
		s.counts.Calls += 2
		if errno != 0 {
			s.counts.Calls-- // which hand counts
			return n, errno
		}
	}
	s.counts.Calls--
	return n, 0
}

// together hands over messages that fit into the buffer, or a single one. Of several, the first
// that was not taken was dropped.
func (s packetSender) together(fd int, messages []socket.Message) (int, unix.Errno) {
	n, errno := s.send(fd, messages)
	if errno == 0 && n < len(messages) {
		errno = unix.ENOBUFS
	}
	return n, errno
}

// fitting is how many of the first messages fit into a buffer that has so many bytes left; at
// least one.
func fitting(messages []socket.Message, left int) int {
	for i := range messages {
		// The last one needs not fit: the kernel looks only whether the buffer is full.
		if left <= 0 {
			return max(1, i)
		}
		left -= most(&messages[i])
	}
	return len(messages)
}

// most is how many bytes of a send buffer a message takes at most: a piece that is a power of
// two long, or pages of up to order 3 (packet_alloc_skb of net/packet/af_packet.c,
// sock_alloc_send_pskb of net/core/sock.c).
func most(m *socket.Message) int {
	// Room for headers with struct skb_shared_info of MAX_SKB_FRAGS=45, and struct sk_buff.
	const around, of = 928, 512
	length := 0
	for _, v := range unsafe.Slice(m.Header.Iov, m.Header.Iovlen) {
		length += int(v.Len)
	}
	if page := syscall.Getpagesize(); length+around > page {
		return length + 10*page + of
	}
	return 1<<bits.Len(uint(length+around-1)) + of
}

// queued is how many bytes of a send buffer are taken.
func queued(fd int) (int, unix.Errno) {
	var n int32
	_, _, errno := syscall.RawSyscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCOUTQ, uintptr(unsafe.Pointer(&n)))
	return int(n), errno
}
