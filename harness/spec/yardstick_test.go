package spec

import (
	"testing"

	"tunbench/reports/record"
)

// GSO packets are held against GSO packets only where they stay whole: one that is cut before
// the device is read a segment at a time.
func TestYardstickOfGSO(t *testing.T) {
	for name, c := range map[string]struct {
		set  func(*Spec)
		kind string
	}{
		"sent, cut":     {func(s *Spec) {}, record.YardstickUDP},
		"csum, cut":     {func(s *Spec) { s.VnetHdr, s.Offload = 10, OffloadCsum }, record.YardstickUDP},
		"tso, UDP cut":  {func(s *Spec) { s.VnetHdr, s.Offload = 10, OffloadTSO }, record.YardstickUDP},
		"stamped, cut":  {func(s *Spec) { s.Gen, s.VnetHdr = GenPacketGSO, 10 }, record.YardstickUDP},
		"uso, whole":    {func(s *Spec) { s.VnetHdr, s.Offload = 10, OffloadUSO }, ""},
		"written":       {func(s *Spec) { s.Dir, s.VnetHdr = U2K, 10 }, record.YardstickUDPGSO},
		"over a bridge": {func(s *Spec) { s.Path, s.Mode = PathBridge, TAP }, record.YardstickUDPGSO},
		"over veth":     {func(s *Spec) { s.Path = PathVeth }, record.YardstickUDPGSO},
	} {
		s := Default()
		s.Gen, s.Size = GenUDPGSO, 1500
		c.set(&s)
		y, kind, ok := s.Yardstick()
		if ok != (c.kind != "") || kind != c.kind {
			t.Errorf("%s: kind %q, want %q", name, kind, c.kind)
			continue
		}
		if want := map[string]Gen{record.YardstickUDP: GenUDP, record.YardstickUDPGSO: GenUDPGSO}[kind]; ok && (y.Gen != want || y.Size != 1500) {
			t.Errorf("%s: over loopback gen=%s size=%d, want gen=%s", name, y.Gen, y.Size, want)
		}
	}
	plain, cut := Default(), Default()
	plain.Size, cut.Size, cut.Gen = 1500, 1500, GenUDPGSO
	a, _, _ := plain.Yardstick()
	b, _, _ := cut.Yardstick()
	if a.YardstickKey() != b.YardstickKey() {
		t.Error("packets and the segments that are cut to their size do not share a yardstick")
	}
}
