package harness

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"tunbench/bpf"
	"tunbench/harness/host"
	"tunbench/harness/netns"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

// bridge is the ground of path=bridge: two TAP devices are ports of a bridge.
// User space writes frames into the first one, the readers of the second one's
// queues are the end: to them it is a ground of dir=k2u.
type bridge struct {
	k2u
	writing writing // on the first device
	still   settling

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

func (g *bridge) build() (site, error) {
	err := g.construct()
	return siteOf(g.ns, g.observers()), err
}

func (g *bridge) construct() (err error) {
	if g.ns, err = netns.New(); err != nil {
		return err
	}
	g.writing.ns = g.ns
	for i, into := range []**device{&g.writing.device, &g.device} {
		l := netns.Link{MTU: g.spec.MTU(), TxQLen: g.spec.TxQLen, Qdisc: g.spec.Qdisc, MAC: portMACs[i]}
		if *into, err = newDevice(g.ns, tunnelNames[i], g.spec, l); err != nil {
			return err
		}
	}
	if err := g.ns.Bridge(bridgeName, tunnelNames[:]...); err != nil {
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
	if err := g.ns.Forward(deviceMAC, tunnelNames[1]); err != nil {
		return err
	}
	if g.hook != bpf.None {
		g.observer, err = observe(g.hook, g.device.target(sampleRate(g.spec)))
	}
	return err
}

func (g *bridge) open(_ *traffic.Control, reading *sink.Control) ([]*lane, error) {
	g.lane = lane{direction: direction{dir: spec.K2U, queues: true, perSKB: 1}}
	if g.spec.Gen == spec.GenUDPGSO && slices.Contains(g.device.state.Features, featureUSO) {
		g.lane.perSKB = segmentsPerWrite(g.spec)
	}
	err := g.writing.openWriters(g.placement.Sender, false)
	g.lane.senders = g.writing.lane.senders
	if err != nil {
		return []*lane{&g.lane}, err
	}
	readers, err := openReaders(g.device, g.placement.Reader, reading)
	g.lane.add(readers...)
	return []*lane{&g.lane}, err
}

// empty is so when all that the first device has received was read from the
// second one or dropped by it: with NAPI it is received a little later.
func (g *bridge) empty() (bool, error) {
	if ok, err := g.k2u.empty(); !ok || err != nil {
		return false, err
	}
	entered, err := g.writing.device.counters()
	if err != nil {
		return false, err
	}
	left, err := g.device.counters()
	if err != nil {
		return false, err
	}
	return g.still.done(entered.RxPackets*segmentsPerWrite(g.spec), (left.TxPackets+left.TxDropped)*g.lane.perSKB), nil
}

func (g *bridge) collect() (ledger, error) { return g, g.count() }

func (g *bridge) count() (err error) {
	if g.entered, err = g.writing.device.counters(); err != nil {
		return err
	}
	return g.k2u.count()
}

func (g *bridge) account(t *record.Trial) {
	g.k2u.account(t)
	t.Devices = []record.Device{g.writing.device.record(), t.Device}
	if len(g.tables) > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("bridge: br_netfilter is in this kernel, and packets cross its tables (%s=1)", strings.Join(g.tables, "=1, ")))
	}
	t.Writes = writesOf(g.lane.senders)
	// Super-packets count as one, unless the second device takes none: then they
	// are cut before it.
	in := g.entered.RxPackets * segmentsPerWrite(g.spec) / g.lane.perSKB
	out := g.counters.TxPackets + g.counters.TxDropped
	last := record.Hop{Name: "device " + tunnelNames[1], In: out, Out: g.counters.TxPackets, Bytes: g.counters.TxBytes, Dropped: map[string]uint64{}}
	for reason, n := range t.Accounting.Dropped {
		last.Dropped[reason] = n / g.lane.perSKB
	}
	t.Hops = []record.Hop{
		{Name: "device " + tunnelNames[0], In: t.Accounting.Accepted / g.lane.perSKB, Out: in, Calls: t.Writes.Calls, Bytes: g.entered.RxBytes},
		{Name: "bridge", In: in, Out: out},
		last,
	}
}

func (g *bridge) mismatch(t *record.Trial) string {
	taken := t.Accounting.Accepted / segmentsPerWrite(g.spec)
	if g.entered.RxPackets != taken {
		return fmt.Sprintf("the kernel took %d frames that were written, %s counted %d", taken, tunnelNames[0], g.entered.RxPackets)
	}
	out := (g.counters.TxPackets + g.counters.TxDropped) * g.lane.perSKB
	if out != t.Accounting.Accepted {
		return fmt.Sprintf("%d packets came to the bridge, %d went to %s", t.Accounting.Accepted, out, tunnelNames[1])
	}
	return g.k2u.mismatch(t)
}

func (g *bridge) close() error {
	return errors.Join(g.writing.close(), g.writing.device.Close(), g.k2u.close())
}
