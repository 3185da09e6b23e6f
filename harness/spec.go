package harness

import (
	"errors"
	"fmt"
	"time"

	"tunbench/bpf"
	"tunbench/harness/sink"
)

// The enumerations of a Spec. The zero value of each is its default.
type (
	// Mode is the kind of device.
	Mode string
	// Gen says who makes the traffic.
	Gen string
	// IO says how a reader drives its descriptor.
	IO string
	// Offload is what TUNSETOFFLOAD announces; each includes those before it.
	Offload string
	// NAPI is how the device receives what user space writes.
	NAPI string
	// Steer says how a transmit queue is chosen.
	Steer string
)

const (
	TUN Mode = "tun" // layer 3
	TAP Mode = "tap" // layer 2

	GenUDP    Gen = "udp"     // connected sockets, sendmmsg
	GenUDPGSO Gen = "udp-gso" // the same with UDP_SEGMENT: one call carries up to 64 segments a message
	GenPacket Gen = "packet"  // AF_PACKET
	// GenLockstep is one thread that sends a batch as GenUDP does, reads it back
	// from all queues, and so on for a fixed count of packets: nothing runs at
	// the same time, so that in virtual time its cost is the same each time.
	GenLockstep Gen = "lockstep"

	IORead IO = "read" // blocking read(2)
	IOPoll IO = "poll" // non-blocking read(2) until EAGAIN, then poll(2)
	IOSpin IO = "spin" // non-blocking read(2) in a loop

	OffloadNone   Offload = "none"
	OffloadCsum   Offload = "csum"   // TUN_F_CSUM
	OffloadTSO    Offload = "tso"    // and TSO4, TSO6, TSO_ECN
	OffloadUSO    Offload = "uso"    // and USO4, USO6: Linux 6.2
	OffloadTunnel Offload = "tunnel" // and UDP_TUNNEL_GSO with its checksum: Linux 6.17

	NAPIOff   NAPI = "off"
	NAPIOn    NAPI = "napi"  // IFF_NAPI: Linux 4.15
	NAPIFrags NAPI = "frags" // IFF_NAPI_FRAGS, TAP only: Linux 4.15

	SteerAuto Steer = "auto"     // the kernel's flow hash
	SteerEBPF Steer = "ebpf"     // a program of ours: by the packet's hash
	SteerCPU  Steer = "ebpf-cpu" // a program of ours: by the sending CPU
	SteerOne  Steer = "ebpf-one" // a program of ours: everything to queue 1
)

