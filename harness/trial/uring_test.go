package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"tunbench/bpf"
	"tunbench/harness/device"
	"tunbench/harness/doctor"
	"tunbench/harness/host"
	"tunbench/harness/load"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/uring"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// needRing skips a test that reads by io_uring, unless it must not be skipped.
func needRing(t *testing.T) {
	t.Helper()
	needRoot(t)
	if f := uring.Probe()[0]; f.Err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s: %v, and CI must have them", f.Name, f.Err)
		}
		t.Skipf("%s: %v", f.Name, f.Err)
	}
}

// inGuest reports whether the whole kernel is the tests'.
func inGuest() bool {
	exe, err := os.Executable()
	return err == nil && exe == "/init"
}

// slowly are the trials that guests make, which are slow; old kernels lack what
// those with GSO packets need.
var slowly = []string{"default", "imix", "vnet 24 pi", "queues and flows", "napi sndbuf", "frags large"}

// arms are both, but for guests, which are slow.
func arms() []bpf.Hook {
	if inGuest() {
		return []bpf.Hook{bpf.Tracepoint}
	}
	return []bpf.Hook{bpf.None, bpf.Tracepoint}
}

// runIfSupported skips what the kernel refuses the device.
func runIfSupported(t *testing.T, s spec.Spec, hook bpf.Hook) record.Trial {
	t.Helper()
	if err := lab.Probe(context.Background(), s, string(hook)); err != nil {
		if reason, detail := refusal.Classify(err); reason == record.Unsupported && !strings.Contains(detail, "io_uring") {
			t.Skipf("this kernel cannot: %s", detail)
		}
		t.Fatal(err)
	}
	return run(t, s, hook)
}

// TestRingAccounts holds that not a packet is lost or counted twice by readers
// that have many reads under way, in both arms.
func TestRingAccounts(t *testing.T) {
	needRing(t)
	for name, set := range map[string]func(*spec.Spec){
		"default":    func(s *spec.Spec) {},
		"tap ipv6":   func(s *spec.Spec) { s.Mode, s.Family, s.Size = spec.TAP, 6, 100 },
		"imix":       func(s *spec.Spec) { s.Size = spec.SizeIMIX },
		"jumbo":      func(s *spec.Spec) { s.Size = 65535 },
		"vnet 24 pi": func(s *spec.Spec) { s.VnetHdr, s.PI = 24, true },
		"short ring": func(s *spec.Spec) { s.TxQLen = 8 },
		"gso split":  func(s *spec.Spec) { s.Gen, s.Size = spec.GenUDPGSO, 1500 },
		"gso whole tap": func(s *spec.Spec) {
			s.Mode, s.Gen, s.Size, s.VnetHdr, s.Offload = spec.TAP, spec.GenUDPGSO, 1500, 10, spec.OffloadUSO
		},
		"packet":           func(s *spec.Spec) { s.Gen = spec.GenPacket },
		"queues and flows": func(s *spec.Spec) { s.Queues, s.Flows = 4, 100 },
		"many queues":      func(s *spec.Spec) { s.Queues, s.Flows = 64, 64 },
		"open loop":        func(s *spec.Spec) { s.Rate = 20_000 },
		"pause":            func(s *spec.Spec) { s.Rate, s.Pause, s.Measure = 20_000, 20*time.Millisecond, 200*time.Millisecond },
	} {
		if inGuest() && !slices.Contains(slowly, name) {
			continue
		}
		for _, hook := range arms() {
			t.Run(name+"/"+string(hook), func(t *testing.T) {
				s := short()
				s.IO = spec.IOURing
				set(&s)
				trial := runIfSupported(t, s, hook)
				balanced(t, trial)
				if trial.Reads.Calls == 0 || trial.Reads.Bytes == 0 {
					t.Errorf("readers got %+v", trial.Reads)
				}
				if v, ok := trial.Metrics[record.RecvNsPerPkt]; ok && (v <= 0 || v > 1e6) {
					t.Errorf("%v ns a packet", v)
				}
			})
		}
	}
}

// TestRingWrites is the same of writers that hand over a batch a call.
func TestRingWrites(t *testing.T) {
	needRing(t)
	for name, set := range map[string]func(*spec.Spec){
		"default":     func(s *spec.Spec) {},
		"tap ipv6":    func(s *spec.Spec) { s.Mode, s.Family, s.Size = spec.TAP, 6, 100 },
		"imix":        func(s *spec.Spec) { s.Size = spec.SizeIMIX },
		"jumbo":       func(s *spec.Spec) { s.Size = 65535 },
		"vnet 24 pi":  func(s *spec.Spec) { s.VnetHdr, s.PI = 24, true },
		"napi":        func(s *spec.Spec) { s.NAPI = spec.NAPIOn },
		"napi sndbuf": func(s *spec.Spec) { s.NAPI, s.SndBuf = spec.NAPIOn, 16384 },
		"frags large": func(s *spec.Spec) { s.Mode, s.NAPI, s.Size = spec.TAP, spec.NAPIFrags, 9000 },
		"gso":         func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr = spec.GenUDPGSO, 1500, 10 },
		"gso frags": func(s *spec.Spec) {
			s.Mode, s.NAPI, s.Gen, s.Size, s.VnetHdr = spec.TAP, spec.NAPIFrags, spec.GenUDPGSO, 1500, 10
		},
		"queues":   func(s *spec.Spec) { s.Queues, s.Flows = 2, 10 },
		"paced":    func(s *spec.Spec) { s.Rate, s.Flows, s.Queues = 5000, 3, 2 },
		"xdp drop": func(s *spec.Spec) { s.Mode, s.XDP = spec.TAP, spec.XDPDrop },
	} {
		if inGuest() && !slices.Contains(slowly, name) {
			continue
		}
		for _, hook := range arms() {
			t.Run(name+"/"+string(hook), func(t *testing.T) {
				s := short()
				s.IO, s.Dir = spec.IOURing, spec.U2K
				set(&s)
				trial := runIfSupported(t, s, hook)
				balanced(t, trial)
				if trial.Accounting.Reordered > 0 {
					t.Errorf("%d packets came late", trial.Accounting.Reordered)
				}
				// Packets are few a call where the clock or the buffer says so.
				if s.Rate == 0 && s.SndBuf == 0 && trial.Writes.Calls*4 > trial.Accounting.Accepted {
					t.Errorf("%d calls for %d packets", trial.Writes.Calls, trial.Accounting.Accepted)
				}
			})
		}
	}
}

