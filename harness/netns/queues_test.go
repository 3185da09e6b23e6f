package netns

import (
	"encoding/binary"
	"slices"
	"syscall"
	"testing"
)

func TestQueueStats(t *testing.T) {
	var got []QueueCounters
	for name, n := range map[string]uint64{
		"rx_queue_0_packets": 1, "rx_queue_0_drops": 2, "tx_queue_0_packets": 3, "tx_queue_2_tx_timeouts": 9,
		"rx1_packets": 4, "tx1_packets": 5, "tx1_drops": 6, "rx_queue_0_xdp_drops": 9, "rx_packets": 9, "rx_queue_99999999_packets": 9,
	} {
		got = addQueueStat(got, name, n)
	}
	want := []QueueCounters{{RxPackets: 1, RxDrops: 2, TxPackets: 3}, {RxPackets: 4, TxPackets: 5, TxDrops: 6}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestQueuePackets(t *testing.T) {
	attr := func(kind uint16, value uint64, size int) (a syscall.NetlinkRouteAttr) {
		b := make([]byte, 8)
		binary.NativeEndian.PutUint64(b, value)
		if size == 4 {
			binary.NativeEndian.PutUint32(b, uint32(value))
		}
		a.Attr.Type, a.Value = kind, b[:size]
		return a
	}
	queue := func(kind, id uint64, packets uint16, n uint64, size int) []syscall.NetlinkRouteAttr {
		return []syscall.NetlinkRouteAttr{attr(qstatsIfindex, 2, 4), attr(qstatsQueueType, kind, 4), attr(qstatsQueueID, id, 4), attr(packets, n, size)}
	}
	var got []QueueCounters
	for _, attrs := range [][]syscall.NetlinkRouteAttr{
		queue(0, 0, qstatsRxPackets, 7, 4), queue(0, 1, qstatsRxPackets, 1<<40, 8), queue(queueTypeTx, 1, qstatsTxPackets, 8, 4),
		queue(0, mostQueues, qstatsRxPackets, 9, 4),
	} {
		got = addQueuePackets(got, attrs)
	}
	want := []QueueCounters{{RxPackets: 7}, {RxPackets: 1 << 40, TxPackets: 8}}
	if !slices.Equal(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestOwn looks at the namespace of the process, and changes nothing in it.
func TestOwn(t *testing.T) {
	own, err := Own()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := own.Counters("lo"); err != nil {
		t.Error(err)
	}
	if _, err := own.Queues("lo"); err != nil {
		t.Error(err)
	}
	if _, err := own.Qdisc("lo"); err != nil {
		t.Error(err)
	}
	if name, err := own.ByMAC("02:00:00:00:00:00"); err == nil {
		t.Errorf("%s has an address that no link has", name)
	}
	if err := own.Close(); err != nil {
		t.Error(err)
	}
	if err := own.Close(); err != nil {
		t.Error(err)
	}
}
