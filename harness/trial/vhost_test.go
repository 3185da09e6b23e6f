package trial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/call"
	"tunbench/harness/device"
	"tunbench/harness/host"
	"tunbench/harness/load"
	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/tuntap"
	"tunbench/harness/vhost"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// needVhost skips a test where the kernel has no vhost-net, which those of the
// guests have.
func needVhost(t *testing.T) {
	t.Helper()
	needRoot(t)
	err := vhost.Supported(0)
	if err == nil {
		return
	}
	if _, outside := os.Stat("/etc/tunbench/guest.json"); outside == nil {
		t.Fatalf("a guest must have vhost-net: %v", err)
	}
	t.Skipf("needs vhost-net, as TestInGuests has it: %v", err)
}

// TestVhost runs trials of io=vhost, bare and observed.
func TestVhost(t *testing.T) {
	needVhost(t)
	uso := tuntapTakes(t, tuntap.Config{Queues: 1, VnetHdr: 12, Offload: device.OffloadMasks[spec.OffloadUSO]})
	for name, set := range map[string]func(*spec.Spec){
		"tun":               func(s *spec.Spec) {},
		"tap legacy":        func(s *spec.Spec) { s.Mode, s.VnetHdr = spec.TAP, 10 },
		"tun written":       func(s *spec.Spec) { s.Dir, s.SndBuf, s.VnetHdr = spec.U2K, 1<<20, 12 },
		"tap written":       func(s *spec.Spec) { s.Mode, s.Dir = spec.TAP, spec.U2K },
		"tap, more written": func(s *spec.Spec) { s.Mode, s.Dir, s.Queues, s.Flows, s.Size = spec.TAP, spec.U2K, 4, 3, spec.SizeIMIX },
		"super, written": func(s *spec.Spec) {
			s.Mode, s.Dir, s.Gen, s.VnetHdr, s.Size = spec.TAP, spec.U2K, spec.GenUDPGSO, 12, 1400
		},
		"both ways":        func(s *spec.Spec) { s.Mode, s.Dir, s.VnetHdr = spec.TAP, spec.Both, 12 },
		"relay":            func(s *spec.Spec) { s.Mode, s.Path, s.VnetHdr, s.Queues, s.Flows = spec.TAP, spec.PathRelay, 12, 2, 4 },
		"relay, tun":       func(s *spec.Spec) { s.Path, s.SndBuf = spec.PathRelay, 1<<20 },
		"relay, both ways": func(s *spec.Spec) { s.Mode, s.Path, s.Dir = spec.TAP, spec.PathRelay, spec.Both },
		"detached":         func(s *spec.Spec) { s.Mode, s.Event, s.Queues, s.Flows = spec.TAP, spec.EventDetach, 2, 4 },
		"tap virtio 1":     func(s *spec.Spec) { s.Mode, s.VnetHdr, s.Size = spec.TAP, 12, spec.SizeIMIX },
		"two queues":       func(s *spec.Spec) { s.Mode, s.Queues, s.Flows, s.VnetHdr = spec.TAP, 2, 8, 12 },
		"GSO packets":      func(s *spec.Spec) { s.Gen, s.VnetHdr, s.Offload, s.Size = spec.GenUDPGSO, 12, spec.OffloadUSO, 1400 },
		"short ring":       func(s *spec.Spec) { s.TxQLen = 8 },
		"paused, fq_codel": func(s *spec.Spec) {
			s.Mode, s.Qdisc, s.Pause, s.Measure = spec.TAP, "fq_codel", 5*time.Millisecond, 150*time.Millisecond
		},
	} {
		hooks := []bpf.Hook{bpf.Kprobe}
		if slices.Contains([]string{"tun", "tap written", "relay", "detached"}, name) {
			hooks = append(hooks, bpf.None)
		}
		for _, hook := range hooks {
			t.Run(name+"/"+string(hook), func(t *testing.T) {
				s := short()
				s.IO = spec.IOVhost
				set(&s)
				if s.Gen == spec.GenUDPGSO && !uso {
					_, err := lab.Run(context.Background(), s, string(hook), record.Floor{})
					if reason, detail := refusal.Classify(err); reason != record.Unsupported {
						t.Errorf("without USO: %s: %s", reason, detail)
					}
					return
				}
				trial := run(t, s, hook)
				if s.Path == spec.PathRelay {
					trial.Queues = nil // those of one device, and the accounts are of both
				}
				balanced(t, trial)
				if cpu := trial.Metrics[record.CPUNsPerPkt]; cpu <= 0 && trial.Metrics[record.PPS] > 0 {
					t.Errorf("CPU time a packet: %v", cpu)
				}
				if !slices.ContainsFunc(trial.Notes, func(n string) bool { return strings.Contains(n, "its CPU time counts") }) {
					t.Errorf("no word of the worker in %q", trial.Notes)
				}
			})
		}
	}
}

