package spec

import (
	"errors"
	"strings"
	"testing"
)

func TestProbes(t *testing.T) {
	probed := func(set func(*Spec)) Spec {
		s := Default()
		s.Path, s.Probe = PathRelay, true
		set(&s)
		return s
	}
	for name, set := range map[string]func(*Spec){
		"relay":    func(*Spec) {},
		"vpn":      func(s *Spec) { s.Path = PathVPN },
		"tcp":      func(s *Spec) { s.Gen, s.Size = GenTCP, 1500 },
		"both":     func(s *Spec) { s.Dir = Both },
		"segments": func(s *Spec) { s.Gen, s.Size = GenUDPGSO, 1400 },
	} {
		s := probed(set)
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if s.Directions() != 2 {
			t.Errorf("%s: nothing carries the answers", name)
		}
	}
	for want, set := range map[string]func(*Spec){
		"path=sink":   func(s *Spec) { s.Path = PathSink },
		"path=bridge": func(s *Spec) { s.Mode, s.Path = TAP, PathBridge },
		"path=guest":  func(s *Spec) { s.Mode, s.Path = TAP, PathGuest },
		"gen=tcp-rr":  func(s *Spec) { s.Gen = GenTCPRR },
		"gen=udp-rr":  func(s *Spec) { s.Gen = GenUDPRR },
		"gen=udp-gso": func(s *Spec) { s.Gen, s.Size, s.VnetHdr, s.Offload = GenUDPGSO, 1400, 10, OffloadUSO },
		"offload=uso": func(s *Spec) { s.Path, s.Gen, s.Size = PathVeth, GenUDPGSO, 1400 },
	} {
		err := probed(set).Validate()
		if !errors.Is(err, ErrImpossible) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	s := probed(func(s *Spec) {})
	if s.Path = PathProgram; s.ProbeSize() != s.Size {
		t.Errorf("a probe of %d bytes beside packets of %d", s.ProbeSize(), s.Size)
	}
	if s.Path, s.Family = PathVPN, 6; s.ProbeSize() != MinSize6 {
		t.Errorf("a probe of %d bytes over IPv6", s.ProbeSize())
	}
	// A window would end before a long ring is full.
	for txqlen, turns := range map[int]bool{64: true, 500: true, windowRing: true, windowRing + 1: false, 10000: false} {
		s := probed(func(s *Spec) { s.Path, s.TxQLen = PathVeth, txqlen })
		if _, _, ok := s.Yardstick(); ok != turns || s.SideBySide() != turns {
			t.Errorf("txqlen=%d: takes turns: %v, with loopback: %v: %s", txqlen, s.SideBySide(), ok, s.NoYardstick())
		}
		if s.Probe = false; !s.SideBySide() {
			t.Errorf("txqlen=%d without a probe does not take turns", txqlen)
		}
	}
}

func TestPrompt(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Spec)
		want   bool
	}{
		"one device":   {func(*Spec) {}, true},
		"GSO packets":  {func(s *Spec) { s.Gen, s.Size = GenUDPGSO, 1500 }, true},
		"both ways":    {func(s *Spec) { s.Dir = Both }, true},
		"two devices":  {func(s *Spec) { s.Path = PathRelay }, false},
		"a VPN":        {func(s *Spec) { s.Path = PathVPN }, false},
		"an open loop": {func(s *Spec) { s.Rate = 1000 }, false},
		"a share":      {func(s *Spec) { s.Share = 0.5 }, false},
		"TCP":          {func(s *Spec) { s.Gen, s.Size = GenTCP, 1500 }, false},
		"lockstep":     {func(s *Spec) { s.Gen = GenLockstep }, false},
		"a long ring":  {func(s *Spec) { s.TxQLen = windowRing + 1 }, false},
	} {
		s := Default()
		c.change(&s)
		if got := s.Prompt(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
