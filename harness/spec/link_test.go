package spec

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestLinks(t *testing.T) {
	link := func(set func(*Spec)) Spec {
		s := Default()
		s.Path, s.Delay = PathVPN, 20*time.Millisecond
		set(&s)
		return s
	}
	for name, set := range map[string]func(*Spec){
		"delay":        func(*Spec) {},
		"drop alone":   func(s *Spec) { s.Delay, s.Drop = 0, 0.01 },
		"all":          func(s *Spec) { s.Drop, s.Reorder = 0.1, 0.5 },
		"veth":         func(s *Spec) { s.Path = PathVeth },
		"wireguard":    func(s *Spec) { s.Path = PathWireGuard },
		"wireguard-go": func(s *Spec) { s.Path = PathWireGuardGo },
		"longest":      func(s *Spec) { s.Delay = MaxDelay },
	} {
		s := link(set)
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, ok := s.Yardstick(); ok {
			t.Errorf("%s: it is held against loopback", name)
		}
		if s.SideBySide() != (s.Delay == 0) {
			t.Errorf("%s: takes turns: %v", name, s.SideBySide())
		}
	}
	for want, set := range map[string]func(*Spec){
		"path=sink has none":   func(s *Spec) { s.Path = PathSink },
		"path=relay has none":  func(s *Spec) { s.Path = PathRelay },
		"path=bridge has none": func(s *Spec) { s.Mode, s.Path = TAP, PathBridge },
		"path=guest has none":  func(s *Spec) { s.Mode, s.Path = TAP, PathGuest },
		"set a delay":          func(s *Spec) { s.Delay, s.Reorder = 0, 0.1 },
	} {
		err := link(set).Validate()
		if !errors.Is(err, ErrImpossible) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for want, set := range map[string]func(*Spec){
		"delay":   func(s *Spec) { s.Delay = MaxDelay + 1 },
		"drop":    func(s *Spec) { s.Drop = 0.11 },
		"reorder": func(s *Spec) { s.Reorder = 0.51 },
	} {
		if err := link(set).Validate(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// A window holds ten round trips, as far as the measured time has six such windows.
func TestPaced(t *testing.T) {
	s := Default()
	s.Path, s.Gen, s.Measure, s.Window = PathVPN, GenUDPRR, time.Second, 40*time.Millisecond
	for delay, want := range map[time.Duration]time.Duration{
		0: s.Window, time.Millisecond: s.Window, 5 * time.Millisecond: 100 * time.Millisecond, 20 * time.Millisecond: time.Second / 6,
	} {
		s.Delay = delay
		if got := s.Paced().Window; got != want {
			t.Errorf("delay %v: windows of %v, want %v", delay, got, want)
		}
	}
	if s.Delay = 20 * time.Millisecond; s.Fill() != 800*time.Millisecond {
		t.Errorf("a conversation is warm after %v", s.Fill())
	}
	if s.Gen = GenUDP; s.Fill() != 40*time.Millisecond {
		t.Errorf("a stream of datagrams is there after %v", s.Fill())
	}
}
