package trial

import (
	"slices"
	"testing"

	"tunbench/bpf"
	"tunbench/harness/spec"
	"tunbench/harness/tuntap"
	"tunbench/reports/record"
)

// TestReadBack measures devices with long headers and bounded send buffers: the
// kernel writes no header that is wrong, and the record holds what it made of
// the buffer.
func TestReadBack(t *testing.T) {
	needRoot(t)
	for name, change := range map[string]func(*spec.Spec){
		"none":        func(s *spec.Spec) {},
		"sndbuf":      func(s *spec.Spec) { s.SndBuf = 65536 },
		"sndbuf, 2":   func(s *spec.Spec) { s.SndBuf, s.Queues, s.Flows, s.Dir = 200_000, 2, 4, spec.U2K },
		"12":          func(s *spec.Spec) { s.VnetHdr = 12 },
		"20, uring":   func(s *spec.Spec) { s.VnetHdr, s.IO = 20, spec.IOURing },
		"24, tunnel":  func(s *spec.Spec) { s.VnetHdr, s.Offload, s.Mode = 24, spec.OffloadTunnel, spec.TAP },
		"12, readv":   func(s *spec.Spec) { s.VnetHdr, s.IO, s.PI = 12, spec.IOReadv, true },
		"20, segment": func(s *spec.Spec) { s.VnetHdr, s.Offload, s.Gen, s.Size = 20, spec.OffloadUSO, spec.GenUDPGSO, 1200 },
	} {
		t.Run(name, func(t *testing.T) {
			s := short()
			change(&s)
			trial := runOrSkip(t, s, bpf.None)
			if slices.Contains(trial.Flags, record.FlagBadVnet) {
				t.Errorf("%q", trial.Notes)
			}
			want := s.SndBuf
			if want == 0 {
				want = tuntap.DefaultSndBuf
			}
			if trial.Device.SndBuf != want {
				t.Errorf("sndbuf %d was recorded, want %d", trial.Device.SndBuf, want)
			}
		})
	}
}
