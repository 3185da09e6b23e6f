package spec

import (
	"fmt"

	"tunbench/harness/iperf"
	"tunbench/harness/module"
	"tunbench/harness/packet"
	"tunbench/harness/program"
	"tunbench/harness/qdisc"
	"tunbench/harness/sink"
)

// outOfRange reports the first value of s that lies outside its range.
func outOfRange(s Spec) error {
	switch {
	case s.Queues < 1 || s.Queues > MaxQueues:
		return fmt.Errorf("queues=%d: a device has 1 to %d queues", s.Queues, MaxQueues)
	case s.Flows < 1 || s.Flows > MaxFlows:
		return fmt.Errorf("flows=%d: choose 1 to %d", s.Flows, MaxFlows)
	case s.Senders < 0 || s.Senders > MaxSenders:
		return fmt.Errorf("senders=%d: choose 1 to %d, or auto", s.Senders, MaxSenders)
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
	case s.Measure < MinMeasure:
		return fmt.Errorf("measure %v is too short: choose at least %v, ten ticks of 10 ms, in which the kernel counts CPU time; in less it cannot tell whether the host disturbed a trial", s.Measure, MinMeasure)
	case s.Window > s.Measure:
		return fmt.Errorf("window %v is longer than measure %v", s.Window, s.Measure)
	case !(s.Rate >= 0 && s.Rate <= MaxRate): // nor NaN
		return fmt.Errorf("rate %v: choose up to %d packets a second, or 0 for a closed loop", s.Rate, MaxRate)
	case !(s.Share >= 0 && s.Share <= maxShare):
		return fmt.Errorf("share %v: choose up to %d times what the closed loop reaches", s.Share, maxShare)
	case s.FilterTime < 0 || s.FilterTime > MaxFilterTime || s.FilterTime > 0 && !s.Filter:
		return fmt.Errorf("filter that takes %v: choose at most %v", s.FilterTime, MaxFilterTime)
	case s.Delay < 0 || s.Delay > MaxDelay:
		return fmt.Errorf("delay %v: choose at most %v", s.Delay, MaxDelay)
	case !(s.Drop >= 0 && s.Drop <= MaxDrop):
		return fmt.Errorf("drop of %v of the packets: choose at most %v", s.Drop, MaxDrop)
	case !(s.Reorder >= 0 && s.Reorder <= MaxReorder):
		return fmt.Errorf("reorder of %v of the packets: choose at most %v", s.Reorder, MaxReorder)
	case s.Pause < 0 || s.Pause > MaxPause:
		return fmt.Errorf("pause %v: choose at most %v", s.Pause, MaxPause)
	}
	_, err := qdisc.Parse(s.Qdisc)
	return err
}

// contradiction is about values that contradict each other whatever the path; ""
// is none.
func contradiction(s Spec) string {
	switch {
	case s.Loopback && !s.SideBySide():
		return fmt.Sprintf("loopback carries traffic that takes turns, and gen=%s event=%s does not", s.Gen, s.Event)
	case s.Open() && s.Gen == GenLockstep:
		return "gen=lockstep sends a batch only when it has read the one before, so it cannot keep a rate; set load=max or gen=udp"
	case s.Poisson && !s.Open():
		return "spacing=poisson spaces the packets of an open loop; set a load such as 10000pps or 50pct, or spacing=fixed"
	case s.Pause > 0 && s.Measure < sink.PauseAfter+s.Pause:
		return fmt.Sprintf("pause=%v comes %v into the measured time, of which there are %v; measure for at least %v", s.Pause, sink.PauseAfter, s.Measure, sink.PauseAfter+s.Pause)
	case s.Offload != OffloadNone && s.VnetHdr == 0:
		return fmt.Sprintf("offload=%s needs a virtio-net header to say what it carries; set vnet=10 or offload=none", s.Offload)
	case s.Offload == OffloadTunnel && s.VnetHdr < 24:
		return "offload=tunnel needs the 24-byte virtio-net header; set vnet=24"
	case s.Family == 6 && s.Size != SizeIMIX && s.Size < MinSize6:
		return fmt.Sprintf("size=%d cannot hold IPv6, UDP and the stamp; with ip=6 choose at least %d", s.Size, MinSize6)
	case s.Family == 6 && s.Size == SizeIMIX:
		return fmt.Sprintf("size=imix holds 64-byte packets, too small for IPv6, UDP and the stamp; set ip=4 or a size of at least %d", MinSize6)
	case s.Gen == GenUDPGSO && s.Size == SizeIMIX:
		return "gen=udp-gso cuts equal segments, so size=imix cannot be made; choose one size"
	case s.Gen == GenUDPGSO && s.Size > maxGSO:
		return fmt.Sprintf("gen=udp-gso with size=%d leaves no room for a second segment; choose at most %d", s.Size, maxGSO)
	case s.Mode == TAP && s.Size > MaxTAPSize:
		return fmt.Sprintf("size=%d: with mode=tap a packet and its Ethernet header have %d bytes together; choose a size of at most %d, or mode=tun", s.Size, MaxSize, MaxTAPSize)
	case s.Gen == GenLockstep && s.IO != IORead:
		return "gen=lockstep reads until nothing is left, by itself; set io=read"
	case s.Bypass && s.Gen != GenPacket:
		return fmt.Sprintf("bypass=on is an option of gen=packet; with gen=%s set bypass=off", s.Gen)
	case s.Steer == SteerOne && s.Queues < 2:
		return "steer=ebpf-one sends everything to queue 1, which queues=1 does not have; set queues=2"
	}
	return ""
}

