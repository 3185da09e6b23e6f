package harness

import (
	"fmt"
	"time"

	"tunbench/bpf"
	"tunbench/harness/packet"
	"tunbench/reports/record"
)

// The enumerations of a Spec. The zero value of each is its default.
type (
	// Mode is the kind of device.
	Mode string
	// Path is what the packets cross.
	Path string
	// Dir is the direction of the traffic.
	Dir string
	// Gen says who makes the traffic.
	Gen string
	// IO says how a descriptor is driven, by those who read it and those who write.
	IO string
	// Offload is what TUNSETOFFLOAD announces; each includes those before it.
	Offload string
	// NAPI is how the device receives what user space writes.
	NAPI string
	// XDP is what an XDP program on the device does with what user space writes.
	XDP string
	// Steer says how a transmit queue is chosen.
	Steer string
	// Cipher protects the packets of a VPN.
	Cipher string
	// Event is what happens to the device in the middle of the measured time.
	Event string
)

const (
	TUN Mode = "tun" // layer 3
	TAP Mode = "tap" // layer 2

	PathSink   Path = "sink"   // one device: its reader, or the kernel, is the end
	PathRelay  Path = "relay"  // two devices in two namespaces, their descriptors copied to each other
	PathVPN    Path = "vpn"    // TUN, UDP over veth, TUN
	PathBridge Path = "bridge" // TAP, bridge, TAP: user space writes to one and reads from the other
	// The yardsticks connect two namespaces by other means.
	PathVeth        Path = "veth"
	PathWireGuard   Path = "wireguard"    // the kernel's module
	PathWireGuardGo Path = "wireguard-go" // golang.zx2c4.com/wireguard

	K2U  Dir = "k2u"  // kernel to user; on a path with two ends, from the first to the second
	U2K  Dir = "u2k"  // user to kernel
	Both Dir = "both" // at once

	// The first four make packets with stamps, each of which is accounted for.
	// Where user space writes to the device, it makes the packets itself.
	GenUDP       Gen = "udp"        // connected sockets, sendmmsg
	GenUDPGSO    Gen = "udp-gso"    // the same with UDP_SEGMENT: one call carries up to 64 segments a message
	GenPacket    Gen = "packet"     // AF_PACKET
	GenPacketGSO Gen = "packet-gso" // AF_PACKET with a virtio-net header: super-packets of TCP
	// The others are conversations of two hosts, for paths with two ends.
	GenTCP    Gen = "tcp"    // streams, as many as flows
	GenTCPRR  Gen = "tcp-rr" // request and answer, one transaction at a time on each flow
	GenUDPRR  Gen = "udp-rr"
	GenIPerf3 Gen = "iperf3" // the program, with TCP
	// GenLockstep is one thread that sends a batch as GenUDP does, reads it back
	// from all queues, and so on for a fixed count of packets: nothing runs at
	// the same time, so that in virtual time its cost is the same each time.
	GenLockstep Gen = "lockstep"

	IORead  IO = "read"  // blocking read(2), write(2)
	IOReadv IO = "readv" // the same by readv(2), writev(2): headers of the device in a buffer of their own
	IOPoll  IO = "poll"  // non-blocking read(2) until EAGAIN, then poll(2)
	IOSpin  IO = "spin"  // non-blocking read(2) in a loop
	IOURing IO = "uring" // io_uring, one ring a queue
	IOVhost IO = "vhost" // the kernel's vhost-net: tunbench plays the guest's driver

	OffloadNone   Offload = "none"
	OffloadCsum   Offload = "csum"   // TUN_F_CSUM
	OffloadTSO    Offload = "tso"    // and TSO4, TSO6, TSO_ECN
	OffloadUSO    Offload = "uso"    // and USO4, USO6: Linux 6.2
	OffloadTunnel Offload = "tunnel" // and UDP_TUNNEL_GSO with its checksum: Linux 6.17

	NAPIOff   NAPI = "off"
	NAPIOn    NAPI = "napi"  // IFF_NAPI: Linux 4.15
	NAPIFrags NAPI = "frags" // IFF_NAPI_FRAGS, TAP only: Linux 4.15

	XDPOff         XDP = "off"
	XDPPass        XDP = "pass" // in the driver, TAP only
	XDPDrop        XDP = "drop"
	XDPPassGeneric XDP = "pass-generic" // in the stack, for any device
	XDPDropGeneric XDP = "drop-generic"

	CipherNone   Cipher = "none"
	CipherChaCha Cipher = "chacha20poly1305"
	CipherAES    Cipher = "aes256gcm"

	EventNone    Event = "off"
	EventDetach  Event = "detach"  // the last queue is detached and, after a tenth of the measured time, attached again
	EventCarrier Event = "carrier" // the carrier is taken away for a tenth of the measured time: TUNSETCARRIER, Linux 5.0

	SteerAuto Steer = "auto"     // the kernel's flow hash
	SteerEBPF Steer = "ebpf"     // a program of ours: by the packet's hash
	SteerCPU  Steer = "ebpf-cpu" // a program of ours: by the sending CPU
	SteerOne  Steer = "ebpf-one" // a program of ours: everything to queue 1
)

