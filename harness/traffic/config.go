package traffic

import (
	"net/netip"
	"sync/atomic"
	"tunbench/harness/vhost"
	"tunbench/harness/worker"
)

// Ports of the flows: flow i goes from FirstPort+i to SinkPort.
const (
	FirstPort = 20000
	SinkPort  = 9 // discard
)

// Kind is the way into the kernel.
type Kind int

const (
	UDP       Kind = iota // connected sockets
	UDPGSO                // the same, UDP_SEGMENT
	Packet                // AF_PACKET
	PacketGSO             // the same with PACKET_VNET_HDR: super-packets of TCP
	Write                 // the descriptors of a device, one packet a call
	WriteGSO              // the same: super-packets of UDP, for a device with a virtio-net header
	WriteTCP              // the same: super-packets of TCP; without a virtio-net header single segments
)

// whole tells whether packets are handed over with all their headers, by one
// socket for all flows.
func (k Kind) whole() bool { return k == Packet || k == PacketGSO }

// written tells whether packets are written into a device.
func (k Kind) written() bool { return k == Write || k == WriteGSO || k == WriteTCP }

// tcp tells whether packets are of TCP.
func (k Kind) tcp() bool { return k == PacketGSO || k == WriteTCP }

// super tells whether messages are super-packets.
func (c Config) super() bool {
	return c.Kind == UDPGSO || c.Kind == WriteGSO || c.Kind == PacketGSO || c.Kind == WriteTCP && c.VnetHdr > 0
}

// Config says what a sender sends.
type Config struct {
	Kind     Kind
	CPU      int
	Src, Dst netip.Addr
	Flows    []int // the flows of this sender
	Size     int   // IP length in bytes; 0 for the IMIX
	TAP      bool
	// Ifindex is for AF_PACKET only, SrcLink and DstLink for whole frames on a TAP.
	Ifindex          int
	SrcLink, DstLink [6]byte
	Bypass           bool // PACKET_QDISC_BYPASS
	Written
	Messages int    // of one batch; 0: as many as a call takes well
	Limit    uint64 // segments to send, rounded up to a batch; 0 for no limit
	Pace     Pace   // the zero value sends as fast as it goes
}

// Written is for packets that are written: how, and where to. Src and
// Dst are those of the packets.
type Written struct {
	FDs      []int // the queue of each of Flows, by position; they stay their owner's
	Answers  bool  // the packets go back: from SinkPort to FirstPort+flow
	PI       bool
	VnetHdr  int  // bytes, 0 for none: then checksums are complete, else they are partial
	Vectored bool // writev(2): what the device wants before the packet stands in a buffer of its own
	Poll     bool // poll(2) for room when a non-blocking descriptor has none
	Ring     bool // io_uring: a batch a call; not with Vectored
	Vhost    bool // through vhost-net, as a guest's virtio driver; it has no use for PI and Vectored
	// Drivers, with Vhost, are the devices to transmit by, of each of FDs; they stay
	// their owner's. Without them a sender has its own.
	Drivers []*vhost.Device
}

// SrcPort and DstPort are those of the packets of a flow that are written.
func (w Written) SrcPort(flow int) uint16 {
	if w.Answers {
		return SinkPort
	}
	return uint16(FirstPort + flow)
}

func (w Written) DstPort(flow int) uint16 {
	if w.Answers {
		return uint16(FirstPort + flow)
	}
	return SinkPort
}

// Control is shared by the senders of a trial.
type Control struct {
	Stop atomic.Bool
	Gate worker.Gate // holds senders back between two batches
	// Start is when the first packet of a paced trial is due, in ns of the
	// trial's clock. It is set before the senders start.
	Start int64
	// Measured is the measured time: of paced packets, those that are due in it
	// count in Kept.
	Measured worker.Span
}

// Counts is what a sender did from its start on. Packets are wire segments.
type Counts struct {
	Calls      uint64
	Accepted   uint64 // taken by the kernel
	PushedBack uint64 // refused before they reached the device, and sent again
	CallNs     uint64 // time inside the calls
}
