package trial

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/device"
	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// socketIn opens a UDP socket on port in ns, with that much room.
func socketIn(t *testing.T, ns *netns.NS, s spec.Spec, port, rcvbuf int) int {
	t.Helper()
	fd := -1
	err := ns.Do(func() (err error) {
		family, addr := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Port: port})
		if s.Family == 6 {
			family, addr = unix.AF_INET6, &unix.SockaddrInet6{Port: port}
		}
		if fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, rcvbuf); err != nil {
			return err
		}
		return unix.Bind(fd, addr)
	})
	t.Cleanup(func() { unix.Close(fd) })
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// TestObserverSeesEveryWrite holds, for each hook that this kernel has, that
// what is written to a device is seen once, on its queue.
func TestObserverSeesEveryWrite(t *testing.T) {
	needRoot(t)
	gso := func(set func(*spec.Spec)) func(*spec.Spec) {
		return func(s *spec.Spec) {
			s.VnetHdr, s.Offload, s.Size = 10, spec.OffloadUSO, 1028
			set(s)
		}
	}
	for _, hook := range bpf.Hooks {
		if err := bpf.Try(hook, bpf.Both); err != nil {
			t.Log(err)
			continue
		}
		for name, set := range map[string]func(*spec.Spec){
			"tun":         func(s *spec.Spec) {},
			"one queue":   func(s *spec.Spec) { s.Queues = 1 },
			"tun napi":    func(s *spec.Spec) { s.NAPI = spec.NAPIOn },
			"tap":         func(s *spec.Spec) { s.Mode = spec.TAP },
			"tap napi":    func(s *spec.Spec) { s.Mode, s.NAPI, s.Queues = spec.TAP, spec.NAPIOn, 1 },
			"tap frags":   func(s *spec.Spec) { s.Mode, s.NAPI = spec.TAP, spec.NAPIFrags },
			"ipv6":        func(s *spec.Spec) { s.Family, s.Size = 6, 100 },
			"pi":          func(s *spec.Spec) { s.PI = true },
			"vnet":        func(s *spec.Spec) { s.VnetHdr = 12 },
			"jumbo":       func(s *spec.Spec) { s.Size = 9000 },
			"gso":         gso(func(s *spec.Spec) {}),
			"gso tap":     gso(func(s *spec.Spec) { s.Mode, s.Queues = spec.TAP, 1 }),
			"gso frags":   gso(func(s *spec.Spec) { s.Mode, s.NAPI = spec.TAP, spec.NAPIFrags }),
			"gso napi v6": gso(func(s *spec.Spec) { s.Family, s.NAPI = 6, spec.NAPIOn }),
		} {
			if testing.Short() && !slices.Contains([]string{"tun", "one queue", "tun napi", "tap frags", "gso tap"}, name) {
				continue
			}
			t.Run(fmt.Sprintf("%s/%s", hook, name), func(t *testing.T) {
				s := spec.Default()
				s.Queues = 4
				set(&s)
				side := bpf.Both
				if s.Queues == 1 {
					side = bpf.U2K
				}
				observeWrites(t, s, side, hook)
			})
		}
	}
}

