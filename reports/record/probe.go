package record

// Probe is what a probe sent over the whole trial: requests from the first host to the second,
// and answers back. They are in Accounting only as Xmit and Read: an observer counts them with
// the rest. The round trips are in Latency, as RTTIdle and RTTLoad.
type Probe struct {
	IntervalNs     int64  `json:"interval_ns"`                // between two requests beside the traffic, on average
	IdleIntervalNs int64  `json:"idle_interval_ns,omitempty"` // while nothing else is on the path; 0: the same
	Size           int    `json:"size"`                       // IP length in bytes
	Requests       uint64 `json:"requests"`                   // sent
	Arrived        uint64 `json:"arrived"`                    // requests that the second host received
	Answers        uint64 `json:"answers"`                    // sent
	Received       uint64 `json:"received"`                   // answers that the first host received
	Refused        uint64 `json:"refused"`                    // packets that the kernel did not take
}

// Sent is how many packets of the probe a host has sent; none without one.
func (p *Probe) Sent(host int) uint64 {
	switch {
	case p == nil:
		return 0
	case host == 0:
		return p.Requests
	}
	return p.Answers
}

// TCPChecksum is that of packets whose checksum TCP found wrong (SKB_DROP_REASON_TCP_CSUM).
const TCPChecksum = "TCP_CSUM"
