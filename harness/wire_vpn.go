package harness

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/carry"
	"tunbench/harness/netns"
	"tunbench/harness/seal"
	"tunbench/harness/traffic"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

const (
	// vpnPort is that of queue 0 below the tunnel, on both sides; the other queues
	// follow.
	vpnPort = 51820
	// vpnBuffer is the receive buffer of each socket below the tunnel in bytes:
	// as much as wireguard-go asks for.
	vpnBuffer = 7 << 20
	// vpnThreads is how many threads carry each queue: out of and into each of
	// two devices.
	vpnThreads = 4
	// stillFor is how long nothing moves, if packets that are on their way by the
	// counters are lost in a way that nobody counted.
	stillFor = 200 * time.Millisecond
)

// vpnWire is the wire of path=vpn: a TUN device on each host, whose packets a
// process of ours seals and sends to the other host in UDP.
type vpnWire struct {
	spec      Spec
	hook      bpf.Hook
	placement record.Placement

	hosts   [2]end
	devices [2]*device
	under   underlay
	sockets [2][]int // by host and queue
	// watches is the observer on each device: on the second only if traffic that
	// is followed goes in there.
	watches [2]*bpf.Observer
	egress  [2][]*carry.Egress // by host and queue
	ingress [2][]*carry.Ingress

	still struct { // what empty saw last
		sum  uint64
		when int64
	}

	counters  [2]netns.Counters
	below     [2]netns.Counters
	lost      [2]uint64 // by the sockets of each host
	snapshots [2]*bpf.Snapshot
	own       *record.Observer
}

func newVPNWire(s Spec, hook bpf.Hook, p record.Placement) *vpnWire {
	return &vpnWire{spec: s, hook: hook, placement: p}
}

var (
	tunnelNames = [2]string{deviceName, "tunbench1"}
	ciphers     = map[Cipher]seal.Cipher{
		CipherNone: seal.None, CipherChaCha: seal.ChaCha20Poly1305, CipherAES: seal.AES256GCM,
	}
)

func (w *vpnWire) build() error {
	for i := range w.hosts {
		ns, err := netns.New()
		if err != nil {
			return err
		}
		w.hosts[i] = end{ns: ns, addr: w.spec.hostAddress(i).Addr(), link: tunnelNames[i]}
	}
	for i, h := range w.hosts {
		var err error
		if w.devices[i], err = newDevice(h.ns, h.link, w.spec, w.spec.hostLink(i, false)); err != nil {
			return err
		}
	}
	if err := w.under.build([2]*netns.NS{w.hosts[0].ns, w.hosts[1].ns}, w.spec.mtu()); err != nil {
		return err
	}
	if err := w.under.begin(); err != nil {
		return err
	}
	if err := w.openSockets(); err != nil {
		return err
	}
	if err := w.openThreads(); err != nil {
		return err
	}
	return w.observe()
}

