package trial

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/netns"
	"tunbench/harness/path"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// shortRelay is a Spec of path=relay whose trial takes a fifth of a second.
func shortRelay() spec.Spec {
	s := short()
	s.Path = spec.PathRelay
	return s
}

// followed holds that the hops of a trial pass on what the one before gave them.
func followed(t *testing.T, trial record.Trial) {
	t.Helper()
	for i, h := range trial.Hops {
		var lost uint64
		for _, n := range h.Dropped {
			lost += n
		}
		if h.In != h.Out+lost || h.In == 0 {
			t.Errorf("hop %q: %+v", h.Name, h)
		}
		if i > 0 && strings.HasPrefix(h.Name, "relay") && h.In != trial.Hops[i-1].Out {
			t.Errorf("hop %q got %d of %d", h.Name, h.In, trial.Hops[i-1].Out)
		}
	}
}

// TestRelay runs each way of building two devices and copying between them.
func TestRelay(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"default":   func(s *spec.Spec) {},
		"readv":     func(s *spec.Spec) { s.IO, s.VnetHdr, s.PI = spec.IOReadv, 12, true },
		"poll":      func(s *spec.Spec) { s.IO = spec.IOPoll },
		"tap":       func(s *spec.Spec) { s.Mode, s.Queues, s.Flows = spec.TAP, 2, 4 },
		"tap ipv6":  func(s *spec.Spec) { s.Mode, s.Family, s.Size = spec.TAP, 6, 200 },
		"ipv6":      func(s *spec.Spec) { s.Family, s.Size = 6, 80 },
		"pi":        func(s *spec.Spec) { s.PI = true },
		"imix":      func(s *spec.Spec) { s.Size = spec.SizeIMIX },
		"jumbo":     func(s *spec.Spec) { s.Size = 65535 },
		"csum":      func(s *spec.Spec) { s.VnetHdr, s.Offload = 10, spec.OffloadCsum },
		"tunnel":    func(s *spec.Spec) { s.VnetHdr, s.Offload = 24, spec.OffloadTunnel },
		"gso split": func(s *spec.Spec) { s.Gen, s.Size = spec.GenUDPGSO, 1500 },
		"gso whole": func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr, s.Offload = spec.GenUDPGSO, 1500, 10, spec.OffloadUSO },
		"gso tap v6": func(s *spec.Spec) {
			s.Gen, s.Mode, s.Family, s.Size, s.VnetHdr, s.Offload = spec.GenUDPGSO, spec.TAP, 6, 500, 12, spec.OffloadUSO
		},
		"napi":  func(s *spec.Spec) { s.NAPI = spec.NAPIOn },
		"frags": func(s *spec.Spec) { s.Mode, s.NAPI = spec.TAP, spec.NAPIFrags },
		"both":  func(s *spec.Spec) { s.Dir, s.Queues, s.Flows = spec.Both, 2, 4 },
		"both gso": func(s *spec.Spec) {
			s.Dir, s.Gen, s.Size, s.VnetHdr, s.Offload = spec.Both, spec.GenUDPGSO, 1500, 10, spec.OffloadUSO
		},
		"steer":        func(s *spec.Spec) { s.Queues, s.Flows, s.Steer = 2, 8, spec.SteerOne },
		"sndbuf":       func(s *spec.Spec) { s.SndBuf = 65536 },
		"small sndbuf": func(s *spec.Spec) { s.SndBuf, s.IO, s.NAPI = 2048, spec.IOPoll, spec.NAPIOn },
		"open loop":    func(s *spec.Spec) { s.Rate, s.Flows = 2000, 2 },
		"pfifo_fast":   func(s *spec.Spec) { s.Qdisc = "pfifo_fast" },
		"short ring":   func(s *spec.Spec) { s.TxQLen = 8 },
	} {
		t.Run(name, func(t *testing.T) {
			for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
				s := shortRelay()
				set(&s)
				if s.Dir == spec.Both { // whose many threads take turns
					s.Measure = 400 * time.Millisecond
				}
				trial := run(t, s, hook)
				balanced(t, trial)
				followed(t, trial)
				if len(trial.Devices) != 2 || len(trial.CPUs.Carrier) != s.Directions()*s.Queues {
					t.Errorf("%d devices, %d forwarders", len(trial.Devices), len(trial.CPUs.Carrier))
				}
				// One skb in 16 is timed, chosen by its address. A ring of 8 uses few, and sometimes none of them is chosen.
				few := trial.Accounting.Delivered <= 20000 || s.TxQLen == 8
				if a := trial.Accounting; hook != bpf.None && s.Dir != spec.Both && (*a.Xmit != a.Accepted || !few && trial.Latency[record.Residency].Count == 0) {
					t.Errorf("observed %+v, residency of %d packets", trial.Accounting, trial.Latency[record.Residency].Count)
				}
				if s.Offload == spec.OffloadUSO && trial.Hops[0].In*20 > trial.Accounting.Accepted {
					t.Errorf("%d GSO packets for %d segments", trial.Hops[0].In, trial.Accounting.Accepted)
				}
				if s.Dir == spec.Both {
					bothWays(t, trial)
					if seen := trial.Directions[string(spec.U2K)].Accounting.Xmit; (seen != nil) != (hook != bpf.None) {
						t.Errorf("hook=%s: the other direction was observed in %v", hook, seen)
					}
				}
			}
		})
	}
}

