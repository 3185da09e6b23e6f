package harness

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"tunbench/bpf"
	"tunbench/harness/host"
	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/sink"
	"tunbench/harness/traffic"
	"tunbench/harness/tuntap"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// Addresses of a trial's device and of the host behind it, which is nobody.
// The networks are set aside for benchmarks (RFC 2544, RFC 5180).
var (
	deviceAddr4 = netip.MustParsePrefix("198.18.0.1/24")
	peerAddr4   = netip.MustParseAddr("198.18.0.2")
	deviceAddr6 = netip.MustParsePrefix("2001:2::1/64")
	peerAddr6   = netip.MustParseAddr("2001:2::2")
	deviceMAC   = net.HardwareAddr{0x02, 0, 0, 0, 0, 1}
	peerMAC     = net.HardwareAddr{0x02, 0, 0, 0, 0, 2}
)

const (
	defaultMTU = 1500
	// headroom is what may stand before a packet: PI, the longest virtio-net
	// header and an Ethernet header.
	headroom = packet.PILen + 24 + packet.EthernetLen
	// sampleEvery is the share of skbs whose residency is taken under full load,
	// where there are hundreds of thousands a second.
	sampleEvery = 8
	// sampleAllBelow is the packet rate of an open loop below which every skb is
	// timed: there are few, and the next one often takes the place in memory of
	// the last, so that a choice of places would be none of packets.
	sampleAllBelow = 200_000
	// scheduleAfter is what the senders of an open loop have to get ready before
	// the first packet is due.
	scheduleAfter = 5 * time.Millisecond
	// drainTimeout bounds the wait for what is in the device to come out.
	drainTimeout = 5 * time.Second
	kickEvery    = 5 * time.Millisecond
)

// bed is the real rig: a device in a namespace of its own, its senders and
// readers, and the observer on it.
type bed struct {
	spec      Spec
	hook      bpf.Hook
	placement record.Placement // with gen=lockstep one sender, which reads, too

	ns       *netns.NS
	device   *tuntap.Device
	observer *bpf.Observer
	senders  []*traffic.Sender
	readers  []*sink.Reader
	sending  traffic.Control
	reading  sink.Control
	started  bool
	sliced   bool      // workers and, with toggled, observer wait until release
	toggled  bool      // the other side of the pair has another hook: this one's is taken away while that is measured
	lockstep *lockstep // only with gen=lockstep
	// lockstepLasts, if not 0, is how long it goes on, however many blocks that takes.
	lockstepLasts time.Duration
	stopping      atomic.Bool   // workers may end from now on
	failed        chan error    // the first worker's error
	allSent       chan struct{} // closed when the senders have ended

	state    netns.State
	flags    []string
	vnet     int
	counters netns.Counters
	snapshot *bpf.Snapshot
	own      *record.Observer
}

func newBed(s Spec, hook bpf.Hook, placement record.Placement) *bed {
	return &bed{
		spec: s, hook: hook, placement: placement,
		failed: make(chan error, 1), allSent: make(chan struct{}),
	}
}

func (b *bed) now() int64                             { return worker.Now() }
func (b *bed) after(d time.Duration) <-chan time.Time { return time.After(d) }
func (b *bed) died() <-chan error                     { return b.failed }
func (b *bed) sent() <-chan struct{}                  { return b.allSent }

// build makes namespace, device, observer and sockets.
func (b *bed) build() (err error) {
	if b.ns, err = netns.New(); err != nil {
		return err
	}
	if err := b.buildDevice(); err != nil {
		return err
	}
	if err := b.ns.Configure(b.device.Name(), b.link()); err != nil {
		return err
	}
	if err := b.readBack(); err != nil {
		return err
	}
	if b.hook != bpf.None {
		b.observer, err = bpf.Open(b.hook, bpf.Target{
			Ifindex: uint32(b.state.Index), Netns: b.ns.Inode(), Queues: b.spec.Queues,
			GSO: b.spec.Offload != OffloadNone, SampleEvery: b.sampleEvery(),
		})
		if err != nil {
			return err
		}
	}
	return b.buildSenders()
}

// sampleEvery is 1 where few skbs are used again and again, so that a choice
// among them would not be one among packets.
func (b *bed) sampleEvery() int {
	if b.spec.Gen == GenLockstep || b.spec.Rate > 0 && b.spec.Rate < sampleAllBelow {
		return 1
	}
	return sampleEvery
}