// pathContradiction is about the path and the direction; "" is none.
func pathContradiction(s Spec) string {
	switch {
	case s.Path == PathBridge && s.Mode != TAP:
		return "path=bridge: only TAP devices can be ports of a bridge; set mode=tap"
	case (s.Path == PathVPN || s.Path == PathWireGuard || s.Path == PathWireGuardGo) && s.Mode != TUN:
		return fmt.Sprintf("path=%s carries IP packets; set mode=tun", s.Path)
	case s.Path == PathBridge && s.Dir != K2U:
		return "path=bridge is crossed from the first device, which is written to, to the second, which is read; set dir=k2u"
	case s.Path.Hosts() && s.Dir == U2K:
		return fmt.Sprintf("path=%s has two ends: dir=k2u is from the first to the second; set that or dir=both", s.Path)
	case s.Path != PathVPN && s.Cipher != CipherNone:
		return fmt.Sprintf("cipher=%s is for path=vpn", s.Cipher)
	case s.Path == PathVPN && s.VnetHdr > 0:
		return "path=vpn carries single packets; set vnet=off"
	case s.Path == PathVPN && s.IO == IOURing:
		return "io=uring is not a way to drive path=vpn; set io=poll"
	case (s.Path == PathVPN || s.Path == PathWireGuard || s.Path == PathWireGuardGo) && s.Size > MaxTunnelled:
		return fmt.Sprintf("path=%s adds headers to each packet, and a packet of size=%d does not fit a datagram with them; choose at most %d", s.Path, s.Size, MaxTunnelled)
	case s.Path.Foreign() && (s.Queues > 1 || s.IO != IORead || s.VnetHdr > 0 || s.PI || s.NAPI != NAPIOff || s.Steer != SteerAuto || s.SndBuf > 0 || s.Filter):
		return fmt.Sprintf("path=%s has no device of ours: queues, io, vnet, pi, napi, steer, sndbuf and filter must be at their defaults", s.Path)
	case s.Event != EventNone && s.Path != PathSink:
		return fmt.Sprintf("event=%s happens to the device of path=sink", s.Event)
	case s.Event == EventDetach && (s.Queues < 2 || s.Dir != K2U):
		return "event=detach takes one of several queues away from its reader; set queues=2 and dir=k2u"
	case s.Event != EventNone && s.Gen == GenLockstep:
		return fmt.Sprintf("event=%s happens while traffic flows, which gen=lockstep sends and reads in turn; set gen=udp", s.Event)
	}
	return ""
}

// moduleContradiction is about the TUN module that is to be loaded; "" is none.
func moduleContradiction(s Spec) string {
	if s.Module == module.AsIs {
		return ""
	}
	if _, err := module.Find(s.Module); err != nil {
		return err.Error()
	}
	if s.Path == PathVeth || s.Path == PathWireGuard {
		return fmt.Sprintf("path=%s crosses no TUN device of the kernel; set module=as-is", s.Path)
	}
	return ""
}

// programContradiction is about the program of path=program; "" is none.
func programContradiction(s Spec) string {
	switch {
	case s.Path != PathProgram && s.Program != "":
		return fmt.Sprintf("program=%s is for path=program; set that, or program=none", s.Program)
	case s.Path != PathProgram:
		return ""
	case s.Program == "":
		return "path=program needs a program; set program to the name of one that ships, or of a file given by --program"
	}
	file, err := program.Find(s.Program)
	switch {
	case err != nil:
		return err.Error()
	case file.Kind() != string(s.Mode):
		return fmt.Sprintf("program=%s makes a device of kind %s; set mode=%s", s.Program, file.Kind(), file.Kind())
	case s.Size > longestOf(file):
		return fmt.Sprintf("program=%s adds up to %d bytes to each packet, and one of size=%d does not fit the link with them; choose at most %d", s.Program, file.Overhead, s.Size, longestOf(file))
	}
	return ""
}

// longestOf is the longest packet to which a program can add what its file says.
func longestOf(f *program.File) int { return MaxSize - f.Overhead }

