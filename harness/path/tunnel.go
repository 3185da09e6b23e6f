package path

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/netem"
	"tunbench/harness/netns"
	"tunbench/harness/socket"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// tunnel is two hosts with a TUN device each, and a network below between
// them. What moves packets from device to network and back is for others.
type tunnel struct {
	spec spec.Spec
	hook bpf.Hook

	hosts   [2]Host
	devices [2]*device.Device
	under   Underlay
	// watches is the observer on each device: on the second only if packets that
	// are followed go in there.
	watches [2]*bpf.Observer
	still   Settling

	before    [2]netns.Counters // of the devices, when the trial began
	counters  [2]netns.Counters // since then
	below     [2]netns.Counters
	carried   netem.Counts // by the link below
	snapshots [2]*bpf.Snapshot
	own       *record.Observer
}

var (
	Names = [2]string{device.Name, "tunbench1"}
	// HostLetters tell the two hosts apart in the names of hops.
	HostLetters = [2]string{"a", "b"}
)

// buildHosts makes the namespaces and joins them below.
func (w *tunnel) buildHosts(ctx context.Context) error {
	for i := range w.hosts {
		ns, err := netns.New()
		if err != nil {
			return err
		}
		w.hosts[i] = Host{NS: ns, Addr: device.HostAddress(w.spec, i).Addr(), Link: Names[i]}
	}
	return w.under.Build(ctx, [2]*netns.NS{w.hosts[0].NS, w.hosts[1].NS}, w.spec.MTU())
}

// buildDevices makes the devices by their Spec, which may differ from that of
// the trial in what is not to be chosen.
func (w *tunnel) buildDevices(s spec.Spec) (err error) {
	for i, h := range w.hosts {
		if w.devices[i], err = device.New(h.NS, h.Link, s, device.HostLink(s, i, false)); err != nil {
			return err
		}
	}
	return nil
}

// begin takes what passes from now on as the trial's, and observes it.
func (w *tunnel) begin() error {
	if err := w.under.Begin(); err != nil {
		return err
	}
	for i, d := range w.devices {
		var err error
		if w.before[i], err = d.Counters(); err != nil {
			return err
		}
		if w.hook == bpf.None || i == 1 && w.spec.Dir != spec.Both {
			continue
		}
		if w.watches[i], err = device.Observe(w.hook, d.Target(device.SampleEveryOf(w.spec))); err != nil {
			return err
		}
	}
	return w.under.Impair(w.spec)
}

func (w *tunnel) observers() (list device.Observers) {
	for _, o := range w.watches {
		if o != nil {
			list = append(list, o)
		}
	}
	return list
}

// passedBy gives the counters of a device since begin.
func (w *tunnel) passedBy(host int) (netns.Counters, error) {
	c, err := w.devices[host].Counters()
	return Since(c, w.before[host]), err
}

// Entered implements Entrance.
func (w *tunnel) Entered(host int) (uint64, error) {
	c, err := w.passedBy(host)
	return device.Entered(w.spec, c, w.perSKB(host)), err
}

func (w *tunnel) count() (err error) {
	if w.below, err = w.under.Counters(); err != nil {
		return err
	}
	if w.carried, err = w.under.Link.Counts(); err != nil {
		return err
	}
	for i := range w.devices {
		if w.counters[i], err = w.passedBy(i); err != nil {
			return err
		}
		if w.watches[i] == nil {
			continue
		}
		var own *record.Observer
		if w.snapshots[i], own, err = device.LastLook(w.watches[i]); err != nil {
			return err
		}
		w.own = device.JoinMissed(w.own, own, w.snapshots[i], w.counters[i])
	}
	return nil
}

// perSKB is how many wire segments an skb waits that a device gives out.
func (w *tunnel) perSKB(host int) uint64 { return device.SegmentsPerSKB(w.spec, w.devices[host].State) }

