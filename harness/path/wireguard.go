package path

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"golang.zx2c4.com/wireguard/wgctrl"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"
	"tunbench/harness/device"
	"tunbench/harness/netem"
	"tunbench/harness/netns"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// wireguardPath is path=wireguard, the reference path of VPNs: a device
// of the kernel's WireGuard on each host. It has no device of ours, and so no
// observer.
//
// WireGuard drops what its queues do not take without counting it: they hold
// 1,024 packets a peer (MAX_QUEUED_PACKETS of drivers/net/wireguard/queueing.h).
// Such packets are found between two counters that nothing else lies between.
type wireguardPath struct {
	spec   spec.Spec
	hosts  [2]Host
	state  [2]netns.State
	under  Underlay
	still  Settling
	before [2]passing
	after  [2]passing // since before
	// carried is what the link below did until then.
	carried netem.Counts
}

// passing is what a host has counted.
type passing struct {
	device    netns.Counters // of WireGuard's, handshakes and keepalives included
	below     netns.Counters
	datagrams uint64 // that its sockets sent
}

// wireguardStill is settling's: packets that WireGuard has dropped are missing
// whenever a trial pauses.
const wireguardStill = 200 * time.Millisecond

var wireguardNames = [2]string{"wg0", "wg1"}

func newWireguard(s spec.Spec) *wireguardPath {
	return &wireguardPath{spec: s, still: Settling{Quiet: wireguardStill}}
}

func (w *wireguardPath) Build(ctx context.Context) (Site, error) {
	err := w.construct(ctx)
	return Site{Hosts: w.hosts, Link: w.under.Link}, err
}

func (w *wireguardPath) construct(ctx context.Context) error {
	for i := range w.hosts {
		ns, err := netns.New()
		if err != nil {
			return err
		}
		w.hosts[i] = Host{NS: ns, Addr: device.HostAddress(w.spec, i).Addr(), Link: wireguardNames[i]}
		if err := ns.WireGuard(wireguardNames[i]); err != nil {
			return err
		}
	}
	if err := w.under.Build(ctx, [2]*netns.NS{w.hosts[0].NS, w.hosts[1].NS}, w.spec.MTU()); err != nil {
		return err
	}
	if err := w.exchangeKeys(); err != nil {
		return err
	}
	for i, h := range w.hosts {
		l := device.HostLink(w.spec, i, false)
		if err := h.NS.Configure(h.Link, l); err != nil {
			return err
		}
		var err error
		if w.state[i], err = h.NS.Configured(h.Link, l); err != nil {
			return err
		}
		if err := device.AsAsked(w.state[i], l); err != nil {
			return err
		}
	}
	if err := introduce(ctx, w.hosts); err != nil {
		return err
	}
	if err := w.rest(ctx); err != nil {
		return err
	}
	return w.under.Impair(w.spec)
}

// newKeys makes a private key for each host, at random.
func newKeys() (keys [2]wgtypes.Key, err error) {
	for i := range keys {
		if keys[i], err = wgtypes.GeneratePrivateKey(); err != nil {
			return keys, fmt.Errorf("make a key: %w", err)
		}
	}
	return keys, nil
}

// exchangeKeys makes each host the other one's peer, with keys made at random.
func (w *wireguardPath) exchangeKeys() error {
	keys, err := newKeys()
	if err != nil {
		return err
	}
	port := wireguardPort
	for i, h := range w.hosts {
		peer := wgtypes.PeerConfig{
			PublicKey:  keys[1-i].PublicKey(),
			Endpoint:   net.UDPAddrFromAddrPort(netip.AddrPortFrom(UnderlayAddrs[1-i].Addr(), wireguardPort)),
			AllowedIPs: []net.IPNet{{IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)}, {IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)}},
		}
		err := h.NS.Do(func() error {
			c, err := wgctrl.New()
			if err != nil {
				return err
			}
			defer c.Close()
			return c.ConfigureDevice(h.Link, wgtypes.Config{PrivateKey: &keys[i], ListenPort: &port, Peers: []wgtypes.PeerConfig{peer}})
		})
		if err != nil {
			return fmt.Errorf("configure %s: %w", h.Link, err)
		}
	}
	return nil
}

// rest waits until nothing moves any more and takes the counts of that moment.
func (w *wireguardPath) rest(ctx context.Context) error {
	const look = 20 * time.Millisecond
	for deadline := time.Now().Add(DrainTimeout); ; time.Sleep(look) {
		if err := ctx.Err(); err != nil {
			return err
		}
		last := w.before
		w.before = [2]passing{}
		now, err := w.passed()
		if err != nil {
			return err
		}
		if w.before = now; now == last {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v for WireGuard to come to rest", DrainTimeout)
		}
	}
}

// passed is what both hosts have counted since before.
func (w *wireguardPath) passed() (now [2]passing, err error) {
	for i, h := range w.hosts {
		before := w.before[i]
		c, err := h.NS.Counters(h.Link)
		if err != nil {
			return now, err
		}
		if c.Qdisc, err = device.QdiscOf(w.spec, h.NS, h.Link); err != nil {
			return now, err
		}
		now[i].device = Since(c, before.device)
		if c, err = h.NS.Counters(UnderlayNames[i]); err != nil {
			return now, err
		}
		now[i].below = Since(c, before.below)
		stack, err := h.NS.Stack()
		if err != nil {
			return now, err
		}
		now[i].datagrams = stack.Datagrams - before.datagrams
	}
	return now, nil
}