var offloadMasks = map[Offload]uint{
	OffloadNone: 0,
	OffloadCsum: tuntap.OffCsum,
	OffloadTSO:  tuntap.OffCsum | tuntap.OffTSO4 | tuntap.OffTSO6 | tuntap.OffTSOECN,
	OffloadUSO: tuntap.OffCsum | tuntap.OffTSO4 | tuntap.OffTSO6 | tuntap.OffTSOECN |
		tuntap.OffUSO4 | tuntap.OffUSO6,
	OffloadTunnel: tuntap.OffCsum | tuntap.OffTSO4 | tuntap.OffTSO6 | tuntap.OffTSOECN |
		tuntap.OffUSO4 | tuntap.OffUSO6 | tuntap.OffTunnel | tuntap.OffTunnelCsum,
}

var steerings = map[Steer]bpf.Steering{
	SteerEBPF: bpf.SteerHash, SteerCPU: bpf.SteerCPU, SteerOne: bpf.SteerOne,
}

func (b *bed) buildDevice() error {
	s := b.spec
	c := tuntap.Config{
		Name: "tunbench0", TAP: s.Mode == TAP, Queues: s.Queues, PI: s.PI,
		VnetHdr: s.VnetHdr, Offload: offloadMasks[s.Offload],
		NAPI: s.NAPI != NAPIOff, NAPIFrags: s.NAPI == NAPIFrags,
		SndBuf: s.SndBuf, Exclusive: true, NonBlock: s.IO != IORead || s.Gen == GenLockstep,
	}
	if kind, ok := steerings[s.Steer]; ok {
		prog, err := bpf.LoadSteering(kind)
		if err != nil {
			return err
		}
		defer prog.Close() // the device holds it
		c.SteeringFD = prog.FD()
	}
	if s.Filter {
		prog, err := bpf.LoadFilter(s.FilterTime)
		if err != nil {
			return err
		}
		defer prog.Close()
		c.FilterFD = prog.FD()
	}
	return b.ns.Do(func() (err error) {
		b.device, err = tuntap.Create(c)
		return err
	})
}

func (b *bed) link() netns.Link {
	l := netns.Link{
		MTU: max(defaultMTU, b.spec.Size), TxQLen: b.spec.TxQLen, Qdisc: b.spec.Qdisc,
	}
	addr, peer := b.addresses()
	l.Addr = []netip.Prefix{addr}
	if b.spec.Mode == TAP {
		l.MAC = deviceMAC
		l.Neighbours = []netns.Neighbour{{Addr: peer, MAC: peerMAC}}
	}
	return l
}

func (b *bed) addresses() (netip.Prefix, netip.Addr) {
	if b.spec.Family == 6 {
		return deviceAddr6, peerAddr6
	}
	return deviceAddr4, peerAddr4
}

// effective names the ethtool features that show that the kernel took an
// offload.
var effective = map[Offload][]string{
	OffloadCsum: {"tx-checksum-ip-generic"},
	OffloadTSO:  {"tx-checksum-ip-generic", "tx-tcp-segmentation", "tx-tcp6-segmentation"},
	OffloadUSO:  {"tx-checksum-ip-generic", "tx-tcp-segmentation", featureUSO},
	OffloadTunnel: {"tx-checksum-ip-generic", "tx-tcp-segmentation", featureUSO,
		"tx-udp_tnl-segmentation"},
}

const featureUSO = "tx-udp-segmentation"

// readBack asks the kernel what it made of the request. A silent downgrade is
// an error.
func (b *bed) readBack() (err error) {
	name := b.device.Name()
	if b.state, err = b.ns.Device(name); err != nil {
		return err
	}
	if b.flags, err = b.device.FlagNames(); err != nil {
		return err
	}
	if b.spec.VnetHdr > 0 {
		if b.vnet, err = b.device.VnetHdrSize(); err != nil {
			return err
		}
	}
	want := b.link()
	switch {
	case b.state.MTU != want.MTU:
		return downgraded(name, "mtu", want.MTU, b.state.MTU)
	case b.state.TxQLen != want.TxQLen:
		return downgraded(name, "txqlen", want.TxQLen, b.state.TxQLen)
	case b.state.Qdisc != want.Qdisc:
		return downgraded(name, "qdisc", want.Qdisc, b.state.Qdisc)
	case b.vnet != b.spec.VnetHdr:
		return downgraded(name, "vnet header size", b.spec.VnetHdr, b.vnet)
	}
	for _, feature := range effective[b.spec.Offload] {
		if !slices.Contains(b.state.Features, feature) {
			return &UnsupportedError{fmt.Sprintf("the kernel took offload=%s for %s, but left %s off", b.spec.Offload, name, feature)}
		}
	}
	return nil
}

