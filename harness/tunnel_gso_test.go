package harness

import (
	"errors"
	"net"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/sink"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

// TestTunnelledSuperPackets: what the kernel's VXLAN sends through a device comes
// out whole only if the device takes tunnels, with a header that tells where it
// begins; else cut, and none the worse.
func TestTunnelledSuperPackets(t *testing.T) {
	needRoot(t)
	for name, c := range map[string]struct {
		offload Offload
		family  int  // of the tunnel
		summed  bool // the outer UDP header has a checksum
		gso     string
	}{
		"whole":        {OffloadTunnel, 4, false, "tcpv4 in udp4"},
		"whole summed": {OffloadTunnel, 4, true, "tcpv4 in udp4"},
		"whole v6":     {OffloadTunnel, 6, true, "tcpv4 in udp6"},
		"cut":          {OffloadUSO, 4, false, "none"},
		"cut summed":   {OffloadUSO, 6, true, "none"},
		"cut, bare":    {OffloadNone, 4, true, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			s := short()
			s.VnetHdr, s.Offload, s.Family, s.IO, s.TxQLen = 24, c.offload, c.family, IOPoll, 5000
			ns, err := netns.New()
			if err != nil {
				t.Fatal(err)
			}
			defer ns.Close()
			d, err := newDevice(ns, deviceName, s, s.link())
			defer d.Close()
			if err != nil {
				reason, detail := Classify(err)
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
				config := s.sender(0, 1, 0)
				config.Kind, config.TAP, config.Size, config.Ifindex = traffic.PacketGSO, true, 1400, index
				config.Src, config.Dst = peerAddr4, peerAddr4.Next()
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
			reader := sink.New(sink.Config{FD: d.Queues()[0].FD(), VnetHdr: 24, Flows: 1, MaxRead: MaxSize + headroom}, new(sink.Control))
			bufs := make([][]byte, 512)
			for i := range bufs {
				bufs[i] = make([]byte, MaxSize+headroom)
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
		})
	}
}

// addVXLAN makes a tunnel through the device to the host behind it, on the
// caller's thread, and gives its index.
func addVXLAN(ns *netns.NS, s Spec, summed bool) (int, error) {
	addr, peer := s.addresses()
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
