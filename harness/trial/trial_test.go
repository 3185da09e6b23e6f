package trial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/doctor"
	"tunbench/harness/host"
	"tunbench/harness/load"
	"tunbench/harness/packet"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/harness/tuntap"
	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/peer"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// childEnv makes the test binary measure for ever instead of testing, and
// spinEnv makes it keep a CPU busy for a while.
const (
	childEnv = "TUNBENCH_TEST_MEASURE"
	spinEnv  = "TUNBENCH_TEST_SPIN"
)

func TestMain(m *testing.M) {
	if guest.IsInit() {
		guest.Init()
	}
	peer.Main()
	if os.Getenv(childEnv) != "" {
		measureForEver()
	}
	if os.Getenv(spinEnv) != "" {
		spin()
	}
	os.Exit(m.Run())
}

func measureForEver() {
	for {
		s := spec.Default()
		s.Queues, s.Flows, s.IO, s.Warmup = 2, 8, spec.IOPoll, 0
		s.Measure, s.Window = 200*time.Millisecond, 20*time.Millisecond
		if _, err := lab.Run(context.Background(), s, string(bpf.Tracepoint), record.Floor{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// needRoot skips a test that makes devices, unless it must not be skipped.
func needRoot(t *testing.T) {
	t.Helper()
	missing := host.Capabilities()
	if len(missing) == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("missing capabilities: %v, and CI must have them", missing)
	}
	t.Skipf("missing capabilities: %v", missing)
}

// short is a Spec whose trial takes a fifth of a second.
func short() spec.Spec {
	s := spec.Default()
	s.Warmup, s.Measure, s.Window = 20*time.Millisecond, 100*time.Millisecond, 10*time.Millisecond
	if lab.Host().Virt == "tcg" { // whose CPUs may take turns of 100 ms: see vm.Machine.OneThread
		s.Warmup, s.Measure, s.Window = 100*time.Millisecond, 400*time.Millisecond, 40*time.Millisecond
	}
	return s
}

// lab measures as harness.Lab does, which is above this package.
var lab testLab

type testLab struct{}

// hostOf is this host with the settings of a new namespace.
var hostOf = sync.OnceValue(func() record.Host {
	h := host.Read()
	sysctl, _ := doctor.FreshNamespace()
	maps.Copy(h.Sysctl, sysctl)
	return h
})

func (testLab) Host() record.Host { return hostOf() }

func (l testLab) softirqsApart() bool { return l.Host().Config["CONFIG_IRQ_TIME_ACCOUNTING"] == "y" }

func (l testLab) Run(ctx context.Context, s spec.Spec, hook string, floor record.Floor) (record.Trial, error) {
	return Run(ctx, s, bpf.Hook(hook), floor, l.softirqsApart())
}

func (testLab) Probe(_ context.Context, s spec.Spec, hook string) error {
	return Probe(context.Background(), s, bpf.Hook(hook))
}

func (l testLab) RunPair(ctx context.Context, variants [2]Variant, seed uint64, floor record.Floor) ([2]record.Trial, error) {
	return Pair(ctx, variants, seed, floor, l.softirqsApart())
}

func run(t *testing.T, s spec.Spec, hook bpf.Hook) record.Trial {
	t.Helper()
	trial, err := lab.Run(context.Background(), s, string(hook), record.Floor{SyscallNs: 100, CopyNs: map[string]float64{"64": 10, "1500": 100, "65536": 1000}})
	if err != nil {
		t.Fatal(err)
	}
	return trial
}

// runOrSkip is run, but skips what this kernel does not know.
func runOrSkip(t *testing.T, s spec.Spec, hook bpf.Hook) record.Trial {
	t.Helper()
	trial, err := lab.Run(context.Background(), s, string(hook), record.Floor{SyscallNs: 100, CopyNs: map[string]float64{"64": 10, "1500": 100, "65536": 1000}})
	if err == nil {
		return trial
	}
	if reason, detail := refusal.Classify(err); reason == record.Unsupported {
		t.Skipf("this kernel cannot: %s", detail)
	}
	t.Fatal(err)
	return trial
}

// balanced holds that every counter of a trial agrees with the next.
func balanced(t *testing.T, trial record.Trial) {
	t.Helper()
	a := trial.Accounting
	if slices.Contains(trial.Flags, record.FlagUnexplained) || a.Unexplained != 0 {
		t.Errorf("accounts do not balance: %+v\n%v\nhops: %+v", a, trial.Notes, trial.Hops)
	}
	if trial.Vnet != nil && (slices.Contains(trial.Flags, record.FlagBadVnet) || len(trial.Vnet.Bad) > 0) {
		t.Errorf("virtio-net headers are wrong: %+v", trial.Vnet)
	}
	for _, f := range trial.Flows {
		var sum uint64
		for _, n := range f.Queues {
			sum += n
		}
		if f.Queues != nil && sum != f.Delivered {
			t.Errorf("flow %d: %d packets by queue, %d delivered", f.Flow, sum, f.Delivered)
		}
	}
	if a.Offered != a.Accepted+a.PushedBack || a.Accepted == 0 || a.Delivered == 0 {
		t.Errorf("accounts make no sense: %+v", a)
	}
	if trial.Arm == record.Bare || trial.Queues == nil || a.Xmit == nil {
		return
	}
	var xmit, read uint64
	for _, q := range trial.Queues {
		xmit += q.XmitPkts
		read += q.ReadPkts
	}
	if xmit != *a.Xmit || read != *a.Read || xmit+device.QdiscDrops(a.Dropped) != a.Accepted {
		t.Errorf("queues sum to %d and %d, accounts %+v", xmit, read, a)
	}
}

// TestEveryOption runs each way of building a device and making traffic.
func TestEveryOption(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"default":    func(s *spec.Spec) {},
		"poll":       func(s *spec.Spec) { s.IO = spec.IOPoll },
		"tap":        func(s *spec.Spec) { s.Mode = spec.TAP },
		"tap ipv6":   func(s *spec.Spec) { s.Mode, s.Family, s.Size = spec.TAP, 6, 100 },
		"ipv6":       func(s *spec.Spec) { s.Family, s.Size = 6, 80 },
		"imix":       func(s *spec.Spec) { s.Size = spec.SizeIMIX },
		"jumbo":      func(s *spec.Spec) { s.Size = 65535 },
		"pi":         func(s *spec.Spec) { s.PI = true },
		"vnet 10":    func(s *spec.Spec) { s.VnetHdr = 10 },
		"vnet 24 pi": func(s *spec.Spec) { s.VnetHdr, s.PI = 24, true },
		"csum":       func(s *spec.Spec) { s.VnetHdr, s.Offload = 12, spec.OffloadCsum },
		"tunnel":     func(s *spec.Spec) { s.VnetHdr, s.Offload = 24, spec.OffloadTunnel },
		"napi":       func(s *spec.Spec) { s.NAPI = spec.NAPIOn },
		"frags":      func(s *spec.Spec) { s.Mode, s.NAPI = spec.TAP, spec.NAPIFrags },
		"pfifo_fast": func(s *spec.Spec) { s.Qdisc = "pfifo_fast" },
		"short ring": func(s *spec.Spec) { s.TxQLen = 8 },
		"sndbuf":     func(s *spec.Spec) { s.SndBuf = 65536 },
		"gso split":  func(s *spec.Spec) { s.Gen, s.Size = spec.GenUDPGSO, 1500 },
		"gso whole":  func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr, s.Offload = spec.GenUDPGSO, 1500, 10, spec.OffloadUSO },
		"gso whole tap": func(s *spec.Spec) {
			s.Mode, s.Gen, s.VnetHdr, s.Offload = spec.TAP, spec.GenUDPGSO, 10, spec.OffloadUSO
		},
		"gso whole v6": func(s *spec.Spec) {
			s.Family, s.Size, s.Gen, s.VnetHdr, s.Offload = 6, 200, spec.GenUDPGSO, 12, spec.OffloadUSO
		},
		"packet":           func(s *spec.Spec) { s.Gen = spec.GenPacket },
		"packet tap v6":    func(s *spec.Spec) { s.Gen, s.Mode, s.Family, s.Size = spec.GenPacket, spec.TAP, 6, 200 },
		"packet imix":      func(s *spec.Spec) { s.Gen, s.Size = spec.GenPacket, spec.SizeIMIX },
		"queues and flows": func(s *spec.Spec) { s.Queues, s.Flows = 8, 100 },
		"steer cpu":        func(s *spec.Spec) { s.Queues, s.Flows, s.Steer = 2, 8, spec.SteerCPU },
		"tso split":        func(s *spec.Spec) { s.Gen, s.Size = spec.GenPacketGSO, 1500 },
		"tso split csum":   func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr, s.Offload = spec.GenPacketGSO, 576, 20, spec.OffloadCsum },
		"tso whole":        func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr, s.Offload = spec.GenPacketGSO, 1500, 10, spec.OffloadTSO },
		"tso whole tap v6": func(s *spec.Spec) {
			s.Family, s.Mode, s.Gen, s.Size, s.VnetHdr, s.Offload = 6, spec.TAP, spec.GenPacketGSO, 92, 12, spec.OffloadTSO
		},
		"tso by tunnel": func(s *spec.Spec) {
			s.Mode, s.Gen, s.Size, s.VnetHdr, s.Offload = spec.TAP, spec.GenPacketGSO, 9000, 24, spec.OffloadTunnel
		},
		"readv": func(s *spec.Spec) { s.IO = spec.IOReadv },
		"readv, headers": func(s *spec.Spec) {
			s.IO, s.PI, s.VnetHdr, s.Offload, s.Gen, s.Size = spec.IOReadv, true, 12, spec.OffloadUSO, spec.GenPacketGSO, 1500
		},
		"lockstep":       func(s *spec.Spec) { s.Gen, s.Queues, s.Flows = spec.GenLockstep, 4, 4 },
		"lockstep jumbo": func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr, s.Offload = spec.GenLockstep, 65535, 10, spec.OffloadTSO },
	} {
		t.Run(name, func(t *testing.T) {
			s := short()
			set(&s)
			trial := run(t, s, bpf.Tracepoint)
			balanced(t, trial)
			if s.VnetHdr > 0 {
				headersTell(t, s, trial)
			} else if trial.Vnet != nil {
				t.Errorf("headers without any: %+v", trial.Vnet)
			}
			whole := s.Gen == spec.GenUDPGSO && s.Offload == spec.OffloadUSO || s.Gen == spec.GenPacketGSO && device.OffloadMasks[s.Offload]&tuntap.OffTSO4 != 0
			if whole && s.Size < 2000 {
				a := trial.Accounting
				if a.ReadSKBs == nil || *a.ReadSKBs*40 > *a.Read {
					t.Errorf("%v GSO packets for %d segments", a.ReadSKBs, *a.Read)
				}
				if trial.Metrics[record.SKBPS] == 0 {
					t.Error("no rate of GSO packets")
				}
			}
			length := uint64(s.Size)
			if s.Mode == spec.TAP {
				length += 14
			}
			for _, q := range trial.Queues {
				if s.Size != spec.SizeIMIX && (q.XmitBytes != q.XmitPkts*length || q.ReadBytes != q.ReadPkts*length) {
					t.Errorf("queue %d: %d packets and %d bytes, of %d bytes each", q.Queue, q.XmitPkts, q.XmitBytes, length)
				}
			}
		})
	}
}

