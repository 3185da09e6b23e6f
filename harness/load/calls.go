package load

import (
	"tunbench/harness/device"
	"tunbench/harness/packet"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
)

const (
	// receiveBuffer is what a socket of a receiver may hold, in bytes as the kernel
	// counts them: some thousands of small packets.
	receiveBuffer = 8 << 20
	// loopbackBuffer is that of a yardstick: some hundred small packets, as in the
	// ring of a queue, which stay in the cache.
	loopbackBuffer = 256 << 10
)

// PayloadOf is how many bytes each datagram carries that is sent, and the last one of a
// GSO packet; 0 of a mix of sizes.
func PayloadOf(s spec.Spec) (each, last int) {
	each = max(0, s.Size-packet.HeadersLen(false, s.Family))
	return each, tails[s.Tail].Payload(each)
}

var tails = map[spec.Tail]traffic.Tail{spec.TailFull: traffic.Full, spec.TailShort: traffic.Short, spec.TailByte: traffic.Byte}

var payloads = map[spec.Payload]traffic.Payload{
	spec.PayloadPlain: traffic.Plain, spec.PayloadNoSum: traffic.NoSum, spec.PayloadVXLAN: traffic.VXLAN, spec.PayloadVXLANSum: traffic.VXLANSum,
}

// stubsOf says how the reader of a device recognises the last segments of GSO packets.
func stubsOf(s spec.Spec) sink.Stubs {
	if s.Tail == spec.TailFull {
		return sink.Stubs{}
	}
	headers := packet.HeadersLen(false, s.Family)
	if s.Gen == spec.GenPacketGSO {
		headers = packet.TCPHeadersLen(false, s.Family)
	}
	return sink.Stubs{
		Segments: traffic.Segments(device.Kinds[s.Gen], s.Size, s.Family, s.Mode == spec.TAP),
		Stride:   uint32(s.Size - headers), FirstPort: traffic.FirstPort,
	}
}

// calls is how the sockets of one direction between two hosts are driven.
type calls struct {
	sendEach    bool // send(2) instead of sendmmsg(2)
	receiveEach bool // recvmsg(2) instead of recvmmsg(2)
	wait        sink.Wait
	segments    uint64 // of each datagram that is received
	room        int    // in bytes, of a socket that receives
	maxRead     int    // bytes of a datagram that is received; 0: as long as there are
}

// callsOf gives those of a path between hosts, or of the device that a yardstick
// stands for: see yardstickOf of the spec.
func callsOf(s spec.Spec, dir spec.Dir) calls {
	c := calls{segments: 1, room: receiveBuffer, maxRead: max(spec.DefaultMTU, s.Size)}
	if s.IO == spec.IOSpin || s.IO == spec.IOPoll {
		c.wait = waits[s.IO]
	}
	if !s.Loopback {
		return c
	}
	oneEnd := s.Path == spec.PathSink
	c.sendEach = s.Path == spec.PathBridge || oneEnd && dir == spec.U2K
	c.receiveEach = s.Path == spec.PathBridge || oneEnd && dir == spec.K2U
	if !c.receiveEach && oneEnd { // by those who receive what is written to a device
		c.wait = sink.Block
	}
	c.room = loopbackBuffer
	if s.Gen == spec.GenUDPGSO {
		c.room = receiveBuffer
		if oneEnd && dir == spec.U2K {
			c.segments, c.maxRead = traffic.Segments(traffic.UDPGSO, s.Size, s.Family, false), 0
		}
	}
	return c
}
