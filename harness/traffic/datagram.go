package traffic

import (
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"tunbench/harness/call"
	"tunbench/harness/packet"
	"tunbench/harness/socket"
)

func family(a netip.Addr) int {
	if a.Is6() {
		return 6
	}
	return 4
}

// openSocket opens the socket of a flow, from a fixed port, so that the flow hashes to
// the same queue in each trial. The caller closes it, also one returned with an error;
// it is -1 if there is none.
func openSocket(c Config, flow int) (fd int, err error) {
	to := netip.AddrPortFrom(c.Dst, c.Payload.Port())
	if fd, err = socket.UDP(netip.AddrPortFrom(c.Src, uint16(FirstPort+flow)), to, unix.SOCK_NONBLOCK); err != nil {
		return -1, fmt.Errorf("open the socket of flow %d: %w", flow, err)
	}
	if c.Kind == UDPGSO {
		size := c.Size - packet.HeadersLen(false, family(c.Src))
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT, size); err != nil {
			return fd, &call.Error{Call: "setsockopt UDP_SEGMENT", Err: err}
		}
	}
	if !c.Payload.Summed() {
		return fd, socket.SendUnsummed(fd, c.Src.Is6())
	}
	return fd, nil
}

// datagramOf is headersOf of datagrams that are not Plain: with the headers inside a
// tunnel and, of those that a socket sends, nothing before these.
func datagramOf(c Config, u packet.UDP, payload int) (vnet packet.VnetHdr, headers []byte) {
	inner := make([]byte, c.Payload.Before())
	if len(inner) > 0 {
		u.VXLAN(inner, payload)
	}
	if !c.Kind.written() {
		return vnet, inner
	}
	headers = make([]byte, packet.HeadersLen(c.TAP, family(c.Src)))
	payload += len(inner)
	u.Dst = netip.AddrPortFrom(c.Dst, c.Payload.Port())
	if c.Payload.Summed() {
		vnet = u.Super(headers, payload, payload)
	} else {
		u.Headers(headers, payload)
	}
	return vnet, append(headers, inner...)
}

// sumDatagram completes the checksums of a datagram that is not Plain, whose stamp is at
// that offset in b: that inside a tunnel and, where no device or socket does it, its own.
func sumDatagram(c Config, b []byte, offset int) {
	if c.Payload.tunnel() {
		packet.CompleteUDP(b[offset-packet.UDPLen:][:packet.UDPLen+packet.StampLen])
	}
	if c.Payload.Summed() && c.Kind == Write && c.VnetHdr == 0 {
		packet.CompleteUDP(b[offset-c.Payload.Before()-packet.UDPLen : offset+packet.StampLen])
	}
}
