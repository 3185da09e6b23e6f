// Package spec describes one trial: what to build and what to send through it,
// typed and validated. It knows no axis names.
package spec

import (
	"errors"
	"fmt"
	"time"

	"tunbench/bpf"
	"tunbench/harness/module"
	"tunbench/harness/packet"
	"tunbench/harness/qdisc"
	"tunbench/reports/record"
)

// Sizes in bytes of IP length.
const (
	MinSize = 64
	MaxSize = 65535
	// MaxTAPSize is the highest MTU of a TAP device (MAX_MTU less ETH_HLEN in
	// tun_net_initialize of drivers/net/tun.c).
	MaxTAPSize = MaxSize - packet.EthernetLen
	// MaxTunnelled is the longest IP packet that fits a UDP datagram over IPv4
	// together with the longest header of a tunnel (WireGuard's, 16 bytes) and an
	// authentication tag of 16 bytes.
	MaxTunnelled = MaxSize - 20 - 8 - 16 - 16
	// DefaultMTU is the least MTU of a device for stamped packets.
	DefaultMTU = 1500
	// Headroom is what may stand before an IP packet: packet information, the
	// longest virtio-net header and an Ethernet header.
	Headroom = packet.PILen + 24 + packet.EthernetLen

	MinSize6 = 80 // IPv6 + UDP + stamp
	// minMTU leaves TCP room for some payload beside its headers and options.
	minMTU = 576
	// maxAnswer is the longest request and answer: one packet on any path.
	maxAnswer = 1400
	// maxGSO leaves room for a second segment in a GSO packet.
	maxGSO = 32000
	// SizeIMIX in Spec.Size stands for the 7:4:1 mix of 64, 576 and 1500 bytes.
	SizeIMIX = -1
	maxShare = 2 // of Spec.Share
	// MaxQueues is the kernel's MAX_TAP_QUEUES.
	MaxQueues = 256
	// MaxSenders bounds Spec.Senders.
	MaxSenders = 64
	// MinMeasure is the least Spec.Measure.
	MinMeasure time.Duration = record.LeastMeasureNs
	// MaxRate is the highest Spec.Rate, in packets a second.
	MaxRate = 100_000_000
	// MaxFilterTime is the longest Spec.FilterTime.
	MaxFilterTime = bpf.MaxFilterTime
	// AllQueues stands for each queue.
	AllQueues = -1
	// MaxPause is the longest Spec.Pause.
	MaxPause = 500 * time.Millisecond
	// MaxFlows is bounded by the ports that the generator gives out.
	MaxFlows = 32768
)

// ErrImpossible marks a combination that no kernel can run. The message says
// which values contradict each other and what to set instead.
var ErrImpossible = errors.New("impossible combination")

