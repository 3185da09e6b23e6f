package trial

import (
	"context"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// hasNetem reports whether this kernel has netem; one that has not must say so, by call and
// errno. The guests have it.
func hasNetem(t *testing.T) bool {
	t.Helper()
	s := short()
	s.Path, s.Delay, s.Drop = spec.PathVPN, time.Millisecond, 0.01
	err := lab.Probe(context.Background(), s, string(bpf.None))
	if err == nil {
		return true
	}
	reason, detail := refusal.Classify(err)
	if reason != record.Unsupported || !strings.Contains(detail, "RTM_NEWQDISC") || !strings.Contains(detail, "ENOENT") {
		t.Errorf("%s: %s", reason, detail)
	}
	if _, err := os.Stat("/etc/tunbench/guest.json"); err == nil {
		t.Errorf("the guest has no netem: %s", detail)
	}
	return false
}

// linked holds that the link of a trial did what was asked, and nothing else.
func linked(t *testing.T, trial record.Trial) {
	t.Helper()
	if trial.Link == nil || len(trial.Link.Ends) != 2 {
		t.Fatalf("link %+v", trial.Link)
	}
	for _, e := range trial.Link.Ends {
		if e.Full != 0 {
			t.Errorf("%s: %d packets beyond the limit", e.Device, e.Full)
		}
	}
}

// A link delays each way by what was asked.
func TestLinkDelays(t *testing.T) {
	needRoot(t)
	if !hasNetem(t) {
		return
	}
	for _, path := range []spec.Path{spec.PathVPN, spec.PathVeth, spec.PathWireGuard, spec.PathWireGuardGo} {
		t.Run(string(path), func(t *testing.T) {
			s := short()
			s.Path, s.Gen, s.Measure = path, spec.GenUDPRR, 600*time.Millisecond
			perfect := run(t, s, bpf.None)
			if perfect.Link != nil {
				t.Errorf("a perfect link %+v", perfect.Link)
			}
			s.Delay, s.Measure = 5*time.Millisecond, time.Second // some 80 round trips
			slow := run(t, s, bpf.None)
			balanced(t, slow)
			linked(t, slow)
			a, b := perfect.Latency[record.RTT], slow.Latency[record.RTT]
			if a.Count == 0 || b.Count == 0 {
				t.Fatalf("round trips %+v, %+v", perfect.Latency, slow.Latency)
			}
			// The fastest one, since a guest shares its CPUs.
			least, added := time.Duration(b.MinNs), time.Duration(b.MinNs)-time.Duration(a.MinNs)
			t.Logf("%d round trips of at least %v without delay, %d of at least %v with it", a.Count, time.Duration(a.MinNs), b.Count, least)
			if least < 2*s.Delay || added > 6*s.Delay {
				t.Errorf("a delay of %v each way added %v to the round trip", s.Delay, added)
			}
		})
	}
}

// What a link loses is accounted as the link's, on each path, also with a delay and in both
// directions.
func TestLinkDrops(t *testing.T) {
	needRoot(t)
	if !hasNetem(t) {
		return
	}
	for name, set := range map[string]func(*spec.Spec){
		"vpn":           func(s *spec.Spec) {},
		"vpn late":      func(s *spec.Spec) { s.Delay = 2 * time.Millisecond },
		"vpn both":      func(s *spec.Spec) { s.Dir = spec.Both },
		"veth":          func(s *spec.Spec) { s.Path = spec.PathVeth },
		"veth segments": func(s *spec.Spec) { s.Path, s.Gen, s.Size = spec.PathVeth, spec.GenUDPGSO, 1400 },
		"wireguard":     func(s *spec.Spec) { s.Path = spec.PathWireGuard },
		"wireguard-go":  func(s *spec.Spec) { s.Path = spec.PathWireGuardGo },
		"vpn tcp":       func(s *spec.Spec) { s.Gen, s.Size, s.Rate = spec.GenTCP, 1500, 0 },
		"veth tcp":      func(s *spec.Spec) { s.Path, s.Gen, s.Size, s.Rate = spec.PathVeth, spec.GenTCP, 1500, 0 },
		"wireguard tcp": func(s *spec.Spec) { s.Path, s.Gen, s.Size, s.Rate = spec.PathWireGuard, spec.GenTCP, 1500, 0 },
		"vpn tcp-rr":    func(s *spec.Spec) { s.Gen, s.Rate = spec.GenTCPRR, 0 },
		"vpn udp-rr":    func(s *spec.Spec) { s.Gen, s.Rate = spec.GenUDPRR, 0 },
	} {
		t.Run(name, func(t *testing.T) {
			s := short()
			s.Path, s.Rate, s.Drop = spec.PathVPN, 2000, 0.05
			set(&s)
			trial := run(t, s, bpf.None)
			balanced(t, trial)
			linked(t, trial)
			if len(trial.Hops) > 0 && !s.Gen.Conversation() { // whose hops are those of two directions
				hopsAgree(t, s, trial)
			}
			lost, sent := trial.Accounting.Dropped[record.LinkDrop], trial.Accounting.Accepted
			t.Logf("%d of %d lost, dropped %v, link %+v", lost, sent, trial.Accounting.Dropped, trial.Link.Ends)
			var counted, given uint64 // a busy host loses others before the link
			for _, e := range trial.Link.Ends {
				counted, given = counted+e.Dropped, given+e.Passed+e.Dropped
			}
			trains := s.Path == spec.PathWireGuardGo || s.Gen == spec.GenUDPGSO
			if trains && (lost > 0) != (counted > 0) || !trains && lost != counted {
				t.Errorf("%d packets are accounted as lost by the link, which counted %d", lost, counted)
			}
			// Of some dozen packets or trains, none may be lost by chance.
			few := trains || s.Gen == spec.GenTCPRR || s.Gen == spec.GenUDPRR
			if share := float64(lost) / float64(given); !few && (lost == 0 || s.Gen == spec.GenUDP && math.Abs(share-s.Drop) > 0.03) {
				t.Errorf("a link that drops 5 %% lost %d of %d packets", lost, given)
			}
		})
	}
}

// Packets that overtake others are counted, and are no fault.
func TestLinkReorders(t *testing.T) {
	needRoot(t)
	if !hasNetem(t) {
		return
	}
	s := short()
	s.Path, s.Rate, s.Delay, s.Reorder = spec.PathVPN, 2000, 3*time.Millisecond, 0.1
	trial := run(t, s, bpf.None)
	balanced(t, trial)
	linked(t, trial)
	if n := trial.Accounting.Reordered; n == 0 {
		t.Errorf("no packet of %d overtook another", trial.Accounting.Accepted)
	}
}
