package harness

import (
	"slices"
	"strings"
	"testing"

	"tunbench/bpf"
	"tunbench/harness/spec"
	"tunbench/harness/tuntap"
	"tunbench/reports/record"
)

// TestOffloadsAsAsked holds that a feature which the kernel left off is an error,
// and so is one that it put on unasked.
func TestOffloadsAsAsked(t *testing.T) {
	csum, tso := []string{"tx-checksum-ip-generic"}, []string{featureTSO, featureTSO6, "tx-tcp-ecn-segmentation"}
	for name, c := range map[string]struct {
		asked    spec.Offload
		features []string
		words    string
	}{
		"none":           {spec.OffloadNone, []string{"rx-gro"}, ""},
		"none, some on":  {spec.OffloadNone, csum, "offload=none for tun9, but turned tx-checksum-ip-generic on"},
		"csum":           {spec.OffloadCsum, csum, ""},
		"csum, off":      {spec.OffloadCsum, nil, "turned tx-checksum-ip-generic off"},
		"tso":            {spec.OffloadTSO, slices.Concat(tso, csum), ""},
		"tso, one off":   {spec.OffloadTSO, slices.Concat(csum, tso[:1], tso[2:]), "turned tx-tcp6-segmentation off"},
		"tso, uso on":    {spec.OffloadTSO, slices.Concat(csum, tso, []string{featureUSO}), "turned tx-udp-segmentation on"},
		"uso":            {spec.OffloadUSO, slices.Concat(csum, tso, []string{featureUSO}), ""},
		"uso, tso6 off":  {spec.OffloadUSO, slices.Concat(csum, tso[:1], tso[2:], []string{featureUSO}), "turned tx-tcp6-segmentation off"},
		"tunnel, no sum": {spec.OffloadTunnel, slices.Concat(csum, tso, []string{featureUSO, "tx-udp_tnl-segmentation"}), "turned tx-udp_tnl-csum-segmentation off"},
	} {
		err := offloadsAsAsked("tun9", c.asked, c.features)
		if (err == nil) != (c.words == "") || err != nil && !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v, want %q", name, err, c.words)
		}
	}
}

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
