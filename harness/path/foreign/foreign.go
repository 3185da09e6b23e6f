// Package foreign builds path=program: VPNs, relays and stacks of others, one on each of
// two hosts, each with a TUN or TAP device that the program makes for itself.
package foreign

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tunbench/bpf"
	"tunbench/harness/device"
	"tunbench/harness/netns"
	"tunbench/harness/path"
	"tunbench/harness/program"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

const (
	// firstPort is a UDP or TCP port on the link below for the program of the first
	// host; the next one is the other program's.
	firstPort = 51820
	look      = 5 * time.Millisecond
	// pingWait is how long each packet is waited for that asks whether the tunnel works.
	pingWait = 100 * time.Millisecond
	// still is how long the counters of both devices must stand still before no packet is
	// on its way: what a program holds is in none of them.
	still = 100 * time.Millisecond
)

// Path is path=program.
type Path struct {
	spec spec.Spec
	hook bpf.Hook

	hosts   [2]path.Host
	under   path.Underlay
	pair    *program.Pair
	state   [2]netns.State // of the devices of the programs
	queues  [2]int         // that the programs hold
	watches [2]*bpf.Observer
	keeper  *keeper
	quiet   settled

	before [2]netns.Counters // of the devices, when the trial began
	spent  [2]int64          // CPU time in ns until then
	drops  [2]uint64         // of the sockets below, until then
}

// New returns the path that s asks for, with its workers placed on p.
func New(s spec.Spec, hook bpf.Hook, p record.Placement) *Path {
	return &Path{spec: s, hook: hook, keeper: &keeper{cpu: p.Sender[0], quit: make(chan struct{})}}
}

// Build starts the programs and returns when packets cross the tunnel.
func (w *Path) Build(ctx context.Context) (path.Site, error) {
	err := w.construct(ctx)
	site := path.Site{Hosts: w.hosts, Link: w.under.Link}
	for _, o := range w.watches {
		if o != nil {
			site.Observers = append(site.Observers, o)
		}
	}
	if err == nil {
		site.Forwarders = append(site.Forwarders, w.keeper)
	}
	return site, err
}

func (w *Path) construct(ctx context.Context) error {
	file, err := program.Find(w.spec.Program)
	if err != nil {
		return err
	}
	if err := w.buildHosts(ctx, file); err != nil {
		return err
	}
	var spaces [2]program.Namespace
	for i, h := range w.hosts {
		spaces[i] = h.NS
	}
	if w.pair, err = program.New(file, spaces, w.places()); err != nil {
		return explained(err)
	}
	w.keeper.pair = w.pair
	for i, at := range w.pair.Places {
		w.hosts[i].Link = at.Device
	}
	if err := w.pair.Start(ctx); err != nil {
		return err
	}
	if err := w.ready(ctx, file); err != nil {
		return err
	}
	return w.begin(ctx)
}

// explained is err in terms of refusals.
func explained(err error) error {
	var missing *program.MissingError
	if errors.As(err, &missing) {
		return &refusal.Missing{Detail: missing.Error()}
	}
	return err
}

// buildHosts makes the namespaces and the link between them.
func (w *Path) buildHosts(ctx context.Context, file *program.File) error {
	for i := range w.hosts {
		ns, err := netns.New()
		if err != nil {
			return err
		}
		w.hosts[i] = path.Host{NS: ns, Addr: device.HostAddress(w.spec, i).Addr()}
	}
	w.under.Room = file.Overhead
	if err := w.under.Build(ctx, [2]*netns.NS{w.hosts[0].NS, w.hosts[1].NS}, w.spec.MTU()); err != nil {
		return err
	}
	for _, h := range w.hosts {
		if err := h.NS.NoIPv6(w.spec.Family == 6); err != nil {
			return err
		}
	}
	return nil
}

// places are what the templates of the program file may name.
func (w *Path) places() (list [2]program.Place) {
	for i := range list {
		own, peer := device.HostAddress(w.spec, i), device.HostAddress(w.spec, 1-i)
		list[i] = program.Place{
			Address: own.Addr(), PeerAddress: peer.Addr(), Prefix: own.Bits(), IPv6: w.spec.Family == 6,
			Underlay: path.UnderlayAddrs[i].Addr(), PeerUnderlay: path.UnderlayAddrs[1-i].Addr(), Link: path.UnderlayNames[i],
			Port: firstPort + i, PeerPort: firstPort + 1 - i,
			MAC: device.HostMACs[i].String(), MTU: w.spec.MTU(), TxQueueLen: w.spec.TxQLen,
		}
	}
	return list
}