// headersTell holds the virtio-net headers of a trial against what was sent.
func headersTell(t *testing.T, s spec.Spec, trial record.Trial) {
	t.Helper()
	v := trial.Vnet
	if v == nil {
		t.Fatal("no word of the headers")
	}
	if v.Partial+v.Full+v.Without != v.Headers || v.Full > 0 && v.Summed == 0 {
		t.Errorf("checksums do not add up: %+v", v)
	}
	kind, largest := "none", uint64(s.Size)
	switch mask := device.OffloadMasks[s.Offload]; {
	case s.Gen == spec.GenUDPGSO && mask&tuntap.OffUSO4 != 0:
		kind = "udp-l4"
		largest += (traffic.Segments(device.Kinds[s.Gen], s.Size, s.Family, false) - 1) * (largest - uint64(packet.HeadersLen(false, s.Family)))
	case s.Gen == spec.GenPacketGSO && mask&tuntap.OffTSO4 != 0:
		kind = map[int]string{4: "tcpv4", 6: "tcpv6"}[s.Family]
		largest += (traffic.Segments(device.Kinds[s.Gen], s.Size, s.Family, s.Mode == spec.TAP) - 1) * (largest - uint64(packet.TCPHeadersLen(false, s.Family)))
	}
	if v.GSO[kind] != v.Headers || v.Largest != largest {
		t.Errorf("%d of %d headers say %s, the largest packet has %d bytes, want %d: %+v", v.GSO[kind], v.Headers, kind, v.Largest, largest, v)
	}
	// What the device computes is left to the reader, but where the sender sums up
	// by itself.
	if left := s.Offload != spec.OffloadNone && s.Gen != spec.GenPacket; left != (v.Partial == v.Headers) {
		t.Errorf("offload=%s: %d of %d checksums were left to the reader", s.Offload, v.Partial, v.Headers)
	}
}

