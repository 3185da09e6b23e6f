package netns

import (
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
)

// Netem is what a link does to the packets that leave by it.
type Netem struct {
	Delay time.Duration
	// Drop is the share of packets that the link loses, and Reorder the share of those that
	// overtake the others: they are not delayed.
	Drop, Reorder float64
	Limit         int // packets that the link holds at most
}

// Handles of the qdiscs that stand for a link: a packet is lost by the first one, or waits in
// the second one. Each is there only if it is asked for, and the first of them is the root.
// netem counts what it loses on purpose and what it does not hold (its limit) as one
// (netem_enqueue of net/sched/sch_netem.c): with two of them each has a count of its own.
var (
	losing   = netlink.MakeHandle(1, 0)
	delaying = netlink.MakeHandle(2, 0)
)

// NetemCounts is what the netem of a link has done since it was set.
type NetemCounts struct {
	Passed  uint64 // packets that left, in wire segments
	Dropped uint64 // packets or GSO packets that the link lost
	Full    uint64 // packets or GSO packets that it did not hold
	Waiting uint64 // packets or GSO packets in its queues
}

// netems are the qdiscs that stand for n, the root first. With perfect, the first packet is still
// to come: nothing is lost or overtaken, and both qdiscs are there.
func (n Netem) netems(index int, perfect bool) (list []*netlink.Netem) {
	add := func(handle uint32, a netlink.NetemQdiscAttrs) {
		a.Limit = uint32(n.Limit)
		parent := uint32(netlink.HANDLE_ROOT)
		if len(list) > 0 {
			parent = losing | 1 // the only class of netem
		}
		list = append(list, netlink.NewNetem(netlink.QdiscAttrs{LinkIndex: index, Handle: handle, Parent: parent}, a))
	}
	lost := netlink.NetemQdiscAttrs{Loss: float32(100 * n.Drop)}
	late := netlink.NetemQdiscAttrs{Latency: uint32(n.Delay.Microseconds()), ReorderProb: float32(100 * n.Reorder)}
	if perfect {
		lost.Loss, late.ReorderProb = 0, 0
	}
	if n.Drop > 0 {
		add(losing, lost)
	}
	if n.Delay > 0 {
		add(delaying, late)
	}
	return list
}

// SetNetem makes the link name delay its packets as n says; it loses none, and none overtakes
// another, until BeginNetem. The link must be up.
//
// A refusal of the kernel is a *CallError: ENOENT is that of a kernel without netem.
func SetNetem(ns *NS, name string, n Netem) error {
	return onLink(ns, name, func(index int) error {
		for i, q := range n.netems(index, true) {
			if err := ns.handle.QdiscReplace(q); err != nil {
				return refused(err, name, "set %s qdisc netem (RTM_NEWQDISC)", []string{"root", "inner"}[i])
			}
		}
		return nil
	})
}

// BeginNetem makes the link lose packets and let others overtake, as n says, which was set.
func BeginNetem(ns *NS, name string, n Netem) error {
	return onLink(ns, name, func(index int) error {
		for _, q := range n.netems(index, false) {
			if err := ns.handle.QdiscChange(q); err != nil {
				return refused(err, name, "change qdisc netem")
			}
		}
		return nil
	})
}

func onLink(ns *NS, name string, f func(index int) error) error {
	return ns.Do(func() error {
		link, err := ns.handle.LinkByName(name)
		if err != nil {
			return notFound(err, name)
		}
		return f(link.Attrs().Index)
	})
}

// ReadNetem reads the counters of the netem that was set on the link name.
func ReadNetem(ns *NS, name string) (c NetemCounts, err error) {
	err = ns.Do(func() error {
		link, err := ns.handle.LinkByName(name)
		if err != nil {
			return notFound(err, name)
		}
		all, err := ns.handle.QdiscList(link)
		if err != nil {
			return refused(err, name, "list qdiscs")
		}
		c, err = netemCounts(all)
		if err != nil {
			return fmt.Errorf("read the counters of netem on %s: %w", name, err)
		}
		return nil
	})
	return c, err
}

// netemCounts are those of the qdiscs of a link.
func netemCounts(all []netlink.Qdisc) (c NetemCounts, err error) {
	var lost uint64 // by the root, of which the inner one refused some
	found, both := false, 0
	for _, q := range all {
		a := q.Attrs()
		if a.Handle != losing && a.Handle != delaying {
			continue
		}
		if a.Statistics == nil || a.Statistics.Queue == nil || a.Statistics.Basic == nil {
			return c, fmt.Errorf("the kernel gave none for %s", netlink.HandleStr(a.Handle))
		}
		s := a.Statistics
		found = true
		both++
		c.Waiting += uint64(s.Queue.Qlen)
		if a.Parent == netlink.HANDLE_ROOT {
			c.Passed = uint64(s.Basic.Packets)
		}
		if a.Handle == losing {
			lost = uint64(s.Queue.Drops)
		} else {
			c.Full = uint64(s.Queue.Drops)
		}
	}
	if !found {
		return c, fmt.Errorf("there is none: somebody has replaced it")
	}
	c.Dropped = lost - min(lost, c.Full)
	if both == 1 { // nothing stands between the two counts
		c.Dropped = lost
	}
	return c, nil
}