// Spec describes one trial. Its zero value is not valid; start from Default.
type Spec struct {
	Mode   Mode
	Path   Path
	Dir    Dir
	Gen    Gen
	IO     IO
	Queues int // 1..256; above 1 the device is IFF_MULTI_QUEUE
	Flows  int // 5-tuples, 1..32768; of conversations, how many there are
	// Size is the IP length of a wire segment in bytes, 64..65535, or SizeIMIX.
	// With gen=tcp and iperf3 it is the MTU, with tcp-rr and udp-rr that of a
	// request and of its answer.
	Size int

	VnetHdr int // size of the virtio-net header in bytes: 0 (none), 10, 12, 20 or 24
	Offload Offload
	PI      bool // 4 bytes of packet information before each packet
	NAPI    NAPI
	XDP     XDP
	Steer   Steer
	Cipher  Cipher // path=vpn only
	Program string // path=program only: a name that program.Find knows
	Event   Event
	// Tail is the last segment of the GSO packets of gen=udp-gso and packet-gso.
	Tail Tail
	// Payload is what the datagrams of gen=udp carry.
	Payload Payload
	// Filter puts an eBPF filter on the device (TUNSETFILTEREBPF, Linux 4.16)
	// that keeps all packets and takes FilterTime for each, 0 to 50 us: a cost of
	// known size on the way through tun_net_xmit.
	Filter     bool
	FilterTime time.Duration

	// Senders is how many threads send through sockets, each with flows of its own: 1 to
	// MaxSenders. 0 is one for each queue, as far as half of the CPUs reach.
	Senders int

	// Backpressure asks for IFF_BACKPRESSURE (after Linux 6.18): a full ring stops its queue, and
	// the qdisc holds what is sent meanwhile.
	Backpressure bool

	Qdisc  string // root qdisc of the device, as qdisc.Parse takes it
	TxQLen int    // length of the ring behind each queue, in skbs
	SndBuf int    // TUNSETSNDBUF in bytes; 0 leaves the kernel's default, INT_MAX

	// Rate makes an open loop: packets (wire segments) a second of all senders
	// together, up to MaxRate, due at fixed times whatever became of the ones
	// before. With gen=udp-gso what is due at once is a GSO packet. 0 is a
	// closed loop: as fast as it goes.
	Rate float64
	// Share stands for a Rate that is not known yet: that share of what the
	// closed loop reaches, above 0. Such a Spec can be validated and probed; it
	// can be run once Rate is set.
	Share float64
	// Poisson spaces the packets of an open loop at random, by Seed; else they
	// are evenly spaced.
	Poisson bool
	// Pause is how long each reader sleeps once a second while a trial is
	// measured, the first time sink.PauseAfter into it: it stands for a stall of a
	// collector or a scheduler. 0 is never.
	Pause time.Duration
	// PausedQueue is the queue whose reader alone pauses, or AllQueues.
	PausedQueue int

	// Delay is how long the link below the path keeps each packet, each way. Drop is the share
	// of packets that it loses, and Reorder the share that it does not delay, so that they
	// overtake others. 0 is a perfect link.
	Delay         time.Duration
	Drop, Reorder float64

	// Probe sends requests beside the traffic, a thousand a second on a flow of their own, and
	// their answers back: the first ones alone, before there is traffic.
	Probe bool

	// Module is the build of TUN that is loaded for the trial: a name that module.Find
	// knows, or module.AsIs for the one of the host.
	Module string

	// Bridge puts the TAP device of path=guest on a bridge, and the sockets of the host
	// behind a second port.
	Bridge bool
	// GuestKernel is the kernel of the virtual machine of path=guest, as kernel.Find takes
	// it; "" is the newest one that was fetched.
	GuestKernel string

	Family int  // 4 or 6
	Bypass bool // PACKET_QDISC_BYPASS; gen=packet only

	// Loopback sends the same traffic over the loopback device of a fresh namespace,
	// between sockets, by the calls that yardstickOf names. Nothing of the
	// device or the path is made: Path, Dir, Queues and Flows still say how many
	// senders and readers there are, and on which CPUs.
	Loopback bool

	Warmup  time.Duration // traffic flows, nothing is measured
	Measure time.Duration // measured time, MinMeasure at least
	Window  time.Duration // slice of the measured time

	CPUs []int  // CPUs to use: the first half sends, the second half reads; empty: chosen from the topology
	Seed uint64 // of everything random in the trial

	// Settle is for gen=lockstep in virtual time: the trial lasts until five blocks of
	// rounds in a row agree to 0.1 %; if they do not, it is flagged as unsettled.
	Settle bool

	// Count, if not 0, ends sending after that many packets instead of after
	// Measure. Tests use it.
	Count uint64
}

// Open reports whether s is an open loop.
func (s Spec) Open() bool { return s.Rate > 0 || s.Share > 0 }

