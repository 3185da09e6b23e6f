package path

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"time"

	"tunbench/harness/device"
	"tunbench/harness/netem"
	"tunbench/harness/netns"
	"tunbench/harness/spec"
)

// Underlay is the network below a tunnel: a veth pair between the two hosts,
// which their traffic does not use directly.
type Underlay struct {
	Room   int         // what an IP packet may grow by in the tunnel, in bytes; 0: underlayRoom
	Link   *netem.Link // after Impair; nil if it is perfect
	ns     [2]*netns.NS
	before [2]netns.Counters // when the trial began
}

const (
	// underlayRoom is what an IP packet may grow by in a tunnel: outer headers
	// of IP and UDP, those of the tunnel, and a tag. Below it is never a fragment.
	underlayRoom = 80
)

var (
	UnderlayNames = [2]string{"under0", "under1"}
	// The other half of the network that is set aside for benchmarks.
	UnderlayAddrs = [2]netip.Prefix{
		netip.MustParsePrefix("198.19.0.1/24"), netip.MustParsePrefix("198.19.0.2/24"),
	}
)

// Build joins two namespaces, for inner packets up to mtu bytes.
func (u *Underlay) Build(ctx context.Context, ns [2]*netns.NS, mtu int) error {
	u.ns = ns
	if err := ns[0].Veth(UnderlayNames[0], ns[1], UnderlayNames[1]); err != nil {
		return err
	}
	for i, n := range ns {
		l := netns.Link{
			MTU: min(mtu+cmp.Or(u.Room, underlayRoom), spec.MaxSize), MAC: device.HostMACs[i],
			Addr:       []netip.Prefix{UnderlayAddrs[i]},
			Neighbours: []netns.Neighbour{{Addr: UnderlayAddrs[1-i].Addr(), MAC: device.HostMACs[1-i]}},
		}
		if err := n.Configure(UnderlayNames[i], l); err != nil {
			return err
		}
	}
	for i, n := range ns {
		if err := Activated(ctx, n, UnderlayNames[i]); err != nil {
			return err
		}
	}
	return nil
}

// Impair makes the link as s asks, when everything is set up and nothing is on its way.
func (u *Underlay) Impair(s spec.Spec) (err error) {
	u.Link, err = netem.Impair(s, u.ns, UnderlayNames)
	return err
}

// activateWait bounds the wait for the kernel to notice that a link has a
// carrier.
const activateWait = 5 * time.Second

// Activated returns when the link takes packets. A veth device gets its carrier
// with the other end, and its queue a moment later (linkwatch_do_dev of
// net/core/link_watch.c): until then it drops all without a trace.
func Activated(ctx context.Context, ns *netns.NS, name string) error {
	for deadline := time.Now().Add(activateWait); ; time.Sleep(time.Millisecond) {
		if err := ctx.Err(); err != nil {
			return err
		}
		state, err := ns.Device(name)
		if err != nil {
			return err
		}
		if state.Qdisc != "noop" {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v for %s to take packets", activateWait, name)
		}
	}
}

// Begin takes what passes from now on as the trial's.
func (u *Underlay) Begin() (err error) {
	u.before = [2]netns.Counters{}
	u.before, err = u.Counters()
	return err
}

// Counters are those of both devices since begin.
func (u *Underlay) Counters() (now [2]netns.Counters, err error) {
	for i, n := range u.ns {
		c, err := n.Counters(UnderlayNames[i])
		if err != nil {
			return now, fmt.Errorf("look below the tunnel: %w", err)
		}
		now[i] = Since(c, u.before[i])
	}
	return now, nil
}

// Since is what was counted between two moments.
func Since(now, before netns.Counters) netns.Counters {
	return netns.Counters{
		RxPackets: now.RxPackets - before.RxPackets, RxBytes: now.RxBytes - before.RxBytes,
		RxErrors: now.RxErrors - before.RxErrors, RxDropped: now.RxDropped - before.RxDropped,
		TxPackets: now.TxPackets - before.TxPackets, TxBytes: now.TxBytes - before.TxBytes,
		TxErrors: now.TxErrors - before.TxErrors, TxDropped: now.TxDropped - before.TxDropped,
		Qdisc: netns.QdiscCounters{Dropped: now.Qdisc.Dropped - before.Qdisc.Dropped, Held: now.Qdisc.Held},
	}
}

// EnteredOf is how many skbs a device has given out, or dropped before.
func EnteredOf(c netns.Counters) uint64 { return c.TxPackets + c.TxDropped + c.Qdisc.Dropped }
