package spec

import (
	"errors"
	"strings"
	"testing"
)

func TestGuests(t *testing.T) {
	guest := func(set func(*Spec)) Spec {
		s := Default()
		s.Mode, s.Path = TAP, PathGuest
		set(&s)
		return s
	}
	for name, set := range map[string]func(*Spec){
		"default":    func(*Spec) {},
		"from guest": func(s *Spec) { s.Dir = U2K },
		"both":       func(s *Spec) { s.Dir, s.Queues, s.Flows = Both, 4, 16 },
		"bridge":     func(s *Spec) { s.Bridge = true },
		"offload":    func(s *Spec) { s.VnetHdr, s.Offload = 12, OffloadTSO },
		"vhost":      func(s *Spec) { s.IO = IOVhost },
		"open loop":  func(s *Spec) { s.Rate = 2000 },
	} {
		s := guest(set)
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, ok := s.Yardstick(); ok || s.SideBySide() {
			t.Errorf("%s: a guest takes turns", name)
		}
	}
	for want, set := range map[string]func(*Spec){
		"mode=tap":    func(s *Spec) { s.Mode = TUN },
		"gen=tcp":     func(s *Spec) { s.Gen, s.Size = GenTCP, 1500 },
		"io=poll":     func(s *Spec) { s.IO = IOPoll },
		"queues=16":   func(s *Spec) { s.Queues = 32 },
		"of 24":       func(s *Spec) { s.VnetHdr = 24 },
		"offload=uso": func(s *Spec) { s.VnetHdr, s.Offload = 12, OffloadUSO },
		"pi=off":      func(s *Spec) { s.PI = true },
		"bridge=off":  func(s *Spec) { s.Path, s.Bridge = PathSink, true },
	} {
		err := guest(set).Validate()
		if !errors.Is(err, ErrImpossible) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
