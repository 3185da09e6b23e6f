package trial

import (
	"context"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/flag"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// probed holds that a trial has both round trips, and that the probe's packets are where they
// belong.
func probed(t *testing.T, trial record.Trial) {
	t.Helper()
	a, p := trial.Accounting, trial.Probe
	if a.Unexplained != 0 || a.Accepted != a.Delivered+a.DroppedTotal() || a.Delivered == 0 {
		t.Errorf("accounts %+v\n%v", a, trial.Notes)
	}
	for _, f := range trial.Flags {
		if f == record.FlagUnexplained {
			t.Errorf("%v", trial.Notes)
		}
	}
	if p == nil || p.Requests == 0 || p.Received == 0 || p.Requests < p.Arrived || p.Answers < p.Received || p.Arrived < p.Answers {
		t.Fatalf("probe %+v", p)
	}
	// A device whose ring is full of GSO packets may lose each request under load.
	if trial.Latency[record.RTTIdle].Count == 0 || trial.Latency[record.RTTLoad].Count == 0 && p.Arrived == p.Requests {
		t.Errorf("round trips %+v, probe %+v", trial.Latency, p)
	}
}

func TestProbe(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"relay":        func(s *spec.Spec) {},
		"relay both":   func(s *spec.Spec) { s.Dir = spec.Both },
		"relay poll":   func(s *spec.Spec) { s.IO, s.Queues, s.Flows = spec.IOPoll, 2, 4 },
		"relay gso":    func(s *spec.Spec) { s.Gen, s.Size = spec.GenUDPGSO, 1400 },
		"relay tcp":    func(s *spec.Spec) { s.Gen, s.Size, s.Flows = spec.GenTCP, 1500, 4 },
		"relay super":  func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr, s.Offload = spec.GenTCP, 1500, 10, spec.OffloadTSO },
		"tap":          func(s *spec.Spec) { s.Mode = spec.TAP },
		"ipv6":         func(s *spec.Spec) { s.Family, s.Size = 6, 200 },
		"vpn":          func(s *spec.Spec) { s.Path, s.Cipher = spec.PathVPN, spec.CipherChaCha },
		"vpn both":     func(s *spec.Spec) { s.Path, s.Dir = spec.PathVPN, spec.Both },
		"vpn tcp":      func(s *spec.Spec) { s.Path, s.Gen, s.Size = spec.PathVPN, spec.GenTCP, 1500 },
		"vpn paced":    func(s *spec.Spec) { s.Path, s.Rate = spec.PathVPN, 2000 },
		"veth":         func(s *spec.Spec) { s.Path = spec.PathVeth },
		"wireguard-go": func(s *spec.Spec) { s.Path = spec.PathWireGuardGo },
	} {
		t.Run(name, func(t *testing.T) {
			s := shortRelay()
			s.Probe = true
			set(&s)
			for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
				probed(t, run(t, s, hook))
			}
		})
	}
}

// A probe on a perfectly quiet path loses nothing, and each window of a trial that takes turns
// has both phases.
func TestProbeTakesTurns(t *testing.T) {
	needRoot(t)
	for _, gen := range []spec.Gen{spec.GenUDP, spec.GenTCP} {
		s := shortRelay()
		s.Gen, s.Size, s.Probe = gen, 1400, true
		s.Measure, s.Window = 200*time.Millisecond, 20*time.Millisecond
		other := s
		other.Probe = false
		trials, err := Pair(context.Background(), [2]Variant{{s, record.HookNone}, {other, record.HookNone}}, 1, record.Floor{}, false)
		if err != nil {
			t.Fatal(err)
		}
		probed(t, trials[0])
		if trials[1].Probe != nil {
			t.Errorf("%s: a probe that was not asked for: %+v", gen, trials[1].Probe)
		}
		// Ten windows of 20 ms, each after 10 ms alone.
		idle, load := trials[0].Latency[record.RTTIdle].Count, trials[0].Latency[record.RTTLoad].Count
		t.Logf("%s: %d round trips idle, %d under load; %+v", gen, idle, load, trials[0].Probe)
		if idle < 30 {
			t.Errorf("%s: %d round trips were measured idle, in ten turns", gen, idle)
		}
	}
}

// TestProbeIsNotForeign: the CPU time of the probe's threads is the trial's own, and no part of
// what a packet costs.
func TestProbeIsNotForeign(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"udp":          func(s *spec.Spec) {},
		"tcp":          func(s *spec.Spec) { s.Gen = spec.GenTCP },
		"wireguard-go": func(s *spec.Spec) { s.Gen, s.Path = spec.GenTCP, spec.PathWireGuardGo }, // whose time is what the process uses besides
	} {
		s := shortRelay()
		s.Size, s.Probe = 1400, true
		set(&s)
		r, err := prepare(s, bpf.None)
		if err != nil {
			t.Fatal(err)
		}
		restore := worker.Quiet(8, 0)
		m, err := runPhases(context.Background(), r)
		restore()
		if err != nil {
			t.Fatal(err)
		}
		spent := m.Last.Probe - m.First.Probe
		workers, ok := m.CPUTime(false, r.placement)
		if own := flag.Conditions(m, r.placement, false).Own; !ok || spent <= 0 || int64(own) != int64(workers)+spent {
			t.Errorf("%s: %v of the trial's own, %.0f ns of the workers, %d of the probe", name, own, workers, spent)
		}
		t.Logf("%s: the probe used %.1f %% of the CPU time", name, 100*float64(spent)/(workers+float64(spent)))
	}
}
