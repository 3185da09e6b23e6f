package spec

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestOpenLoopsThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		set        func(*Spec)
		words      string
		impossible bool
	}{
		"negative rate":       {func(s *Spec) { s.Rate = -1 }, "rate -1: choose", false},
		"no rate":             {func(s *Spec) { s.Rate = math.NaN() }, "rate NaN: choose", false},
		"endless rate":        {func(s *Spec) { s.Rate = math.Inf(1) }, "rate +Inf: choose", false},
		"too large a share":   {func(s *Spec) { s.Share = 2.5 }, "share 2.5: choose", false},
		"too long a pause":    {func(s *Spec) { s.Pause = time.Second }, "pause 1s: choose at most 500ms", false},
		"lockstep at a rate":  {func(s *Spec) { s.Gen, s.Rate = GenLockstep, 1000 }, "set load=max or gen=udp", true},
		"lockstep at a share": {func(s *Spec) { s.Gen, s.Share = GenLockstep, 0.5 }, "set load=max or gen=udp", true},
		"poisson, closed":     {func(s *Spec) { s.Poisson = true }, "set a load", true},
		"vhost, long header":  {func(s *Spec) { s.IO, s.VnetHdr = IOVhost, 24 }, "set vnet=12", true},
		"vhost writes to TUN": {func(s *Spec) { s.IO, s.Dir = IOVhost, U2K }, "set sndbuf=1000000 or mode=tap", true},
		"vhost and pi":        {func(s *Spec) { s.IO, s.PI = IOVhost, true }, "with pi=off", true},
		"no time to pause":    {func(s *Spec) { s.Pause, s.Measure = 5*time.Millisecond, 100*time.Millisecond }, "measure for at least 105ms", true},
	} {
		s := Default()
		c.set(&s)
		err := s.Validate()
		if err == nil || !strings.Contains(err.Error(), c.words) || errors.Is(err, ErrImpossible) != c.impossible {
			t.Errorf("%s: got %v, want %q, impossible %v", name, err, c.words, c.impossible)
		}
	}
	for name, set := range map[string]func(*Spec){
		"rate":              func(s *Spec) { s.Rate = 1 },
		"highest rate":      func(s *Spec) { s.Rate = MaxRate },
		"share of poisson":  func(s *Spec) { s.Share, s.Poisson = 0.9, true },
		"GSO packets":       func(s *Spec) { s.Gen, s.Rate = GenUDPGSO, 1e6 },
		"pause, closed":     func(s *Spec) { s.Pause = 5 * time.Millisecond },
		"pause in lockstep": func(s *Spec) { s.Gen, s.Pause = GenLockstep, 5*time.Millisecond },
	} {
		s := Default()
		set(&s)
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