func downgraded(name, what string, want, got any) error {
	return &UnsupportedError{fmt.Sprintf("set %s of %s to %v: the kernel made it %v", what, name, want, got)}
}

var kinds = map[Gen]traffic.Kind{
	GenUDP: traffic.UDP, GenUDPGSO: traffic.UDPGSO, GenPacket: traffic.Packet, GenLockstep: traffic.UDP,
}

// buildSenders opens the sockets in the namespace. Flow i belongs to sender
// i modulo their number.
func (b *bed) buildSenders() error {
	addr, peer := b.addresses()
	n := len(b.placement.Sender)
	return b.ns.Do(func() error {
		for i, cpu := range b.placement.Sender {
			c := traffic.Config{
				Kind: kinds[b.spec.Gen], CPU: cpu, Src: addr.Addr(), Dst: peer, Size: max(0, b.spec.Size),
				TAP: b.spec.Mode == TAP, Ifindex: b.state.Index, Bypass: b.spec.Bypass,
				Limit: (b.spec.Count + uint64(n) - 1) / uint64(n),
				Pace: traffic.Pace{
					Rate: b.spec.Rate, Senders: n, Turn: i, Poisson: b.spec.Poisson, Seed: b.spec.Seed,
				},
			}
			if b.spec.Gen == GenLockstep {
				c.Messages = lockstepBatch
			}
			copy(c.SrcLink[:], deviceMAC)
			copy(c.DstLink[:], peerMAC)
			for flow := i; flow < b.spec.Flows; flow += n {
				c.Flows = append(c.Flows, flow)
			}
			s, err := traffic.Open(c)
			if err != nil {
				return err
			}
			b.senders = append(b.senders, s)
		}
		return nil
	})
}

var waits = map[IO]sink.Wait{IORead: sink.Block, IOPoll: sink.Poll, IOSpin: sink.Spin}

// start lets readers run, then senders.
func (b *bed) start() error {
	b.started = true
	if b.sliced {
		b.sending.Gate.Close()
	}
	if b.spec.Gen == GenLockstep {
		return b.startLockstep()
	}
	for i, q := range b.device.Queues() {
		r, err := sink.Start(b.sinkConfig(i, q), &b.reading)
		if err != nil {
			return err
		}
		b.readers = append(b.readers, r)
		go b.watch(r.Thread(), "a reader")
	}
	b.sending.Start = worker.Now() + int64(scheduleAfter)
	for _, s := range b.senders {
		if err := s.Start(&b.sending); err != nil {
			return err
		}
		go b.watch(s.Thread(), "a sender")
	}
	go func() {
		for _, s := range b.senders {
			if s.Thread().Wait() != nil {
				return // which watch reports
			}
		}
		close(b.allSent)
	}()
	return nil
}

func (b *bed) sinkConfig(i int, q *tuntap.Queue) sink.Config {
	c := sink.Config{
		FD: q.FD(), Queue: q.Index(), Wait: waits[b.spec.IO],
		TAP: b.spec.Mode == TAP, PI: b.spec.PI, VnetHdr: b.spec.VnetHdr, Flows: b.spec.Flows,
		MaxRead: MaxSize + headroom, Open: b.spec.Open(), Pause: b.spec.Pause,
	}
	if b.spec.Gen != GenLockstep {
		c.CPU = b.placement.Reader[i]
	}
	return c
}

// watch reports a worker that ended with an error.
func (b *bed) watch(t *worker.Thread, who string) {
	if err := t.Wait(); err != nil && !b.stopping.Load() {
		select {
		case b.failed <- fmt.Errorf("%s died: %w", who, err):
		default:
		}
	}
}

func (b *bed) measure(on bool) error {
	if b.observer != nil {
		if err := b.observer.Measure(on); err != nil {
			return err
		}
	}
	b.reading.Measuring.Store(on)
	now := worker.Now()
	if on {
		b.sending.Measured.Begin(now)
		b.reading.Measured.Begin(now)
	} else {
		b.sending.Measured.End(now)
		b.reading.Measured.End(now)
	}
	return nil
}

func (b *bed) sample() sample {
	s := sample{at: worker.Now(), byQueue: make([]uint64, len(b.readers))}
	for i, r := range b.readers {
		p := r.Progress()
		s.delivered += p.Delivered
		s.wireBytes += p.WireBytes
		s.reads += p.Reads
		s.readCalls += p.Calls
		s.byQueue[i] = p.Delivered
	}
	for _, sender := range b.senders {
		p := sender.Progress()
		s.sendCalls += p.Calls
		s.accepted += p.Accepted
		s.pushedBack += p.PushedBack
		s.sendNs += p.CallNs
	}
	return s
}

