package netns

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// netemOf is a qdisc as the kernel lists it.
func netemOf(handle, parent uint32, packets, drops, waiting uint32) netlink.Qdisc {
	return &netlink.Netem{QdiscAttrs: netlink.QdiscAttrs{Handle: handle, Parent: parent, Statistics: &netlink.QdiscStatistics{
		Basic: &netlink.GnetStatsBasic{Packets: packets}, Queue: &netlink.GnetStatsQueue{Drops: drops, Qlen: waiting},
	}}}
}

// What a link loses on purpose and what it does not hold are told apart.
func TestNetemCounts(t *testing.T) {
	const root, inner = netlink.HANDLE_ROOT, 1<<16 | 1
	for name, c := range map[string]struct {
		qdiscs []netlink.Qdisc
		want   NetemCounts
	}{
		"delay": {[]netlink.Qdisc{netemOf(delaying, root, 100, 3, 2)}, NetemCounts{Passed: 100, Full: 3, Waiting: 2}},
		"drop":  {[]netlink.Qdisc{netemOf(losing, root, 99, 1, 0)}, NetemCounts{Passed: 99, Dropped: 1}},
		// What the inner one refuses, the outer one counts as well.
		"both":   {[]netlink.Qdisc{netemOf(losing, root, 90, 10, 1), netemOf(delaying, inner, 91, 4, 5)}, NetemCounts{Passed: 90, Dropped: 6, Full: 4, Waiting: 6}},
		"others": {[]netlink.Qdisc{netemOf(netlink.MakeHandle(8, 0), root, 7, 7, 7), netemOf(losing, root, 99, 1, 0)}, NetemCounts{Passed: 99, Dropped: 1}},
	} {
		if got, err := netemCounts(c.qdiscs); err != nil || got != c.want {
			t.Errorf("%s: %+v %v, want %+v", name, got, err, c.want)
		}
	}
	for name, list := range map[string][]netlink.Qdisc{
		"none":       {netemOf(netlink.MakeHandle(8, 0), root, 1, 0, 0)},
		"no figures": {&netlink.Netem{QdiscAttrs: netlink.QdiscAttrs{Handle: losing, Parent: root}}},
	} {
		if got, err := netemCounts(list); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestNetems(t *testing.T) {
	n := Netem{Delay: 20 * time.Millisecond, Drop: 0.01, Reorder: 0.25, Limit: 1000}
	perfect, list := n.netems(7, true), n.netems(7, false)
	if len(perfect) != 2 || len(list) != 2 {
		t.Fatalf("%d and %d qdiscs", len(perfect), len(list))
	}
	if perfect[0].Loss != 0 || perfect[1].ReorderProb != 0 || perfect[1].Latency == 0 || perfect[1].Latency != list[1].Latency {
		t.Errorf("a perfect link %+v", perfect)
	}
	if list[0].Loss == 0 || list[0].Latency != 0 || list[1].Loss != 0 || list[1].ReorderProb == 0 || list[1].Parent != 1<<16|1 || list[1].Limit != 1000 {
		t.Errorf("a link %+v", list)
	}
	n.Drop = 0
	if list := n.netems(7, false); len(list) != 1 || list[0].Parent != netlink.HANDLE_ROOT {
		t.Errorf("a link that only delays %+v", list)
	}
}

// A kernel without netem says so, by call and errno.
func TestSetNetem(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	var spaces [2]*NS
	for i := range spaces {
		ns, err := New()
		if err != nil {
			t.Fatal(err)
		}
		defer ns.Close()
		spaces[i] = ns
	}
	if err := spaces[0].Veth("a", spaces[1], "b"); err != nil {
		t.Fatal(err)
	}
	if err := spaces[0].Configure("a", Link{MaxSegs: 1}); err != nil {
		t.Fatal(err)
	}
	n := Netem{Delay: time.Millisecond, Drop: 0.01, Limit: 1000}
	err := SetNetem(spaces[0], "a", n)
	var call *CallError
	if errors.As(err, &call) {
		if call.Err != unix.ENOENT || call.Object != "a" {
			t.Errorf("%v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := BeginNetem(spaces[0], "a", n); err != nil {
		t.Error(err)
	}
	if c, err := ReadNetem(spaces[0], "a"); err != nil || c != (NetemCounts{}) {
		t.Errorf("%+v %v", c, err)
	}
	if err := SetNetem(spaces[0], "nobody", n); !errors.Is(err, unix.ENODEV) {
		t.Errorf("a link that is not there: %v", err)
	}
}
