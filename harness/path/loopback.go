package path

import (
	"context"
	"fmt"
	"net/netip"

	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/netns"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// loopback is the path of a yardstick: both hosts are addresses of the loopback
// device of one namespace.
type loopback struct {
	spec     spec.Spec
	ns       *netns.NS
	state    netns.State
	counters netns.Counters // at the end
	received uint64         // by the stack, at the end
}

const loopbackName = "lo"

// backlogDrops is the kernel's reason for packets that the backlog of a CPU did not
// take: netif_rx of net/core/dev.c, called by loopback_xmit of drivers/net/loopback.c.
const backlogDrops = "CPU_BACKLOG"

// NewLoopback returns the path over loopback for the traffic of s.
func NewLoopback(s spec.Spec) Path { return &loopback{spec: s} }

func (w *loopback) Build(context.Context) (site Site, err error) {
	if w.ns, err = netns.New(); err != nil {
		return site, err
	}
	// Segments of TCP cross it one by one: its speed then follows the host's as that
	// of the paths does, which it does less with GSO packets.
	l := netns.Link{MTU: w.spec.MTU(), NoTSO: true}
	for i := range site.Hosts {
		addr := device.HostAddress(w.spec, i).Addr()
		site.Hosts[i] = Host{NS: w.ns, Addr: addr, Link: loopbackName}
		l.Addr = append(l.Addr, netip.PrefixFrom(addr, addr.BitLen()))
	}
	if err := w.ns.Configure(loopbackName, l); err != nil {
		return site, err
	}
	w.state, err = w.ns.Device(loopbackName)
	return site, err
}

// Empty reports whether the stack has received all that the device sent: packets
// wait in a CPU's backlog.
func (w *loopback) Empty() (bool, error) {
	sent, err := w.ns.Counters(loopbackName)
	if err != nil {
		return false, err
	}
	received, err := w.ns.Received()
	return received >= sent.TxPackets, err
}

func (w *loopback) Collect() (Ledger, error) { return w, w.count() }

func (w *loopback) count() (err error) {
	if w.counters, err = w.ns.Counters(loopbackName); err != nil {
		return err
	}
	stack, err := w.ns.Stack()
	w.received = stack.Received
	return err
}

// Account explains what is still missing by the drops of the device, which counts
// those of both directions as one.
func (w *loopback) Account(t *record.Trial) {
	t.Device = hostDevice(w.state)
	left := w.counters.RxDropped * device.SegmentsPerSKB(w.spec, w.state)
	for _, dir := range []spec.Dir{spec.K2U, spec.U2K} {
		if d, ok := t.Directions[string(dir)]; ok {
			n := min(left, uint64(max(0, account.Unexplained(d.Accounting))))
			account.Drop(t, dir, backlogDrops, n)
			left -= n
		}
	}
	account.Drop(t, "", backlogDrops, left)
}

func (w *loopback) Mismatch(*record.Trial) string {
	if w.counters.TxPackets != w.received {
		return fmt.Sprintf("loopback carried %d packets or GSO packets, the stack received %d", w.counters.TxPackets, w.received)
	}
	return ""
}

func (w *loopback) Close() error {
	if w.ns == nil {
		return nil
	}
	return w.ns.Close()
}
