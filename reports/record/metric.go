package record

// Names of metrics.
const (
	PPS             = "pps"
	SKBPS           = "skb_ps"
	BitPerS         = "bit_per_s"
	Loss            = "loss"
	CPUNsPerPkt     = "cpu_ns_per_pkt"
	SendNsPerPkt    = "send_ns_per_pkt"
	RecvNsPerPkt    = "recv_ns_per_pkt"
	SyscallsPerPkt  = "syscalls_per_pkt"
	FloorRatio      = "floor_ratio"
	LoopbackRatio   = "loopback_ratio" // pps over that of the trial's yardstick
	Jain            = "jain"
	QueueImbalance  = "queue_imbalance"
	NDRPPS          = "ndr_pps"           // highest rate without loss: lower bound of the search
	PDRPPS          = "pdr_pps"           // highest rate with 0.5 % loss, likewise
	OfferedPPS      = "offered_pps"       // packets/s handed to the kernel over the windows
	TPS             = "tps"               // transactions/s: a request and its answer
	GoodputBitPerS  = "goodput_bit_per_s" // payload of TCP, once each
	Retransmits     = "retransmits"       // share of the sent TCP segments that were sent again
	Stopped         = "stopped"           // share of the measured time for which a transmit queue was stopped
	FlowConsistency = "flow_consistency"  // share of the flows that were seen on one queue only
	PeakBytes       = "peak_bytes"        // highest resident memory of one end of path=program
	Steal           = "steal"             // share of the CPU time of the host that was stolen over the windows
)

// Names of latencies.
const (
	Residency = "residency" // xmit to dequeue inside the kernel, measured by the observer
	E2E       = "e2e"       // sent stamp to the reader's return from read
	RTT       = "rtt"       // of a transaction, measured by the client
	RTTIdle   = "rtt_idle"  // of a probe's request and its answer, with nothing else on the path
	RTTLoad   = "rtt_load"  // the same beside the traffic that is measured
	Service   = "service"   // from the sent time, where e2e counts from the intended time
)