// TestAMillionPackets holds the accounts of a long trial against the counters
// of /proc/net/dev, in both arms.
func TestAMillionPackets(t *testing.T) {
	needRoot(t)
	for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
		s := spec.Default()
		s.IO, s.Warmup = spec.IOPoll, 0
		s.Count, s.Measure = 1_000_000, 30*time.Second
		p, err := host.Place(nil, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		b := &procTrial{packetTrial: sole(t, s, hook, p)}
		restore := worker.Quiet(2, 0)
		m, err := runPhases(context.Background(), over(b.packetTrial, b))
		restore()
		if err != nil {
			t.Fatal(err)
		}
		trial := b.trial(m, record.Floor{SyscallNs: 1}, false)
		balanced(t, trial)
		a := trial.Accounting
		if a.Accepted < 1_000_000 || a.Accepted > 1_000_064 {
			t.Errorf("%d packets accepted, want a million", a.Accepted)
		}
		if b.read != a.Delivered || b.dropped != a.DroppedTotal() || b.bytes != 64*a.Delivered {
			t.Errorf("/proc/net/dev has %d packets of %d bytes and %d drops, the accounts %d and %d",
				b.read, b.bytes, b.dropped, a.Delivered, a.DroppedTotal())
		}
	}
}

// sole is a trial of one device on the given CPUs.
func sole(t *testing.T, s spec.Spec, hook bpf.Hook, p record.Placement) *packetTrial {
	t.Helper()
	g, err := load.New(s, hook, p)
	if err != nil {
		t.Fatal(err)
	}
	return newPacketTrial(s, g, p)
}