// observeWrites writes packets to every queue of a device, some for a socket
// that has room, some for one that has not, and some for nobody; and one that
// the kernel refuses.
func observeWrites(t *testing.T, s spec.Spec, side bpf.Direction, hook bpf.Hook) {
	const rounds, room, full, nobody = 40, 9000, 9001, 7
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	d, err := device.New(ns, device.Name, s, device.LinkOf(s))
	defer d.Close()
	if err != nil {
		if reason, detail := refusal.Classify(err); reason == record.Unsupported {
			t.Skipf("this kernel cannot: %s", detail)
		}
		t.Fatal(err)
	}
	roomy, tight := socketIn(t, ns, s, room, 8<<20), socketIn(t, ns, s, full, 0)
	// An IPv6 address is put to use by a worker of the kernel, in its own time.
	eventually(t, "a packet is received", func() bool {
		b, _ := written(s, room, 1)
		if _, err := unix.Write(d.Queues()[0].FD(), b); err != nil {
			t.Fatal(err)
		}
		_, err := unix.Read(roomy, make([]byte, 1<<16))
		return err == nil
	})
	time.Sleep(5 * time.Millisecond)
	for buf := make([]byte, 1<<16); err == nil; {
		_, err = unix.Read(roomy, buf)
	}
	target := d.Target(1)
	target.Direction = side
	o, err := bpf.Open(bpf.Options{Hook: hook, Target: target})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()

	segments := 1
	if s.Offload != spec.OffloadNone {
		segments = 4
	}
	writes, bytes := make([]uint64, s.Queues), make([]uint64, s.Queues)
	for i := range rounds {
		for n, port := range []uint16{room, full, nobody} {
			q := (i + n) % s.Queues
			b, length := written(s, port, segments)
			if _, err := unix.Write(d.Queues()[q].FD(), b); err != nil {
				t.Fatal(err)
			}
			writes[q]++
			bytes[q] += uint64(length)
		}
		if i%8 == 0 {
			time.Sleep(time.Millisecond) // NAPI takes them in its own time
		}
	}
	if s.Mode == spec.TUN && !s.PI && s.VnetHdr == 0 {
		if _, err := unix.Write(d.Queues()[0].FD(), make([]byte, 100)); !errors.Is(err, unix.EINVAL) {
			t.Errorf("a packet of IP version 0: %v", err)
		}
	}
	time.Sleep(20 * time.Millisecond)

	got := uint64(0)
	for _, fd := range []int{roomy, tight} {
		for buf := make([]byte, 1<<16); ; got++ {
			if _, err := unix.Read(fd, buf); err != nil {
				break
			}
		}
	}
	snapshot, err := o.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	var drops, onQueues uint64
	for _, n := range snapshot.RecvDrops {
		drops += n
	}
	for i, q := range snapshot.Queues {
		onQueues += q.RecvDropPkts
		if q.RecvSKBs != writes[i] || q.RecvPkts != writes[i]*uint64(segments) || q.RecvBytes != bytes[i] {
			t.Errorf("queue %d: %d skbs, %d packets, %d bytes, want %d, %d, %d", i,
				q.RecvSKBs, q.RecvPkts, q.RecvBytes, writes[i], writes[i]*uint64(segments), bytes[i])
		}
	}
	sent := uint64(3 * rounds * segments)
	if got+drops != sent || onQueues != drops || snapshot.Strays > 0 {
		t.Errorf("%d packets were received and %v dropped, %d by queue, of %d; %d strays", got, snapshot.RecvDrops, onQueues, sent, snapshot.Strays)
	}
	if n := snapshot.RecvDrops["NO_SOCKET"]; n != uint64(rounds*segments) {
		t.Errorf("%d packets for nobody, want %d; dropped %v, received %d", n, rounds*segments, snapshot.RecvDrops, got)
	}
	if snapshot.RecvDrops["SOCKET_RCVBUFF"] == 0 {
		t.Error("no packet was too many for its socket")
	}
	if len(snapshot.Drops) > 0 {
		t.Errorf("dropped at xmit: %v", snapshot.Drops)
	}
}

// written is what user space writes for a datagram to that port, or a
// GSO packet of so many, and their bytes as counted on the device.
func written(s spec.Spec, port uint16, segments int) (b []byte, length int) {
	if s.PI {
		b = append(b, 0, 0, 0x08, 0x00)
	}
	frame := inbound(s, port, s.Size, segments)
	if s.VnetHdr > 0 {
		hdr := make([]byte, s.VnetHdr)
		if segments > 1 {
			headers := packet.HeadersLen(s.Mode == spec.TAP, s.Family)
			put := func(at, v int) { binary.LittleEndian.PutUint16(hdr[at:], uint16(v)) }
			hdr[0], hdr[1] = 1, 5 // VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_UDP_L4
			put(2, headers)
			put(4, (len(frame)-headers)/segments)
			put(6, headers-packet.UDPLen)
			put(8, 6) // where the checksum is in a UDP header
		}
		b = append(b, hdr...)
	}
	length = segments * s.Size
	if s.Mode == spec.TAP {
		length += segments * packet.EthernetLen
	}
	return append(b, frame...), length
}

// TestQueuesCountSegments holds that what the observer counts on the queues is
// what the generator made, in segments and in bytes, also where the device moves
// GSO packets of TCP and UDP.
func TestQueuesCountSegments(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"tcp": func(s *spec.Spec) { s.Gen, s.Offload = spec.GenPacketGSO, spec.OffloadTSO },
		"tcp6 tap": func(s *spec.Spec) {
			s.Gen, s.Offload, s.Family, s.Mode = spec.GenPacketGSO, spec.OffloadTSO, 6, spec.TAP
		},
		"tcp split": func(s *spec.Spec) { s.Gen, s.Offload = spec.GenPacketGSO, spec.OffloadCsum },
		"udp":       func(s *spec.Spec) { s.Gen, s.Offload = spec.GenUDPGSO, spec.OffloadUSO },
		"udp6 tap":  func(s *spec.Spec) { s.Gen, s.Offload, s.Family, s.Mode = spec.GenUDPGSO, spec.OffloadUSO, 6, spec.TAP },
		"udp split": func(s *spec.Spec) { s.Gen, s.Offload = spec.GenUDPGSO, spec.OffloadCsum },
		"plain":     func(s *spec.Spec) {},
		"plain tap": func(s *spec.Spec) { s.Mode, s.Family = spec.TAP, 6 },
	} {
		for _, dir := range []spec.Dir{spec.K2U, spec.U2K} {
			t.Run(fmt.Sprintf("%s/%s", dir, name), func(t *testing.T) {
				s := short()
				s.Dir, s.VnetHdr, s.Queues, s.Flows, s.Size = dir, 12, 2, 8, 1200
				set(&s)
				if dir == spec.U2K && !device.Writes(s.Gen) {
					return
				}
				trial := runOrSkip(t, s, bpf.Tracepoint)
				a := trial.Accounting
				if a.Unexplained != 0 || len(trial.Queues) != 2 {
					t.Fatalf("%+v %v", a, trial.Notes)
				}
				var pkts, bytes uint64
				for _, q := range trial.Queues {
					pkts += q.XmitPkts + q.RecvPkts
					bytes += q.XmitBytes + q.RecvBytes
				}
				each := uint64(s.Size)
				if s.Mode == spec.TAP {
					each += packet.EthernetLen
				}
				if pkts != a.Accepted || bytes != pkts*each {
					t.Errorf("the queues had %d packets and %d bytes, want %d and %d", pkts, bytes, a.Accepted, a.Accepted*each)
				}
			})
		}
	}
}