// Build is a name for the device that s asks for, flows left out. Scenarios with
// the same name differ only in what is sent and for how long: the kernel accepts
// all of them if it accepts the one with the most flows.
func (s Spec) Build() string {
	s.Flows = 0
	s.Rate, s.Share, s.Poisson, s.Pause = 0, 0, false, 0
	s.Warmup, s.Measure, s.Window, s.Seed, s.Settle, s.Count = 0, 0, 0, 0, false, 0
	if s.Gen != GenUDPGSO && s.Gen != GenPacketGSO && !s.Gen.Conversation() {
		s.Size = max(DefaultMTU, s.Size) // of which only the MTU is made
	}
	return fmt.Sprintf("%+v", s)
}

// Rated is an error for an open loop whose rate is not known yet.
func (s Spec) Rated() error {
	if s.Open() && s.Rate == 0 {
		return fmt.Errorf("run an open loop at %v of what the closed loop reaches: its rate is not set", s.Share)
	}
	return nil
}

// Validate reports the first thing in s that is out of range or contradicts
// something else. It looks at s alone, never at the host.
func (s Spec) Validate() error {
	if err := outOfRange(s); err != nil {
		return err
	}
	for _, check := range []func(Spec) string{contradiction, moduleContradiction, programContradiction, pathContradiction, linkContradiction, probeContradiction, guestContradiction, tailContradiction, payloadContradiction, trafficContradiction, sendersContradiction, backpressureContradiction, deviceContradiction} {
		if text := check(s); text != "" {
			return fmt.Errorf("%w: %s", ErrImpossible, text)
		}
	}
	return nil
}

// SideBySide reports whether a trial of s can be paused while another one is
// measured: lockstep has no windows, and iperf3 and events follow a clock of their
// own. A virtual machine uses the host also while it has nothing to do. A link that delays
// packets is empty after each pause, and TCP begins anew on it; so are a program and a VPN.
// There is one TUN module at a time. A long ring takes longer to fill than a window lasts, and a
// probe is there to see it full.
func (s Spec) SideBySide() bool {
	if s.Module != module.AsIs || s.beginsAnew() || s.fillsSlowly() {
		return false
	}
	return s.Gen != GenLockstep && s.Gen != GenIPerf3 && s.Event == EventNone && s.Path != PathGuest && s.Delay == 0
}

// beginsAnew reports whether pauses change the rate of s: all streams begin at once after
// each, and a VPN, whose threads share the CPUs with senders and readers, drops what its
// queues do not hold. A program also takes longer to empty than a window lasts, whatever the
// conversation.
func (s Spec) beginsAnew() bool {
	switch s.Path {
	case PathProgram:
		return s.Gen.Conversation()
	case PathVPN, PathWireGuardGo:
		return s.Gen == GenTCP && !s.Loopback
	}
	return false
}

// fillsSlowly reports whether a probe would see a ring that is still filling in each window:
// its round trips under load would be those of a shorter ring.
func (s Spec) fillsSlowly() bool { return s.Probe && s.LongRing() }

// LongRing reports whether the ring of s takes longer to fill than short windows last.
func (s Spec) LongRing() bool { return s.TxQLen > windowRing }

// Prompt reports whether s has its rate a few milliseconds after a pause: a closed loop over one
// device, whose ring is not a long one.
func (s Spec) Prompt() bool {
	return s.Path == PathSink && s.SideBySide() && !s.Open() && !s.Gen.Conversation() && !s.LongRing()
}

// Yardstick is the Spec of the same traffic over loopback, and its kind, one of
// record.YardstickUDP and so on: from as many senders to as many readers on the same
// CPUs, in packets of the same size, by the nearest calls of sockets; see yardstickOf.
// ok is false where there is none: NoYardstick says why. It can be driven like any Spec
// that goes SideBySide.
//
// What does not matter to it has its default, so that scenarios with the same yardstick
// can share one: their YardstickKeys are equal.
func (s Spec) Yardstick() (y Spec, kind string, ok bool) {
	if noYardstick(s) != "" {
		return Spec{}, "", false
	}
	y, kind = yardstickOf(s)
	return y, kind, true
}

// NoYardstick says why s has no yardstick; "" if it has one.
func (s Spec) NoYardstick() string { return noYardstick(s) }

