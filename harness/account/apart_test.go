package account

import (
	"maps"
	"testing"

	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// Packets are shared out to the last one.
func TestShare(t *testing.T) {
	for _, c := range []struct {
		packets       uint64
		weights, want map[string]uint64
	}{
		{10, map[string]uint64{"a": 1}, map[string]uint64{"a": 10}},
		{10, map[string]uint64{"a": 1, "b": 1, "c": 1}, map[string]uint64{"a": 3, "b": 4, "c": 3}},
		{100, map[string]uint64{"a": 99, "b": 1}, map[string]uint64{"a": 99, "b": 1}},
		{1, map[string]uint64{"a": 1, "b": 9}, map[string]uint64{"b": 1}},
		{0, map[string]uint64{"a": 1}, map[string]uint64{}},
		{5, map[string]uint64{}, map[string]uint64{}},
	} {
		if got := Share(c.packets, c.weights); !maps.Equal(got, c.want) {
			t.Errorf("%d by %v: %v, want %v", c.packets, c.weights, got, c.want)
		}
	}
}

// What a probe has lost is taken from the drops of the path, and from no others.
func TestApart(t *testing.T) {
	probe := &record.Probe{Requests: 100, Arrived: 90, Answers: 90, Received: 88}
	one := record.Trial{Accounting: record.Accounting{Dropped: map[string]uint64{"FULL_RING": 50, "SOCKET_RCVBUFF": 7}}}
	if missing := Apart(&one, probe); missing != 0 || !maps.Equal(one.Accounting.Dropped, map[string]uint64{"FULL_RING": 38, "SOCKET_RCVBUFF": 7}) {
		t.Errorf("%d missing, %v", missing, one.Accounting.Dropped)
	}
	several := record.Trial{Accounting: record.Accounting{Dropped: map[string]uint64{"FULL_RING": 900, "LINK_DROP": 300}}}
	if missing := Apart(&several, probe); missing != 0 || !maps.Equal(several.Accounting.Dropped, map[string]uint64{"FULL_RING": 891, "LINK_DROP": 297}) {
		t.Errorf("%d missing, %v", missing, several.Accounting.Dropped)
	}
	both := record.Trial{
		Accounting: record.Accounting{Dropped: map[string]uint64{"FULL_RING": 60}},
		Directions: map[string]record.Direction{
			string(spec.K2U): {Accounting: record.Accounting{Dropped: map[string]uint64{"FULL_RING": 50}}},
			string(spec.U2K): {Accounting: record.Accounting{Dropped: map[string]uint64{"FULL_RING": 10}}},
		},
	}
	if missing := Apart(&both, probe); missing != 0 || both.Accounting.Dropped["FULL_RING"] != 48 ||
		both.Directions["k2u"].Accounting.Dropped["FULL_RING"] != 40 || both.Directions["u2k"].Accounting.Dropped["FULL_RING"] != 8 {
		t.Errorf("%d missing, %+v", missing, both)
	}
	// More than the path dropped: the rest is missing, and is said so.
	few := record.Trial{Accounting: record.Accounting{Dropped: map[string]uint64{"FULL_RING": 5, "SOCKET_RCVBUFF": 7}}}
	if missing := Apart(&few, probe); missing != 7 || !maps.Equal(few.Accounting.Dropped, map[string]uint64{"SOCKET_RCVBUFF": 7}) {
		t.Errorf("%d missing, %v", missing, few.Accounting.Dropped)
	}
}
