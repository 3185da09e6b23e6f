package record

// Accounting follows every packet of a trial, including warm-up and drain.
//
//	offered     = accepted + pushed back
//	accepted    = delivered + dropped + corrupt + unexplained
type Accounting struct {
	Offered    uint64 `json:"offered"`
	PushedBack uint64 `json:"pushed_back"`
	Accepted   uint64 `json:"accepted"`
	// Xmit and Read are the packets that the observer counted; nil in the bare arm.
	Xmit *uint64 `json:"xmit,omitempty"`
	// Dropped maps a reason to packets: the kernel's drop reasons in the
	// observed arm, TxDropped in the bare arm.
	Dropped     map[string]uint64 `json:"dropped"`
	Read        *uint64           `json:"read,omitempty"`
	Delivered   uint64            `json:"delivered"`
	Duplicates  uint64            `json:"duplicates"`
	Reordered   uint64            `json:"reordered"`
	Unexplained int64             `json:"unexplained" sign:"any"`
	XmitSKBs    *uint64           `json:"xmit_skbs,omitempty"`
	ReadSKBs    *uint64           `json:"read_skbs,omitempty"`
	// Verified counts packets, or GSO packets, whose checksums the readers added up.
	// Corrupt maps what was wrong, such as udp-checksum, to the packets that arrived
	// so: they are neither delivered nor dropped.
	Verified uint64            `json:"verified,omitempty"`
	Corrupt  map[string]uint64 `json:"corrupt,omitempty"`
}

// DroppedTotal is the sum over all reasons, in packets.
func (a Accounting) DroppedTotal() uint64 { return total(a.Dropped) }

// CorruptTotal is the sum over all that was wrong, in packets.
func (a Accounting) CorruptTotal() uint64 { return total(a.Corrupt) }

func total(counts map[string]uint64) (n uint64) {
	for _, v := range counts {
		n += v
	}
	return n
}

// TxDropped is the reason under which the bare arm counts drops: the device's
// own counter, which has no reasons.
const TxDropped = "tx_dropped"

// Detached is the reason under which both arms count the packets in the ring of a
// queue when the queue was detached. The kernel has no drop reason for them.
const Detached = "detached"

// SentAgain is the reason under which retransmitted TCP segments are counted, each in
// place of a segment that did not arrive in time. It is used where nothing on the path
// counts segments.
const SentAgain = "tcp_sent_again"

// Reads is what the readers' calls returned over the whole trial.
type Reads struct {
	Calls  uint64            `json:"calls"`
	Bytes  uint64            `json:"bytes"`  // including PI and virtio headers
	Errors map[string]uint64 `json:"errors"` // by errno name, e.g. EAGAIN
}

// Writes is what the calls that write packets into a device returned, over the whole
// trial.
type Writes struct {
	Calls uint64 `json:"calls"` // system calls; see Count
	Bytes uint64 `json:"bytes"` // including PI and virtio headers
	// Errors counts the packets or GSO packets that the kernel refused, by errno
	// name; EAGAIN is one of them, and is written again.
	Errors map[string]uint64 `json:"errors"`
	// Sizes maps the length of a write, including headers and rounded up to a power of
	// two, to the number of such writes.
	Sizes map[string]uint64 `json:"sizes,omitempty"`
}

// Count is how many packets or GSO packets the kernel took, each a write of its
// own: with io_uring and vhost-net, one system call hands over many.
func (w *Writes) Count() (n uint64) {
	for _, of := range w.Sizes {
		n += of
	}
	if len(w.Sizes) == 0 { // of an older file, in which each write was a call
		return w.Calls
	}
	return n
}

// Vnet is what virtio-net headers said, over the whole trial. Each header was checked
// against the packet behind it.
type Vnet struct {
	Headers uint64            `json:"headers"`
	GSO     map[string]uint64 `json:"gso"`     // packets by gso_type: none, tcpv4, tcpv6, udp-l4 ...
	Partial uint64            `json:"partial"` // packets whose checksum was left to the reader
	Full    uint64            `json:"full"`    // packets whose checksum was complete
	Without uint64            `json:"without"` // packets declared to have no checksum
	Summed  uint64            `json:"summed"`  // packets of Full whose checksum was verified: the first and a sample
	Bad     map[string]uint64 `json:"bad"`     // headers or checksums that are wrong, by what is wrong
	Largest uint64            `json:"largest"` // packet in bytes of IP
}

// Hop is one place that packets pass, over the whole trial. Packets are what
// the place handles: GSO packets count as one.
type Hop struct {
	Name    string            `json:"name"` // such as "relay a to b", "bridge", "vpn b decrypt"
	In      uint64            `json:"in"`
	Out     uint64            `json:"out"`
	Dropped map[string]uint64 `json:"dropped,omitempty"` // by reason or errno name
	Calls   uint64            `json:"calls,omitempty"`
	Bytes   uint64            `json:"bytes,omitempty"`
}

// Process is a program of path=program with all processes that it started.
type Process struct {
	Name      string `json:"name"`       // value of the axis program
	End       string `json:"end"`        // the host it ran on: a or b
	CPUNs     uint64 `json:"cpu_ns"`     // from when it was ready to the end of the trial, warm-up included
	PeakBytes uint64 `json:"peak_bytes"` // the sum of the highest resident memory of each of its processes
}

// TCP is what streams did in the measured time, and what TCP_INFO said in it at the ends of
// windows.
type TCP struct {
	Streams     int     `json:"streams"`
	Bytes       uint64  `json:"bytes"`       // payload received
	Segments    uint64  `json:"segments"`    // sent, with data
	Retransmits uint64  `json:"retransmits"` // segments of these that were sent again
	RTTNs       uint64  `json:"rtt_ns"`      // smoothed, median of the streams, and of the times it was asked
	RTTVarNs    uint64  `json:"rttvar_ns"`
	MinRTTNs    uint64  `json:"min_rtt_ns"` // the smallest of all streams
	Cwnd        uint64  `json:"cwnd"`       // segments, median as rtt_ns
	MSS         uint64  `json:"mss"`
	Reordering  uint64  `json:"reordering"` // segments that the receivers put in order (TCPOFOQueue)
	Slowest     float64 `json:"slowest"`    // bytes of the slowest stream over their mean
	Congestion  string  `json:"congestion"` // control algorithm
}