// YardstickKey is equal for yardsticks that differ in nothing but how long they are
// measured.
func (s Spec) YardstickKey() string {
	s.Warmup, s.Measure, s.Window = 0, 0, 0
	return fmt.Sprintf("%+v", s)
}

// Default is `mode=tun gen=udp io=read queues=1 flows=1 size=64` with
// everything else off, one second measured after a quarter of a second.
func Default() Spec {
	return Spec{
		Mode: TUN, Path: PathSink, Dir: K2U, Gen: GenUDP, IO: IORead, Queues: 1, Flows: 1, Size: 64,
		Offload: OffloadNone, NAPI: NAPIOff, XDP: XDPOff, Steer: SteerAuto, Cipher: CipherNone, Event: EventNone, Tail: TailFull, Payload: PayloadPlain,
		Qdisc: qdisc.None, TxQLen: 500, Family: 4, PausedQueue: AllQueues, Module: module.AsIs,
		Warmup: 250 * time.Millisecond, Measure: time.Second, Window: 40 * time.Millisecond,
	}
}

// Holds reports whether the root qdisc of the device can hold packets that the device does
// not take.
func (s Spec) Holds() bool { return s.Qdisc != qdisc.None }

// NonBlocking reports whether the descriptors of the device are opened O_NONBLOCK.
func (s Spec) NonBlocking() bool {
	return s.IO != IORead && s.IO != IOReadv || s.Gen == GenLockstep
}

// MTU is the MTU of the devices on a path between two hosts.
func (s Spec) MTU() int {
	if s.Gen == GenTCP || s.Gen == GenIPerf3 {
		return s.Size
	}
	return max(DefaultMTU, s.Size)
}

// IPHeader is the length of an IP header without options, in bytes.
func (s Spec) IPHeader() int {
	if s.Family == 6 {
		return 40
	}
	return 20
}

// MaxRead bounds what one read of the device returns, in bytes: without offloads
// no packet is longer than the device's MTU.
func (s Spec) MaxRead() int {
	if s.Offload == OffloadNone {
		return max(DefaultMTU, s.Size) + Headroom
	}
	return MaxSize + Headroom
}

// DeviceHeaders is how many bytes the device puts before a packet.
func (s Spec) DeviceHeaders() int {
	n := s.VnetHdr
	if s.PI {
		n += packet.PILen
	}
	return n
}

// Directions is in how many directions packets cross a path between two hosts:
// stamped packets are not answered, conversations and the requests of a probe are.
func (s Spec) Directions() int {
	if s.Dir == Both || s.Gen.Conversation() || s.Probe {
		return 2
	}
	return 1
}

// Impaired reports whether the link below the path is not perfect.
func (s Spec) Impaired() bool { return s.Delay > 0 || s.Drop > 0 || s.Reorder > 0 }

// RoundTrip is what the link adds to the round trip of a request and its answer.
func (s Spec) RoundTrip() time.Duration { return 2 * s.Delay }

// Fill is how long traffic flows on a link that delays packets before anything is judged or
// measured: until it is as full as it will be.
func (s Spec) Fill() time.Duration {
	switch {
	case s.Gen == GenIPerf3: // which has its own time
		return 0
	case s.Gen.Conversation():
		return fillTrips * s.RoundTrip()
	}
	return s.RoundTrip()
}

// Paced is s with windows that hold some round trips of its link.
func (s Spec) Paced() Spec {
	if s.Delay > 0 {
		s.Window = max(s.Window, min(windowTrips*s.RoundTrip(), s.Measure/leastWindows))
	}
	return s
}

// ProbeSize is the IP length of what a probe sends, in bytes: a short packet. Where packets are
// told apart by their number and bytes alone, it is as long as the others.
func (s Spec) ProbeSize() int {
	if s.Path == PathProgram && !s.Gen.Conversation() && s.Size != SizeIMIX {
		return s.Size
	}
	if s.Family == 6 {
		return MinSize6
	}
	return MinSize
}
