package netns

import (
	"encoding/binary"
	"errors"
	"syscall"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// The family of generic netlink by which drivers give the counters of their queues since
// Linux 6.10: include/uapi/linux/netdev.h. Those that do, such as virtio_net of 6.12, leave
// them out of ethtool -S.
const (
	netdevFamily = "netdev"
	qstatsGet    = 12 // NETDEV_CMD_QSTATS_GET

	qstatsIfindex   = 1 // NETDEV_A_QSTATS_IFINDEX and so on
	qstatsQueueType = 2
	qstatsQueueID   = 3
	qstatsScope     = 4
	qstatsRxPackets = 8
	qstatsTxPackets = 10

	scopeQueue  = 1 // NETDEV_QSTATS_SCOPE_QUEUE
	queueTypeTx = 1 // NETDEV_QUEUE_TYPE_TX
)

// genlHeader is struct genlmsghdr: command, version and 16 bits that must be 0
// (genl_header_check of net/netlink/genetlink.c), which nl.Genlmsg takes from the memory
// behind it.
type genlHeader [nl.SizeofGenlmsg]byte

func (h genlHeader) Len() int          { return len(h) }
func (h genlHeader) Serialize() []byte { return h[:] }

// queuePackets adds the packets of each queue by the family of netdev to counters; nothing of
// a kernel or a driver that does not have it. It must run on the namespace's thread.
func queuePackets(index int, queues []QueueCounters) ([]QueueCounters, error) {
	family, err := netlink.GenlFamilyGet(netdevFamily)
	if errors.Is(err, unix.ENOENT) {
		return queues, nil
	}
	if err != nil {
		return queues, err
	}
	request := nl.NewNetlinkRequest(int(family.ID), unix.NLM_F_DUMP)
	request.AddData(genlHeader{qstatsGet, byte(family.Version)})
	request.AddData(nl.NewRtAttr(qstatsIfindex, nl.Uint32Attr(uint32(index))))
	request.AddData(nl.NewRtAttr(qstatsScope, nl.Uint32Attr(scopeQueue)))
	replies, err := dump(request)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
		return queues, nil
	}
	if err != nil {
		return queues, err
	}
	for _, reply := range replies {
		attrs, err := nl.ParseRouteAttr(reply[min(len(reply), nl.SizeofGenlmsg):])
		if err != nil {
			return queues, err
		}
		queues = addQueuePackets(queues, attrs)
	}
	return queues, nil
}

// addQueuePackets adds what one reply says of a queue.
func addQueuePackets(queues []QueueCounters, attrs []syscall.NetlinkRouteAttr) []QueueCounters {
	values := map[uint16]uint64{}
	for _, a := range attrs {
		switch len(a.Value) {
		case 4:
			values[a.Attr.Type] = uint64(binary.NativeEndian.Uint32(a.Value))
		case 8:
			values[a.Attr.Type] = binary.NativeEndian.Uint64(a.Value)
		}
	}
	id := values[qstatsQueueID]
	if id >= mostQueues {
		return queues
	}
	for uint64(len(queues)) <= id {
		queues = append(queues, QueueCounters{})
	}
	if values[qstatsQueueType] == queueTypeTx {
		queues[id].TxPackets = values[qstatsTxPackets]
	} else {
		queues[id].RxPackets = values[qstatsRxPackets]
	}
	return queues
}

// dump sends a request and returns the replies up to the last. The messages of netdev lack
// NLM_F_MULTI (genlmsg_iput of include/net/genetlink.h), and the library would stop behind the
// first.
func dump(request *nl.NetlinkRequest) (replies [][]byte, err error) {
	s, err := nl.Subscribe(unix.NETLINK_GENERIC)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if err := s.SetReceiveTimeout(&unix.Timeval{Sec: 2}); err != nil {
		return nil, err
	}
	if err := s.Send(request); err != nil {
		return nil, err
	}
	for {
		messages, _, err := s.Receive()
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			switch m.Header.Type {
			case unix.NLMSG_DONE:
				return replies, nil
			case unix.NLMSG_ERROR:
				if len(m.Data) < 4 {
					return nil, unix.EBADMSG
				}
				return nil, unix.Errno(-int32(binary.NativeEndian.Uint32(m.Data)))
			}
			replies = append(replies, m.Data)
		}
	}
}
