package path

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/netns"
	"tunbench/harness/socket"
	"tunbench/harness/spec"
	"tunbench/harness/tuntap"
	"tunbench/harness/wireguard"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// wireguardPort is the one that WireGuard uses by custom.
const wireguardPort = 51820

// wireguardGoPath is path=wireguard-go, the reference path of VPNs in user
// space: the library golang.zx2c4.com/wireguard on a TUN device of each host,
// within this process.
type wireguardGoPath struct {
	tunnel
	placement record.Placement
	peers     [2]*wireguard.Device
	keeper    *keeper

	began [2]wireguard.Counts // when the trial began
	ended [2]wireguard.Counts // what passed since
	lost  [2]uint64           // datagrams or trains of them that the sockets of each host dropped
}

func newWireguardGo(s spec.Spec, hook bpf.Hook, p record.Placement) *wireguardGoPath {
	return &wireguardGoPath{tunnel: tunnel{spec: s, hook: hook}, placement: p}
}

func (w *wireguardGoPath) Build(ctx context.Context) (Site, error) {
	err := w.construct(ctx)
	return Site{Hosts: w.hosts, Forwarders: w.forwarders(), Observers: w.observers(), Link: w.under.Link}, err
}

func (w *wireguardGoPath) construct(ctx context.Context) error {
	if err := w.buildHosts(ctx); err != nil {
		return err
	}
	if err := w.buildOwnDevices(); err != nil {
		return err
	}
	keys, err := newKeys()
	if err != nil {
		return err
	}
	for i, h := range w.hosts {
		err := h.NS.Do(func() (err error) {
			w.peers[i], err = w.start(i, keys[i], keys[1-i].PublicKey())
			return err
		})
		if err != nil {
			return err
		}
	}
	w.keeper = newKeeper(w.peers, w.placement.Sender[0])
	if err := introduce(ctx, w.hosts); err != nil {
		return err
	}
	if err := w.rest(ctx); err != nil {
		return err
	}
	return w.begin()
}

// buildOwnDevices makes the devices that the library makes for itself, with a
// virtio-net header and all offloads that the kernel has.
func (w *wireguardGoPath) buildOwnDevices() error {
	s := w.spec
	s.VnetHdr, s.Offload = 10, spec.OffloadUSO
	err := w.buildDevices(s)
	var option *tuntap.OptionError
	if !errors.As(err, &option) || !option.Unsupported() {
		return err
	}
	s.Offload = spec.OffloadTSO // before Linux 6.2
	return w.buildDevices(s)
}

// start runs one peer, with a descriptor of its own. It is called in the
// namespace of the host.
func (w *wireguardGoPath) start(host int, key, peer wgtypes.Key) (*wireguard.Device, error) {
	fd, err := unix.FcntlInt(uintptr(w.devices[host].Queues()[0].FD()), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicate the descriptor of %s: %w", Names[host], err)
	}
	return wireguard.Start(wireguard.Config{
		FD: fd, MTU: w.spec.MTU(), Port: wireguardPort, Key: key, Peer: peer,
		Endpoint: netip.AddrPortFrom(UnderlayAddrs[1-host].Addr(), wireguardPort),
	})
}

// rest waits until nothing moves any more and takes the counts of that moment.
func (w *wireguardGoPath) rest(ctx context.Context) error {
	for deadline := time.Now().Add(DrainTimeout); ; time.Sleep(time.Millisecond) {
		if err := ctx.Err(); err != nil {
			return err
		}
		var now [2]wireguard.Counts
		for i, peer := range w.peers {
			now[i] = peer.Counts()
		}
		if now[0].Sent == now[1].Written && now[1].Sent == now[0].Written && now[0].Sent > 0 && sameCounts(now, w.began) {
			return nil
		}
		w.began = now
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v for wireguard-go to come to rest", DrainTimeout)
		}
	}
}