// procTrial reads /proc/net/dev before it is torn down.
type procTrial struct {
	*packetTrial
	read, bytes, dropped uint64
}

func (b *procTrial) collect() error {
	var text []byte
	if err := b.site.Hosts[0].NS.Do(func() (err error) {
		text, err = os.ReadFile("/proc/thread-self/net/dev")
		return err
	}); err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name != b.site.Hosts[0].Link {
			continue
		}
		fields := strings.Fields(rest)
		for i, into := range map[int]*uint64{8: &b.bytes, 9: &b.read, 11: &b.dropped} {
			n, err := strconv.ParseUint(fields[i], 10, 64)
			if err != nil {
				return err
			}
			*into = n
		}
	}
	return b.packetTrial.collect()
}

// A filter keeps all packets, and its time is found in the send calls.
func TestFilterTakesItsTime(t *testing.T) {
	needRoot(t)
	var send []float64
	for _, takes := range []time.Duration{-1, 0, 20 * time.Microsecond} {
		s := short()
		s.Filter, s.FilterTime = takes >= 0, max(0, takes)
		trial := run(t, s, bpf.None)
		balanced(t, trial)
		send = append(send, trial.Metrics[record.SendNsPerPkt])
	}
	if send[2] < 20e3 || send[2] < send[1] {
		t.Errorf("send ns a packet without a filter, with an empty one and with one that takes 20 us: %.0f", send)
	}
	if _, err := bpf.LoadFilter(bpf.MaxFilterTime + 1); err == nil {
		t.Error("a filter may take any time")
	}
}