// TestRingSideBySide: a reader that waits in the ring is out of the way while
// the other side is measured, and wakes up when its turn comes again.
func TestRingSideBySide(t *testing.T) {
	needRing(t)
	a, b := short(), short()
	a.IO, b.IO = spec.IOURing, spec.IOPoll
	trials, err := lab.RunPair(context.Background(), [2]Variant{{a, "none"}, {b, "none"}}, 1, record.Floor{SyscallNs: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, trial := range trials {
		balanced(t, trial)
		if len(trial.Windows) == 0 || trial.Metrics[record.PPS] == 0 {
			t.Errorf("%d windows, %v", len(trial.Windows), trial.Metrics)
		}
	}
}

// TestRingEnds holds that readers in the ring end when they are told to, and
// when their device goes away, and leave nothing behind.
func TestRingEnds(t *testing.T) {
	needRing(t)
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	s := short()
	s.IO, s.Queues, s.Flows = spec.IOURing, 2, 8
	run(t, s, bpf.None)
	fds := descriptors()
	s.Measure = 20 * time.Second
	s.Window = s.Measure

	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	begin := time.Now()
	_, err := lab.Run(ctx, s, "none", record.Floor{})
	cancel()
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled: %v", err)
	}
	if spent := time.Since(begin); spent > 1200*time.Millisecond {
		t.Errorf("ended %v after it was told to", spent-200*time.Millisecond)
	}

	p, err := host.Place(nil, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	g, err := load.New(s, bpf.None, p)
	if err != nil {
		t.Fatal(err)
	}
	b := newPacketTrial(s, g, p)
	remove := func() {
		b.site.Hosts[0].NS.Do(func() error {
			link, err := netlink.LinkByName(device.Name)
			if err != nil {
				return err
			}
			return netlink.LinkDel(link)
		})
	}
	begin = time.Now()
	restore := worker.Quiet(3, 0)
	_, err = runPhases(context.Background(), begun(b.session(), func() { time.AfterFunc(100*time.Millisecond, remove) }))
	restore()
	if err == nil || !strings.Contains(err.Error(), "died") {
		t.Errorf("the device went away: %v", err)
	}
	if spent := time.Since(begin); spent > 5*time.Second {
		t.Errorf("noticed after %v", spent)
	}

	for range 3 {
		if err := lab.Probe(context.Background(), s, "none"); err != nil { // rings that are never enabled
			t.Error(err)
		}
	}
	if after := descriptors(); after != fds {
		t.Errorf("%d descriptors before, %d after", fds, after)
	}
}

// TestRingRefused: a kernel without io_uring, or with it turned off, is no
// failure of ours, and EPERM no lack of privileges.
func TestRingRefused(t *testing.T) {
	for errno, want := range map[unix.Errno]string{
		unix.ENOSYS: record.Unsupported, unix.EPERM: record.Unsupported, unix.EMFILE: record.Missing,
	} {
		err := fmt.Errorf("open the ring of queue 0: %w", &uring.CallError{Call: "io_uring_setup", Err: errno})
		if reason, detail := refusal.Classify(err); reason != want || !strings.Contains(detail, "io_uring_setup: "+errno.Error()) {
			t.Errorf("%v: %s: %s, want %s", errno, reason, detail, want)
		}
	}
}

// TestRingTurnedOff turns io_uring off where the whole kernel is ours.
func TestRingTurnedOff(t *testing.T) {
	needRing(t)
	const sysctl = "/proc/sys/kernel/io_uring_disabled" // since Linux 6.6
	if !inGuest() {
		t.Skip("would turn io_uring off for the whole host; runs in guests")
	}
	if _, err := os.Stat(sysctl); err != nil {
		t.Logf("this kernel cannot: %v", err)
		return
	}
	if err := os.WriteFile(sysctl, []byte("2"), 0); err != nil {
		t.Fatal(err)
	}
	defer os.WriteFile(sysctl, []byte("0"), 0)
	for _, dir := range []spec.Dir{spec.K2U, spec.U2K} {
		s := short()
		s.IO, s.Dir = spec.IOURing, dir
		reason, detail := refusal.Classify(lab.Probe(context.Background(), s, "none"))
		if reason != record.Unsupported || !strings.Contains(detail, "io_uring_setup") {
			t.Errorf("%s: %s: %s", dir, reason, detail)
		}
	}
	for _, row := range doctorRows(t, "Ways to drive a descriptor") {
		if strings.HasPrefix(row.Name, "io_uring") && (row.Status != doctor.StatusUnsupported || row.Advice == "") {
			t.Errorf("doctor: %+v", row)
		}
	}
}