func (b *bed) look() host.Look {
	return host.LookAt(slices.Concat(b.placement.Sender, b.placement.Reader))
}

func (b *bed) usage() (u usage, err error) {
	if u.stat, err = host.ReadStat(); err != nil {
		return u, err
	}
	if b.lockstep != nil { // it may end at any moment, and its clock with it
		u.senders, u.readers = -1, -1
		return u, nil
	}
	for _, s := range b.senders {
		u.senders = addCPUTime(u.senders, s.Thread())
	}
	for _, r := range b.readers {
		u.readers = addCPUTime(u.readers, r.Thread())
	}
	return u, nil
}

// addCPUTime adds the time of a thread; the sum is -1, unknown, once one of
// them has ended.
func addCPUTime(sum int64, t *worker.Thread) int64 {
	n, err := t.CPUTime()
	if err != nil || sum < 0 {
		return -1
	}
	return sum + n
}

// stop ends the senders.
func (b *bed) stop() error {
	b.sending.Stop.Store(true)
	b.sending.Gate.Open()
	b.reading.Gate.Open()
	if b.lockstep != nil {
		return b.lockstep.thread.Wait()
	}
	var errs []error
	for _, s := range b.senders {
		if s.Thread() != nil {
			errs = append(errs, s.Thread().Wait())
		}
	}
	return errors.Join(errs...)
}

// drain waits until the device has nothing left and ends the readers.
func (b *bed) drain() error {
	if b.lockstep != nil {
		return nil // each round ends with empty queues
	}
	if b.spec.Qdisc != "noqueue" {
		if err := b.settle(); err != nil {
			return err
		}
	}
	if err := b.finishReaders(); err != nil {
		return err
	}
	var errs []error
	for _, r := range b.readers {
		errs = append(errs, r.Thread().Wait())
	}
	return errors.Join(errs...)
}

// settle waits until the counters of the device stand still: a qdisc may hold
// packets back after the senders have ended.
func (b *bed) settle() error {
	last, err := b.ns.Counters(b.device.Name())
	for deadline := worker.Now() + int64(drainTimeout); err == nil && worker.Now() < deadline; {
		time.Sleep(4 * kickEvery)
		var now netns.Counters
		if now, err = b.ns.Counters(b.device.Name()); now == last {
			break
		}
		last = now
	}
	return err
}

// finishReaders ends the readers as soon as their queues are empty. Readers
// that wait are woken up, again and again: a wake-up that comes just before the
// wait begins is lost.
func (b *bed) finishReaders() error {
	b.reading.Drain.Store(true)
	deadline := time.After(drainTimeout)
	for _, r := range b.readers {
		for done := false; !done; {
			if err := r.Finish(); err != nil {
				return err
			}
			select {
			case <-r.Thread().Done():
				done = true
			case <-time.After(kickEvery):
			case <-deadline:
				return fmt.Errorf("the reader of queue %d is still busy %v after the last packet was sent", r.Queue, drainTimeout)
			}
		}
	}
	return nil
}

// collect is the last look before all is torn down.
func (b *bed) collect() (err error) {
	if b.counters, err = b.ns.Counters(b.device.Name()); err != nil {
		return err
	}
	if b.observer == nil {
		return nil
	}
	if b.snapshot, err = b.observer.Snapshot(); err != nil {
		return err
	}
	b.own = &record.Observer{Hook: string(b.hook), SampleEvery: b.sampleEvery(), ReadErrors: b.snapshot.ReadErrors}
	for _, q := range b.snapshot.Queues {
		b.own.ReadCalls += q.ReadCalls
		b.own.ReadBytes += q.ReadRetBytes
	}
	if b.own.MemoryBytes, err = b.observer.MemoryBytes(); err != nil {
		return err
	}
	b.own.MissedRuns, err = b.observer.MissedRuns()
	return err
}

// close tears everything down, from whatever state.
func (b *bed) close() error {
	b.stopping.Store(true)
	var errs []error
	if b.started {
		// The senders' errors have been reported, or are why we are here.
		b.stop()
		if b.lockstep == nil {
			errs = append(errs, b.finishReaders())
		}
	}
	if b.observer != nil {
		errs = append(errs, b.observer.Close())
	}
	for _, s := range b.senders {
		errs = append(errs, s.Close())
	}
	if b.device != nil {
		errs = append(errs, b.device.Close())
	}
	if b.ns != nil {
		errs = append(errs, b.ns.Close())
	}
	return errors.Join(errs...)
}