func TestSteeringToOneQueue(t *testing.T) {
	needRoot(t)
	s := short()
	s.Queues, s.Flows, s.Steer = 4, 64, spec.SteerOne
	trial := run(t, s, bpf.Tracepoint)
	balanced(t, trial)
	for _, q := range trial.Queues { // a busy host may lose all packets of some flows
		if q.Queue == 1 && (q.XmitPkts == 0 || q.ReadPkts == 0 || q.Flows < 32 || q.Flows > 64) || q.Queue != 1 && q.XmitPkts+q.ReadPkts+uint64(q.Flows) > 0 {
			t.Errorf("queue %d: %+v, want all 64 flows on queue 1", q.Queue, q)
		}
	}
	if j := trial.Metrics[record.Jain]; trial.Metrics[record.PPS] > 0 && j < 0.2499 || j > 0.2501 {
		t.Errorf("Jain index %v, want 1/4", j)
	}
}

func TestFlowsSpread(t *testing.T) {
	needRoot(t)
	s := short()
	s.Queues, s.Flows = 4, 64
	trial := run(t, s, bpf.Tracepoint)
	balanced(t, trial)
	flows := 0
	for _, q := range trial.Queues {
		if q.ReadPkts == 0 {
			t.Errorf("queue %d had no packets", q.Queue)
		}
		flows += q.Flows
	}
	if flows != 64 || trial.Metrics[record.FlowConsistency] != 1 {
		t.Errorf("%d flows on the queues, want each of 64 on one; consistency %v", flows, trial.Metrics[record.FlowConsistency])
	}
	for _, f := range trial.Flows {
		if f.Accepted == 0 || f.Delivered == 0 || len(f.Queues) != 1 {
			t.Errorf("flow %d: %+v", f.Flow, f)
		}
	}
}