// bothWays holds that the two directions are each accounted for and make the
// whole.
func bothWays(t *testing.T, trial record.Trial) {
	t.Helper()
	var accepted, delivered, dropped uint64
	for _, dir := range []spec.Dir{spec.K2U, spec.U2K} {
		d := trial.Directions[string(dir)]
		a := d.Accounting
		if a.Unexplained != 0 || a.Delivered == 0 || d.Metrics[record.PPS] <= 0 || d.Latency[record.E2E].Count == 0 {
			t.Errorf("%s: %+v, %v", dir, a, d.Metrics)
		}
		accepted += a.Accepted
		delivered += a.Delivered
		dropped += a.DroppedTotal()
	}
	if a := trial.Accounting; a.Accepted != accepted || a.Delivered != delivered || a.DroppedTotal() != dropped {
		t.Errorf("the directions have %d, %d and %d, the whole %+v", accepted, delivered, dropped, a)
	}
}

func TestVeth(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"default":    func(s *spec.Spec) {},
		"ipv6":       func(s *spec.Spec) { s.Family, s.Size = 6, 200 },
		"both":       func(s *spec.Spec) { s.Dir, s.Flows = spec.Both, 4 },
		"gso":        func(s *spec.Spec) { s.Gen, s.Size = spec.GenUDPGSO, 1500 },
		"imix":       func(s *spec.Spec) { s.Size, s.Flows = spec.SizeIMIX, 3 },
		"pfifo_fast": func(s *spec.Spec) { s.Qdisc = "pfifo_fast" },
	} {
		t.Run(name, func(t *testing.T) {
			s := short()
			s.Path = spec.PathVeth
			set(&s)
			trial := run(t, s, bpf.Tracepoint)
			balanced(t, trial)
			if s.Dir == spec.Both {
				bothWays(t, trial)
			}
			if trial.Device.MTU != 1500 || trial.Device.Name == "" || trial.Device.Qdisc != s.Qdisc {
				t.Errorf("device %+v", trial.Device)
			}
		})
	}
}

// TestRelayToOneThatDoesNotListen is a host that reads nothing for a while: what
// its sockets do not hold is counted there, and nowhere else.
func TestRelayToOneThatDoesNotListen(t *testing.T) {
	needRoot(t)
	for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
		s := shortRelay()
		s.IO, s.Size, s.Measure = spec.IOPoll, 1500, 300*time.Millisecond
		b := relayTrial(t, s, hook)
		m, err := runPhases(context.Background(), begun(b.session(), func() {
			for _, r := range b.readers {
				if err := unix.SetsockoptInt(r.(*sink.Receiver).FDs[0], unix.SOL_SOCKET, unix.SO_RCVBUF, 64<<10); err != nil {
					t.Error(err)
				}
			}
			b.reading.Barrier.Close()
			time.AfterFunc(250*time.Millisecond, b.reading.Barrier.Open)
		}))
		if err != nil {
			t.Fatal(err)
		}
		trial := b.trial(m, record.Floor{SyscallNs: 1}, false)
		balanced(t, trial)
		followed(t, trial)
		if trial.Accounting.Dropped[sink.SocketDrops] == 0 {
			t.Errorf("no socket overran: %+v", trial.Accounting)
		}
	}
}

// relayTrial is a trial between hosts, and its path.
func relayTrial(t *testing.T, s spec.Spec, hook bpf.Hook) *packetTrial {
	t.Helper()
	p, err := place(s, []int{0})
	if err != nil {
		t.Fatal(err)
	}
	return sole(t, s, hook, p)
}

