package harness

import (
	"errors"
	"testing"

	"tunbench/bpf"
)

func TestBridge(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*Spec){
		"default":         func(s *Spec) {},
		"poll":            func(s *Spec) { s.IO = IOPoll },
		"readv pi vnet":   func(s *Spec) { s.IO, s.PI, s.VnetHdr = IOReadv, true, 12 },
		"queues":          func(s *Spec) { s.Queues, s.Flows, s.IO = 4, 32, IOPoll },
		"steer":           func(s *Spec) { s.Queues, s.Flows, s.Steer = 2, 8, SteerEBPF },
		"ipv6":            func(s *Spec) { s.Family, s.Size = 6, 200 },
		"imix":            func(s *Spec) { s.Size = SizeIMIX },
		"jumbo":           func(s *Spec) { s.Size = 9000 },
		"csum":            func(s *Spec) { s.VnetHdr, s.Offload = 10, OffloadCsum },
		"napi":            func(s *Spec) { s.NAPI = NAPIOn },
		"frags":           func(s *Spec) { s.NAPI = NAPIFrags },
		"small sndbuf":    func(s *Spec) { s.SndBuf = 65536 },
		"pfifo and ring":  func(s *Spec) { s.Qdisc, s.TxQLen = "pfifo_fast", 16 },
		"segments whole":  func(s *Spec) { s.Gen, s.Size, s.VnetHdr, s.Offload = GenUDPGSO, 1400, 10, OffloadUSO },
		"segments cut":    func(s *Spec) { s.Gen, s.Size, s.VnetHdr = GenUDPGSO, 1400, 10 },
		"paced":           func(s *Spec) { s.Rate, s.IO = 2000, IOPoll },
		"segments queues": func(s *Spec) { s.Gen, s.Queues, s.Flows, s.VnetHdr, s.Offload = GenUDPGSO, 2, 8, 12, OffloadUSO },
	} {
		t.Run(name, func(t *testing.T) {
			s := short()
			s.Path, s.Mode = PathBridge, TAP
			set(&s)
			for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
				trial := run(t, s, hook)
				balanced(t, trial)
				hopsAgree(t, s, trial)
				if w := trial.Writes; w == nil || w.Calls == 0 || w.Bytes == 0 {
					t.Errorf("writes %+v", w)
				}
				if len(trial.Devices) != 2 || trial.Device.Name != tunnelNames[1] {
					t.Errorf("device %+v, devices %+v", trial.Device, trial.Devices)
				}
			}
		})
	}
}

func TestBridgeRefuses(t *testing.T) {
	for name, set := range map[string]func(*Spec){
		"tun":             func(s *Spec) { s.Mode = TUN },
		"both":            func(s *Spec) { s.Dir = Both },
		"gso without hdr": func(s *Spec) { s.Gen, s.Size = GenUDPGSO, 1400 },
		"tcp":             func(s *Spec) { s.Gen, s.Size = GenTCP, 1500 },
	} {
		s := Default()
		s.Path, s.Mode = PathBridge, TAP
		set(&s)
		if err := s.Validate(); !errors.Is(err, ErrImpossible) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