// Sizes in bytes of IP length.
const (
	MinSize = 64
	MaxSize = 65535
	// MaxTAPSize is the highest MTU of a TAP device (MAX_MTU less ETH_HLEN in
	// tun_net_initialize of drivers/net/tun.c).
	MaxTAPSize = MaxSize - packet.EthernetLen
	minSize6   = 80 // IPv6 + UDP + stamp
	// minMTU leaves TCP room for some payload beside its headers and options.
	minMTU = 576
	// maxAnswer is the longest request and answer: one packet on any path.
	maxAnswer = 1400
	// maxGSO leaves room for a second segment in a super-packet.
	maxGSO = 32000
	// SizeIMIX in Spec.Size stands for the 7:4:1 mix of 64, 576 and 1500 bytes.
	SizeIMIX = -1
	maxShare = 2 // of Spec.Share
	// MaxQueues is the kernel's MAX_TAP_QUEUES.
	MaxQueues = 256
	// MinMeasure is the least Spec.Measure.
	MinMeasure time.Duration = record.LeastMeasureNs
	// MaxRate is the highest Spec.Rate, in packets a second.
	MaxRate = 100_000_000
	// MaxFilterTime is the longest Spec.FilterTime.
	MaxFilterTime = bpf.MaxFilterTime
	// MaxPause is the longest Spec.Pause.
	MaxPause = 500 * time.Millisecond
	// MaxFlows is bounded by the ports that the generator gives out.
	MaxFlows = 32768
)

// Spec says what to build and what to drive through it: one trial. It knows
// no axis names. Its zero value is not valid; start from Default.
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
	Event   Event
	// Filter puts an eBPF filter on the device (TUNSETFILTEREBPF, Linux 4.16)
	// that keeps all packets and takes FilterTime for each, 0 to 50 us: a cost of
	// known size on the way through tun_net_xmit.
	Filter     bool
	FilterTime time.Duration

	Qdisc  string // root qdisc of the device
	TxQLen int    // length of the ring behind each queue, in skbs
	SndBuf int    // TUNSETSNDBUF in bytes; 0 leaves the kernel's default, INT_MAX

	// Rate makes an open loop: packets (wire segments) a second of all senders
	// together, up to MaxRate, due at fixed times whatever became of the ones
	// before. With gen=udp-gso what is due at once is a super-packet. 0 is a
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

	Family int  // 4 or 6
	Bypass bool // PACKET_QDISC_BYPASS; gen=packet only

	Warmup  time.Duration // traffic flows, nothing is measured
	Measure time.Duration // measured time, MinMeasure at least
	Window  time.Duration // slice of the measured time

	CPUs []int  // CPUs to use: the first half sends, the second half reads; empty: chosen from the topology
	Seed uint64 // of everything random in the trial

	// Settle is for gen=lockstep in virtual time: the trial goes on until five
	// blocks of rounds in a row agree to 0.1 %, or is flagged as unsettled.
	Settle bool

	// Count, if not 0, ends sending after that many packets instead of after
	// Measure. Tests use it.
	Count uint64
}

// Open tells whether s is an open loop.
func (s Spec) Open() bool { return s.Rate > 0 || s.Share > 0 }

// Build names what Probe builds of s, its flows left out: scenarios that have it
// in common differ in what is sent and for how long, and the kernel takes all of
// them if it takes the one with the most flows.
func (s Spec) Build() string {
	s.Flows = 0
	s.Rate, s.Share, s.Poisson, s.Pause = 0, 0, false, 0
	s.Warmup, s.Measure, s.Window, s.Seed, s.Settle, s.Count = 0, 0, 0, 0, false, 0
	if s.Gen != GenUDPGSO && s.Gen != GenPacketGSO && !s.Gen.Conversation() {
		s.Size = max(defaultMTU, s.Size) // of which only the MTU is made
	}
	return fmt.Sprintf("%+v", s)
}

// rated is an error for an open loop whose rate is not known yet.
func (s Spec) rated() error {
	if s.Open() && s.Rate == 0 {
		return fmt.Errorf("run an open loop at %v of what the closed loop reaches: its rate is not set", s.Share)
	}
	return nil
}

// SideBySide tells whether a trial can be held while another one is measured:
// lockstep has no windows, and a program goes on by its own clock.
func (s Spec) SideBySide() bool {
	return s.Gen != GenLockstep && s.Gen != GenIPerf3 && s.Event == EventNone
}

// Default is `mode=tun gen=udp io=read queues=1 flows=1 size=64` with
// everything else off, one second measured after a quarter of a second.
func Default() Spec {
	return Spec{
		Mode: TUN, Path: PathSink, Dir: K2U, Gen: GenUDP, IO: IORead, Queues: 1, Flows: 1, Size: 64,
		Offload: OffloadNone, NAPI: NAPIOff, XDP: XDPOff, Steer: SteerAuto, Cipher: CipherNone, Event: EventNone,
		Qdisc: "noqueue", TxQLen: 500, Family: 4,
		Warmup: 250 * time.Millisecond, Measure: time.Second, Window: 100 * time.Millisecond,
	}
}