// over is the session of b, but for the parts that x replaces.
func over(b *packetTrial, x interface {
	stage
	meter
	recorder
}) *session {
	s := b.session()
	s.stage, s.meter, s.recorder = x, x, x
	return s
}

// begun is the session s, which calls f when its workers run.
func begun(s *session, f func()) *session {
	s.stage = &begunStage{s.stage, f}
	return s
}

type begunStage struct {
	stage
	begun func()
}

func (b *begunStage) start(ctx context.Context) error {
	err := b.stage.start(ctx)
	b.begun()
	return err
}

// TestRelayLosesADevice: whichever end goes, the trial ends soon and says why.
func TestRelayLosesADevice(t *testing.T) {
	needRoot(t)
	for name, end := range map[string]func(hosts [2]path.Host) error{
		"first deleted":  func(hosts [2]path.Host) error { return hosts[0].NS.Delete(hosts[0].Link) },
		"second deleted": func(hosts [2]path.Host) error { return hosts[1].NS.Delete(hosts[1].Link) },
		"first down":     func(hosts [2]path.Host) error { return linkDown(hosts[0].NS, hosts[0].Link) },
	} {
		for _, io := range []spec.IO{spec.IORead, spec.IOPoll} {
			s := shortRelay()
			s.IO, s.Dir, s.Measure = io, spec.Both, 20*time.Second
			s.Window = s.Measure
			b := relayTrial(t, s, bpf.None)
			result := make(chan error, 1)
			var begin time.Time
			restore := worker.Quiet(8, 0)
			_, err := runPhases(context.Background(), begun(b.session(), func() {
				begin = time.Now()
				time.AfterFunc(100*time.Millisecond, func() { result <- end(b.site.Hosts) })
			}))
			restore()
			if got := <-result; got != nil {
				t.Fatal(got)
			}
			if err == nil || !strings.Contains(err.Error(), "died") {
				t.Errorf("%s, io=%s: %v", name, io, err)
			}
			if spent := time.Since(begin); spent > 2*time.Second {
				t.Errorf("%s, io=%s: noticed after %v: %v", name, io, spent, err)
			}
		}
	}
}

func linkDown(ns *netns.NS, name string) error {
	return ns.Do(func() error {
		link, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		return netlink.LinkSetDown(link)
	})
}

// TestRelayToALinkThatIsDown: what cannot be written is counted by errno.
func TestRelayToALinkThatIsDown(t *testing.T) {
	needRoot(t)
	s := shortRelay()
	b := relayTrial(t, s, bpf.None)
	defer worker.Quiet(8, 0)()
	result := make(chan error, 1)
	m, err := runPhases(context.Background(), begun(b.session(), func() {
		time.AfterFunc(70*time.Millisecond, func() { result <- linkDown(b.site.Hosts[1].NS, b.site.Hosts[1].Link) })
	}))
	if err := errors.Join(err, <-result); err != nil {
		t.Fatal(err)
	}
	trial := b.trial(m, record.Floor{SyscallNs: 1}, false)
	balanced(t, trial)
	followed(t, trial)
	if trial.Accounting.Dropped["relay EIO"] == 0 {
		t.Errorf("dropped %v", trial.Accounting.Dropped)
	}
}

// TestRelaySideBySide measures two relays in turns.
func TestRelaySideBySide(t *testing.T) {
	needRoot(t)
	for _, io := range []spec.IO{spec.IORead, spec.IOPoll} {
		var sides [2]Variant
		for i, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
			s := shortRelay()
			s.IO = io
			sides[i] = Variant{Spec: s, Hook: string(hook)}
		}
		trials, err := lab.RunPair(context.Background(), sides, 1, record.Floor{SyscallNs: 1})
		if err != nil {
			t.Fatal(err)
		}
		for _, trial := range trials {
			if a := trial.Accounting; a.Unexplained != 0 || a.Delivered == 0 || trial.Metrics[record.PPS] == 0 {
				t.Errorf("io=%s: %+v %v", io, a, trial.Notes)
			}
		}
	}
}

func TestRelayLeavesNothing(t *testing.T) {
	needRoot(t)
	s := shortRelay()
	s.Dir, s.Queues, s.Flows = spec.Both, 2, 4
	run(t, s, bpf.Tracepoint)
	before := descriptors(t)
	for range 3 {
		run(t, s, bpf.Tracepoint)
	}
	if after := descriptors(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

// descriptors counts those that this process has open.
func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
