package trial

import (
	"context"
	"slices"
	"testing"

	"tunbench/bpf"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// yardsticks are scenarios of each kind that has one.
var yardsticks = map[string]func(s *spec.Spec){
	"k2u":      func(s *spec.Spec) {},
	"k2u ipv6": func(s *spec.Spec) { s.Family, s.Size = 6, 1500 },
	"k2u imix": func(s *spec.Spec) { s.Size, s.Queues, s.Flows = spec.SizeIMIX, 4, 64 },
	"k2u poll": func(s *spec.Spec) { s.IO = spec.IOPoll },
	"u2k":      func(s *spec.Spec) { s.Dir = spec.U2K },
	"u2k wide": func(s *spec.Spec) { s.Dir, s.Queues, s.Flows, s.Size = spec.U2K, 2, 8, 65535 },
	"both":     func(s *spec.Spec) { s.Dir, s.Queues, s.Flows, s.Size = spec.Both, 4, 64, 1500 },
	"gso cut":  func(s *spec.Spec) { s.Gen, s.Size = spec.GenUDPGSO, 1500 },
	"gso written": func(s *spec.Spec) {
		s.Dir, s.Gen, s.Size, s.VnetHdr = spec.U2K, spec.GenUDPGSO, 1500, 10
	},
	"packet-gso": func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr = spec.GenPacketGSO, 1500, 10 },
	"gso ipv6":   func(s *spec.Spec) { s.Gen, s.Size, s.Family, s.Flows = spec.GenUDPGSO, 1000, 6, 3 },
	"bridge":     func(s *spec.Spec) { s.Path, s.Mode = spec.PathBridge, spec.TAP },
	"bridge gso": func(s *spec.Spec) {
		s.Path, s.Mode, s.Gen, s.Size, s.VnetHdr, s.Offload = spec.PathBridge, spec.TAP, spec.GenUDPGSO, 1500, 10, spec.OffloadTSO
	},
	"vpn":      func(s *spec.Spec) { s.Path = spec.PathVPN },
	"vpn both": func(s *spec.Spec) { s.Path, s.Dir, s.Queues, s.Flows = spec.PathVPN, spec.Both, 2, 4 },
	"veth gso": func(s *spec.Spec) { s.Path, s.Gen, s.Size = spec.PathVeth, spec.GenUDPGSO, 1500 },
	"tcp":      func(s *spec.Spec) { s.Path, s.Gen, s.Flows, s.Size = spec.PathVeth, spec.GenTCP, 8, 1500 },
	"tcp both": func(s *spec.Spec) {
		s.Path, s.Dir, s.Gen, s.Flows, s.Size, s.Family = spec.PathVeth, spec.Both, spec.GenTCP, 2, 1500, 6
	},
	"tcp-rr": func(s *spec.Spec) { s.Path, s.Gen, s.Size = spec.PathRelay, spec.GenTCPRR, 64 },
	"udp-rr": func(s *spec.Spec) { s.Path, s.Gen, s.Size = spec.PathVPN, spec.GenUDPRR, 64 },
}

// TestYardsticksBalance: over loopback, too, each packet is accounted for, alone and by
// turns with the scenario.
func TestYardsticksBalance(t *testing.T) {
	needRoot(t)
	for name, set := range yardsticks {
		t.Run(name, func(t *testing.T) {
			s := short()
			set(&s)
			y, _, ok := s.Yardstick()
			if !ok {
				t.Fatal(s.NoYardstick())
			}
			trial := run(t, y, bpf.None)
			balanced(t, trial)
			if trial.Device.Name != "lo" {
				t.Errorf("device %+v", trial.Device)
			}
			for dir, d := range trial.Directions {
				if d.Accounting.Unexplained != 0 || d.Accounting.Delivered == 0 {
					t.Errorf("accounts of %s: %+v", dir, d.Accounting)
				}
			}
			trials, err := lab.RunPair(context.Background(), [2]Variant{{s, "none"}, {y, "none"}}, 1, record.Floor{})
			if err != nil {
				t.Fatal(err)
			}
			for _, trial := range trials {
				balanced(t, trial)
			}
			if !slices.Equal(trials[0].CPUs.Sender, trials[1].CPUs.Sender) || !slices.Equal(trials[0].CPUs.Reader, trials[1].CPUs.Reader) {
				t.Errorf("workers on %+v, those of the yardstick on %+v", trials[0].CPUs, trials[1].CPUs)
			}
		})
	}
}