// trafficContradiction is about who makes the traffic; "" is none.
func trafficContradiction(s Spec) string {
	switch {
	case s.Gen.Conversation() && !s.Path.Hosts():
		return fmt.Sprintf("gen=%s is a conversation, and path=%s has one end; set path=relay", s.Gen, s.Path)
	case s.Gen.Conversation() && s.Open():
		return fmt.Sprintf("gen=%s waits for answers: it cannot keep a rate; set load=max", s.Gen)
	case s.Gen.Conversation() && s.Size == SizeIMIX:
		return fmt.Sprintf("gen=%s has no mix of sizes; choose one size", s.Gen)
	case s.Gen == GenIPerf3 && s.Flows > iperf.MostStreams:
		return fmt.Sprintf("gen=iperf3 has at most %d streams; set flows=%d or gen=tcp", iperf.MostStreams, iperf.MostStreams)
	case (s.Gen == GenTCP || s.Gen == GenIPerf3) && s.Size < minMTU:
		return fmt.Sprintf("gen=%s fills packets up to size, which is the MTU; choose at least %d, such as 1500", s.Gen, minMTU)
	case (s.Gen == GenTCPRR || s.Gen == GenUDPRR) && s.Size > maxAnswer:
		return fmt.Sprintf("gen=%s asks and answers with one packet; choose a size of at most %d", s.Gen, maxAnswer)
	case (s.Gen == GenTCPRR || s.Gen == GenUDPRR) && s.Dir == Both:
		return fmt.Sprintf("gen=%s goes both ways by itself; set dir=k2u", s.Gen)
	case (s.Gen == GenPacket || s.Gen == GenPacketGSO || s.Gen == GenLockstep) && s.Path != PathSink:
		return fmt.Sprintf("gen=%s is for path=sink", s.Gen)
	case s.Gen == GenLockstep && s.Dir != K2U:
		return "gen=lockstep sends and reads; set dir=k2u"
	case s.Gen == GenPacket && s.Dir != K2U:
		return "gen=packet sends through AF_PACKET, on the kernel's side; set dir=k2u, or gen=udp"
	case s.Path == PathBridge && s.Gen == GenUDPGSO && s.VnetHdr == 0:
		return "path=bridge with gen=udp-gso writes GSO packets, which only a virtio-net header can announce; set vnet=10, or gen=udp"
	case s.Path == PathSink && s.Dir != K2U && s.Gen == GenUDPGSO && s.VnetHdr == 0:
		return fmt.Sprintf("gen=%s with dir=%s writes GSO packets, which only a virtio-net header can announce; set vnet=10, or gen=udp", s.Gen, s.Dir)
	case s.Gen == GenPacketGSO && s.Dir == Both:
		return "gen=packet-gso is for one direction; set dir=k2u or dir=u2k"
	case s.Gen == GenPacketGSO && s.Size == SizeIMIX:
		return "gen=packet-gso cuts equal segments, so size=imix cannot be made; choose one size"
	case s.Gen == GenPacketGSO && s.Size > maxGSO:
		return fmt.Sprintf("gen=packet-gso with size=%d leaves no room for a second segment; choose at most %d", s.Size, maxGSO)
	case s.Gen == GenPacketGSO && s.Size < minTCP(s.Family):
		return fmt.Sprintf("size=%d cannot hold IP, TCP and the stamp; with gen=packet-gso and ip=%d choose at least %d", s.Size, s.Family, minTCP(s.Family))
	case s.Pause > 0 && s.PausedQueue >= s.Queues:
		return fmt.Sprintf("pause of queue %d: the queues are 0 to %d", s.PausedQueue, s.Queues-1)
	case s.Pause > 0 && (s.Path != PathSink || s.Dir != K2U):
		return "pause is that of the reader of path=sink dir=k2u"
	}
	return ""
}

// deviceContradiction is about options of the device; "" is none.
func deviceContradiction(s Spec) string {
	switch {
	case s.NAPI == NAPIFrags && s.Mode != TAP:
		return "napi=frags is for TAP devices; set mode=tap"
	case s.XDP != XDPOff && (s.Path != PathSink || s.Dir == K2U):
		return fmt.Sprintf("xdp=%s sees what user space writes; set path=sink and dir=u2k", s.XDP)
	case s.IO == IOVhost && s.VnetHdr > 12:
		return fmt.Sprintf("io=vhost with vnet=%d: vhost-net and our driver share headers of 10 and 12 bytes; set vnet=12", s.VnetHdr)
	case s.IO == IOVhost && s.Mode == TUN && (s.Dir != K2U || s.Path == PathRelay) && s.SndBuf == 0:
		// tun_xdp_one of drivers/net/tun.c, by way of handle_tx_copy of drivers/vhost/net.c.
		return "io=vhost writes packets in batches, which the kernel takes for Ethernet frames, unless the send buffer is bounded; set sndbuf=1000000 or mode=tap"
	case s.IO == IOVhost && (s.Path == PathVPN || s.PI):
		return "io=vhost moves packets to and from a guest's memory: it is for path=sink, bridge and relay, with pi=off"
	}
	return ""
}

// minTCP is the least IP length that holds IP, TCP and the stamp.
func minTCP(family int) int {
	if family == 6 {
		return 40 + 20 + packet.StampLen
	}
	return 20 + 20 + packet.StampLen
}
