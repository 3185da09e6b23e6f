package device

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/bpf"
	"tunbench/harness/netns"
	"tunbench/reports/record"
)

// TestUnrun holds the observer's counts of a device against the device's own,
// where the kernel may not have run the observer for all.
func TestUnrun(t *testing.T) {
	for name, c := range map[string]struct {
		xmit    []uint64 // skbs the observer saw, by queue
		drops   map[string]uint64
		device  netns.Counters
		perSKB  uint64
		missed  uint64
		dropped map[string]uint64
	}{
		"all seen": {
			[]uint64{60, 50}, map[string]uint64{"FULL_RING": 10}, netns.Counters{TxPackets: 100, TxDropped: 10}, 1,
			0, map[string]uint64{"FULL_RING": 10},
		},
		"the qdisc dropped before": {
			[]uint64{100}, map[string]uint64{qdiscDrop: 7}, netns.Counters{TxPackets: 100}, 1,
			0, map[string]uint64{qdiscDrop: 7},
		},
		"delivered ones were missed": {
			[]uint64{95}, map[string]uint64{"FULL_RING": 10}, netns.Counters{TxPackets: 100, TxDropped: 10}, 1,
			15, map[string]uint64{"FULL_RING": 10},
		},
		"dropped ones were missed": {
			[]uint64{107}, map[string]uint64{"FULL_RING": 7, qdiscDrop: 5}, netns.Counters{TxPackets: 100, TxDropped: 10}, 1,
			3, map[string]uint64{"FULL_RING": 7, qdiscDrop: 5, record.TxDropped: 3},
		},
		"GSO packets": {
			[]uint64{108}, map[string]uint64{"FULL_RING": 8 * 40}, netns.Counters{TxPackets: 100, TxDropped: 10}, 40,
			2, map[string]uint64{"FULL_RING": 8 * 40, record.TxDropped: 2 * 40},
		},
		"more seen than counted": {
			[]uint64{111}, map[string]uint64{"FULL_RING": 11}, netns.Counters{TxPackets: 100, TxDropped: 10}, 1,
			0, map[string]uint64{"FULL_RING": 11},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &bpf.Snapshot{Drops: c.drops}
			for _, n := range c.xmit {
				s.Queues = append(s.Queues, bpf.Queue{XmitSKBs: n})
			}
			if got := Unrun(s, c.device); got != c.missed {
				t.Errorf("missed %d, want %d", got, c.missed)
			}
			if diff := cmp.Diff(c.dropped, DroppedBy(s, c.device, c.perSKB)); diff != "" {
				t.Errorf("dropped, -want +got:\n%s", diff)
			}
		})
	}
}

// TestJoinMissed: the record of the observers of two devices has the runs that are missing on
// each, whichever of the kernel and the device counted more of them.
func TestJoinMissed(t *testing.T) {
	seen := &bpf.Snapshot{Queues: []bpf.Queue{{XmitSKBs: 60}, {XmitSKBs: 40}}}
	first := &record.Observer{Hook: "tracepoint", SampleEvery: 16, MissedRuns: 3}
	all := JoinMissed(nil, first, seen, netns.Counters{TxPackets: 95, TxDropped: 10})
	if all != first || all.MissedRuns != 5 {
		t.Errorf("of the first device: %+v", all)
	}
	for _, c := range []struct{ counted, sent, want uint64 }{{0, 638, 5 + 538}, {7, 100, 5 + 538 + 7}} {
		all = JoinMissed(all, &record.Observer{MissedRuns: c.counted}, seen, netns.Counters{TxPackets: c.sent})
		if want := (record.Observer{Hook: "tracepoint", SampleEvery: 16, MissedRuns: c.want}); !cmp.Equal(*all, want) {
			t.Errorf("with another device: %+v, want %+v", *all, want)
		}
	}
}

// TestReadCalls holds that the calls of readers are there where they are known, and
// else a reason.
func TestReadCalls(t *testing.T) {
	queues := []bpf.Queue{{ReadCalls: 2}, {ReadCalls: 1}}
	for _, c := range []struct {
		hook      bpf.Hook
		direction bpf.Direction
		calls     bool
		why       string
	}{
		{bpf.Kprobe, bpf.Both, true, ""},
		{bpf.Fentry, bpf.K2U, true, ""},
		{bpf.Fentry, bpf.U2K, false, ""},
		{bpf.Tracepoint, bpf.Both, false, "the tracepoint hook does not see calls"},
		{bpf.Tracepoint, bpf.U2K, false, ""},
	} {
		o := &record.Observer{}
		addCalls(o, c.hook, c.direction, &bpf.Snapshot{Queues: queues})
		if (o.ReadCalls != nil) != c.calls || c.calls && *o.ReadCalls != 3 || o.NoReads != c.why {
			t.Errorf("%s, direction %d: %+v", c.hook, c.direction, o)
		}
	}
}
