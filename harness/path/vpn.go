package path

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/call"
	"tunbench/harness/forward"
	"tunbench/harness/seal"
	"tunbench/harness/socket"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

const (
	// vpnPort is that of queue 0 below the tunnel, on both sides; the other queues
	// follow.
	vpnPort = 51820
	// vpnBuffer is the receive buffer of each socket below the tunnel in bytes:
	// as much as wireguard-go asks for.
	vpnBuffer = 7 << 20
)

// vpnPath is path=vpn: a TUN device on each host, whose packets
// threads of ours seal and send to the other host in UDP, one socket a queue.
type vpnPath struct {
	tunnel
	placement record.Placement

	sockets [2][]int             // by host and queue
	egress  [2][]*forward.Egress // by host and queue
	ingress [2][]*forward.Ingress

	lost [2]uint64 // by the sockets of each host, at the end
}

func newVPN(s spec.Spec, hook bpf.Hook, p record.Placement) *vpnPath {
	return &vpnPath{tunnel: tunnel{spec: s, hook: hook}, placement: p}
}

var ciphers = map[spec.Cipher]seal.Cipher{
	spec.CipherNone: seal.None, spec.CipherChaCha: seal.ChaCha20Poly1305, spec.CipherAES: seal.AES256GCM,
}

func (w *vpnPath) Build(ctx context.Context) (Site, error) {
	err := w.construct(ctx)
	return Site{Hosts: w.hosts, Forwarders: w.forwarders(), Observers: w.observers(), Link: w.under.Link}, err
}

func (w *vpnPath) construct(ctx context.Context) error {
	if err := w.buildHosts(ctx); err != nil {
		return err
	}
	if err := w.buildDevices(w.spec); err != nil {
		return err
	}
	if err := w.openSockets(); err != nil {
		return err
	}
	if err := w.openThreads(); err != nil {
		return err
	}
	return w.begin()
}

