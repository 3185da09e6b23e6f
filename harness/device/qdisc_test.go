package device

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/harness/netns"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

func TestAttributeQdisc(t *testing.T) {
	dropped := func(n uint64) netns.Counters { return netns.Counters{Qdisc: netns.QdiscCounters{Dropped: n}} }
	gso := func(s *spec.Spec) { s.Gen, s.Size = spec.GenUDPGSO, 1500 }
	for name, c := range map[string]struct {
		set      func(*spec.Spec)
		device   netns.Counters
		observed bool
		drops    map[string]uint64
		want     map[string]uint64
	}{
		"nothing":             {nil, dropped(0), false, map[string]uint64{record.TxDropped: 3}, map[string]uint64{record.TxDropped: 3}},
		"bare":                {nil, dropped(7), false, map[string]uint64{record.TxDropped: 3}, map[string]uint64{record.TxDropped: 3, qdiscDrop: 7}},
		"bare, GSO packets":   {gso, dropped(2), false, map[string]uint64{}, map[string]uint64{qdiscDrop: 2 * 44}},
		"observed":            {nil, dropped(7), true, map[string]uint64{"FULL_RING": 3, qdiscDrop: 7}, map[string]uint64{"FULL_RING": 3, qdiscDrop: 7}},
		"observed, by CoDel":  {nil, dropped(7), true, map[string]uint64{qdiscDrop: 2, notSpecified: 5}, map[string]uint64{qdiscDrop: 7}},
		"no reason, no qdisc": {nil, dropped(0), true, map[string]uint64{notSpecified: 5}, map[string]uint64{notSpecified: 5}},
		"an event": {
			func(s *spec.Spec) { s.Event = spec.EventDetach }, dropped(7), true,
			map[string]uint64{qdiscDrop: 2, notSpecified: 5}, map[string]uint64{qdiscDrop: 2, notSpecified: 5},
		},
	} {
		s := spec.Default()
		s.Qdisc = "pfifo_fast"
		if c.set != nil {
			c.set(&s)
		}
		AttributeQdisc(c.drops, s, c.device, c.observed)
		if diff := cmp.Diff(c.want, c.drops); diff != "" {
			t.Errorf("%s: -want +got\n%s", name, diff)
		}
	}
	if n := QdiscDrops(map[string]uint64{qdiscDrop: 1, "FULL_RING": 2, "QDISC_OVERLIMIT": 4, record.TxDropped: 8}); n != 5 {
		t.Errorf("%d drops of qdiscs, want 5", n)
	}
}

// TestAttributeStreams: only what GSO packets that a qdisc dropped can explain is theirs.
func TestAttributeStreams(t *testing.T) {
	xmit := uint64(90)
	for name, c := range map[string]struct {
		accounting record.Accounting
		want       uint64
	}{
		"nothing dropped": {record.Accounting{Accepted: 100, Delivered: 90, Dropped: map[string]uint64{}}, 0},
		"nothing missing": {record.Accounting{Accepted: 100, Delivered: 90, Dropped: map[string]uint64{qdiscDrop: 10}}, 10},
		"GSO packets":     {record.Accounting{Accepted: 100, Delivered: 90, Dropped: map[string]uint64{qdiscDrop: 1}}, 10},
		"too much":        {record.Accounting{Accepted: 100000, Delivered: 90, Dropped: map[string]uint64{qdiscDrop: 1}}, 1},
		"observed":        {record.Accounting{Accepted: 100, Delivered: 90, Dropped: map[string]uint64{qdiscDrop: 1}, Xmit: &xmit}, 1},
		"more than sent":  {record.Accounting{Accepted: 90, Delivered: 90, Dropped: map[string]uint64{qdiscDrop: 1}}, 1},
	} {
		trial := record.Trial{Accounting: c.accounting}
		AttributeStreams(&trial)
		if got := trial.Accounting.Dropped[qdiscDrop]; got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

// TestEntered: a qdisc drops whole GSO packets, which the device may have got in segments.
func TestEntered(t *testing.T) {
	c := netns.Counters{TxPackets: 88, TxDropped: 44, Qdisc: netns.QdiscCounters{Dropped: 2}}
	s := spec.Default()
	if n := Entered(s, c, 1); n != 88+44+2 {
		t.Errorf("%d packets, want %d", n, 88+44+2)
	}
	s.Gen, s.Size = spec.GenUDPGSO, 1500
	if n := Entered(s, c, 1); n != 88+44+2*44 {
		t.Errorf("%d segments, want %d", n, 88+44+2*44)
	}
	if n := Entered(s, c, 44); n != (88+44+2)*44 {
		t.Errorf("%d segments in GSO packets, want %d", n, (88+44+2)*44)
	}
}
