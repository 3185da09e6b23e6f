package spec

import (
	"errors"
	"strings"
	"testing"
)

func TestSendersAndBackpressure(t *testing.T) {
	eight := func(s *Spec) { s.Senders, s.Flows = 8, 8 }
	stops := func(s *Spec) { s.Backpressure, s.Qdisc = true, "pfifo_fast" }
	with := func(list ...func(*Spec)) func(*Spec) {
		return func(s *Spec) {
			for _, set := range list {
				set(s)
			}
		}
	}
	for name, c := range map[string]struct {
		set        func(*Spec)
		words      string
		impossible bool
	}{
		"too many":            {func(s *Spec) { s.Senders, s.Flows = 65, 65 }, "senders=65: choose 1 to 64", false},
		"below none":          {func(s *Spec) { s.Senders = -1 }, "senders=-1: choose 1 to 64", false},
		"fewer flows":         {func(s *Spec) { s.Senders, s.Flows = 8, 7 }, "senders=8 with flows=7: the packets of a flow come from one thread, so that they stay in order; set flows=8 or more", true},
		"lockstep":            {with(eight, func(s *Spec) { s.Gen = GenLockstep }), "set senders=auto or gen=udp", true},
		"iperf3":              {with(eight, func(s *Spec) { s.Path, s.Gen, s.Size = PathRelay, GenIPerf3, 1500 }), "set senders=auto or gen=tcp", true},
		"written":             {with(eight, func(s *Spec) { s.Dir = U2K }), "no socket sends; set senders=auto or dir=k2u", true},
		"bridge":              {with(eight, func(s *Spec) { s.Path, s.Mode = PathBridge, TAP }), "set senders=auto", true},
		"guest":               {with(eight, func(s *Spec) { s.Path, s.Mode = PathGuest, TAP }), "set senders=auto", true},
		"noqueue":             {func(s *Spec) { s.Backpressure = true }, "with qdisc=noqueue nothing holds the packets", true},
		"a device of theirs":  {with(stops, func(s *Spec) { s.Path = PathVeth }), "path=veth has none; set backpressure=off", true},
		"written, with stops": {with(stops, func(s *Spec) { s.Dir = U2K }), "set dir=k2u", true},
		"bypass":              {with(stops, func(s *Spec) { s.Gen, s.Bypass = GenPacket, true }), "set bypass=off", true},
		"a qdisc's parameter": {func(s *Spec) { s.Qdisc = "fq_codel:limt=5" }, `fq_codel has no parameter "limt": choose from limit`, false},
	} {
		s := Default()
		c.set(&s)
		err := s.Validate()
		if err == nil || !strings.Contains(err.Error(), c.words) || errors.Is(err, ErrImpossible) != c.impossible {
			t.Errorf("%s: got %v, want %q, impossible %v", name, err, c.words, c.impossible)
		}
	}
	for name, set := range map[string]func(*Spec){
		"eight":      eight,
		"one":        func(s *Spec) { s.Senders, s.Queues, s.Flows = 1, 4, 4 },
		"both":       with(eight, func(s *Spec) { s.Dir = Both }),
		"packet":     with(eight, func(s *Spec) { s.Gen = GenPacket }),
		"streams":    with(eight, stops, func(s *Spec) { s.Path, s.Gen, s.Size = PathRelay, GenTCP, 1500 }),
		"parameters": with(stops, func(s *Spec) { s.Qdisc = "fq_codel:limit=100" }),
	} {
		s := Default()
		set(&s)
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The yardstick has as many senders as the scenario.
func TestYardstickHasTheSenders(t *testing.T) {
	for name, set := range map[string]func(*Spec){
		"sink":    func(s *Spec) {},
		"both":    func(s *Spec) { s.Dir = Both },
		"packet":  func(s *Spec) { s.Gen = GenPacket },
		"streams": func(s *Spec) { s.Path, s.Gen, s.Size = PathVeth, GenTCP, 1400 },
		"veth":    func(s *Spec) { s.Path = PathVeth },
	} {
		s := Default()
		s.Senders, s.Flows = 8, 16
		set(&s)
		y, _, ok := s.Yardstick()
		if !ok || y.Senders != 8 || y.Validate() != nil {
			t.Errorf("%s: %+v, %v", name, y, y.Validate())
		}
		if again, _, _ := y.Yardstick(); again.YardstickKey() != y.YardstickKey() {
			t.Errorf("%s: the yardstick of the yardstick differs: %+v, %+v", name, again, y)
		}
		s.Senders = 0
		if auto, _, _ := s.Yardstick(); auto.YardstickKey() == y.YardstickKey() {
			t.Errorf("%s: the same yardstick without senders", name)
		}
	}
}
