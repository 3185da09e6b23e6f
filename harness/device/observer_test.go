package device

import (
	"strings"
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

// TestUnrefused holds what a device dropped against what was seen refused.
func TestUnrefused(t *testing.T) {
	for _, c := range []struct {
		hook                   bpf.Hook
		dropped, refused, lost uint64
		agree                  bool
	}{
		{bpf.Kprobe, 3, 3, 0, true},
		{bpf.Kprobe, 3, 2, 0, false},
		{bpf.Fentry, 2, 3, 0, false},
		{bpf.Kprobe, 3, 2, 1, true},
		{bpf.Kprobe, 4, 2, 1, false},
		{bpf.Kprobe, 1, 2, 1, false},
		{bpf.Tracepoint, 3, 0, 0, true}, // which does not see it
	} {
		s := &bpf.Snapshot{Refused: c.refused, Lost: map[string]uint64{bpf.FuncXmit: c.lost}}
		if text := Unrefused(c.hook, s, "tun0", netns.Counters{TxDropped: c.dropped}); (text == "") != c.agree {
			t.Errorf("%+v: %q", c, text)
		}
	}
}

// TestUnknownReturns holds that figures of returns are absent, with a reason,
// wherever they are not known.
func TestUnknownReturns(t *testing.T) {
	queues := []bpf.Queue{{ReadCalls: 2, ReadRetBytes: 100, WriteCalls: 1, WriteRetBytes: 64}, {ReadCalls: 1}}
	for name, c := range map[string]struct {
		hook          bpf.Hook
		direction     bpf.Direction
		lost          map[string]uint64
		torn          bool
		reads, writes bool
		why           string // of one of them
	}{
		"whole":           {hook: bpf.Kprobe, direction: bpf.Both, reads: true, writes: true},
		"one side":        {hook: bpf.Fentry, direction: bpf.K2U, reads: true},
		"the other":       {hook: bpf.Fentry, direction: bpf.U2K, writes: true},
		"tracepoint":      {hook: bpf.Tracepoint, direction: bpf.Both, why: "does not see returns"},
		"lost reads":      {hook: bpf.Kprobe, direction: bpf.Both, lost: map[string]uint64{bpf.FuncRead: 5}, writes: true, why: "5 of 8 calls of tun_do_read"},
		"lost writes":     {hook: bpf.Fentry, direction: bpf.Both, lost: map[string]uint64{bpf.FuncWrite: 5}, reads: true, why: "5 of 6 calls of tun_get_user"},
		"lost xmits":      {hook: bpf.Kprobe, direction: bpf.Both, lost: map[string]uint64{bpf.FuncXmit: 5}, reads: true, writes: true},
		"detached":        {hook: bpf.Fentry, direction: bpf.Both, torn: true, why: "detached"},
		"detached, waits": {hook: bpf.Kprobe, direction: bpf.Both, torn: true, lost: map[string]uint64{bpf.FuncRead: 1}, why: "detached"},
	} {
		o := &record.Observer{}
		addReturns(o, c.hook, c.direction, &bpf.Snapshot{Queues: queues, Lost: c.lost, Torn: c.torn})
		if (o.ReadCalls != nil) != c.reads || (o.WriteCalls != nil) != c.writes {
			t.Errorf("%s: reads %v, writes %v", name, countOf(o.ReadCalls), countOf(o.WriteCalls))
		}
		if c.reads && (*o.ReadCalls != 3 || *o.ReadBytes != 100) || c.writes && (*o.WriteCalls != 1 || *o.WriteBytes != 64) {
			t.Errorf("%s: %+v", name, o)
		}
		if !strings.Contains(o.NoReads+o.NoWrites, c.why) || c.why == "" && o.NoReads+o.NoWrites != "" {
			t.Errorf("%s: %q %q", name, o.NoReads, o.NoWrites)
		}
		if lost := len(o.LostReturns) > 0; lost != (len(c.lost) > 0 && !c.torn) {
			t.Errorf("%s: lost %v", name, o.LostReturns)
		}
	}
}

func countOf(n *uint64) any {
	if n == nil {
		return "no"
	}
	return *n
}
