package device

import (
	"fmt"

	"golang.org/x/sys/unix"

	"tunbench/harness/packet"
)

// sendFrame sends a packet behind its virtio-net header, on the caller's thread.
func sendFrame(ifindex, family int, b []byte) error {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("socket AF_PACKET: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
		return fmt.Errorf("setsockopt PACKET_VNET_HDR: %w", err)
	}
	protocol := uint16(packet.EtherTypeIPv4)
	if family == 6 {
		protocol = packet.EtherTypeIPv6
	}
	to := &unix.SockaddrLinklayer{Protocol: protocol<<8 | protocol>>8, Ifindex: ifindex, Halen: 6}
	if err := unix.Sendto(fd, b, 0, to); err != nil {
		return fmt.Errorf("sendto AF_PACKET: %w", err)
	}
	return nil
}