// tuntapTakes reports whether the kernel makes such a device.
func tuntapTakes(t *testing.T, c tuntap.Config) bool {
	t.Helper()
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	var d *tuntap.Device
	err = ns.Do(func() (err error) {
		d, err = tuntap.Create(c)
		return err
	})
	if err != nil {
		return false
	}
	return d.Close() == nil
}

// TestVhostWorker: the worker is found, its time grows with its work, and it
// can be put on a CPU.
func TestVhostWorker(t *testing.T) {
	needVhost(t)
	b := newBytes(t, tuntap.Config{Queues: 1, NonBlock: true})
	d, err := vhost.Open(vhost.Config{Backend: b.fd, Receive: vhost.Buffers{Entries: 256, Size: 1514}})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Pin(0); err != nil {
		t.Error(err)
	}
	before, err := d.WorkerTime()
	if err != nil {
		t.Fatal(err)
	}
	b.send(t, b.packets(100))
	eventually(t, "100 packets came", func() bool { return d.RX.Pending() == 100 })
	if after, err := d.WorkerTime(); err != nil || after <= before || after-before > int64(time.Second) {
		t.Errorf("CPU time %d, then %d: %v", before, after, err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if _, err := d.WorkerTime(); err == nil {
		t.Error("the worker outlived its device")
	}
}

// bytesDevice is a device, and a socket that sends and receives all that
// crosses it on the kernel's side.
type bytesDevice struct {
	*tuntap.Device
	config tuntap.Config
	fd     int // of the first queue
	socket int
	to     unix.SockaddrLinklayer
}

func newBytes(t *testing.T, c tuntap.Config) *bytesDevice {
	t.Helper()
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ns.Close() })
	c.Name = "bytes0"
	b := &bytesDevice{config: c}
	err = ns.Do(func() (err error) {
		if b.Device, err = tuntap.Create(c); err != nil {
			return err
		}
		b.socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.Device.Close()
		unix.Close(b.socket)
	})
	if err := ns.Configure(b.Name(), netns.Link{MTU: 1500, TxQLen: 500, Qdisc: "noqueue"}); err != nil {
		t.Fatal(err)
	}
	state, err := ns.Device(b.Name())
	if err != nil {
		t.Fatal(err)
	}
	b.fd, b.to = b.Queues()[0].FD(), unix.SockaddrLinklayer{Ifindex: state.Index, Protocol: 8} // ETH_P_IP in network order
	return b
}

// packets makes n packets of many lengths, each with contents of its own.
func (b *bytesDevice) packets(n int) (list [][]byte) {
	for i := range n {
		payload := packet.StampLen + i*37%1400
		u := packet.UDP{TAP: b.config.TAP, Src: netip.AddrPortFrom(device.Addr4.Addr(), 9), Dst: netip.AddrPortFrom(device.PeerAddr4, 10)}
		p := make([]byte, packet.HeadersLen(b.config.TAP, 4)+payload)
		at := u.Headers(p, payload)
		for j := range p[at:] {
			p[at+j] = byte(i*7 + j*13)
		}
		list = append(list, p)
	}
	return list
}

func (b *bytesDevice) send(t *testing.T, packets [][]byte) {
	t.Helper()
	for _, p := range packets {
		if err := unix.Sendto(b.socket, p, 0, &b.to); err != nil {
			t.Fatal(err)
		}
	}
}

// listen makes the socket receive what the device brings in.
func (b *bytesDevice) listen(t *testing.T) {
	t.Helper()
	const everything = 0x0300 // ETH_P_ALL in network order
	if err := unix.SetsockoptInt(b.socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20); err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(b.socket, &unix.SockaddrLinklayer{Ifindex: b.to.Ifindex, Protocol: everything}); err != nil {
		t.Fatal(err)
	}
}