// TestReaderStops has a reader that takes nothing for most of the time: what the
// rings cannot hold is dropped, pushed back or refused, and counted.
func TestReaderStops(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"drop":       func(s *spec.Spec) {},
		"poll":       func(s *spec.Spec) { s.IO = spec.IOPoll },
		"short ring": func(s *spec.Spec) { s.TxQLen = 4 },
		"queues":     func(s *spec.Spec) { s.Queues, s.Flows = 4, 64 },
		"packet":     func(s *spec.Spec) { s.Gen = spec.GenPacket },
		"bypass":     func(s *spec.Spec) { s.Gen, s.Bypass = spec.GenPacket, true },
		"whole":      func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr, s.Offload = spec.GenUDPGSO, 1200, 12, spec.OffloadUSO },
		"qdisc":      func(s *spec.Spec) { s.Qdisc = "pfifo_fast" },
	} {
		for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
			t.Run(fmt.Sprintf("%s/%s", hook, name), func(t *testing.T) {
				s := short()
				s.Measure, s.Window, s.Pause = 320*time.Millisecond, 20*time.Millisecond, 200*time.Millisecond
				set(&s)
				if s.Bypass && hook == bpf.Tracepoint {
					return // it does not see them
				}
				trial := runOrSkip(t, s, hook)
				balanced(t, trial)
				if a := trial.Accounting; a.DroppedTotal()+a.PushedBack == 0 {
					t.Errorf("the reader slept for %v and nothing was lost: %+v", s.Pause, a)
				}
			})
		}
	}
}

// TestObserverCutsTunnels writes GSO packets of TCP inside VXLAN, which are cut
// behind the inner headers (TUN_F_UDP_TUNNEL_GSO, Linux 6.17).
func TestObserverCutsTunnels(t *testing.T) {
	needRoot(t)
	const segments, mss, outer, inner, port = 5, 1000, packet.EthernetLen + packet.IPv4Len, packet.EthernetLen + packet.IPv4Len + 20, 4789
	s := spec.Default()
	s.Mode, s.VnetHdr, s.Offload = spec.TAP, 24, spec.OffloadTunnel
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	d, err := device.New(ns, device.Name, s, device.LinkOf(s))
	defer d.Close()
	if err != nil {
		if reason, detail := refusal.Classify(err); reason == record.Unsupported {
			t.Skipf("this kernel cannot: %s", detail)
		}
		t.Fatal(err)
	}
	target := d.Target(1)
	target.Direction = bpf.U2K
	o, err := bpf.Open(bpf.Options{Hook: bpf.Tracepoint, Target: target})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()

	const vxlan, headers = 8, outer + packet.UDPLen + 8 + inner
	payload := segments*mss - 1 // the last one is shorter
	frame := inbound(s, port, headers+payload-packet.EthernetLen, 1)
	inside := frame[outer+packet.UDPLen+vxlan:]
	copy(inside, inbound(s, port, inner+payload-packet.EthernetLen, 1)[:packet.EthernetLen+packet.IPv4Len])
	inside[packet.EthernetLen+9] = unix.IPPROTO_TCP
	inside[packet.EthernetLen+packet.IPv4Len+12] = 5 << 4 // a TCP header without options

	hdr := make([]byte, s.VnetHdr) // struct virtio_net_hdr_v1_hash_tunnel
	put := func(at, v int) { binary.LittleEndian.PutUint16(hdr[at:], uint16(v)) }
	hdr[0], hdr[1] = 1, 1|0x20 // VIRTIO_NET_HDR_F_NEEDS_CSUM; TCPV4 in UDP_TUNNEL_IPV4
	put(2, headers)
	put(4, mss)
	put(6, headers-20) // where the inner TCP header begins, and in it the checksum
	put(8, 16)
	put(20, outer)
	put(22, headers-20-packet.IPv4Len)
	const writes = 10
	for range writes {
		if _, err := unix.Write(d.Queues()[0].FD(), append(hdr, frame...)); err != nil {
			t.Fatal(err)
		}
	}
	snapshot, err := o.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	want := uint64(writes * (segments*headers + payload))
	if q := snapshot.Queues[0]; q.RecvSKBs != writes || q.RecvPkts != writes*segments || q.RecvBytes != want {
		t.Errorf("%d skbs, %d packets, %d bytes, want %d, %d, %d; dropped %v", q.RecvSKBs, q.RecvPkts, q.RecvBytes, writes, writes*segments, want, snapshot.RecvDrops)
	}
}
