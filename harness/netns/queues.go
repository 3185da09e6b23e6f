package netns

import (
	"fmt"
	"regexp"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// QueueCounters are what a driver counted on one pair of queues of a link.
type QueueCounters struct {
	RxPackets, RxDrops, TxPackets, TxDrops uint64
}

// queueStat matches the driver's names of counters of a queue: rx_queue_0_packets, and
// rx0_packets in drivers that follow include/net/netdev_queues.h.
var queueStat = regexp.MustCompile(`^(rx|tx)_?(?:queue_)?([0-9]+)_(packets|drops)$`)

// addQueueStat puts a counter of the driver where it belongs; other counters are left out.
func addQueueStat(queues []QueueCounters, name string, n uint64) []QueueCounters {
	m := queueStat.FindStringSubmatch(name)
	if m == nil {
		return queues
	}
	i, err := strconv.Atoi(m[2])
	if err != nil || i >= mostQueues {
		return queues
	}
	for len(queues) <= i {
		queues = append(queues, QueueCounters{})
	}
	q := &queues[i]
	*map[string]*uint64{"rxpackets": &q.RxPackets, "rxdrops": &q.RxDrops, "txpackets": &q.TxPackets, "txdrops": &q.TxDrops}[m[1]+m[3]] = n
	return queues
}

// mostQueues bounds what a driver may number.
const mostQueues = 4096

func queueCounters(name string) (queues []QueueCounters, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open socket for ethtool: %w", err)
	}
	defer unix.Close(fd)
	chars, count, err := stringSet(fd, name, ssStats)
	if err != nil || count == 0 {
		return nil, err
	}
	// struct ethtool_stats: cmd and n_stats of 32 bits, data[] of 64.
	stats := make([]uint64, 1+count)
	head := (*[2]uint32)(unsafe.Pointer(&stats[0]))
	head[0], head[1] = unix.ETHTOOL_GSTATS, uint32(count)
	if err := ethtool(fd, name, unsafe.Pointer(&stats[0])); err != nil {
		return nil, err
	}
	for i, n := range stats[1:] {
		queues = addQueueStat(queues, unix.ByteSliceToString(chars[i*stringLen:(i+1)*stringLen]), n)
	}
	return queues, nil
}
