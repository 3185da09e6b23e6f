package trial

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/device"
	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// inbound is a datagram from the peer to a port of the device's address, as user
// space writes it, that many bytes of IP long; or so many of them as one
// GSO packet.
func inbound(s spec.Spec, port uint16, size, segments int) []byte {
	addr, peer := device.Addresses(s)
	u := packet.UDP{TAP: s.Mode == spec.TAP, Src: netip.AddrPortFrom(peer, 4000), Dst: netip.AddrPortFrom(addr.Addr(), port)}
	copy(u.SrcLink[:], device.PeerMAC)
	copy(u.DstLink[:], device.MAC)
	headers := packet.HeadersLen(u.TAP, s.Family)
	if u.TAP {
		size += packet.EthernetLen
	}
	payload := (size - headers) * segments
	b := make([]byte, headers+payload)
	u.Headers(b, payload)
	udp := b[headers-packet.UDPLen:]
	checksum := packet.UDPChecksum(peer, addr.Addr(), udp)
	if segments > 1 { // the kernel adds the rest to that of the pseudo-header
		checksum = ^packet.UDPChecksum(peer, addr.Addr(), make([]byte, len(udp)))
	}
	binary.BigEndian.PutUint16(udp[6:], checksum)
	return b
}

// TestXDPSeesEveryFrame writes frames to a device with a program: it counts
// each once, drops or passes them all, and goes with its link.
func TestXDPSeesEveryFrame(t *testing.T) {
	needRoot(t)
	const frames = 50
	for _, mode := range []spec.Mode{spec.TUN, spec.TAP} {
		for _, generic := range []bool{false, true} {
			for _, drop := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/generic=%v/drop=%v", mode, generic, drop), func(t *testing.T) {
					s := spec.Default()
					s.Mode = mode
					ns, err := netns.New()
					if err != nil {
						t.Fatal(err)
					}
					defer ns.Close()
					d, err := device.New(ns, device.Name, s, device.LinkOf(s))
					if err != nil {
						t.Fatal(err)
					}
					defer d.Close()
					x, err := bpf.OpenXDP(d.State.Index, ns.Do, drop, generic)
					if mode == spec.TUN && !generic {
						if reason, _ := refusal.Classify(err); reason != record.Unsupported || !errors.Is(err, unix.EOPNOTSUPP) {
							t.Fatalf("a native program on a TUN: %v (%s)", err, reason)
						}
						return
					}
					if err != nil {
						t.Fatal(err)
					}
					var sent uint64
					write := func() {
						for _, size := range []int{64, 1500} {
							b := inbound(s, 9, size, 1)
							for range frames {
								if _, err := unix.Write(d.Queues()[0].FD(), b); err != nil {
									t.Fatal(err)
								}
							}
							sent += uint64(frames * len(b))
						}
					}
					write()
					packets, bytes, err := x.Count()
					if err != nil || packets != 2*frames || bytes != sent {
						t.Errorf("counted %d frames and %d bytes, %v, want %d and %d", packets, bytes, err, 2*frames, sent)
					}
					c, err := d.Counters()
					if err != nil {
						t.Fatal(err)
					}
					t.Logf("%+v", c)
					if err := errors.Join(x.Close(), x.Close()); err != nil {
						t.Fatal(err)
					}
					before := c.RxPackets
					write()
					if c, err = d.Counters(); err != nil || c.RxPackets-before != 2*frames {
						t.Errorf("received %d frames without a program, %v, want %d", c.RxPackets-before, err, 2*frames)
					}
				})
			}
		}
	}
}
