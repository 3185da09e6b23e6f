package load

import (
	"fmt"

	"golang.org/x/sys/unix"

	"tunbench/harness/call"
	"tunbench/harness/netns"
	"tunbench/harness/sink"
	"tunbench/harness/socket"
	"tunbench/harness/spec"
)

const (
	// superRoom is what a packet socket may hold, in bytes as the kernel counts
	// them: some hundred GSO packets.
	superRoom = 32 << 20
	// packetDrops is the reason under which its overruns are counted, by the
	// kernel's name for it.
	packetDrops = "PACKET_SOCK_ERROR"
)

// packetEnd is the end of TCP segments that are written to the device: a packet
// socket, which gives GSO packets whole, each behind a virtio-net header.
type packetEnd struct {
	fd     int
	reader *sink.Reader
	drops  uint64
}

// openPacketEnd makes a packet socket on a device in ns, and its reader.
func openPacketEnd(ns *netns.NS, ifindex int, s spec.Spec, cpu int, reading *sink.Control) (*packetEnd, error) {
	fd, err := packetSocket(ns, ifindex, s.Family)
	if err != nil {
		return nil, err
	}
	return &packetEnd{fd: fd, reader: sink.New(sink.Config{
		FD: fd, CPU: cpu, Wait: sink.Poll, TAP: s.Mode == spec.TAP, VnetHdr: vnetOfSockets,
		Flows: s.Flows, MaxRead: spec.MaxSize + spec.Headroom, Open: s.Open(), Stubs: stubsOf(s),
	}, reading)}, nil
}

// vnetOfSockets is the header that PACKET_VNET_HDR puts before a packet, in
// bytes, whatever the device's is.
const vnetOfSockets = 10

// packetSocket opens the socket, which gets what comes in of one protocol.
func packetSocket(ns *netns.NS, ifindex, family int) (fd int, err error) {
	protocol := uint16(unix.ETH_P_IP)
	if family == 6 {
		protocol = unix.ETH_P_IPV6
	}
	err = ns.Do(func() (err error) {
		// Protocol 0 receives nothing until it is bound.
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return &call.Error{Call: "socket AF_PACKET", Err: err}
		}
		return nil
	})
	if err != nil {
		return -1, err
	}
	defer func() {
		if err != nil {
			unix.Close(fd)
		}
	}()
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
		return -1, &call.Error{Call: "setsockopt PACKET_VNET_HDR", Err: err}
	}
	if err := sink.Prepare(fd, superRoom, false); err != nil {
		return -1, err
	}
	to := unix.SockaddrLinklayer{Protocol: protocol<<8 | protocol>>8, Ifindex: ifindex}
	if err := unix.Bind(fd, &to); err != nil {
		return -1, &call.Error{Call: "bind AF_PACKET", Err: err}
	}
	return fd, nil
}

// empty reports whether all that the device received was read or dropped.
func (p *packetEnd) empty(received uint64) (bool, error) {
	if err := p.count(); err != nil {
		return false, err
	}
	return p.reader.Progress().Reads+p.drops >= received, nil
}

func (p *packetEnd) count() (err error) {
	if p.drops, err = socket.Drops(p.fd); err != nil {
		return fmt.Errorf("count what a packet socket dropped: %w", err)
	}
	return nil
}

// mismatch says whether the socket saw all that the device received.
func (p *packetEnd) mismatch(received uint64) string {
	if got := p.reader.Reads + p.drops; got != received {
		return fmt.Sprintf("the device received %d packets or GSO packets, the packet socket gave or dropped %d", received, got)
	}
	return ""
}

// dropped is what the socket had no room for. The stack drops each packet too, as no
// host has its address; that is no loss.
func (p *packetEnd) dropped(perSKB uint64) map[string]uint64 {
	if p.drops == 0 {
		return map[string]uint64{}
	}
	return map[string]uint64{packetDrops: p.drops * perSKB}
}

func (p *packetEnd) close() error {
	if p == nil {
		return nil
	}
	return unix.Close(p.fd)
}
