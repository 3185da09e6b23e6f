package trial

import (
	"encoding/binary"
	"errors"
	"net"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tunbench/harness/device"
	"tunbench/harness/load"
	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/refusal"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

// TestTunnelledSuperPackets: what the kernel's VXLAN sends through a device comes
// out whole only if the device takes tunnels, with a header that tells where it
// begins; else cut, and none the worse.
func TestTunnelledSuperPackets(t *testing.T) {
	needRoot(t)
	for name, c := range map[string]struct {
		mode    spec.Mode
		offload spec.Offload
		family  int  // of the tunnel
		summed  bool // the outer UDP header has a checksum
		gso     string
	}{
		"whole":        {spec.TUN, spec.OffloadTunnel, 4, false, "tcpv4 in udp4"},
		"whole summed": {spec.TAP, spec.OffloadTunnel, 4, true, "tcpv4 in udp4"},
		"whole v6":     {spec.TUN, spec.OffloadTunnel, 6, true, "tcpv4 in udp6"},
		"whole v6 tap": {spec.TAP, spec.OffloadTunnel, 6, false, "tcpv4 in udp6"},
		"cut":          {spec.TUN, spec.OffloadUSO, 4, false, "none"},
		"cut summed":   {spec.TAP, spec.OffloadUSO, 6, true, "none"},
		"cut, bare":    {spec.TUN, spec.OffloadNone, 4, true, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			s := short()
			s.Mode = c.mode
			s.VnetHdr, s.Offload, s.Family, s.IO, s.TxQLen = 24, c.offload, c.family, spec.IOPoll, 5000
			ns, err := netns.New()
			if err != nil {
				t.Fatal(err)
			}
			defer ns.Close()
			d, err := device.New(ns, device.Name, s, device.LinkOf(s))
			defer d.Close()
			if err != nil {
				reason, detail := refusal.Classify(err)
				if reason != record.Unsupported {
					t.Fatal(err)
				}
				t.Skipf("this kernel cannot: %s", detail)
			}
			var sender *traffic.Sender
			err = ns.Do(func() (err error) {
				index, err := addVXLAN(ns, s, c.summed)
				if err != nil {
					return err
				}
				config := load.SenderConfig(s, 0, 1, 0)
				config.Kind, config.TAP, config.Size, config.Ifindex = traffic.PacketGSO, true, 1400, index
				config.Src, config.Dst = device.PeerAddr4, device.PeerAddr4.Next()
				sender, err = traffic.Open(config)
				return err
			})
			if errors.Is(err, unix.EOPNOTSUPP) {
				t.Skipf("this kernel has no VXLAN: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer sender.Close()
			if err := sender.Step(new(traffic.Control)); err != nil {
				t.Fatal(err)
			}
			reader := sink.New(sink.Config{FD: d.Queues()[0].FD(), TAP: s.Mode == spec.TAP, VnetHdr: 24, Flows: 1, MaxRead: spec.MaxSize + spec.Headroom}, new(sink.Control))
			bufs := make([][]byte, 512)
			for i := range bufs {
				bufs[i] = make([]byte, spec.MaxSize+spec.Headroom)
			}
			if err := reader.Sweep(bufs); err != nil {
				t.Fatal(err)
			}
			sent, v := sender.Progress(), reader.Vnet
			if reader.Delivered != sent.Accepted || reader.Foreign+reader.Duplicates > 0 || sent.Accepted == 0 {
				t.Errorf("%d segments were sent, %+v", sent.Accepted, reader.Counts)
			}
			if v.Bad != [packet.Faults]uint64{} {
				t.Errorf("headers are wrong: %+v", v)
			}
			var told uint64
			for i, n := range v.GSO {
				if sink.GSOName(i) == c.gso {
					told += n
				}
			}
			want := sent.Accepted // headers
			if c.gso != "none" {
				want /= sender.Segments()
			}
			if v.Headers != want || told != v.Headers {
				t.Errorf("%d of %d headers say %s, want all of %d", told, v.Headers, c.gso, want)
			}
			// From Linux 6.17 on the kernel wants room for a link header before the
			// outer IP header, which no packet of a TUN device has
			// (virtio_net_hdr_tnl_to_skb of include/linux/virtio_net.h).
			if c.offload == spec.OffloadTunnel && c.mode == spec.TAP {
				writtenBack(t, d, bufs[0])
			}
		})
	}
}

// writtenBack holds that the device takes from user space what it gave: the
// GSO packet in its tunnel at the start of b, but not with a header that says
// something else of the tunnel.
func writtenBack(t *testing.T, d *device.Device, b []byte) {
	t.Helper()
	var h packet.VnetHdr
	var l packet.Layout
	if err := h.ParseAll(b, 24); err != nil || !l.Parse(b[24:], true) || l.OuterTransport == 0 {
		t.Fatalf("no packet in a tunnel: %+v, %v", h, err)
	}
	ip := b[24+l.OuterIP:]
	length := l.OuterIP + int(binary.BigEndian.Uint16(ip[2:]))
	if ip[0]>>4 == 6 {
		length = l.OuterIP + packet.IPv6Len + int(binary.BigEndian.Uint16(ip[4:]))
	}
	b = b[:24+length]
	fd := d.Queues()[0].FD()
	before, err := d.Counters()
	if err != nil {
		t.Fatal(err)
	}
	if n, err := unix.Write(fd, b); err != nil || n != len(b) {
		t.Errorf("write a GSO packet in a tunnel: %d of %d bytes, %v", n, len(b), err)
	}
	after, err := d.Counters()
	if err != nil || after.RxPackets != before.RxPackets+1 || after.RxBytes != before.RxBytes+uint64(length) {
		t.Errorf("the device received %d packets of %d bytes, want 1 of %d", after.RxPackets-before.RxPackets, after.RxBytes-before.RxBytes, length)
	}
	h.InnerNetwork = uint16(len(b))
	h.Put(b, 24)
	if _, err := unix.Write(fd, b); !errors.Is(err, unix.EINVAL) {
		t.Errorf("write a GSO packet whose tunnel ends behind it: %v, want EINVAL", err)
	}
}

// addVXLAN makes a tunnel through the device to the host behind it, on the
// caller's thread, and gives its index.
func addVXLAN(ns *netns.NS, s spec.Spec, summed bool) (int, error) {
	addr, peer := device.Addresses(s)
	link := &netlink.Vxlan{
		LinkAttrs: netlink.LinkAttrs{Name: "vxlan0", HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 3}},
		VxlanId:   7, SrcAddr: addr.Addr().AsSlice(), Group: peer.AsSlice(), Port: packet.VXLANPort,
		UDPCSum: summed, UDP6ZeroCSumTx: !summed, UDP6ZeroCSumRx: !summed,
	}
	if err := netlink.LinkAdd(link); err != nil {
		return 0, err
	}
	return link.Attrs().Index, ns.Configure(link.Name, netns.Link{MTU: 1400})
}