func (w *vpnWire) openSockets() error {
	for i, h := range w.hosts {
		err := h.ns.Do(func() error {
			for q := range w.spec.Queues {
				fd, err := openTunnelSocket(i, q, w.spec.nonBlocking())
				if err != nil {
					return fmt.Errorf("open the socket of queue %d of %s: %w", q, h.link, err)
				}
				w.sockets[i] = append(w.sockets[i], fd)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// openTunnelSocket gives the socket of a queue on host i, connected to the one
// on the other host.
func openTunnelSocket(i, queue int, nonBlocking bool) (fd int, err error) {
	kind := unix.SOCK_DGRAM | unix.SOCK_CLOEXEC
	if nonBlocking {
		kind |= unix.SOCK_NONBLOCK
	}
	if fd, err = unix.Socket(unix.AF_INET, kind, 0); err != nil {
		return -1, &traffic.CallError{Call: "socket", Err: err}
	}
	at := func(host int) netip.AddrPort {
		return netip.AddrPortFrom(underlayAddrs[host].Addr(), uint16(vpnPort+queue))
	}
	sockaddr := func(a netip.AddrPort) unix.Sockaddr {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	if err := unix.Bind(fd, sockaddr(at(i))); err != nil {
		unix.Close(fd)
		return -1, &traffic.CallError{Call: "bind " + at(i).String(), Err: err}
	}
	if err := unix.Connect(fd, sockaddr(at(1-i))); err != nil {
		unix.Close(fd)
		return -1, &traffic.CallError{Call: "connect " + at(1-i).String(), Err: err}
	}
	if err := setBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF); err != nil {
		unix.Close(fd)
		return -1, err
	}
	if err := setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// setBuffer sets a buffer of a socket to vpnBuffer, or to as much of it as this
// process may have.
func setBuffer(fd, force, option int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, vpnBuffer) == nil {
		return nil
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, vpnBuffer); err != nil {
		return &traffic.CallError{Call: "setsockopt of a buffer", Err: err}
	}
	return nil
}

var carryWaits = map[IO]carry.Wait{IORead: carry.Block, IOReadv: carry.Block, IOPoll: carry.Poll, IOSpin: carry.Spin}

func (w *vpnWire) openThreads() error {
	key := make([]byte, seal.KeyLen)
	rand.Read(key)
	n := 0
	config := func(host, queue int) carry.TunnelConfig {
		cpu := w.placement.Carrier[n%len(w.placement.Carrier)]
		n++
		return carry.TunnelConfig{
			Name: w.hosts[host].link, Device: w.devices[host].Queues()[queue].FD(), Socket: w.sockets[host][queue],
			CPU: cpu, Wait: carryWaits[w.spec.IO], Vector: w.spec.IO == IOReadv,
			PI: w.spec.PI, VnetHdr: w.spec.VnetHdr, MaxPacket: w.spec.mtu(),
		}
	}
	for from := range w.hosts {
		for queue := range w.spec.Queues {
			sealer, opener, err := seal.Pair(ciphers[w.spec.Cipher], key, uint8(from), uint16(queue))
			if err != nil {
				return err
			}
			w.egress[from] = append(w.egress[from], carry.NewEgress(config(from, queue), sealer))
			w.ingress[1-from] = append(w.ingress[1-from], carry.NewIngress(config(1-from, queue), opener))
		}
	}
	return nil
}

func (w *vpnWire) observe() (err error) {
	if w.hook == bpf.None {
		return nil
	}
	for i, d := range w.devices {
		if i == 1 && w.spec.Dir != Both {
			continue
		}
		if w.watches[i], err = bpf.Open(w.hook, d.target(w.spec.sampleEvery())); err != nil {
			return err
		}
	}
	return nil
}

func (w *vpnWire) ends() [2]end { return w.hosts }

// carriers are in the order in which packets pass them.
func (w *vpnWire) carriers() (list []carrier) {
	for from := range w.hosts {
		for _, c := range w.egress[from] {
			list = append(list, c)
		}
		for _, c := range w.ingress[1-from] {
			list = append(list, c)
		}
	}
	return list
}

func (w *vpnWire) observers() (list []*bpf.Observer) {
	for _, o := range w.watches {
		if o != nil {
			list = append(list, o)
		}
	}
	return list
}

// empty holds the counters along the way against each other: a packet that a
// thread has in its hands is in none of the queues.
func (w *vpnWire) empty() (bool, error) {
	below, err := w.under.counters()
	if err != nil {
		return false, err
	}
	all, sum := true, uint64(0)
	for from, d := range w.devices {
		empty, err := d.empty()
		if err != nil || !empty {
			return false, err
		}
		c, err := d.counters()
		if err != nil {
			return false, err
		}
		var taken, sent, came uint64
		for _, e := range w.egress[from] {
			in, out, _ := e.Passed()
			taken, sent = taken+in, sent+out
		}
		lost := below[from].TxDropped
		for _, g := range w.ingress[1-from] {
			in, _, _ := g.Passed()
			n, err := g.Lost()
			if err != nil {
				return false, err
			}
			came, lost = came+in, lost+n
		}
		all = all && c.TxPackets == taken && taken == sent && sent == came+lost
		sum += c.TxPackets + taken + sent + came + lost
	}
	if now := worker.Now(); sum != w.still.sum {
		w.still.sum, w.still.when = sum, now
	} else if now-w.still.when > int64(stillFor) {
		return true, nil // what is missing is for mismatch to tell
	}
	return all, nil
}

func (w *vpnWire) collect() (err error) {
	if w.below, err = w.under.counters(); err != nil {
		return err
	}
	for i, d := range w.devices {
		if w.counters[i], err = d.counters(); err != nil {
			return err
		}
		w.lost[i] = 0
		for _, g := range w.ingress[i] {
			n, err := g.Lost()
			if err != nil {
				return err
			}
			w.lost[i] += n
		}
		if w.watches[i] == nil {
			continue
		}
		var own *record.Observer
		if w.snapshots[i], own, err = lastLook(w.watches[i]); err != nil {
			return err
		}
		if i == 0 {
			w.own = own
		}
	}
	return nil
}

// carried sums up what the threads of one kind did, with the reasons for which
// they dropped.
func carried[T interface{ Counts() carry.TunnelCounts }](threads []T) carry.TunnelCounts {
	sum := carry.TunnelCounts{Dropped: map[string]uint64{}}
	for _, t := range threads {
		c := t.Counts()
		sum.Calls += c.Calls
		sum.In += c.In
		sum.Out += c.Out
		sum.Bytes += c.Bytes
		for reason, n := range c.Dropped {
			sum.Dropped[reason] += n
		}
	}
	return sum
}

func (w *vpnWire) account(t *record.Trial) {
	t.Device, t.Observer = w.devices[0].record(), w.own
	t.Devices = []record.Device{t.Device, w.devices[1].record()}
	w.follow(t)
	directions := 1
	if w.spec.Dir == Both || w.spec.Gen.Conversation() {
		directions = 2
	}
	for from := range directions {
		for _, hop := range w.hops(from) {
			for reason, n := range hop.Dropped {
				t.Accounting.Dropped[reason] += n
			}
			t.Hops = append(t.Hops, hop)
		}
	}
}

// hops are the places that packets pass which go from one host to the other.
// The reasons of their drops are told apart by where they happened.
func (w *vpnWire) hops(from int) []record.Hop {
	to := 1 - from
	names := [2]string{"a", "b"}
	out, in := carried(w.egress[from]), carried(w.ingress[to])
	device := record.Hop{
		Name: "device " + names[from], In: w.counters[from].TxPackets + w.counters[from].TxDropped,
		Out: w.counters[from].TxPackets, Dropped: w.dropped(from),
	}
	below := record.Hop{Name: "underlay", In: out.Out, Out: in.In, Dropped: map[string]uint64{}}
	if n := w.lost[to]; n > 0 {
		below.Dropped["underlay SOCKET_RCVBUFF"] = n
	}
	if n := w.below[from].TxDropped; n > 0 { // by the backlog of a CPU (veth_xmit of drivers/net/veth.c)
		below.Dropped["underlay tx_dropped"] = n
	}
	opened := record.Hop{Name: "vpn " + names[to] + " open", In: in.In, Out: in.Out, Calls: in.Calls, Bytes: in.Bytes, Dropped: map[string]uint64{}}
	for reason, n := range in.Dropped {
		opened.Dropped["vpn "+names[to]+" "+reason] = n
	}
	return []record.Hop{
		device,
		{Name: "vpn " + names[from] + " seal", In: out.In, Out: out.Out, Calls: out.Calls, Bytes: out.Bytes},
		below, opened,
		{Name: "device " + names[to], In: in.Out, Out: w.counters[to].RxPackets},
	}
}

// dropped is what a device did not take, by reason if it was observed.
func (w *vpnWire) dropped(host int) map[string]uint64 {
	if s := w.snapshots[host]; s != nil {
		return s.Drops
	}
	if n := w.counters[host].TxDropped; n > 0 {
		return map[string]uint64{record.TxDropped: n}
	}
	return nil
}

// follow fills in what the observers saw.
func (w *vpnWire) follow(t *record.Trial) {
	if w.snapshots[0] == nil {
		return
	}
	var xmit, read uint64
	for i, s := range w.snapshots {
		if s == nil {
			continue
		}
		for queue, q := range s.Queues {
			xmit += q.XmitPkts
			read += q.ReadPkts
			if i == 0 {
				t.Queues = append(t.Queues, record.Queue{
					Queue: queue, XmitPkts: q.XmitPkts, XmitBytes: q.XmitBytes,
					ReadPkts: q.ReadPkts, ReadBytes: q.ReadBytes, DropPkts: q.DropPkts,
				})
			}
		}
	}
	t.Accounting.Xmit, t.Accounting.Read = &xmit, &read
	t.Latency[record.Residency] = latency(&w.snapshots[0].Residency, w.snapshots[0].Missed)
}

func (w *vpnWire) mismatch(t *record.Trial) string {
	for from, d := range w.devices {
		to := 1 - from
		out, in := carried(w.egress[from]), carried(w.ingress[to])
		missing := w.lost[to] + w.below[from].TxDropped
		switch {
		case w.counters[from].TxPackets != out.In:
			return fmt.Sprintf("the VPN got %d packets from %s, which counted %d", out.In, d.Name(), w.counters[from].TxPackets)
		case out.Out != in.In+missing:
			return fmt.Sprintf("the VPN sent %d packets from %s, %d came and %d were dropped under way", out.Out, d.Name(), in.In, missing)
		case in.Out != w.counters[to].RxPackets:
			return fmt.Sprintf("the VPN wrote %d packets to %s, which counted %d", in.Out, w.devices[to].Name(), w.counters[to].RxPackets)
		}
		if s := w.snapshots[from]; s != nil {
			if text := w.observed(from, s, out.In); text != "" {
				return text
			}
		}
	}
	if a := t.Accounting; a.Xmit != nil && !w.spec.Gen.Conversation() && *a.Xmit != a.Accepted {
		return fmt.Sprintf("the generator's %d packets were accepted, the observer saw %d at xmit", a.Accepted, *a.Xmit)
	}
	return ""
}

// observed holds what an observer saw against what was read from the device.
func (w *vpnWire) observed(host int, s *bpf.Snapshot, taken uint64) string {
	name := w.devices[host].Name()
	var read uint64
	for _, q := range s.Queues {
		read += q.ReadPkts
	}
	switch dropped := w.counters[host].TxDropped; {
	case read != taken:
		return fmt.Sprintf("the VPN got %d packets from %s, the observer saw %d at read", taken, name, read)
	case s.Strays > 0:
		return fmt.Sprintf("the observer saw %d events on queues that %s does not have", s.Strays, name)
	case w.hook.SeesReturns() && s.Refused != dropped:
		return fmt.Sprintf("%s dropped %d, the observer saw xmit refuse %d", name, dropped, s.Refused)
	}
	return ""
}

func (w *vpnWire) close() error {
	var errs []error
	for _, o := range w.observers() {
		errs = append(errs, o.Close())
	}
	for i := range w.hosts {
		errs = append(errs, w.devices[i].Close())
		for _, fd := range w.sockets[i] {
			errs = append(errs, unix.Close(fd))
		}
		w.sockets[i] = nil
	}
	for _, h := range slices.Backward(w.hosts[:]) {
		if h.ns != nil {
			errs = append(errs, h.ns.Close())
		}
	}
	return errors.Join(errs...)
}
