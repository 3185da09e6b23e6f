package trial

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/device"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

func TestWireguardGo(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"default":        func(s *spec.Spec) {},
		"both":           func(s *spec.Spec) { s.Dir = spec.Both },
		"flows":          func(s *spec.Spec) { s.Flows, s.Size = 16, 1400 },
		"ipv6":           func(s *spec.Spec) { s.Family, s.Size = 6, 200 },
		"imix":           func(s *spec.Spec) { s.Size = spec.SizeIMIX },
		"longest":        func(s *spec.Spec) { s.Size = spec.MaxTunnelled },
		"GSO packets":    func(s *spec.Spec) { s.Gen, s.Size = spec.GenUDPGSO, 1400 },
		"paced":          func(s *spec.Spec) { s.Rate = 2000 },
		"pfifo and ring": func(s *spec.Spec) { s.Qdisc, s.TxQLen = "pfifo_fast", 16 },
	} {
		t.Run(name, func(t *testing.T) {
			s := short()
			s.Path = spec.PathWireGuardGo
			set(&s)
			for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
				trial := run(t, s, hook)
				if s.Dir == spec.Both {
					trial.Queues = nil // of the first device only
				}
				balanced(t, trial)
				hopsAgree(t, s, trial)
				if !slices.Contains(trial.Device.Offloads, device.FeatureTSO) {
					t.Errorf("wireguard-go's device has no offloads: %+v", trial.Device)
				}
				// A host that is busy may deliver nothing in so short a time.
				if cpu, ok := trial.Metrics[record.CPUNsPerPkt]; ok != (trial.Metrics[record.PPS] > 0) || ok && cpu < 1000 {
					t.Errorf("a packet through wireguard-go cost %v ns", cpu)
				}
			}
		})
	}
}

// TestGarbageOfWireguardGo: a trial of wireguard-go collects what the library leaves, with a
// conversation, so that memory does not grow with its length, and waits for nothing meanwhile.
// Others collect nothing.
func TestGarbageOfWireguardGo(t *testing.T) {
	needRoot(t)
	most := mostGarbage
	mostGarbage = 1 << 20 // less than the library needs: one collection after the other
	t.Cleanup(func() { mostGarbage = most })
	collections := func(set func(*spec.Spec)) uint32 {
		s := short()
		s.Size = 1400
		set(&s)
		debug.FreeOSMemory() // what is used again is no growth
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		trial := run(t, s, bpf.Tracepoint)
		runtime.ReadMemStats(&after)
		if n := trial.Accounting.Unexplained; n != 0 {
			t.Errorf("%+v: %d packets are unexplained", s, n)
		}
		return after.NumGC - before.NumGC
	}
	var bare uint32
	for _, path := range []spec.Path{spec.PathVPN, spec.PathWireGuardGo} { // UDP: receivers wait without end
		bare = max(bare, collections(func(s *spec.Spec) { s.Path = path })) // Quiet itself collects once
	}
	for name, set := range map[string]func(*spec.Spec){
		"tcp":         func(s *spec.Spec) { s.Gen = spec.GenTCP },
		"tcp, 8":      func(s *spec.Spec) { s.Gen, s.Flows = spec.GenTCP, 8 },
		"round trips": func(s *spec.Spec) { s.Gen = spec.GenUDPRR },
		"probe":       func(s *spec.Spec) { s.Gen, s.Flows, s.Probe = spec.GenTCP, 8, true },
		"both, queue": func(s *spec.Spec) {
			s.Gen, s.Flows, s.Dir, s.Qdisc, s.TxQLen = spec.GenTCP, 8, spec.Both, "pfifo_fast", 16
		},
		"requests": func(s *spec.Spec) { s.Gen = spec.GenTCPRR },
	} {
		t.Run(name, func(t *testing.T) {
			n := collections(func(s *spec.Spec) {
				s.Path = spec.PathWireGuardGo
				set(s)
			})
			if t.Logf("%d collections", n); n < bare+3 {
				t.Errorf("%d collections, and %d where none may be", n, bare)
			}
		})
	}
	if bare > 3 {
		t.Errorf("%d collections where none may be", bare)
	}
}

// openFiles counts this process's descriptors.
func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

// Nothing of a tunnel is left behind: no goroutine and no descriptor.
func TestTunnelsLeaveNothing(t *testing.T) {
	needRoot(t)
	for _, path := range []spec.Path{spec.PathVPN, spec.PathWireGuardGo} {
		s := short()
		s.Path = path
		run(t, s, bpf.Tracepoint) // what is made once stays
		goroutines, files := runtime.NumGoroutine(), openFiles(t)
		for range 3 {
			run(t, s, bpf.Tracepoint)
		}
		for deadline := time.Now().Add(2 * time.Second); runtime.NumGoroutine() > goroutines && time.Now().Before(deadline); {
			time.Sleep(10 * time.Millisecond)
		}
		if now := runtime.NumGoroutine(); now > goroutines {
			t.Errorf("%s: %d goroutines before, %d after", path, goroutines, now)
		}
		if now := openFiles(t); now > files {
			t.Errorf("%s: %d descriptors before, %d after", path, files, now)
		}
	}
}

// TestWireguard holds that a kernel without WireGuard says so, and runs it on
// those that have it: in guests.
func TestWireguard(t *testing.T) {
	needRoot(t)
	s := short()
	s.Path = spec.PathWireGuard
	if err := lab.Probe(context.Background(), s, string(bpf.None)); err != nil {
		reason, detail := refusal.Classify(err)
		if reason != record.Unsupported || !strings.Contains(detail, "RTM_NEWLINK") || !strings.Contains(detail, "operation not supported") {
			t.Errorf("%s: %s", reason, detail)
		}
		if _, err := os.Stat("/etc/tunbench/guest.json"); err == nil {
			t.Errorf("the guest has no WireGuard: %s", detail)
		}
		return
	}
	for name, set := range map[string]func(*spec.Spec){
		"default":     func(s *spec.Spec) {},
		"both":        func(s *spec.Spec) { s.Dir = spec.Both },
		"flows":       func(s *spec.Spec) { s.Flows, s.Size = 16, 1400 },
		"ipv6":        func(s *spec.Spec) { s.Family, s.Size = 6, 200 },
		"longest":     func(s *spec.Spec) { s.Size = spec.MaxTunnelled },
		"GSO packets": func(s *spec.Spec) { s.Gen, s.Size = spec.GenUDPGSO, 1400 },
		"paced":       func(s *spec.Spec) { s.Rate = 500 },
	} {
		t.Run(name, func(t *testing.T) {
			s := s
			set(&s)
			// There is nothing to observe: one arm is like the other.
			trial := run(t, s, bpf.None)
			balanced(t, trial)
			hopsAgree(t, s, trial)
		})
	}
}