// received reads what came in, until there are n packets.
func (b *bytesDevice) received(t *testing.T, n int) (list [][]byte) {
	t.Helper()
	buf := make([]byte, 1<<16)
	for deadline := time.Now().Add(5 * time.Second); len(list) < n && time.Now().Before(deadline); {
		size, from, err := unix.Recvfrom(b.socket, buf, 0)
		if err == unix.EAGAIN {
			time.Sleep(time.Millisecond)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if from.(*unix.SockaddrLinklayer).Pkttype != unix.PACKET_OUTGOING {
			list = append(list, bytes.Clone(buf[:size]))
		}
	}
	return list
}

var bytesShapes = map[string]tuntap.Config{
	"tun": {}, "tap": {TAP: true}, "tun 10": {VnetHdr: 10}, "tap 10": {TAP: true, VnetHdr: 10},
	"tun 12": {VnetHdr: 12}, "tap 12": {TAP: true, VnetHdr: 12},
}

// TestVhostReceivesTheBytes holds that vhost gives what read(2) gives, byte for
// byte and in order, also when more comes than the ring has buffers.
func TestVhostReceivesTheBytes(t *testing.T) {
	needVhost(t)
	for name, c := range bytesShapes {
		t.Run(name, func(t *testing.T) {
			c.Queues, c.NonBlock = 1, true
			b := newBytes(t, c)
			sent := b.packets(300)
			b.send(t, sent)
			var want [][]byte
			buf := make([]byte, 2048)
			for range sent {
				n, err := unix.Read(b.fd, buf)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, bytes.Clone(buf[:n]))
			}
			d, err := vhost.Open(vhost.Config{Backend: b.fd, VnetHdr: c.VnetHdr, Receive: vhost.Buffers{Entries: 128, Size: 1514}})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			b.send(t, sent)
			for i := range sent {
				eventually(t, fmt.Sprintf("packet %d came", i), func() bool { return d.RX.Pending() > 0 })
				at, n := d.RX.Reap()
				got := d.RX.Buffer(at)[:n]
				if !bytes.Equal(got[:d.Added()], make([]byte, d.Added())) && got[d.Added()-2] != 1 {
					t.Fatalf("the header that vhost adds is % x", got[:d.Added()])
				}
				got = got[d.Added():]
				if c.VnetHdr == 12 { // the number of buffers, which the device does not know
					got = slices.Concat(got[:10], want[i][10:12], got[12:])
				}
				if !bytes.Equal(got, want[i]) {
					t.Fatalf("packet %d: %d bytes, want %d:\n% x\n% x", i, len(got), len(want[i]), got, want[i])
				}
				d.RX.Offer(at)
				d.RX.Publish()
				if d.RX.KickNeeded() {
					if err := d.RX.Kick(); err != nil {
						t.Fatal(err)
					}
				}
			}
			if empty, err := d.Empty(); !empty || err != nil {
				t.Errorf("empty: %v, %v", empty, err)
			}
		})
	}
}

// TestVhostTransmitsTheBytes holds that the kernel gets from vhost what it gets
// from write(2).
func TestVhostTransmitsTheBytes(t *testing.T) {
	needVhost(t)
	for name, c := range bytesShapes {
		t.Run(name, func(t *testing.T) {
			c.Queues, c.NonBlock = 1, true
			if !c.TAP {
				c.SndBuf = 1 << 20 // without a bound vhost takes packets for frames
			}
			b := newBytes(t, c)
			b.listen(t)
			sent := b.packets(200)
			for _, p := range sent {
				if _, err := unix.Write(b.fd, slices.Concat(make([]byte, c.VnetHdr), p)); err != nil {
					t.Fatal(err)
				}
			}
			want := b.received(t, len(sent))
			d, err := vhost.Open(vhost.Config{Backend: b.fd, VnetHdr: c.VnetHdr, Transmit: vhost.Buffers{Entries: 256, Size: 1514}})
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			for i, p := range sent {
				copy(d.TX.Buffer(i)[d.HeaderLen():], p)
				d.TX.SetLen(i, d.HeaderLen()+len(p))
				d.TX.Offer(i)
			}
			d.TX.Publish()
			if !d.TX.KickNeeded() {
				t.Error("vhost does not want to be kicked")
			}
			if err := d.TX.Kick(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "vhost took all", func() bool { return d.TX.Idle() })
			got := b.received(t, len(sent))
			if !slices.EqualFunc(got, want, bytes.Equal) || len(want) != len(sent) {
				t.Errorf("%d packets by vhost, %d by write(2) of %d are not the same", len(got), len(want), len(sent))
			}
		})
	}
}

