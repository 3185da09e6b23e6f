package stream

import (
	"time"
)

// Info is the state of a TCP connection in the kernel (tcp_get_info of
// net/ipv4/tcp.c). Segments are wire segments.
type Info struct {
	// Segments sent, those sent again and those without data included; with data
	// only; sent again. These counters of the kernel have 32 bits.
	SegsOut, DataOut, Again uint32
	// Segments that came, those that came twice included; with data only. A
	// GSO packet that user space wrote into a TUN/TAP device counts as one.
	SegsIn, DataIn uint32
	Received       uint64 // bytes of payload, each once
	Acked          uint64 // bytes of payload that the other end has acknowledged
	Unacked        uint32 // segments sent and not yet acknowledged
	Unsent         uint32 // bytes that wait to be sent
	RTT, RTTVar    time.Duration
	MinRTT         time.Duration
	Cwnd           uint32 // segments
	MSS            uint32 // payload of a full segment in bytes
	Timestamps     bool   // each segment carries them: 12 bytes
}

// TimestampsLen is the length in bytes of the timestamp option of a segment.
const TimestampsLen = 12
