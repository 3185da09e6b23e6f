package spec

import (
	"slices"
)

// The enumerations of a Spec; Default says which value of each a Spec starts from.
type (
	// Mode is the kind of device.
	Mode string
	// Path is what the packets cross.
	Path string
	// Dir is the direction of the traffic.
	Dir string
	// Gen is what makes the traffic.
	Gen string
	// IO is how a descriptor is driven, for reading and for writing.
	IO string
	// Offload is what TUNSETOFFLOAD announces; each includes those before it.
	Offload string
	// NAPI is how the device receives what user space writes.
	NAPI string
	// XDP is what an XDP program on the device does with what user space writes.
	XDP string
	// Steer is how the device chooses a transmit queue.
	Steer string
	// Cipher protects the packets of a VPN.
	Cipher string
	// Event is what happens to the device in the middle of the measured time.
	Event string
	// Tail is how long the last segment of a GSO packet is.
	Tail string
	// Payload is what datagrams carry.
	Payload string
)

const (
	TUN Mode = "tun" // layer 3
	TAP Mode = "tap" // layer 2

	PathSink    Path = "sink"    // one device: its reader, or the kernel, is the end
	PathRelay   Path = "relay"   // two devices in two namespaces, their descriptors copied to each other
	PathVPN     Path = "vpn"     // TUN, UDP over veth, TUN
	PathBridge  Path = "bridge"  // TAP, bridge, TAP: user space writes to one and reads from the other
	PathGuest   Path = "guest"   // TAP, QEMU, virtio-net: sockets of the host and of a virtual machine send to each other
	PathProgram Path = "program" // the user's own VPN or relay in each of two namespaces
	// The reference paths connect two namespaces by other means.
	PathVeth        Path = "veth"
	PathWireGuard   Path = "wireguard"    // the kernel's module
	PathWireGuardGo Path = "wireguard-go" // golang.zx2c4.com/wireguard

	K2U  Dir = "k2u"  // kernel to user; on a path with two ends, from the first to the second
	U2K  Dir = "u2k"  // user to kernel
	Both Dir = "both" // at once

	// The first four make packets with stamps, each of which is accounted for.
	// Where user space writes to the device, it makes the packets itself.
	GenUDP       Gen = "udp"        // connected sockets, sendmmsg(2)
	GenUDPGSO    Gen = "udp-gso"    // the same with UDP_SEGMENT: one call carries up to 64 segments a message
	GenPacket    Gen = "packet"     // AF_PACKET
	GenPacketGSO Gen = "packet-gso" // AF_PACKET with a virtio-net header: GSO packets of TCP
	// The others are conversations of two hosts, for paths with two ends.
	GenTCP    Gen = "tcp"    // streams, as many as flows
	GenTCPRR  Gen = "tcp-rr" // request and answer, one transaction at a time on each flow
	GenUDPRR  Gen = "udp-rr"
	GenIPerf3 Gen = "iperf3" // the program, with TCP
	// GenLockstep is one thread that sends a batch as GenUDP does, reads it back
	// from all queues, and so on for a fixed count of packets: nothing runs at
	// the same time, so that in virtual time its cost is the same each time.
	GenLockstep Gen = "lockstep"

	IORead  IO = "read"  // blocking read(2), write(2)
	IOReadv IO = "readv" // the same by readv(2), writev(2): headers of the device in a buffer of their own
	IOPoll  IO = "poll"  // non-blocking read(2) until EAGAIN, then poll(2)
	IOSpin  IO = "spin"  // non-blocking read(2) in a loop
	IOURing IO = "uring" // io_uring, one ring a queue
	IOVhost IO = "vhost" // the kernel's vhost-net: tunbench plays the guest's driver

	OffloadNone   Offload = "none"
	OffloadCsum   Offload = "csum"   // TUN_F_CSUM
	OffloadTSO    Offload = "tso"    // and TSO4, TSO6, TSO_ECN
	OffloadUSO    Offload = "uso"    // and USO4, USO6: Linux 6.2
	OffloadTunnel Offload = "tunnel" // and UDP_TUNNEL_GSO with its checksum: Linux 6.17

	NAPIOff   NAPI = "off"
	NAPIOn    NAPI = "napi"  // IFF_NAPI: Linux 4.15
	NAPIFrags NAPI = "frags" // IFF_NAPI_FRAGS, TAP only: Linux 4.15

	XDPOff         XDP = "off"
	XDPPass        XDP = "pass" // in the driver, TAP only
	XDPDrop        XDP = "drop"
	XDPPassGeneric XDP = "pass-generic" // in the stack, for any device
	XDPDropGeneric XDP = "drop-generic"

	CipherNone   Cipher = "none"
	CipherChaCha Cipher = "chacha20poly1305"
	CipherAES    Cipher = "aes256gcm"

	EventNone    Event = "off"
	EventDetach  Event = "detach"  // the last queue is detached and, after a tenth of the measured time, attached again
	EventCarrier Event = "carrier" // the carrier is taken away for a tenth of the measured time: TUNSETCARRIER, Linux 5.0

	TailFull  Tail = "full"  // as long as the others
	TailShort Tail = "short" // a byte less
	TailByte  Tail = "byte"  // one byte

	PayloadPlain    Payload = "plain"
	PayloadNoSum    Payload = "csum0"      // and a UDP checksum of 0: none
	PayloadVXLAN    Payload = "vxlan"      // a frame in a VXLAN tunnel, with an outer checksum of 0 as RFC 7348 wants it
	PayloadVXLANSum Payload = "vxlan-csum" // the same with an outer checksum

	SteerAuto Steer = "auto"     // the kernel's flow hash
	SteerEBPF Steer = "ebpf"     // a program of ours: by the packet's hash
	SteerCPU  Steer = "ebpf-cpu" // a program of ours: by the sending CPU
	SteerOne  Steer = "ebpf-one" // a program of ours: everything to queue 1
)

// Hosts reports whether the path connects two hosts, each a namespace with a
// network stack of its own.
func (p Path) Hosts() bool {
	return slices.Contains([]Path{PathRelay, PathVPN, PathProgram, PathVeth, PathWireGuard, PathWireGuardGo}, p)
}

// Linked reports whether a link of the kernel lies between the two hosts of the path.
func (p Path) Linked() bool { return p.Hosts() && p != PathRelay }

// Reference reports whether the path is a reference without a TUN/TAP device.
func (p Path) Reference() bool {
	return p == PathVeth || p == PathWireGuard || p == PathWireGuardGo
}

// Foreign reports whether no device on the path is made by tunbench: there are no queues
// to go by, and no options to choose.
func (p Path) Foreign() bool { return p == PathProgram || p.Reference() }

// Conversation reports whether two hosts exchange the traffic, as opposed to
// stamped packets, which are sent and counted one by one.
func (g Gen) Conversation() bool {
	return slices.Contains([]Gen{GenTCP, GenTCPRR, GenUDPRR, GenIPerf3}, g)
}

// Drops reports whether the XDP program drops what is written, so that no packet
// reaches the stack.
func (x XDP) Drops() bool { return x == XDPDrop || x == XDPDropGeneric }

// Generic reports whether the XDP program runs in the stack instead of the driver.
func (x XDP) Generic() bool { return x == XDPPassGeneric || x == XDPDropGeneric }