// harmedTrial is a trial to which harm is done in the middle of the measured time.
type harmedTrial struct {
	*packetTrial
	harm func()
}

func (h *harmedTrial) measure(on bool) error {
	if on {
		time.AfterFunc(200*time.Millisecond, h.harm)
	}
	return h.packetTrial.measure(on)
}

// TestVhostFaults: what goes wrong is said, at once, and nothing is left behind.
func TestVhostFaults(t *testing.T) {
	needVhost(t)
	// The device is deleted, or its link set down, in the middle of a trial.
	for name, c := range map[string]struct {
		dir  spec.Dir
		harm func(netlink.Link) error
		fine bool // the trial goes on
	}{
		"read, deleted":    {spec.K2U, netlink.LinkDel, false},
		"written, deleted": {spec.U2K, netlink.LinkDel, false},
		"read, down":       {spec.K2U, netlink.LinkSetDown, false},
		"written, down":    {spec.U2K, netlink.LinkSetDown, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := short()
			s.IO, s.Mode, s.Dir, s.Measure = spec.IOVhost, spec.TAP, c.dir, 20*time.Second
			if c.fine {
				s.Measure = time.Second
			}
			s.Window = s.Measure
			p, err := host.Place(nil, 1, 1)
			if err != nil {
				t.Fatal(err)
			}
			traffic, err := load.New(s, bpf.None, p)
			if err != nil {
				t.Fatal(err)
			}
			b := newPacketTrial(s, traffic, p)
			harmed := make(chan error, 1)
			begin := time.Now()
			restore := worker.Quiet(2, 0)
			m, err := runPhases(context.Background(), over(b, &harmedTrial{b, func() {
				harmed <- b.site.Hosts[0].NS.Do(func() error {
					link, err := netlink.LinkByName(device.Name)
					if err != nil {
						return err
					}
					return c.harm(link)
				})
			}}))
			restore()
			select {
			case harm := <-harmed:
				if harm != nil {
					t.Fatal(harm)
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("it ended before it was harmed: %v", err)
			}
			if (err == nil) != c.fine || err != nil && !strings.Contains(err.Error(), "died") {
				t.Errorf("got %v", err)
			}
			if spent := time.Since(begin); spent > 10*time.Second {
				t.Errorf("noticed after %v", spent)
			}
			if err == nil {
				trial := b.trial(m, record.Floor{}, false)
				t.Logf("%+v, %v", trial.Accounting, trial.Notes)
				balanced(t, trial)
			}
		})
	}
	t.Run("cancelled", func(t *testing.T) {
		s := short()
		s.IO, s.Measure, s.Queues, s.Flows = spec.IOVhost, 20*time.Second, 2, 4
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if _, err := lab.Run(ctx, s, string(bpf.None), record.Floor{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("no tap", func(t *testing.T) {
		fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		d, err := vhost.Open(vhost.Config{Backend: fd, Receive: vhost.Buffers{Entries: 2, Size: 100}})
		var refused *call.Error
		if !errors.As(err, &refused) || refused.Call != "ioctl VHOST_NET_SET_BACKEND" {
			t.Errorf("%v, %v", d, err)
		}
	})
	t.Run("nothing leaks", func(t *testing.T) {
		count := func() int {
			entries, err := os.ReadDir("/proc/self/fd")
			if err != nil {
				t.Fatal(err)
			}
			return len(entries)
		}
		s := short()
		s.IO, s.Queues, s.Flows = spec.IOVhost, 2, 4
		run(t, s, bpf.None)
		before := count()
		run(t, s, bpf.None)
		run(t, s, bpf.None)
		if after := count(); after != before {
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	})
}
