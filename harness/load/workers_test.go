package load

import (
	"testing"

	"tunbench/harness/spec"
)

// TestWorkers: how many threads send and read on a host with two CPUs for senders.
func TestWorkers(t *testing.T) {
	for name, c := range map[string]struct {
		set              func(*spec.Spec)
		senders, readers int
	}{
		"one queue":         {func(s *spec.Spec) {}, 1, 1},
		"four queues":       {func(s *spec.Spec) { s.Queues, s.Flows = 4, 4 }, 2, 4},
		"eight senders":     {func(s *spec.Spec) { s.Senders, s.Flows = 8, 8 }, 8, 1},
		"one sender":        {func(s *spec.Spec) { s.Senders, s.Queues, s.Flows = 1, 4, 4 }, 1, 4},
		"both":              {func(s *spec.Spec) { s.Dir = spec.Both }, 2, 2},
		"both, eight":       {func(s *spec.Spec) { s.Dir, s.Senders, s.Flows = spec.Both, 8, 8 }, 9, 9},
		"written":           {func(s *spec.Spec) { s.Dir, s.Queues, s.Flows = spec.U2K, 4, 4 }, 4, 2},
		"relay, eight":      {func(s *spec.Spec) { s.Path, s.Senders, s.Flows = spec.PathRelay, 8, 8 }, 8, 1},
		"relay both, eight": {func(s *spec.Spec) { s.Path, s.Dir, s.Senders, s.Flows = spec.PathRelay, spec.Both, 8, 8 }, 16, 2},
		"streams":           {func(s *spec.Spec) { s.Path, s.Gen, s.Flows = spec.PathRelay, spec.GenTCP, 8 }, 2, 2},
		"streams, eight":    {func(s *spec.Spec) { s.Path, s.Gen, s.Senders, s.Flows = spec.PathRelay, spec.GenTCP, 8, 8 }, 8, 8},
		"streams both, eight": {func(s *spec.Spec) {
			s.Path, s.Gen, s.Dir, s.Senders, s.Flows = spec.PathRelay, spec.GenTCP, spec.Both, 8, 8
		}, 16, 16},
		"lockstep":     {func(s *spec.Spec) { s.Gen, s.Queues, s.Flows = spec.GenLockstep, 4, 4 }, 1, 4},
		"iperf3, both": {func(s *spec.Spec) { s.Path, s.Gen, s.Dir, s.Flows = spec.PathRelay, spec.GenIPerf3, spec.Both, 8 }, 2, 2},
		"guest":        {func(s *spec.Spec) { s.Path = spec.PathGuest }, 1, 0},
		"veth, eight":  {func(s *spec.Spec) { s.Path, s.Senders, s.Flows = spec.PathVeth, 8, 8 }, 8, 2},
		"bridge":       {func(s *spec.Spec) { s.Path, s.Queues, s.Flows = spec.PathBridge, 4, 4 }, 4, 4},
	} {
		s := spec.Default()
		c.set(&s)
		if senders, readers := Workers(s, 2); senders != c.senders || readers != c.readers {
			t.Errorf("%s: %d senders and %d readers, want %d and %d", name, senders, readers, c.senders, c.readers)
		}
	}
}