// TestTwoNamespacesOneIndex holds that the observer tells two devices apart
// that have the same index in different namespaces.
func TestTwoNamespacesOneIndex(t *testing.T) {
	needRoot(t)
	s := short()
	s.Count, s.Warmup, s.IO = 10_000, 0, spec.IOPoll
	p, err := host.Place(nil, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	other := sole(t, s, bpf.None, p)
	if err := errors.Join(other.build(t.Context()), other.start(t.Context())); err != nil {
		t.Fatal(err)
	}
	b := sole(t, s, bpf.Tracepoint, p)
	var index, otherIndex int
	m, err := runPhases(context.Background(), begun(b.session(), func() { index, otherIndex = indexOf(t, b), indexOf(t, other) }))
	if err != nil {
		t.Fatal(err)
	}
	if index != otherIndex {
		t.Fatalf("the devices have the indexes %d and %d: nothing is tested", index, otherIndex)
	}
	balanced(t, b.trial(m, record.Floor{SyscallNs: 1}, false))
	if err := errors.Join(other.stop(t.Context()), other.drain(t.Context()), other.close()); err != nil {
		t.Fatal(err)
	}
}

// indexOf is the index of the device of a trial that runs.
func indexOf(t *testing.T, b *packetTrial) int {
	t.Helper()
	state, err := b.site.Hosts[0].NS.Device(b.site.Hosts[0].Link)
	if err != nil {
		t.Error(err)
	}
	return state.Index
}

func TestRefusals(t *testing.T) {
	needRoot(t)
	for name, c := range map[string]struct {
		set    func(*spec.Spec)
		reason string
		words  string
	}{
		"tap too large":     {func(s *spec.Spec) { s.Mode, s.Size = spec.TAP, 65535 }, record.Failed, "choose a size of at most 65521"}, // no scenario is like that: Validate
		"no such qdisc":     {func(s *spec.Spec) { s.Qdisc = "nosuch" }, record.Unsupported, "qdisc nosuch"},
		"blind hook":        {func(s *spec.Spec) { s.Gen, s.Bypass = spec.GenPacket, true }, record.Unsupported, "PACKET_QDISC_BYPASS"},
		"too many spinners": {func(s *spec.Spec) { s.Queues, s.Flows, s.IO = 256, 256, spec.IOSpin }, record.Missing, "io=poll"},
	} {
		s := short()
		c.set(&s)
		_, err := lab.Run(context.Background(), s, string(bpf.Tracepoint), record.Floor{})
		if err == nil {
			t.Errorf("%s: was run", name)
			continue
		}
		if reason, detail := refusal.Classify(err); reason != c.reason || !strings.Contains(detail, c.words) {
			t.Errorf("%s: %s: %s, want %s with %q", name, reason, detail, c.reason, c.words)
		}
	}
	s := short()
	s.CPUs = []int{0, 4095}
	if _, err := lab.Run(context.Background(), s, "none", record.Floor{}); err == nil || !strings.Contains(err.Error(), "CPU 4095") {
		t.Errorf("CPU 4095: %v", err)
	}
}

// TestBypassIsSeenBare: what no tracepoint sees is accounted for without one.
func TestBypassIsSeenBare(t *testing.T) {
	needRoot(t)
	s := short()
	s.Gen, s.Bypass = spec.GenPacket, true
	balanced(t, run(t, s, bpf.None))
}

// TestDeviceDisappears is a reader that dies in the middle.
func TestDeviceDisappears(t *testing.T) {
	needRoot(t)
	for _, io := range []spec.IO{spec.IORead, spec.IOPoll} {
		s := short()
		s.IO, s.Measure = io, 20*time.Second
		s.Window = s.Measure
		p, err := host.Place(nil, 1, 1)
		if err != nil {
			t.Fatal(err)
		}
		b := sole(t, s, bpf.None, p)
		remove := func() {
			b.site.Hosts[0].NS.Do(func() error {
				link, err := netlink.LinkByName("tunbench0")
				if err != nil {
					return err
				}
				return netlink.LinkDel(link)
			})
		}
		begin := time.Now()
		restore := worker.Quiet(2, 0)
		_, err = runPhases(context.Background(), begun(b.session(), func() { time.AfterFunc(100*time.Millisecond, remove) }))
		restore()
		if err == nil || !strings.Contains(err.Error(), "died") {
			t.Errorf("io=%s: %v", io, err)
		}
		if spent := time.Since(begin); spent > 5*time.Second {
			t.Errorf("io=%s: noticed after %v", io, spent)
		}
	}
}

func TestCancelEndsWithinASecond(t *testing.T) {
	needRoot(t)
	for _, io := range []spec.IO{spec.IORead, spec.IOPoll, spec.IOSpin} {
		s := short()
		s.IO, s.Measure = io, 20*time.Second
		ctx, cancel := context.WithTimeout(context.Background(), 400*time.Millisecond)
		begin := time.Now()
		_, err := lab.Run(ctx, s, string(bpf.Tracepoint), record.Floor{})
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("io=%s: %v", io, err)
		}
		if spent := time.Since(begin); spent > 1400*time.Millisecond {
			t.Errorf("io=%s: ended %v after it was told to", io, spent-400*time.Millisecond)
		}
	}
}

func TestNothingLeaks(t *testing.T) {
	needRoot(t)
	count := func(dir string) int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	s := short()
	s.Queues, s.Flows = 4, 16
	run(t, s, bpf.Tracepoint)
	fds, programs := count("/proc/self/fd"), bpfPrograms(t)
	for range 5 {
		run(t, s, bpf.Tracepoint)
	}
	if after := count("/proc/self/fd"); after != fds {
		t.Errorf("%d descriptors before, %d after", fds, after)
	}
	eventually(t, "the BPF programs are gone", func() bool { return len(bpfPrograms(t)) <= len(programs) })
}