func sameCounts(a, b [2]wireguard.Counts) bool {
	for i := range a {
		if a[i].Calls != b[i].Calls || a[i].Written != b[i].Written || a[i].Sent != b[i].Sent {
			return false
		}
	}
	return true
}

func (w *wireguardGoPath) forwarders() forwarders {
	if w.keeper == nil {
		return nil
	}
	return forwarders{w.keeper}
}

// passedThrough gives the counts of a peer since the trial began.
func (w *wireguardGoPath) passedThrough(host int) wireguard.Counts {
	c, before := w.peers[host].Counts(), w.began[host]
	c.Calls -= before.Calls
	c.Reads -= before.Reads
	c.Taken -= before.Taken
	c.Sent -= before.Sent
	c.Received -= before.Received
	c.Written -= before.Written
	return c
}

func (w *wireguardGoPath) Empty() (bool, error) {
	if waiting, err := w.under.Link.Waiting(); waiting || err != nil {
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
		out, in := w.passedThrough(from), w.passedThrough(1-from)
		var refused uint64
		for _, n := range in.Refused {
			refused += n
		}
		counts = append(counts, c.TxPackets, out.Reads, out.Taken, out.Sent, out.Sent, in.Received, in.Received, in.Written+refused)
	}
	if !w.still.Done(counts...) {
		return false, nil
	}
	// A write is counted when it begins.
	return !w.peers[0].Counts().Writing && !w.peers[1].Counts().Writing, nil
}

func (w *wireguardGoPath) Collect() (Ledger, error) { return w, w.count() }

func (w *wireguardGoPath) count() (err error) {
	for i, h := range w.hosts {
		w.ended[i] = w.passedThrough(i)
		if w.lost[i], err = portDrops(h.NS, wireguardPort); err != nil {
			return err
		}
	}
	return w.tunnel.count()
}

// portDrops is how many datagrams, or trains of them, the UDP sockets of a port
// have dropped. A socket of the library is not ours to ask.
func portDrops(ns *netns.NS, port int) (sum uint64, err error) {
	err = ns.Do(func() error {
		all, err := socket.Table("udp")
		for _, e := range all {
			if e.Port == port {
				sum += e.Drops
			}
		}
		return err
	})
	return sum, err
}

func (w *wireguardGoPath) Account(t *record.Trial) {
	w.follow(t, w.hops)
	t.Notes = append(t.Notes, "wireguard-go runs in goroutines on all CPUs: the CPU time of forwarders is what the process used beside senders and readers")
}

func (w *wireguardGoPath) hops(from int) []record.Hop {
	to := 1 - from
	out, in := w.ended[from], w.ended[to]
	sent, arrived := w.counters[from], w.counters[to]
	first := record.Hop{Name: "device " + Names[from], In: EnteredOf(sent), Out: sent.TxPackets, Dropped: w.dropped(from), Bytes: sent.TxBytes}
	if w.perSKB(from) > 1 {
		// The next ones see single packets, and drops are counted as such.
		first.Out = out.Taken
		first.In = first.Out
		for _, n := range first.Dropped {
			first.In += n
		}
	}
	a := record.Hop{Name: "wireguard-go " + HostLetters[from], In: out.Taken, Out: out.Sent, Calls: out.Calls}
	a.Dropped = gone(a, a.Name+" queues")
	below := record.Hop{Name: "underlay", In: out.Sent, Out: in.Received}
	below.Dropped = w.lostBelow(from, below)
	b := record.Hop{Name: "wireguard-go " + HostLetters[to], In: in.Received, Out: in.Written, Calls: in.Calls, Dropped: map[string]uint64{}}
	var refused uint64
	for errno, n := range in.Refused {
		b.Dropped[b.Name+" "+errno] = n
		refused += n
	}
	for reason, n := range gone(record.Hop{In: b.In - min(b.In, refused), Out: b.Out}, b.Name+" queues") {
		b.Dropped[reason] = n
	}
	return []record.Hop{first, a, below, b,
		// The library joins packets before it writes them.
		{Name: "device " + Names[to], In: arrived.RxPackets, Out: arrived.RxPackets, Bytes: arrived.RxBytes}}
}

