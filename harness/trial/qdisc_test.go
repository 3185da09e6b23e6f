package trial

import (
	"testing"

	"tunbench/bpf"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// TestQdiscDrops: what a qdisc drops is accounted for as its own, and as no drop of the ring,
// with an observer and without. One with room for few bytes drops every longer packet.
func TestQdiscDrops(t *testing.T) {
	needRoot(t)
	for name, set := range map[string]func(*spec.Spec){
		"sink":         func(s *spec.Spec) {},
		"sink, packet": func(s *spec.Spec) { s.Gen = spec.GenPacket },
		"sink, both":   func(s *spec.Spec) { s.Dir, s.Flows = spec.Both, 2 },
		"tap":          func(s *spec.Spec) { s.Mode, s.Queues, s.Flows = spec.TAP, 2, 4 },
		"relay":        func(s *spec.Spec) { s.Path = spec.PathRelay },
		"relay, both":  func(s *spec.Spec) { s.Path, s.Dir = spec.PathRelay, spec.Both },
		"vpn":          func(s *spec.Spec) { s.Path = spec.PathVPN },
		"bridge":       func(s *spec.Spec) { s.Path, s.Mode = spec.PathBridge, spec.TAP },
		"veth":         func(s *spec.Spec) { s.Path = spec.PathVeth },
	} {
		t.Run(name, func(t *testing.T) {
			for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
				s := short()
				s.Size, s.Qdisc, s.TxQLen = spec.SizeIMIX, "bfifo:limit=800", 5000
				set(&s)
				trial := run(t, s, hook)
				balanced(t, trial)
				a := trial.Accounting
				if n := a.Dropped[record.QdiscDrop]; n == 0 || n > a.Accepted/2 {
					t.Errorf("hook=%s: the qdisc dropped %d of %d packets, one in twelve is too long: %v", hook, n, a.Accepted, a.Dropped)
				}
				if trial.Device.Qdisc != s.Qdisc {
					t.Errorf("the qdisc is %s, want %s", trial.Device.Qdisc, s.Qdisc)
				}
			}
		})
	}
}
