package netns

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// statistics reads the counters of links by rtnetlink. The socket and the buffers are kept,
// since links are read in polls. It belongs to the namespace's thread.
type statistics struct {
	open            bool
	socket          int
	sequence        uint32
	request, answer []byte
}

// answerRoom is more than the kernel says of a link without virtual functions, in bytes.
const answerRoom = 16 << 10

// of asks for the counters of the link name. ENODEV is that of a link that does not exist.
func (s *statistics) of(name string) (Counters, error) {
	if !s.open {
		fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
		if err != nil {
			return Counters{}, fmt.Errorf("open rtnetlink socket: %w", err)
		}
		s.open, s.socket, s.answer = true, fd, make([]byte, answerRoom)
	}
	s.sequence++
	s.request = linkRequest(s.request[:0], s.sequence, name)
	if _, err := unix.Write(s.socket, s.request); err != nil {
		return Counters{}, err
	}
	for {
		n, err := unix.Read(s.socket, s.answer)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return Counters{}, err
		}
		if n < unix.NLMSG_HDRLEN {
			return Counters{}, unix.EBADMSG
		}
		// That of an earlier request, whose answer was not read, is passed over.
		if binary.NativeEndian.Uint32(s.answer[8:]) == s.sequence {
			return linkCounters(s.answer[:n])
		}
	}
}

func (s *statistics) close() {
	if s.open {
		s.open = false
		unix.Close(s.socket)
	}
}

// linkRequest appends an RTM_GETLINK for the link name: struct nlmsghdr of
// include/uapi/linux/netlink.h, ifinfomsg and rtattr of rtnetlink.h.
func linkRequest(b []byte, sequence uint32, name string) []byte {
	order := binary.NativeEndian
	attr := unix.SizeofRtAttr + len(name) + 1
	padded := (attr + unix.NLMSG_ALIGNTO - 1) &^ (unix.NLMSG_ALIGNTO - 1)
	b = order.AppendUint32(b, uint32(unix.NLMSG_HDRLEN+unix.SizeofIfInfomsg+padded))
	b = order.AppendUint16(b, unix.RTM_GETLINK)
	b = order.AppendUint16(b, unix.NLM_F_REQUEST)
	b = order.AppendUint32(b, sequence)
	b = order.AppendUint32(b, 0) // port
	b = append(b, make([]byte, unix.SizeofIfInfomsg)...)
	b = order.AppendUint16(b, uint16(attr))
	b = order.AppendUint16(b, unix.IFLA_IFNAME)
	b = append(b, name...)
	return append(b, make([]byte, padded-attr+1)...)
}

// linkCounters are those of an answer to linkRequest.
func linkCounters(message []byte) (Counters, error) {
	order := binary.NativeEndian
	body := message[unix.NLMSG_HDRLEN:]
	switch kind := order.Uint16(message[4:]); {
	case int(order.Uint32(message)) > len(message):
		return Counters{}, unix.EMSGSIZE // for answerRoom
	case kind == unix.NLMSG_ERROR && len(body) >= 4:
		return Counters{}, unix.Errno(-int32(order.Uint32(body)))
	case kind != unix.RTM_NEWLINK || len(body) < unix.SizeofIfInfomsg:
		return Counters{}, unix.EBADMSG
	}
	for attrs := body[unix.SizeofIfInfomsg:]; len(attrs) >= unix.SizeofRtAttr; {
		size := int(order.Uint16(attrs))
		if size < unix.SizeofRtAttr || size > len(attrs) {
			return Counters{}, unix.EBADMSG
		}
		// struct rtnl_link_stats64 of include/uapi/linux/if_link.h.
		if s := attrs[unix.SizeofRtAttr:size]; order.Uint16(attrs[2:]) == unix.IFLA_STATS64 && len(s) >= 8*8 {
			at := func(i int) uint64 { return order.Uint64(s[8*i:]) }
			return Counters{
				RxPackets: at(0), TxPackets: at(1), RxBytes: at(2), TxBytes: at(3),
				RxErrors: at(4), TxErrors: at(5), RxDropped: at(6), TxDropped: at(7),
			}, nil
		}
		attrs = attrs[min(len(attrs), (size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1)):]
	}
	return Counters{}, unix.ENODATA
}
