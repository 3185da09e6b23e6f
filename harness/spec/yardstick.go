package spec

import (
	"fmt"

	"tunbench/harness/module"
	"tunbench/reports/record"
)

// yardstickOf is Spec.Yardstick of a Spec that has one.
//
//	scenario                   sends by            receives by
//	path=sink dir=k2u          sendmmsg of 64      recvmsg for each packet
//	path=sink dir=u2k          send for each one   recvmmsg of up to 64
//	path=sink dir=both         both of these at once
//	path=bridge                send for each one   recvmsg for each packet
//	other paths                sendmmsg of 64      recvmmsg of up to 64
//	gen=tcp                    send                recv
//	gen=tcp-rr, udp-rr         send, then recv     recv, then send
//
// A packet is a datagram, and a GSO packet one that is sent with UDP_SEGMENT, received
// whole (UDP_GRO) with dir=u2k and else in segments. GSO packets that the kernel cuts before
// the device are held against datagrams of the size of a segment: the reader of segments sets
// the rate, and loopback with UDP_SEGMENT, which copies 64 KB at once, slows down twice as
// much as that on a host whose memory is busy. Segments of TCP cross the loopback
// device one by one. Blocking calls stand for io=read, readv, uring and vhost; io=poll and
// spin wait in the same manner on sockets. gen=packet and packet-gso become UDP of the same
// size. More flows than queues are left out: more sockets change nothing that was seen.
func yardstickOf(s Spec) (y Spec, kind string) {
	y = Default()
	y.Loopback = true
	y.Dir, y.Gen, y.Size, y.Family, y.CPUs = s.Dir, s.Gen, s.Size, s.Family, s.CPUs
	y.Senders = s.Senders
	y.Warmup, y.Measure, y.Window = s.Warmup, s.Measure, s.Window
	kind = record.YardstickUDP
	switch {
	case s.Gen.Conversation():
		y.Path, y.Flows = PathRelay, s.Flows
		if s.Gen != GenUDPRR {
			kind = record.YardstickTCP
		}
		return y, kind
	case sendsGSO(s) && !cutBefore(s):
		y.Gen, kind = GenUDPGSO, record.YardstickUDPGSO
	default:
		y.Gen = GenUDP
	}
	sameWorkers(&y, s)
	if y.Gen == GenUDPGSO && (y.Dir == U2K || y.Path == PathBridge) { // which write it behind a header
		y.VnetHdr = 10
	}
	return y, kind
}

// sameWorkers gives y those of s: as many, on the same CPUs.
func sameWorkers(y *Spec, s Spec) {
	if s.IO == IOPoll || s.IO == IOSpin {
		y.IO = s.IO
	}
	switch {
	case s.Path == PathBridge:
		y.Path, y.Mode, y.Queues = PathBridge, TAP, s.Queues
	case s.Path == PathSink:
		y.Queues = s.Queues
		if s.Dir == U2K {
			y.Queues, y.IO = min(s.Queues, s.Flows), IORead
		}
	case s.Path.Foreign():
		y.Path, y.Queues = PathRelay, min(s.Flows, MaxQueues)
	default:
		y.Path, y.Queues = PathRelay, min(s.Queues, s.Flows)
	}
	y.Flows = max(min(s.Flows, y.Queues), s.Senders)
}

// sendsGSO reports whether senders hand GSO packets to the kernel.
func sendsGSO(s Spec) bool {
	return s.Gen == GenUDPGSO || s.Gen == GenPacketGSO && (s.Dir == K2U || s.VnetHdr > 0)
}

// cutBefore reports whether the kernel cuts the GSO packets that senders hand it before they
// reach the device, whose readers get segments.
func cutBefore(s Spec) bool {
	return s.Path == PathSink && s.Dir == K2U && !readsGSO(s)
}

// readsGSO reports whether the readers of a device, which are the end, get them whole.
func readsGSO(s Spec) bool {
	uso := s.Offload == OffloadUSO || s.Offload == OffloadTunnel
	return !s.Path.Hosts() && (uso || s.Offload == OffloadTSO && s.Gen == GenPacketGSO)
}

// noYardstick is Spec.NoYardstick.
func noYardstick(s Spec) string {
	switch {
	case s.Gen == GenLockstep:
		return "gen=lockstep has no windows to take turns in"
	case s.Gen == GenIPerf3:
		return "gen=iperf3 is a program that is measured by its own clock"
	case s.Event != EventNone:
		return fmt.Sprintf("event=%s happens to a device", s.Event)
	case s.Module != module.AsIs:
		return "there is one TUN module at a time, so the trial does not take turns with another"
	case s.Path == PathGuest:
		return "a virtual machine does not take turns with another trial"
	case s.beginsAnew():
		return fmt.Sprintf("conversations through path=%s are measured without pauses, so they do not take turns with loopback", s.Path)
	case s.fillsSlowly():
		return fmt.Sprintf("a ring of txqlen=%d is measured full and without pauses, so it does not take turns with loopback", s.TxQLen)
	case s.Impaired():
		return "what a link delays or loses, loopback does not"
	case s.Open():
		return "the rate of an open loop is that of its schedule, whatever carries the packets"
	case s.Path == PathRelay && s.Gen != GenTCPRR && s.Gen != GenUDPRR && !s.Loopback:
		return "more is sent than a relay can forward, and the scheduler decides how much crosses it"
	case s.XDP.Drops():
		return fmt.Sprintf("xdp=%s leaves nothing to receive, and a socket cannot do without", s.XDP)
	case s.Gen == GenPacketGSO && s.Dir == U2K && s.VnetHdr > 0:
		return "a packet socket that receives whole GSO packets is steadier than a UDP socket"
	case sendsGSO(s) && (readsGSO(s) || s.Dir == Both) && s.Dir != U2K:
		return "a device hands over whole GSO packets more steadily than a UDP socket"
	}
	return ""
}
