package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/host"
	"tunbench/harness/netns"
	"tunbench/harness/path"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

// bridge is the load of path=bridge: two TAP devices are ports of a bridge.
// User space writes frames into the first one, the readers of the second one's
// queues are the end: to them it is a load of dir=k2u.
type bridge struct {
	k2u
	writing writing // on the first device
	still   path.Settling

	entered netns.Counters // of the first device, at the end
	tables  []string       // the settings that send its packets through netfilter
}

const bridgeName = "bridge0"

// portMACs are the devices' own: a frame to one of them would be for the bridge
// itself.
var portMACs = [2]net.HardwareAddr{{0x02, 0, 0, 0, 1, 1}, {0x02, 0, 0, 0, 1, 2}}

func newBridge(s spec.Spec, hook bpf.Hook, p record.Placement) *bridge {
	return &bridge{
		k2u:     k2u{spec: s, hook: hook, placement: p},
		writing: writing{spec: s, placement: p},
	}
}

func (g *bridge) Build(context.Context) (path.Site, error) {
	err := g.construct()
	return siteOf(g.ns, g.observers()), err
}

func (g *bridge) construct() (err error) {
	if g.ns, err = netns.New(); err != nil {
		return err
	}
	g.writing.ns = g.ns
	for i, into := range []**device.Device{&g.writing.device, &g.device} {
		l := netns.Link{MTU: g.spec.MTU(), TxQLen: g.spec.TxQLen, Qdisc: g.spec.Qdisc, MAC: portMACs[i]}
		if *into, err = device.New(g.ns, path.Names[i], g.spec, l); err != nil {
			return err
		}
	}
	if err := g.ns.Bridge(bridgeName, path.Names[:]...); err != nil {
		return err
	}
	err = g.ns.Do(func() error {
		g.tables = host.CrossesNetfilter(host.Namespace())
		return nil
	})
	if err != nil {
		return err
	}
	// The address that writers send to.
	if err := g.ns.Forward(device.MAC, path.Names[1]); err != nil {
		return err
	}
	if g.hook != bpf.None {
		g.observer, err = device.Observe(g.hook, g.device.Target(device.SampleEveryOf(g.spec)))
	}
	return err
}

func (g *bridge) Open(_ *traffic.Control, reading *sink.Control) ([]*Direction, error) {
	g.direction = Direction{Direction: account.Direction{Dir: spec.K2U, Queues: true, PerSKB: 1}}
	if g.spec.Gen == spec.GenUDPGSO && slices.Contains(g.device.State.Features, device.FeatureUSO) {
		g.direction.PerSKB = device.SegmentsPerWrite(g.spec)
	}
	err := g.writing.openWriters(g.placement.Sender, false)
	g.direction.Senders = g.writing.direction.Senders
	if err != nil {
		return []*Direction{&g.direction}, err
	}
	readers, err := openReaders(g.device, g.placement.Reader, reading)
	g.direction.add(readers...)
	return []*Direction{&g.direction}, err
}

// Empty reports whether all that the first device has received was read from the
// second one or dropped by it. With NAPI packets are received a little later.
func (g *bridge) Empty() (bool, error) {
	if ok, err := g.k2u.Empty(); !ok || err != nil {
		return false, err
	}
	entered, err := g.writing.device.Counters()
	if err != nil {
		return false, err
	}
	left, err := g.device.Counters()
	if err != nil {
		return false, err
	}
	return g.still.Done(entered.RxPackets*device.SegmentsPerWrite(g.spec), (left.TxPackets+left.TxDropped)*g.direction.PerSKB+g.inQdisc(left)), nil
}

// inQdisc is how many packets ended in the qdisc of the second device.
func (g *bridge) inQdisc(left netns.Counters) uint64 {
	return left.Qdisc.Dropped * device.SegmentsPerWrite(g.spec)
}

func (g *bridge) Collect() (path.Ledger, error) { return g, g.count() }

func (g *bridge) count() (err error) {
	if g.entered, err = g.writing.device.Counters(); err != nil {
		return err
	}
	return g.k2u.count()
}

func (g *bridge) Account(t *record.Trial) {
	g.k2u.Account(t)
	t.Devices = []record.Device{g.writing.device.Record(), t.Device}
	if len(g.tables) > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("bridge: br_netfilter is in this kernel, and packets cross its tables (%s=1)", strings.Join(g.tables, "=1, ")))
	}
	t.Writes = writesOf(g.direction.Senders)
	// Super-packets count as one, unless the second device takes none: then they
	// are cut before it.
	in := g.entered.RxPackets * device.SegmentsPerWrite(g.spec) / g.direction.PerSKB
	out := g.counters.TxPackets + g.counters.TxDropped + g.counters.Qdisc.Dropped
	last := record.Hop{Name: "device " + path.Names[1], In: out, Out: g.counters.TxPackets, Bytes: g.counters.TxBytes, Dropped: map[string]uint64{}}
	for reason, n := range t.Accounting.Dropped {
		last.Dropped[reason] = n / g.direction.PerSKB
	}
	t.Hops = []record.Hop{
		{Name: "device " + path.Names[0], In: t.Accounting.Accepted / g.direction.PerSKB, Out: in, Calls: t.Writes.Calls, Bytes: g.entered.RxBytes},
		{Name: "bridge", In: in, Out: out},
		last,
	}
}

func (g *bridge) Mismatch(t *record.Trial) string {
	taken := t.Accounting.Accepted / device.SegmentsPerWrite(g.spec)
	if g.entered.RxPackets != taken {
		return fmt.Sprintf("the kernel took %d frames that were written, %s counted %d", taken, path.Names[0], g.entered.RxPackets)
	}
	out := (g.counters.TxPackets+g.counters.TxDropped)*g.direction.PerSKB + g.inQdisc(g.counters)
	if out != t.Accounting.Accepted {
		return fmt.Sprintf("%d packets came to the bridge, %d went to %s", t.Accounting.Accepted, out, path.Names[1])
	}
	return g.k2u.Mismatch(t)
}

func (g *bridge) Close() error {
	return errors.Join(g.writing.close(), g.writing.device.Close(), g.k2u.Close())
}