// ready waits for both devices, completes them, and waits for a packet each way.
func (w *Path) ready(ctx context.Context, file *program.File) error {
	began := time.Now()
	for i := range w.hosts {
		deadline := began.Add(file.End(i).Ready.Within)
		for {
			missing, err := w.lacks(file, i)
			if err == nil {
				err = w.pair.Err()
			}
			if err != nil {
				return err
			}
			if missing == "" {
				break
			}
			if time.Now().After(deadline) {
				return w.pair.NotReady(i, missing)
			}
			if err := pause(ctx, look); err != nil {
				return err
			}
		}
	}
	if err := w.complete(); err != nil {
		return err
	}
	deadline := began.Add(max(file.End(0).Ready.Within, file.End(1).Ready.Within))
	for {
		err := path.Introduce(ctx, w.hosts, pingWait, 1)
		if err == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if died := w.pair.Err(); died != nil {
			return died
		}
		if time.Now().After(deadline) {
			return w.pair.NotReady(1, fmt.Sprintf("no packet has crossed the tunnel: %v", err))
		}
	}
}

// pause waits, unless ctx is done.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// lacks is what the program of a host still lacks to be ready; "" is nothing.
func (w *Path) lacks(file *program.File, host int) (string, error) {
	h, e := w.hosts[host], file.End(host)
	names, err := h.NS.Names()
	if err != nil {
		return "", err
	}
	if !slices.Contains(names, h.Link) {
		others := slices.DeleteFunc(names, func(name string) bool { return name == "lo" || name == path.UnderlayNames[host] })
		if len(others) > 0 {
			return fmt.Sprintf("it made the device %s, and its file says %s: set device.name to the name of the device that it makes", strings.Join(others, ", "), h.Link), nil
		}
		return fmt.Sprintf("there is no device %s yet", h.Link), nil
	}
	if kind, err := h.NS.Tun(h.Link); err != nil {
		return "", err
	} else if kind != e.Device.Kind {
		return "", fmt.Errorf("program=%s on host %s made %s a device of kind %q, and its file says %q: set device.kind", file.Name, program.Hosts[host], h.Link, kind, e.Device.Kind)
	}
	if ok, missing := w.pair.Ready(host); !ok {
		return missing, nil
	}
	if slices.Contains(e.Ready.When, program.WhenUp) {
		state, err := h.NS.Device(h.Link)
		if err != nil || !slices.Contains(state.Flags, "IFF_UP") {
			return fmt.Sprintf("%s is not up yet", h.Link), err
		}
	}
	if slices.Contains(e.Ready.When, program.WhenAddress) {
		list, err := h.NS.Addresses(h.Link)
		if err != nil || !slices.Contains(list, h.Addr) {
			return fmt.Sprintf("%s does not have the address %v yet", h.Link, h.Addr), err
		}
	}
	return "", nil
}

// complete sets up what the programs have left to others, and reads the devices.
func (w *Path) complete() (err error) {
	for i, h := range w.hosts {
		if w.state[i], err = h.NS.Device(h.Link); err != nil {
			return err
		}
	}
	defaults := spec.Default()
	var asked [2]netns.Link
	for i, h := range w.hosts {
		l := netns.Link{MTU: w.spec.MTU(), Addr: []netip.Prefix{device.HostAddress(w.spec, i)}}
		if w.spec.TxQLen != defaults.TxQLen {
			l.TxQLen = w.spec.TxQLen
		}
		if w.spec.Qdisc != defaults.Qdisc {
			l.Qdisc = w.spec.Qdisc
		}
		if w.spec.Mode == spec.TAP {
			l.Neighbours = []netns.Neighbour{{Addr: w.hosts[1-i].Addr, MAC: w.state[1-i].MAC}}
		}
		if err := h.NS.Complete(h.Link, l); err != nil {
			return refusal.OfLink(err, l)
		}
		asked[i] = l
	}
	for i, h := range w.hosts {
		if w.state[i], err = h.NS.Configured(h.Link, asked[i]); err != nil {
			return err
		}
		if err := device.QdiscAsAsked(w.state[i], asked[i]); err != nil {
			return err
		}
		w.queues[i], _ = w.pair.Queues(i)
		w.queues[i] = max(1, w.queues[i])
	}
	return nil
}