// dropped is what a device did not take, by reason if it was observed.
func (w *tunnel) dropped(host int) map[string]uint64 {
	return device.Lost(w.spec, w.snapshots[host], w.counters[host], w.perSKB(host))
}

// follow fills in devices, what the observers saw, and the hops of each
// direction with their drops.
func (w *tunnel) follow(t *record.Trial, hops func(from int) []record.Hop) {
	t.Device, t.Observer = w.devices[0].Record(), w.own
	t.Devices = []record.Device{t.Device, w.devices[1].Record()}
	w.under.Link.Describe(t, w.carried)
	for i, s := range w.snapshots {
		if s != nil {
			w.seen(t, i, s)
		}
	}
	for from := range w.spec.Directions() {
		t.Hops = append(t.Hops, AddDrops(t, DirFrom[from], hops(from))...)
	}
}

// DirFrom is the direction of what a host sends.
var DirFrom = [2]spec.Dir{spec.K2U, spec.U2K}

// AddDrops adds the drops of hops to the accounts.
func AddDrops(t *record.Trial, dir spec.Dir, hops []record.Hop) []record.Hop {
	for _, hop := range hops {
		for reason, n := range hop.Dropped {
			account.Drop(t, dir, reason, n)
		}
	}
	return hops
}

// seen adds what the observer on a device saw. Queues and residency are those
// of the first device.
func (w *tunnel) seen(t *record.Trial, host int, s *bpf.Snapshot) {
	super := w.perSKB(host) > 1
	if host == 0 {
		t.Queues = append(t.Queues, device.QueueRecords(s, super)...)
	}
	sums := device.SumQueues(s, super)
	sums.AddTo(&t.Accounting)
	residency := account.Latency(&s.Residency, s.Missed)
	if d, ok := t.Directions[string(DirFrom[host])]; ok {
		sums.AddTo(&d.Accounting)
		d.Latency = map[string]record.Latency{record.Residency: residency}
		t.Directions[string(DirFrom[host])] = d
	}
	if host == 0 {
		t.Latency[record.Residency] = residency
	}
}

// unseen holds what the observers saw against other counters: taken is how many
// packets were read from the device of each host.
func (w *tunnel) unseen(t *record.Trial, taken [2]uint64) string {
	for i, s := range w.snapshots {
		if s == nil {
			continue
		}
		name := w.devices[i].Name()
		var read uint64
		for _, q := range s.Queues {
			read += q.ReadPkts
		}
		switch {
		case read != taken[i]:
			return fmt.Sprintf("%d packets were read from %s, the observer saw %d at read", taken[i], name, read)
		case s.Strays > 0:
			return fmt.Sprintf("the observer saw %d events on queues that %s does not have", s.Strays, name)
		}
	}
	return Unseen(w.spec, t)
}

func (w *tunnel) close() error {
	var errs []error
	for _, o := range w.observers() {
		errs = append(errs, o.Close())
	}
	w.watches = [2]*bpf.Observer{}
	for _, d := range w.devices {
		errs = append(errs, d.Close())
	}
	return errors.Join(append(errs, CloseHosts(w.hosts))...)
}

// CloseHosts ends the namespaces of hosts, also of those that were not made.
func CloseHosts(hosts [2]Host) error {
	var errs []error
	for _, h := range slices.Backward(hosts[:]) {
		if h.NS != nil {
			errs = append(errs, h.NS.Close())
		}
	}
	return errors.Join(errs...)
}

// stillFor is how long all counters stand still before packets that are missing
// between two of them are taken for lost, uncounted.
const stillFor = time.Second

// Settling finds out when no packet is on its way, by the counters of one place and of
// the next.
type Settling struct {
	Quiet time.Duration // 0: stillFor
	known []uint64      // by how much they differ when all is still
	last  []uint64
	since int64
}

