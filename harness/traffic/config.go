package traffic

import (
	"net/netip"
	"sync/atomic"

	"tunbench/harness/packet"
	"tunbench/harness/vhost"
	"tunbench/harness/worker"
)

// Ports of the flows: flow i goes from FirstPort+i to SinkPort.
const (
	FirstPort = 20000
	SinkPort  = 9 // discard
)

// Kind is how packets enter the kernel.
type Kind int

const (
	UDP       Kind = iota // connected sockets
	UDPGSO                // connected sockets with UDP_SEGMENT
	Packet                // AF_PACKET
	PacketGSO             // AF_PACKET with PACKET_VNET_HDR: GSO packets of TCP
	Write                 // the descriptors of a device, one packet a call
	WriteGSO              // Write of GSO packets of UDP, for a device with a virtio-net header
	WriteTCP              // Write of GSO packets of TCP; without a virtio-net header single segments
)

// whole reports whether packets are handed over with all their headers, by one
// socket for all flows.
func (k Kind) whole() bool { return k == Packet || k == PacketGSO }

// written reports whether packets are written into a device.
func (k Kind) written() bool { return k == Write || k == WriteGSO || k == WriteTCP }

// tcp reports whether packets are of TCP.
func (k Kind) tcp() bool { return k == PacketGSO || k == WriteTCP }

// super reports whether messages are GSO packets.
func (c Config) super() bool {
	return c.Kind == UDPGSO || c.Kind == WriteGSO || c.Kind == PacketGSO || c.Kind == WriteTCP && c.VnetHdr > 0
}

// Tail is how long the last segment of a GSO packet is.
type Tail int

const (
	Full  Tail = iota // as long as the others
	Short             // a byte less
	Byte              // one byte
)

// Payload is how many bytes the last segment carries where the others carry full.
func (t Tail) Payload(full int) int {
	switch t {
	case Short:
		return full - 1
	case Byte:
		return 1
	}
	return full
}

// Payload is what datagrams carry. Other kinds than Plain are for UDP and Write.
type Payload int

const (
	Plain    Payload = iota
	NoSum            // and a UDP checksum of 0, which says that there is none
	VXLAN            // a frame in a tunnel, without an outer checksum as RFC 7348 wants it
	VXLANSum         // the same with one
)

// Before is how many bytes of a datagram stand before what a Plain one carries.
func (p Payload) Before() int {
	if p.tunnel() {
		return packet.InnerLen
	}
	return 0
}

func (p Payload) tunnel() bool { return p == VXLAN || p == VXLANSum }

// Summed reports whether datagrams have a UDP checksum.
func (p Payload) Summed() bool { return p == Plain || p == VXLANSum }

// Port is where datagrams go.
func (p Payload) Port() uint16 {
	if p.tunnel() {
		return packet.VXLANPort
	}
	return SinkPort
}

// Config is what a sender sends, and how.
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
	Held             bool // a qdisc may hold the packets of AF_PACKET
	Each             bool // send(2) for each message instead of sendmmsg(2), of UDP and UDPGSO
	Written
	Tail     Tail // of GSO packets
	Payload  Payload
	Messages int    // of one batch; 0: as many as a call takes well
	Limit    uint64 // segments to send, rounded up to a batch; 0 for no limit
	Pace     Pace   // the zero value sends as fast as it goes
}

// Written is for packets that are written to a device: how, and where to. Src
// and Dst are the addresses of the packets.
type Written struct {
	FDs      []int // the queue of each of Flows, by position; they stay their owner's
	Answers  bool  // the packets go back: from SinkPort to FirstPort+flow
	PI       bool
	VnetHdr  int  // bytes, 0 for none: then checksums are complete, else they are partial
	Vectored bool // writev(2): the device's headers are in a buffer of their own
	Poll     bool // poll(2) for room when a non-blocking descriptor has none
	Ring     bool // io_uring: a batch a call; not with Vectored
	Vhost    bool // through vhost-net, as a guest's virtio driver; it has no use for PI and Vectored
	// Drivers, with Vhost, are the devices to transmit by, one for each of FDs;
	// they belong to the caller. Without them a sender makes its own.
	Drivers []*vhost.Device
}

// SrcPort and DstPort are the ports of the packets of a flow that are written.
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
	Stop    atomic.Bool
	Barrier worker.Barrier // holds senders back between two batches
	// Start is when the first packet of a paced trial is due, in ns of the
	// trial's clock. It is set before the senders start.
	Start int64
	// Measured is the measured time: of paced packets, those that are due in it
	// count in Kept.
	Measured worker.Span
}

// Counts is what a sender has done since its start. Packets are wire segments.
type Counts struct {
	Calls      uint64
	Accepted   uint64 // taken by the kernel
	PushedBack uint64 // refused before they reached the device, and sent again
	CallNs     uint64 // time inside the calls
	Looks      uint64 // at the clock, in that time
}