// begin waits until nothing moves any more, takes what passes from then on as the
// trial's, and observes it.
func (w *Path) begin(ctx context.Context) (err error) {
	for deadline := time.Now().Add(path.DrainTimeout); ; {
		ok, err := w.Empty()
		if err != nil {
			return err
		}
		if ok {
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("program=%s: packets still cross %s and %s, which nobody sent, %v after it was ready: switch off what it sends through the tunnel by itself", w.spec.Program, w.hosts[0].Link, w.hosts[1].Link, path.DrainTimeout)
		}
		if err := pause(ctx, look); err != nil {
			return err
		}
	}
	if err := w.under.Begin(); err != nil {
		return err
	}
	for i, h := range w.hosts {
		if w.before[i], err = w.counters(i); err != nil {
			return err
		}
		if w.drops[i], err = socketDrops(h.NS); err != nil {
			return err
		}
		used, err := w.pair.Usage(i)
		if err != nil {
			return err
		}
		w.spent[i] = used.CPUNs
		if w.hook == bpf.None || i == 1 && w.spec.Dir != spec.Both {
			continue
		}
		if w.watches[i], err = device.Observe(w.hook, w.target(i)); err != nil {
			return err
		}
	}
	return w.under.Impair(w.spec)
}

// target is the device of a host as an observer is told of it.
func (w *Path) target(host int) bpf.Target {
	s := w.spec
	super := slices.Contains(w.state[host].Features, device.FeatureTSO) || slices.Contains(w.state[host].Features, device.FeatureUSO)
	if super {
		s.Offload = spec.OffloadUSO
	}
	return bpf.Target{
		Ifindex: uint32(w.state[host].Index), Netns: w.hosts[host].NS.Inode(), Queues: w.queues[host],
		GSO: super || device.CutBehindQdisc(w.spec), SampleEvery: device.SampleEveryOf(s),
	}
}

// Empty reports whether no packet has moved for a while.
func (w *Path) Empty() (bool, error) {
	if err := w.pair.Err(); err != nil {
		return false, err
	}
	if waiting, err := w.under.Link.Waiting(); waiting || err != nil {
		w.quiet = settled{}
		return false, err
	}
	var counts []uint64
	for i := range w.hosts {
		c, err := w.counters(i)
		if err != nil {
			return false, err
		}
		if c.Qdisc.Held > 0 {
			w.quiet = settled{}
			return false, nil
		}
		counts = append(counts, c.TxPackets, c.TxDropped, c.RxPackets, c.RxDropped)
	}
	return w.quiet.done(counts), nil
}

// counters are those of the device of a host and of its qdisc, and passedBy since the trial
// began.
func (w *Path) counters(host int) (c netns.Counters, err error) {
	h := w.hosts[host]
	if c, err = h.NS.Counters(h.Link); err == nil {
		c.Qdisc, err = device.QdiscOf(w.spec, h.NS, h.Link)
	}
	return c, err
}

func (w *Path) passedBy(host int) (netns.Counters, error) {
	c, err := w.counters(host)
	return path.Since(c, w.before[host]), err
}

// Entered implements path.Entrance.
func (w *Path) Entered(host int) (uint64, error) {
	c, err := w.passedBy(host)
	return device.Entered(w.spec, c, w.perSKB(host)), err
}

// Collect reads all counters for the last time.
func (w *Path) Collect() (path.Ledger, error) {
	l := &ledger{Path: w}
	return l, l.count()
}

// perSKB is how many wire segments an skb carries that a device gives out.
func (w *Path) perSKB(host int) uint64 { return device.SegmentsPerSKB(w.spec, w.state[host]) }

// Close ends the programs. It is an error if one had to be killed.
func (w *Path) Close() error {
	var errs []error
	for _, o := range w.watches {
		if o != nil {
			errs = append(errs, o.Close())
		}
	}
	w.watches = [2]*bpf.Observer{}
	if w.pair != nil {
		errs = append(errs, w.pair.Close())
	}
	return errors.Join(append(errs, path.CloseHosts(w.hosts))...)
}