// TestKilled kills a measuring process at twenty random moments.
func TestKilled(t *testing.T) {
	needRoot(t)
	links, programs := hostLinks(t), bpfPrograms(t)
	for range 20 {
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), childEnv+"=1")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.Int64N(int64(700 * time.Millisecond))))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatalf("it was dead already: %v: %s", err, &stderr)
		}
		cmd.Wait()
		if stderr.Len() > 0 {
			t.Fatalf("the child failed before it was killed: %s", &stderr)
		}
	}
	if after := hostLinks(t); !slices.Equal(after, links) {
		t.Errorf("links before %v, after %v", links, after)
	}
	eventually(t, "no BPF program is left", func() bool {
		return !slices.ContainsFunc(bpfPrograms(t), func(id uint32) bool { return !slices.Contains(programs, id) })
	})
}

func hostLinks(t *testing.T) (names []string) {
	t.Helper()
	links, err := netlink.LinkList()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		names = append(names, l.Attrs().Name)
	}
	return names
}

// bpfPrograms lists the identifiers of all programs in the kernel.
func bpfPrograms(t *testing.T) (ids []uint32) {
	t.Helper()
	attr := struct{ start, next, flags uint32 }{}
	for {
		_, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_GET_NEXT_ID, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
		if errno == unix.ENOENT {
			return ids
		}
		if errno != 0 {
			t.Fatalf("list BPF programs: %v", errno)
		}
		ids = append(ids, attr.next)
		attr.start = attr.next
	}
}

// eventually gives the kernel the time that it takes to free things.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 100 {
		if holds() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("not so after 5 s: %s", what)
}

// TestLockstep holds that a trial in lockstep sends its fixed count, loses
// nothing, and times both sides.
func TestLockstep(t *testing.T) {
	needRoot(t)
	s := short()
	s.Gen = spec.GenLockstep
	trial := run(t, s, bpf.None)
	balanced(t, trial)
	a := trial.Accounting
	if want := uint64((account.Blocks*mostRounds + 1) * load.LockstepBatch); a.Delivered != a.Accepted || a.Accepted != want {
		t.Errorf("%+v, want %d packets", a, want)
	}
	// One thread does both, so that its rate follows from what both cost.
	if cost := (trial.Metrics[record.SendNsPerPkt] + trial.Metrics[record.RecvNsPerPkt]) * trial.Metrics[record.PPS]; cost < 0.1e9 || cost > 1.2e9 {
		t.Errorf("%.0f packets/s at %.0f + %.0f ns", trial.Metrics[record.PPS], trial.Metrics[record.SendNsPerPkt], trial.Metrics[record.RecvNsPerPkt])
	}
	for _, metric := range []string{record.SendNsPerPkt, record.RecvNsPerPkt, record.FloorRatio} {
		if v := trial.Metrics[metric]; v <= 0 || v > 1e6 {
			t.Errorf("%s = %v", metric, v)
		}
	}
	if slices.Contains(trial.Flags, record.FlagOversubscribed) || slices.Contains(trial.Flags, record.FlagGeneratorLimited) {
		t.Errorf("flags %v: %v", trial.Flags, trial.Notes)
	}
}

// A floor that cannot be gives no ratio; one that can does.
func TestNoRatioToAnImpossibleFloor(t *testing.T) {
	needRoot(t)
	for fault, floor := range map[bool]record.Floor{
		false: {SyscallNs: 90, CopyNs: map[string]float64{"64": 30, "1500": 58}},
		true:  {SyscallNs: 5000, CopyNs: map[string]float64{"64": 55_356, "1500": 5_882}},
	} {
		for _, dir := range []spec.Dir{spec.K2U, spec.U2K} {
			s := short()
			s.Dir = dir
			trial, err := lab.Run(context.Background(), s, string(bpf.None), floor)
			if err != nil {
				t.Fatal(err)
			}
			if ratio, ok := trial.Metrics[record.FloorRatio]; ok == fault && trial.Metrics[record.PPS] > 0 {
				t.Errorf("%s, floor %+v: ratio %v, %v", dir, floor, ratio, ok)
			}
		}
	}
}