func (w *wireguardPath) Empty() (bool, error) {
	if waiting, err := w.under.Link.Waiting(); waiting || err != nil {
		return false, err
	}
	now, err := w.passed()
	if err != nil {
		return false, err
	}
	var counts []uint64
	for from := range w.spec.Directions() {
		a, b := now[from], now[1-from]
		if a.device.Qdisc.Held > 0 {
			return false, nil
		}
		counts = append(counts, a.device.TxPackets, b.below.RxPackets, b.below.RxPackets, b.device.RxPackets)
		if !w.spec.Gen.Conversation() {
			counts = append(counts, w.entered(from, a), a.device.TxPackets+sum(w.dropped(a)))
		}
	}
	return w.still.Done(counts...), nil
}

// dropped is what the device of a host and its qdisc dropped, by reason.
func (w *wireguardPath) dropped(p passing) map[string]uint64 {
	return device.Lost(w.spec, nil, p.device, 1)
}

func sum(dropped map[string]uint64) (n uint64) {
	for _, d := range dropped {
		n += d
	}
	return n
}

// entered is how many packets the sockets of a host sent, in wire segments:
// WireGuard cuts GSO packets before it queues them.
func (w *wireguardPath) entered(host int, p passing) uint64 {
	return p.datagrams * device.SegmentsPerSKB(w.spec, w.state[host])
}

func (w *wireguardPath) Collect() (Ledger, error) { return w, w.count() }

func (w *wireguardPath) count() (err error) {
	if w.after, err = w.passed(); err != nil {
		return err
	}
	w.carried, err = w.under.Link.Counts()
	return err
}

func (w *wireguardPath) Account(t *record.Trial) {
	t.Device = hostDevice(w.state[0])
	t.Devices = []record.Device{t.Device, hostDevice(w.state[1])}
	w.under.Link.Describe(t, w.carried)
	for from := range w.spec.Directions() {
		t.Hops = append(t.Hops, AddDrops(t, DirFrom[from], w.hops(from))...)
	}
}

// hops are the places that packets pass which go from one host to the other.
func (w *wireguardPath) hops(from int) []record.Hop {
	to := 1 - from
	a, b := w.after[from], w.after[to]
	first := record.Hop{Name: "wireguard " + HostLetters[from], Out: a.device.TxPackets, Bytes: a.device.TxBytes, Dropped: map[string]uint64{}}
	dropped := w.dropped(a)
	first.In = first.Out + sum(dropped) + a.device.TxErrors
	if !w.spec.Gen.Conversation() {
		first.In = max(first.In, w.entered(from, a))
	}
	dropped[first.Name+" tx_errors"] = a.device.TxErrors
	named(&first, dropped)
	below := record.Hop{Name: "underlay", In: a.device.TxPackets, Out: b.below.RxPackets}
	below.Dropped = map[string]uint64{}
	w.carried.Drops(from, 1, below.Dropped)
	if a.below.TxDropped > 0 { // by the backlog of a CPU (veth_xmit of drivers/net/veth.c)
		carried := record.Hop{In: below.In - min(below.In, w.carried.Lost(from)), Out: below.Out}
		for reason, n := range gone(carried, "underlay "+record.TxDropped) {
			below.Dropped[reason] = n
		}
	}
	last := record.Hop{Name: "wireguard " + HostLetters[to], In: b.below.RxPackets, Out: b.device.RxPackets, Bytes: b.device.RxBytes, Dropped: map[string]uint64{}}
	named(&last, map[string]uint64{last.Name + " rx_errors": b.device.RxErrors, last.Name + " rx_dropped": b.device.RxDropped})
	return []record.Hop{first, below, last}
}

// named gives a hop the drops that were counted, and those that were not the
// name of the queue that they did not fit.
func named(h *record.Hop, counted map[string]uint64) {
	out := h.Out
	for reason, n := range counted {
		if n > 0 {
			h.Dropped[reason] = n
			out += n
		}
	}
	for reason, n := range gone(record.Hop{In: h.In, Out: out}, h.Name+" queue") {
		h.Dropped[reason] = n
	}
}

func (w *wireguardPath) Mismatch(*record.Trial) string {
	for from := range w.spec.Directions() {
		a, b := w.after[from], w.after[1-from]
		name, other := wireguardNames[from], wireguardNames[1-from]
		switch lost := a.below.TxDropped + w.carried.Lost(from); {
		case a.device.TxPackets > b.below.RxPackets+lost:
			return fmt.Sprintf("%s sent %d packets, %d came and %d were dropped under way", name, a.device.TxPackets, b.below.RxPackets, lost)
		case b.device.RxPackets > b.below.RxPackets:
			return fmt.Sprintf("%s received %d packets, of which %d came", other, b.device.RxPackets, b.below.RxPackets)
		case !w.spec.Gen.Conversation() && a.device.TxPackets > w.entered(from, a):
			return fmt.Sprintf("%s sent %d packets, of which %d came from sockets", name, a.device.TxPackets, w.entered(from, a))
		}
	}
	return ""
}

func (w *wireguardPath) Close() error { return CloseHosts(w.hosts) }
