package trial

import (
	"errors"
	"testing"

	"tunbench/bpf"
	"tunbench/harness/path"
	"tunbench/harness/spec"
)

func TestBridge(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"default":        func(s *spec.Spec) {},
		"poll":           func(s *spec.Spec) { s.IO = spec.IOPoll },
		"readv pi vnet":  func(s *spec.Spec) { s.IO, s.PI, s.VnetHdr = spec.IOReadv, true, 12 },
		"queues":         func(s *spec.Spec) { s.Queues, s.Flows, s.IO = 4, 32, spec.IOPoll },
		"steer":          func(s *spec.Spec) { s.Queues, s.Flows, s.Steer = 2, 8, spec.SteerEBPF },
		"ipv6":           func(s *spec.Spec) { s.Family, s.Size = 6, 200 },
		"imix":           func(s *spec.Spec) { s.Size = spec.SizeIMIX },
		"jumbo":          func(s *spec.Spec) { s.Size = 9000 },
		"csum":           func(s *spec.Spec) { s.VnetHdr, s.Offload = 10, spec.OffloadCsum },
		"napi":           func(s *spec.Spec) { s.NAPI = spec.NAPIOn },
		"frags":          func(s *spec.Spec) { s.NAPI = spec.NAPIFrags },
		"small sndbuf":   func(s *spec.Spec) { s.SndBuf = 65536 },
		"pfifo and ring": func(s *spec.Spec) { s.Qdisc, s.TxQLen = "pfifo_fast", 16 },
		"segments whole": func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr, s.Offload = spec.GenUDPGSO, 1400, 10, spec.OffloadUSO },
		"segments cut":   func(s *spec.Spec) { s.Gen, s.Size, s.VnetHdr = spec.GenUDPGSO, 1400, 10 },
		"paced":          func(s *spec.Spec) { s.Rate, s.IO = 2000, spec.IOPoll },
		"segments queues": func(s *spec.Spec) {
			s.Gen, s.Queues, s.Flows, s.VnetHdr, s.Offload = spec.GenUDPGSO, 2, 8, 12, spec.OffloadUSO
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := short()
			s.Path, s.Mode = spec.PathBridge, spec.TAP
			set(&s)
			for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
				trial := run(t, s, hook)
				balanced(t, trial)
				hopsAgree(t, s, trial)
				if w := trial.Writes; w == nil || w.Calls == 0 || w.Bytes == 0 {
					t.Errorf("writes %+v", w)
				}
				if len(trial.Devices) != 2 || trial.Device.Name != path.Names[1] {
					t.Errorf("device %+v, devices %+v", trial.Device, trial.Devices)
				}
			}
		})
	}
}

func TestBridgeRefuses(t *testing.T) {
	for name, set := range map[string]func(*spec.Spec){
		"tun":             func(s *spec.Spec) { s.Mode = spec.TUN },
		"both":            func(s *spec.Spec) { s.Dir = spec.Both },
		"gso without hdr": func(s *spec.Spec) { s.Gen, s.Size = spec.GenUDPGSO, 1400 },
		"tcp":             func(s *spec.Spec) { s.Gen, s.Size = spec.GenTCP, 1500 },
	} {
		s := spec.Default()
		s.Path, s.Mode = spec.PathBridge, spec.TAP
		set(&s)
		if err := s.Validate(); !errors.Is(err, spec.ErrImpossible) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