// Sizes in bytes of IP length.
const (
	MinSize  = 64
	MaxSize  = 65535
	minSize6 = 80 // IPv6 + UDP + stamp
	// SizeIMIX in Spec.Size stands for the 7:4:1 mix of 64, 576 and 1500 bytes.
	SizeIMIX = -1
	maxShare = 2 // of Spec.Share
	// MaxQueues is the kernel's MAX_TAP_QUEUES.
	MaxQueues = 256
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
	Gen    Gen
	IO     IO
	Queues int // 1..256; above 1 the device is IFF_MULTI_QUEUE
	Flows  int // 5-tuples, 1..32768
	Size   int // IP length of a wire segment in bytes, 64..65535, or SizeIMIX

	VnetHdr int // size of the virtio-net header in bytes: 0 (none), 10, 12, 20 or 24
	Offload Offload
	PI      bool // 4 bytes of packet information before each packet
	NAPI    NAPI
	Steer   Steer
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
	Measure time.Duration // measured time
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

// rated is an error for an open loop whose rate is not known yet.
func (s Spec) rated() error {
	if s.Open() && s.Rate == 0 {
		return fmt.Errorf("run an open loop at %v of what the closed loop reaches: its rate is not set", s.Share)
	}
	return nil
}

// Default is `mode=tun gen=udp io=read queues=1 flows=1 size=64` with
// everything else off, one second measured after a quarter of a second.
func Default() Spec {
	return Spec{
		Mode: TUN, Gen: GenUDP, IO: IORead, Queues: 1, Flows: 1, Size: 64,
		Offload: OffloadNone, NAPI: NAPIOff, Steer: SteerAuto,
		Qdisc: "noqueue", TxQLen: 500, Family: 4,
		Warmup: 250 * time.Millisecond, Measure: time.Second, Window: 100 * time.Millisecond,
	}
}

// ErrImpossible marks a combination that no kernel can run. The message says
// which values contradict each other and what to set instead.
var ErrImpossible = errors.New("impossible combination")

// Validate reports the first thing in s that is out of range or contradicts
// something else. It looks at s alone, never at the host.
func (s Spec) Validate() error {
	impossible := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", ErrImpossible, fmt.Sprintf(format, args...))
	}
	switch {
	case s.Queues < 1 || s.Queues > MaxQueues:
		return fmt.Errorf("queues=%d: a device has 1 to %d queues", s.Queues, MaxQueues)
	case s.Flows < 1 || s.Flows > MaxFlows:
		return fmt.Errorf("flows=%d: choose 1 to %d", s.Flows, MaxFlows)
	case s.Size != SizeIMIX && (s.Size < MinSize || s.Size > MaxSize):
		return fmt.Errorf("size=%d: choose %d to %d bytes of IP length, or imix", s.Size, MinSize, MaxSize)
	case s.Family != 4 && s.Family != 6:
		return fmt.Errorf("ip=%d: choose 4 or 6", s.Family)
	case s.TxQLen < 1:
		return fmt.Errorf("txqlen=%d: choose at least 1", s.TxQLen)
	case s.SndBuf < 0:
		return fmt.Errorf("sndbuf=%d: choose max or a number of bytes", s.SndBuf)
	case s.Measure <= 0 || s.Window <= 0 || s.Warmup < 0:
		return fmt.Errorf("measure %v, window %v, warmup %v: the first two must be above 0 and none negative", s.Measure, s.Window, s.Warmup)
	case s.Window > s.Measure:
		return fmt.Errorf("window %v is longer than measure %v", s.Window, s.Measure)
	case !(s.Rate >= 0 && s.Rate <= MaxRate): // nor NaN
		return fmt.Errorf("rate %v: choose up to %d packets a second, or 0 for a closed loop", s.Rate, MaxRate)
	case !(s.Share >= 0 && s.Share <= maxShare):
		return fmt.Errorf("share %v: choose up to %d times what the closed loop reaches", s.Share, maxShare)
	case s.FilterTime < 0 || s.FilterTime > MaxFilterTime || s.FilterTime > 0 && !s.Filter:
		return fmt.Errorf("filter that takes %v: choose at most %v", s.FilterTime, MaxFilterTime)
	case s.Pause < 0 || s.Pause > MaxPause:
		return fmt.Errorf("pause %v: choose at most %v", s.Pause, MaxPause)

	case s.Open() && s.Gen == GenLockstep:
		return impossible("gen=lockstep sends when it has read what it sent before: it cannot keep a rate; set load=max or gen=udp")
	case s.Poisson && !s.Open():
		return impossible("spacing=poisson spaces the packets of an open loop; set a load such as 10000pps or 50pct, or spacing=fixed")
	case s.Pause > 0 && s.Measure < sink.PauseAfter+s.Pause:
		return impossible("pause=%v comes %v into the measured time, of which there are %v; measure for at least %v", s.Pause, sink.PauseAfter, s.Measure, sink.PauseAfter+s.Pause)
	case s.Offload != OffloadNone && s.VnetHdr == 0:
		return impossible("offload=%s needs a virtio-net header to say what it carries; set vnet=10 or offload=none", s.Offload)
	case s.Offload == OffloadTunnel && s.VnetHdr < 24:
		return impossible("offload=tunnel needs the 24-byte virtio-net header; set vnet=24")
	case s.Family == 6 && s.Size != SizeIMIX && s.Size < minSize6:
		return impossible("size=%d cannot hold IPv6, UDP and the stamp; with ip=6 choose at least %d", s.Size, minSize6)
	case s.Family == 6 && s.Size == SizeIMIX:
		return impossible("size=imix holds 64-byte packets, too small for IPv6, UDP and the stamp; set ip=4 or a size of at least %d", minSize6)
	case s.Gen == GenUDPGSO && s.Size == SizeIMIX:
		return impossible("gen=udp-gso cuts equal segments, so size=imix cannot be made; choose one size")
	case s.Gen == GenUDPGSO && s.Size > 32000:
		return impossible("gen=udp-gso with size=%d leaves no room for a second segment; choose at most 32000", s.Size)
	case s.Gen == GenLockstep && s.IO != IORead:
		return impossible("gen=lockstep reads until nothing is left, by itself; set io=read")
	case s.Bypass && s.Gen != GenPacket:
		return impossible("bypass=on is an option of gen=packet; with gen=%s set bypass=off", s.Gen)
	case s.NAPI == NAPIFrags && s.Mode != TAP:
		return impossible("napi=frags is for TAP devices; set mode=tap")
	case s.Steer == SteerOne && s.Queues < 2:
		return impossible("steer=ebpf-one sends everything to queue 1, which queues=1 does not have; set queues=2")
	}
	return nil
}