// lostBelow is what was lost on the way from one host to the other, by reason. The library
// sends several packets in one train, which is lost as a whole: where trains were lost in
// several places, the packets are shared out by their number.
func (w *wireguardGoPath) lostBelow(from int, below record.Hop) map[string]uint64 {
	places := underlayDrops(w.lost[1-from], w.below[from].TxDropped)
	if len(places) == 2 { // which are not told apart
		places = underlayDrops(w.lost[1-from], 0)
	}
	w.carried.Drops(from, 1, places)
	return account.Share(below.In-min(below.In, below.Out), places)
}

// gone is what went into a place and did not come out.
func gone(h record.Hop, reason string) map[string]uint64 {
	if h.In <= h.Out {
		return nil
	}
	return map[string]uint64{reason: h.In - h.Out}
}

func (w *wireguardGoPath) Mismatch(t *record.Trial) string {
	var taken [2]uint64
	for from := range w.spec.Directions() {
		to := 1 - from
		out, in := w.ended[from], w.ended[to]
		taken[from] = out.Taken
		switch {
		case w.counters[from].TxPackets != out.Reads:
			return fmt.Sprintf("wireguard-go got %d packets or GSO packets from %s, which counted %d", out.Reads, Names[from], w.counters[from].TxPackets)
		case out.Sent > out.Taken || in.Received > out.Sent || in.Written > in.Received:
			return fmt.Sprintf("wireguard-go took %d packets from %s, sent %d, received %d and wrote %d", out.Taken, Names[from], out.Sent, in.Received, in.Written)
		case in.Received < out.Sent && w.lost[to]+w.below[from].TxDropped+w.carried.Lost(from) == 0:
			return fmt.Sprintf("wireguard-go sent %d packets from %s, %d came and none was dropped under way", out.Sent, Names[from], in.Received)
		}
	}
	return w.unseen(t, taken)
}

func (w *wireguardGoPath) Close() error {
	for _, peer := range w.peers {
		if peer != nil {
			peer.Close()
		}
	}
	return w.tunnel.close()
}

// keeper is a forwarder in name only: it notices when wireguard-go, which forwards the
// packets, ends by itself, and accounts for its cost.
type keeper struct {
	peers  [2]*wireguard.Device
	cpu    int // of which it uses next to nothing
	thread *worker.Thread
	quit   chan struct{}
	told   atomic.Bool // quit is closed
}

func newKeeper(peers [2]*wireguard.Device, cpu int) *keeper {
	return &keeper{peers: peers, cpu: cpu, quit: make(chan struct{})}
}

func (k *keeper) Start() (err error) {
	k.thread, err = worker.Start(k.cpu, k.wait)
	return err
}

func (k *keeper) wait() error {
	const look = 100 * time.Millisecond
	for {
		ended := false
		select {
		case <-k.quit:
			return nil
		case <-k.peers[0].Done():
			ended = true
		case <-k.peers[1].Done():
			ended = true
		case <-time.After(look):
		}
		for i, peer := range k.peers {
			if err := peer.Err(); err != nil {
				return fmt.Errorf("wireguard-go on %s: %w", Names[i], err)
			}
		}
		if ended {
			return fmt.Errorf("wireguard-go has ended: %w", os.ErrClosed)
		}
	}
}

func (k *keeper) Thread() *worker.Thread { return k.thread }
func (k *keeper) Calls() uint64          { return k.peers[0].Counts().Calls + k.peers[1].Counts().Calls }
func (k *keeper) Close() error           { return nil }

func (k *keeper) Finish() error {
	if !k.told.Swap(true) {
		close(k.quit)
	}
	return nil
}

// CPUTime is that of the process in ns: the threads that do the work are not known.
func (k *keeper) CPUTime() (int64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		return 0, fmt.Errorf("read the CPU clock of the process: %w", err)
	}
	return ts.Nano(), nil
}