func (w *vpnPath) openSockets() error {
	kind := 0
	if w.spec.NonBlocking() {
		kind = unix.SOCK_NONBLOCK
	}
	for i, h := range w.hosts {
		err := h.NS.Do(func() error {
			for q := range w.spec.Queues {
				at := func(host int) netip.AddrPort {
					return netip.AddrPortFrom(UnderlayAddrs[host].Addr(), uint16(vpnPort+q))
				}
				fd, err := socket.UDP(at(i), at(1-i), kind)
				if err != nil {
					return fmt.Errorf("open the socket of queue %d of %s: %w", q, h.Link, err)
				}
				w.sockets[i] = append(w.sockets[i], fd)
				err = errors.Join(setBuffer(fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF), setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF))
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// setBuffer sets a buffer of a socket to vpnBuffer, or to as much of it as this
// process may have.
func setBuffer(fd, force, option int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, vpnBuffer) == nil {
		return nil
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, vpnBuffer); err != nil {
		return &call.Error{Call: "setsockopt of a buffer", Err: err}
	}
	return nil
}

func (w *vpnPath) openThreads() error {
	key := make([]byte, seal.KeyLen)
	rand.Read(key)
	cpus := w.placement.Carrier
	config := func(host, queue int) forward.TunnelConfig {
		c := forward.TunnelConfig{
			Name: w.hosts[host].Link, Device: w.devices[host].Queues()[queue].FD(), Socket: w.sockets[host][queue],
			CPU: cpus[0], Wait: waits[w.spec.IO], Vector: w.spec.IO == spec.IOReadv,
			PI: w.spec.PI, VnetHdr: w.spec.VnetHdr, MaxPacket: w.spec.MTU(),
		}
		cpus = cpus[1:]
		return c
	}
	for from := range w.spec.Directions() {
		for queue := range w.spec.Queues {
			sealer, opener, err := seal.Pair(ciphers[w.spec.Cipher], key, uint8(from), uint16(queue))
			if err != nil {
				return err
			}
			w.egress[from] = append(w.egress[from], forward.NewEgress(config(from, queue), sealer))
			w.ingress[1-from] = append(w.ingress[1-from], forward.NewIngress(config(1-from, queue), opener))
		}
	}
	return nil
}

// forwarders are in the order in which packets pass them.
func (w *vpnPath) forwarders() (list forwarders) {
	for from := range w.spec.Directions() {
		for _, c := range w.egress[from] {
			list = append(list, c)
		}
		for _, c := range w.ingress[1-from] {
			list = append(list, c)
		}
	}
	return list
}

// Empty compares the counters along the path with each other: a packet that a thread
// is working on is in none of the queues.
func (w *vpnPath) Empty() (bool, error) {
	if empty, err := w.quiet(); err != nil || !empty {
		return false, err
	}
	below, err := w.under.Counters()
	if err != nil {
		return false, err
	}
	link, err := w.under.Link.Counts()
	if err != nil {
		return false, err
	}
	var counts []uint64
	for from := range w.spec.Directions() {
		if empty, err := w.devices[from].Empty(); err != nil || !empty {
			return false, err
		}
		c, err := w.passedBy(from)
		if err != nil {
			return false, err
		}
		arrived, err := w.passedBy(1 - from)
		if err != nil {
			return false, err
		}
		lost := below[from].TxDropped + link.Lost(from)
		var taken, sent, came, gone uint64
		for _, e := range w.egress[from] {
			in, out, _ := e.Passed()
			taken, sent = taken+in, sent+out
		}
		for _, g := range w.ingress[1-from] {
			in, out, _ := g.Passed()
			n, err := g.Lost()
			if err != nil {
				return false, err
			}
			came, gone, lost = came+in, gone+out, lost+n
		}
		counts = append(counts, c.TxPackets, taken, taken, sent, sent, came+lost, arrived.RxPackets, gone)
	}
	if !w.still.Done(counts...) {
		return false, nil
	}
	return stacksReceived(w.spec, w.hosts)
}

// quiet reports whether no socket below the tunnel has anything.
func (w *vpnPath) quiet() (bool, error) {
	var fds []unix.PollFd
	for _, fd := range slices.Concat(w.sockets[0], w.sockets[1]) {
		fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
	}
	n, err := unix.Poll(fds, 0)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return false, fmt.Errorf("poll the sockets below the tunnel: %w", err)
	}
	return n == 0 && err == nil, nil
}

func (w *vpnPath) Collect() (Ledger, error) { return w, w.count() }

func (w *vpnPath) count() error {
	for i := range w.hosts {
		w.lost[i] = 0
		for _, g := range w.ingress[i] {
			n, err := g.Lost()
			if err != nil {
				return err
			}
			w.lost[i] += n
		}
	}
	return w.tunnel.count()
}

// carried sums up what threads of one kind did.
func carried[T interface{ Counts() forward.TunnelCounts }](threads []T) forward.TunnelCounts {
	sum := forward.TunnelCounts{Dropped: map[string]uint64{}}
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

func (w *vpnPath) Account(t *record.Trial) { w.follow(t, w.hops) }

// hops are the places that packets pass which go from one host to the other.
// Drops are told apart by where they happened.
func (w *vpnPath) hops(from int) []record.Hop {
	to := 1 - from
	out, in := carried(w.egress[from]), carried(w.ingress[to])
	name := "vpn " + HostLetters[to]
	opened := record.Hop{Name: name + " open", In: in.In, Out: in.Out, Calls: in.Calls, Bytes: in.Bytes, Dropped: map[string]uint64{}}
	for reason, n := range in.Dropped {
		opened.Dropped[name+" "+reason] = n
	}
	sent, arrived := w.counters[from], w.counters[to]
	return []record.Hop{
		{Name: "device " + Names[from], In: EnteredOf(sent), Out: sent.TxPackets, Dropped: w.dropped(from), Bytes: sent.TxBytes},
		{Name: "vpn " + HostLetters[from] + " seal", In: out.In, Out: out.Out, Calls: out.Calls, Bytes: out.Bytes},
		{Name: "underlay", In: out.Out, Out: in.In, Dropped: w.lostBelow(from)},
		opened,
		{Name: "device " + Names[to], In: in.Out, Out: arrived.RxPackets, Bytes: arrived.RxBytes},
	}
}

// lostBelow is what was lost on the way from one host to the other, by reason.
func (w *vpnPath) lostBelow(from int) map[string]uint64 {
	dropped := underlayDrops(w.lost[1-from], w.below[from].TxDropped)
	w.carried.Drops(from, 1, dropped)
	return dropped
}

// underlayDrops names what was lost below a tunnel: by a socket that was full,
// and by the backlog of a CPU (veth_xmit of drivers/net/veth.c).
func underlayDrops(socket, backlog uint64) map[string]uint64 {
	dropped := map[string]uint64{}
	if socket > 0 {
		dropped["underlay SOCKET_RCVBUFF"] = socket
	}
	if backlog > 0 {
		dropped["underlay "+record.TxDropped] = backlog
	}
	return dropped
}

func (w *vpnPath) Mismatch(t *record.Trial) string {
	var taken [2]uint64
	for from := range w.spec.Directions() {
		to := 1 - from
		out, in := carried(w.egress[from]), carried(w.ingress[to])
		lost := w.lost[to] + w.below[from].TxDropped + w.carried.Lost(from)
		taken[from] = out.In
		switch {
		case w.counters[from].TxPackets != out.In:
			return fmt.Sprintf("the VPN got %d packets from %s, which counted %d", out.In, Names[from], w.counters[from].TxPackets)
		case out.Out != in.In+lost:
			return fmt.Sprintf("the VPN sent %d packets from %s, %d came and %d were dropped under way", out.Out, Names[from], in.In, lost)
		case in.Out != w.counters[to].RxPackets:
			return fmt.Sprintf("the VPN wrote %d packets to %s, which counted %d", in.Out, Names[to], w.counters[to].RxPackets)
		}
	}
	return w.unseen(t, taken)
}

func (w *vpnPath) Close() error {
	var errs []error
	for i := range w.sockets {
		for _, fd := range w.sockets[i] {
			errs = append(errs, unix.Close(fd))
		}
		w.sockets[i] = nil
	}
	return errors.Join(append(errs, w.tunnel.close())...)
}