// Done takes pairs of counters, what one place gave out before what the next one
// has taken. Each must be on a level with the other, or all stand still for a
// while: then what is missing is for the accounts to tell.
func (s *Settling) Done(counts ...uint64) bool {
	gaps := make([]uint64, len(counts)/2)
	for i := range gaps {
		gaps[i] = counts[2*i] - counts[2*i+1]
	}
	if len(s.known) == 0 {
		s.known = make([]uint64, len(gaps))
	}
	if slices.Equal(gaps, s.known) {
		return true
	}
	now := worker.Now()
	if !slices.Equal(counts, s.last) {
		s.last, s.since = slices.Clone(counts), now
		return false
	}
	quiet := s.Quiet
	if quiet == 0 {
		quiet = stillFor
	}
	if now-s.since < int64(quiet) {
		return false
	}
	s.known = gaps
	return true
}

const (
	introducePort = 7
	introduceWait = time.Second
	introduceMost = 20 // datagrams
	// introduceLook is how often the wait for a datagram is interrupted.
	introduceLook = 100 * time.Millisecond
)

// introduce is Introduce with the patience that tunnels of ours need.
func introduce(ctx context.Context, hosts [2]Host) error {
	return Introduce(ctx, hosts, introduceWait, introduceMost)
}

// Introduce lets each host send the other one a datagram: tunnels agree on keys
// when the first packet comes. At most so many are sent, and each is waited for so long. It
// ends early, with the error of ctx, when that is done.
func Introduce(ctx context.Context, hosts [2]Host, wait time.Duration, most int) (err error) {
	var fds []int
	defer func() {
		for _, fd := range fds {
			err = errors.Join(err, unix.Close(fd))
		}
	}()
	for i, h := range hosts {
		err := h.NS.Do(func() error {
			fd, err := socket.UDP(netip.AddrPortFrom(h.Addr, introducePort), netip.AddrPortFrom(hosts[1-i].Addr, introducePort), 0)
			if err != nil {
				return err
			}
			fds = append(fds, fd)
			timeout := unix.NsecToTimeval(int64(min(wait, introduceLook)))
			return unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)
		})
		if err != nil {
			return fmt.Errorf("introduce %s: %w", h.Link, err)
		}
	}
	for i, h := range hosts {
		if err := greet(ctx, fds[i], fds[1-i], wait, most); err != nil {
			return fmt.Errorf("send from %s to %s: %w", h.Link, hosts[1-i].Link, err)
		}
	}
	return nil
}

// greet sends a datagram until one comes, and then takes all that are on their
// way.
func greet(ctx context.Context, from, to int, wait time.Duration, most int) error {
	buf := make([]byte, 64)
	next := time.Now() // when the next one is sent
	for sent, came := 0, 0; came == 0 || came < sent; {
		if err := ctx.Err(); err != nil {
			return err
		}
		if came == 0 && !time.Now().Before(next) {
			if sent == most {
				return fmt.Errorf("none of %d datagrams came within %v", sent, time.Duration(most)*wait)
			}
			if _, err := unix.Write(from, buf); err != nil {
				return err
			}
			sent++
			next = time.Now().Add(wait)
		}
		switch _, err := unix.Read(to, buf); {
		case err == nil:
			came++
		case errors.Is(err, unix.EINTR):
		case !errors.Is(err, unix.EAGAIN):
			return err
		case came > 0:
			return nil // the rest is lost
		}
	}
	return nil
}

// stacksReceived reports whether the stack of each host has taken what its devices gave
// it. With NAPI that happens later, and segments may be put together: it is over
// when the count stands still.
func stacksReceived(s spec.Spec, hosts [2]Host) (bool, error) {
	if s.NAPI == spec.NAPIOff {
		return true, nil // in the write itself
	}
	var before [2]netns.Stack
	for i := range 2 * len(hosts) {
		host := i % len(hosts)
		stack, err := hosts[host].NS.Stack()
		if err != nil {
			return false, err
		}
		if i >= len(hosts) && stack.Received != before[host].Received {
			return false, nil
		}
		before[host] = stack
		if i == len(hosts)-1 {
			time.Sleep(time.Millisecond)
		}
	}
	return true, nil
}
